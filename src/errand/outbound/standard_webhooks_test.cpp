#include "errand/outbound/standard_webhooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/crypto/encoding.h"

namespace errand::outbound {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

// The example that the reference libraries of Standard Webhooks test with.
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr sys_seconds kTime{seconds(1614265330)};
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::string secret_of(std::size_t bytes) {
  return "whsec_" + crypto::to_base64(crypto::Bytes(bytes, 0x5A));
}

TEST(StandardWebhooks, SignsAsTheReferenceLibrariesDo) {
  EXPECT_EQ(WebhookSecret::parse(kSecret).value().sign(kId, kTime, kBody), kSignature);
}

TEST(StandardWebhooks, SignsWithEachSecretOfARotation) {
  const WebhookSecret old_secret = WebhookSecret::parse(kSecret).value();
  const WebhookSecret new_secret = WebhookSecret::parse(secret_of(32)).value();
  const std::string value = sign_webhook(std::vector{new_secret, old_secret}, kId, kTime, kBody);
  EXPECT_EQ(value, new_secret.sign(kId, kTime, kBody) + " " + std::string(kSignature));
  EXPECT_EQ(sign_webhook(std::vector{old_secret}, kId, kTime, kBody), kSignature);
}

TEST(StandardWebhooks, SignsIdTimeAndBody) {
  const WebhookSecret secret = WebhookSecret::parse(kSecret).value();
  EXPECT_NE(secret.sign("msg_2", kTime, kBody), kSignature);
  EXPECT_NE(secret.sign(kId, kTime + seconds(1), kBody), kSignature);
  EXPECT_NE(secret.sign(kId, kTime, "{}"), kSignature);
}

TEST(StandardWebhooks, TakesSecretsOf24To64Bytes) {
  EXPECT_TRUE(WebhookSecret::parse(secret_of(24)));
  EXPECT_TRUE(WebhookSecret::parse(secret_of(64)));
  for (const std::string& text :
       {std::string(), secret_of(23), secret_of(65), secret_of(32).substr(6), secret_of(32) + "\n",
        "whsk_" + secret_of(32).substr(6),
        std::string("whsec_not base64, but long enough......")}) {
    const auto secret = WebhookSecret::parse(text);
    ASSERT_FALSE(secret) << text;
    EXPECT_EQ(secret.error().code, ErrorCode::kInvalidArgument);
    if (text.size() > 6) {
      EXPECT_THAT(secret.error().message, testing::Not(testing::HasSubstr(text.substr(6))));
    }
  }
}

TEST(StandardWebhooks, MakesSecretsThatItReads) {
  SystemRandom random;
  const std::string text = WebhookSecret::generate(random);
  EXPECT_TRUE(WebhookSecret::parse(text));
  EXPECT_NE(text, WebhookSecret::generate(random));
}

TEST(StandardWebhooks, SignsWithAKeyPairToo) {
  SystemRandom random;
  const std::string text = WebhookSigningKey::generate(random);
  const auto key = WebhookSigningKey::parse(text);
  ASSERT_TRUE(key);
  const std::string signature = key->sign(kId, kTime, kBody);
  ASSERT_TRUE(signature.starts_with("v1a,"));
  const auto bytes = crypto::from_base64(signature.substr(4));
  const auto public_bytes = crypto::from_base64(key->public_text().substr(5));
  ASSERT_TRUE(bytes && bytes->size() == 64 && public_bytes && public_bytes->size() == 32);
  crypto::Ed25519Key::Signature raw{};
  std::ranges::copy(*bytes, raw.begin());
  crypto::Ed25519Key::PublicKey public_key{};
  std::ranges::copy(*public_bytes, public_key.begin());
  const std::string signed_text = std::string(kId) + "." +
                                  std::to_string(kTime.time_since_epoch().count()) + "." +
                                  std::string(kBody);
  EXPECT_TRUE(crypto::Ed25519Key::verify(public_key, crypto::as_bytes(signed_text), raw));
  // A seed with another's public key is no key.
  const std::string other = WebhookSigningKey::generate(random);
  EXPECT_FALSE(WebhookSigningKey::parse(text.substr(0, 40) + other.substr(40)));
  EXPECT_FALSE(WebhookSigningKey::parse(WebhookSecret::generate(random)));
}

}  // namespace
}  // namespace errand::outbound
