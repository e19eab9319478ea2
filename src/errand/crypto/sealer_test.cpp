#include "errand/crypto/sealer.h"

#include <numeric>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "errand/crypto/aead.h"

namespace errand::crypto {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> array_of(std::string_view hex) {
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(*from_hex(hex), out.begin());
  return out;
}

// Test cases 13 to 16 of D. McGrew and J. Viega, "The Galois/Counter Mode of Operation (GCM)".
TEST(Aead, GivesTheVectorsOfTheGcmSpecification) {
  struct Vector {
    const char *key, *nonce, *associated, *plain, *sealed;
  };
  const char* const zeros = "0000000000000000000000000000000000000000000000000000000000000000";
  const char* const key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
  for (const Vector& vector : {
           Vector{zeros, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
           Vector{zeros, "000000000000000000000000", "", "00000000000000000000000000000000",
                  "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
           Vector{
               key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
               "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532f"
               "cf0e2449a6b525b16aedf5aa0de657ba637b39",
               "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7"
               "b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
       }) {
    const auto nonce = array_of<kAeadNonceBytes>(vector.nonce);
    const auto associated = *from_hex(vector.associated);
    const Bytes sealed =
        aead_encrypt(array_of<32>(vector.key), nonce, associated, *from_hex(vector.plain));
    EXPECT_EQ(to_hex(sealed), vector.sealed);
    EXPECT_EQ(aead_decrypt(array_of<32>(vector.key), nonce, associated, sealed),
              from_hex(vector.plain));
  }
}

TEST(Aead, RefusesWhatIsShorterThanItsTag) {
  for (std::size_t size = 0; size < kAeadTagBytes; ++size) {
    EXPECT_FALSE(aead_decrypt({}, {}, {}, Bytes(size)));
  }
}

/// Gives 0x40, 0x41 and on.
class CountingRandom final : public Random {
 public:
  std::uint64_t next() override { return 0; }
  void fill(std::span<std::uint8_t> bytes) override {
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0x40});
  }
};

MasterKey master_key(std::uint8_t first) {
  Digest secret;
  std::iota(secret.begin(), secret.end(), first);
  return MasterKey(secret);
}

// Computed from the description in sealer.h by another implementation (Python's cryptography).
TEST(Sealer, KeepsItsTextForm) {
  CountingRandom random;
  const Sealer sealer(master_key(0), "test.v1", random);
  const std::string text =
      "v1.66539394.QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX73Q9HGawTZNkskmLizZDmEMp8mKSkuWTKJjbcVNN";
  EXPECT_EQ(sealer.seal(R"({"a":"secret"})", "job-1"), text);
  EXPECT_EQ(sealer.open(text, "job-1").value(), R"({"a":"secret"})");
}

RC_GTEST_PROP(Sealer, OpensWhatItSealed,
              (const std::string& plain, const std::string& associated)) {
  SystemRandom random;
  const Sealer sealer(master_key(7), "test.v1", random);
  RC_ASSERT(sealer.open(sealer.seal(plain, associated), associated).value() == plain);
}

RC_GTEST_PROP(Sealer, OpensForWhatItBelongsToAlone, (std::string associated, std::string other)) {
  RC_PRE(associated != other);
  SystemRandom random;
  const Sealer sealer(master_key(7), "test.v1", random);
  const auto opened = sealer.open(sealer.seal("secret", associated), other);
  RC_ASSERT(!opened);
  RC_ASSERT(opened.error().code == ErrorCode::kStoreCorrupt);
}

TEST(Sealer, RefusesEveryFlippedBitAndEveryCut) {
  SystemRandom random;
  const Sealer sealer(master_key(7), "test.v1", random);
  const std::string text = sealer.seal("secret", "job-1");
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ (1U << bit));
      ASSERT_FALSE(sealer.open(changed, "job-1")) << i << ":" << bit;
    }
    EXPECT_FALSE(sealer.open(text.substr(0, i), "job-1")) << i;
  }
  EXPECT_FALSE(sealer.open(text + "A", "job-1"));
  EXPECT_FALSE(sealer.open("", "job-1"));
}

TEST(Sealer, NamesTheMasterKeyThatItDoesNotHave) {
  SystemRandom random;
  const Sealer before(master_key(1), "test.v1", random);
  const Sealer after(master_key(2), "test.v1", random);
  const auto opened = after.open(before.seal("secret", "job-1"), "job-1");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kConfigInvalid);
  EXPECT_NE(opened.error().message.find(master_key(1).id()), std::string::npos);
  EXPECT_NE(opened.error().message.find(master_key(2).id()), std::string::npos);
}

TEST(Sealer, OpensWhatAnEarlierMasterKeySealed) {
  SystemRandom random;
  const Sealer before(master_key(1), "test.v1", random);
  Sealer after(master_key(2), "test.v1", random);
  after.also_open(master_key(1));
  EXPECT_EQ(after.open(before.seal("secret", "job-1"), "job-1").value(), "secret");
  EXPECT_TRUE(after.seal("secret", "job-1").starts_with("v1." + master_key(2).id() + "."));
  EXPECT_EQ(after.open(after.seal("secret", "job-1"), "job-1").value(), "secret");
}

TEST(Sealer, HasAKeyForEachPurpose) {
  SystemRandom random;
  const Sealer one(master_key(1), "one.v1", random);
  const Sealer other(master_key(1), "other.v1", random);
  const auto opened = other.open(one.seal("secret", "job-1"), "job-1");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kStoreCorrupt);
}

TEST(Sealer, NeverSealsTheSameTextTwiceAlikeFromSeveralThreads) {
  SystemRandom random;
  const Sealer sealer(master_key(1), "test.v1", random);
  std::array<std::vector<std::string>, 4> texts;
  {
    std::vector<std::jthread> threads;
    for (auto& mine : texts) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          mine.push_back(sealer.seal("secret", "job-1"));
          EXPECT_EQ(sealer.open(mine.back(), "job-1").value(), "secret");
        }
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : texts) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 400U);
}

TEST(Sealer, WipesATextInPlace) {
  std::string text = "secret that is longer than what a string holds within itself";
  const char* const memory = text.data();
  const std::size_t capacity = text.capacity();
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.capacity(), capacity);
  EXPECT_EQ(memory[1], '\0');
}

}  // namespace
}  // namespace errand::crypto
