#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>

#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/crypto/master_key.h"

namespace errand::crypto {
namespace {

std::string text(const std::optional<Bytes>& bytes) {
  return bytes ? std::string(bytes->begin(), bytes->end()) : "<nothing>";
}

TEST(Encoding, WritesTheVectorsOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(text(from_base64(coded)), plain);
  }
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff, 0xfe}), "-__-");
  EXPECT_EQ(to_hex(as_bytes("foobar")), "666f6f626172");
  EXPECT_EQ(text(from_hex("666F6f626172")), "foobar");
}

TEST(Encoding, RefusesWhatItWouldNotWriteItself) {
  for (const char* bad :
       {"Zg", "Zg=", "Zh==", "Z===", "Zm9v=", "Zm 9", "Zm9-", "====", "=", "Zg==Zg=="}) {
    EXPECT_FALSE(from_base64(bad).has_value()) << bad;
  }
  for (const char* bad : {"Z", "Zg==", "Zh", "Zm9+", "Zm9v "}) {
    EXPECT_FALSE(from_base64url(bad).has_value()) << bad;
  }
  for (const char* bad : {"0", "0g", "0x12"}) EXPECT_FALSE(from_hex(bad).has_value()) << bad;
}

RC_GTEST_PROP(Encoding, ReadsBackWhatItWrites, (const std::vector<std::uint8_t>& bytes)) {
  RC_ASSERT(from_base64(to_base64(bytes)).value() == bytes);
  RC_ASSERT(from_base64url(to_base64url(bytes)).value() == bytes);
  RC_ASSERT(from_hex(to_hex(bytes)).value() == bytes);
}

TEST(Digest, Sha256GivesTheVectorsOfFips180) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, HmacGivesTheVectorsOfRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0x0b), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const HmacKey long_key(Bytes(131, 0xaa));
  EXPECT_EQ(to_hex(long_key.sign("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, HkdfGivesTheVectorsOfRfc5869) {
  const auto salt = *from_hex("000102030405060708090a0b0c");
  const auto info = *from_hex("f0f1f2f3f4f5f6f7f8f9");
  Bytes out(42);
  hkdf_sha256(Bytes(22, 0x0b), salt, info, out);
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  hkdf_sha256(Bytes(22, 0x0b), {}, {}, out);
  EXPECT_EQ(to_hex(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Digest, VerifiesWholeAndShortenedDigestsAndNothingElse) {
  const HmacKey key(Bytes(32, 1));
  const Digest digest = key.sign("message");
  EXPECT_TRUE(key.verify(as_bytes("message"), digest));
  EXPECT_TRUE(key.verify(as_bytes("message"), std::span(digest).first(16)));
  EXPECT_FALSE(key.verify(as_bytes("message"), std::span(digest).first(15)));
  EXPECT_FALSE(key.verify(as_bytes("massage"), digest));
  Digest other = digest;
  other.back() ^= 1;
  EXPECT_FALSE(key.verify(as_bytes("message"), other));
}

TEST(Digest, OneHmacKeyServesSeveralThreads) {
  const HmacKey key(Bytes(32, 7));
  const Digest expected = key.sign("x");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(key.sign("x"), expected);
    });
  }
}

class MasterKeyFile : public testing::Test {
 protected:
  MasterKeyFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "errand-key-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~MasterKeyFile() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& content, mode_t mode = 0600) {
    const auto file = folder_ / "key";
    std::ofstream(file) << content;
    ::chmod(file.c_str(), mode);
    return file;
  }

  std::filesystem::path folder_;
  SystemRandom random_;
};

TEST_F(MasterKeyFile, IsMadeOnceWithModeSixHundredAndReadAgain) {
  const auto file = folder_ / "master.key";
  const auto made = MasterKey::load_or_create(file, random_);
  ASSERT_TRUE(made) << made.error().message;
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);

  const auto again = MasterKey::load_or_create(file, random_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->id(), made->id());
  EXPECT_EQ(again->derive("x"), made->derive("x"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1)
      << "a draft is left";
}

TEST_F(MasterKeyFile, IsTheSameForAllWhoCreateItAtOnce) {
  const auto file = folder_ / "master.key";
  std::vector<std::string> ids(8);
  {
    std::vector<std::jthread> threads;
    for (auto& id : ids) {
      threads.emplace_back([&] {
        SystemRandom random;
        id = MasterKey::load_or_create(file, random).value().id();
      });
    }
  }
  for (const auto& id : ids) EXPECT_EQ(id, ids.front());
}

TEST_F(MasterKeyFile, IsRefusedWhenOthersCanReadIt) {
  const auto file = folder_ / "key";
  ASSERT_TRUE(MasterKey::load_or_create(file, random_));
  ::chmod(file.c_str(), 0640);
  const auto loaded = MasterKey::load(file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kConfigInvalid);
  EXPECT_NE(loaded.error().message.find("chmod 600"), std::string::npos);
}

TEST_F(MasterKeyFile, IsRefusedWhenItIsNotOurs) {
  for (const std::string& content :
       {std::string(""), std::string("hello\n"), std::string("errand-master-key-v1 short\n"),
        "errand-master-key-v1 " + std::string(44, 'A'), std::string(100'000, 'x')}) {
    EXPECT_FALSE(MasterKey::load(write(content))) << content.substr(0, 40);
  }
  EXPECT_FALSE(MasterKey::load(folder_ / "missing"));
  EXPECT_FALSE(MasterKey::load(folder_));
  EXPECT_FALSE(MasterKey::load_or_create(folder_ / "no" / "such" / "folder", random_));
}

TEST(MasterKey, DerivesIndependentKeysByLabel) {
  SeededRandom random(1);
  const MasterKey key = MasterKey::generate(random);
  EXPECT_NE(key.derive("a"), key.derive("b"));
  EXPECT_EQ(key.derive("a"), key.derive("a"));
  EXPECT_NE(key.id(), MasterKey::generate(random).id());
  EXPECT_EQ(key.id().size(), 8U);
  EXPECT_EQ(key.hmac_key("a").sign("m"), hmac_sha256(key.derive("a"), "m"));
}

}  // namespace
}  // namespace errand::crypto
