#include "errand/crypto/web_push_encryption.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "errand/base/random.h"

namespace errand::crypto {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> array_of(std::string_view base64url) {
  const auto bytes = from_base64url(base64url);
  std::array<std::uint8_t, N> result{};
  EXPECT_TRUE(bytes && bytes->size() == N);
  if (bytes && bytes->size() == N) std::ranges::copy(*bytes, result.begin());
  return result;
}

// RFC 8291, appendix A.
constexpr std::string_view kSenderPrivate = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
constexpr std::string_view kSenderPublic =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
constexpr std::string_view kReceiverPrivate = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
constexpr std::string_view kReceiverPublic =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
constexpr std::string_view kAuth = "BTBZMqHH6r4Tts7J_aSIgg";
constexpr std::string_view kSalt = "DGv6ra1nlYgDCS1FRnbzlw";
constexpr std::string_view kPlaintext = "When I grow up, I want to be a watermelon";
constexpr std::string_view kMessage =
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
    "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy"
    "4a-fN";

TEST(WebPushEncryption, MakesTheMessageOfRfc8291) {
  const auto sender = P256Key::from_scalar(array_of<32>(kSenderPrivate));
  ASSERT_TRUE(sender);
  EXPECT_EQ(to_base64url(sender->public_key()), kSenderPublic);
  const auto receiver = array_of<65>(kReceiverPublic);
  const auto auth = array_of<16>(kAuth);
  const auto body = encrypt_web_push({.public_key = receiver, .auth = auth}, *sender,
                                     array_of<16>(kSalt), as_bytes(kPlaintext));
  ASSERT_TRUE(body);
  EXPECT_EQ(to_base64url(*body), kMessage);
}

TEST(WebPushEncryption, TheLongestMessageFillsOneRecord) {
  SystemRandom random;
  const auto receiver = array_of<65>(kReceiverPublic);
  const auto auth = array_of<16>(kAuth);
  const Bytes plaintext(kWebPushPlaintextMax, 'a');
  const auto body = encrypt_web_push({.public_key = receiver, .auth = auth},
                                     P256Key::generate(random), {}, plaintext);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->size(), 4'096U);
}

TEST(WebPushEncryption, RefusesKeysThatAreNone) {
  SystemRandom random;
  const P256Key sender = P256Key::generate(random);
  auto receiver = array_of<65>(kReceiverPublic);
  const auto auth = array_of<16>(kAuth);
  const auto encrypt = [&](std::span<const std::uint8_t> key,
                           std::span<const std::uint8_t> secret) {
    return encrypt_web_push({.public_key = key, .auth = secret}, sender, {}, as_bytes("x"));
  };
  EXPECT_TRUE(encrypt(receiver, auth));
  EXPECT_FALSE(encrypt(receiver, std::span(auth).first(15)));
  EXPECT_FALSE(encrypt(std::span(receiver).first(64), auth));
  EXPECT_FALSE(encrypt({}, auth));
  receiver.back() ^= 1;  // beside the curve
  EXPECT_FALSE(encrypt(receiver, auth));
  EXPECT_FALSE(is_p256_public_key(receiver));
}

TEST(P256Key, BothSidesAgree) {
  const auto one = P256Key::from_scalar(array_of<32>(kSenderPrivate));
  const auto other = P256Key::from_scalar(array_of<32>(kReceiverPrivate));
  ASSERT_TRUE(one && other);
  EXPECT_EQ(to_base64url(other->public_key()), kReceiverPublic);
  EXPECT_EQ(one->agree(other->public_key()), other->agree(one->public_key()));
}

TEST(P256Key, SignsWhatItsPublicKeyVerifies) {
  SystemRandom random;
  for (int i = 0; i < 50; ++i) {  // r and s with leading zeros are 1 of 128
    const P256Key key = P256Key::generate(random);
    auto signature = key.sign(as_bytes("message"));
    EXPECT_TRUE(P256Key::verify(key.public_key(), as_bytes("message"), signature));
    EXPECT_FALSE(P256Key::verify(key.public_key(), as_bytes("massage"), signature));
    signature.front() ^= 1;
    EXPECT_FALSE(P256Key::verify(key.public_key(), as_bytes("message"), signature));
  }
}

TEST(P256Key, RefusesNumbersThatAreNoPrivateKey) {
  EXPECT_FALSE(P256Key::from_scalar({}));
  P256Key::Scalar high;
  high.fill(0xFF);
  EXPECT_FALSE(P256Key::from_scalar(high));
}

}  // namespace
}  // namespace errand::crypto
