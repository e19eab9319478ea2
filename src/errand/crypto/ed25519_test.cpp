#include "errand/crypto/ed25519.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "errand/crypto/encoding.h"

namespace errand::crypto {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> bytes_of(std::string_view hex) {
  std::array<std::uint8_t, N> bytes{};
  std::ranges::copy(from_hex(hex).value(), bytes.begin());
  return bytes;
}

// RFC 8032, 7.1: tests 1 and 2.
TEST(Ed25519, SignsAsTheRfcDoes) {
  const Ed25519Key first(
      bytes_of<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  EXPECT_EQ(to_hex(first.public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(to_hex(first.sign({})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
            "701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const Ed25519Key second(
      bytes_of<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(second.public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(second.sign(as_bytes("\x72"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
            "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Ed25519, KnowsItsOwnSignaturesAndNoOthers) {
  SystemRandom random;
  const Ed25519Key key(Ed25519Key::generate(random));
  const Ed25519Key other(Ed25519Key::generate(random));
  auto signature = key.sign(as_bytes("text"));
  EXPECT_TRUE(Ed25519Key::verify(key.public_key(), as_bytes("text"), signature));
  EXPECT_FALSE(Ed25519Key::verify(key.public_key(), as_bytes("texT"), signature));
  EXPECT_FALSE(Ed25519Key::verify(other.public_key(), as_bytes("text"), signature));
  signature[5] ^= 1U;
  EXPECT_FALSE(Ed25519Key::verify(key.public_key(), as_bytes("text"), signature));
}

}  // namespace
}  // namespace errand::crypto
