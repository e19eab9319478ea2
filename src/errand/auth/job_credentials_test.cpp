#include "errand/auth/job_credentials.h"

#include <gtest/gtest.h>

namespace errand::auth {
namespace {

class JobCredentialsTest : public testing::Test {
 protected:
  static JobId job(std::uint8_t last) {
    JobId id;
    id.uuid.bytes.back() = last;
    return id;
  }

  SeededRandom random_{1};
  const crypto::MasterKey key_ = crypto::MasterKey::generate(random_);
  const crypto::Sealer sealer_{key_, kJobCredentialsLabel, random_};
};

TEST_F(JobCredentialsTest, AreReadBackForTheirJobAlone) {
  const JobCredentials credentials{
      .headers = {{"authorization", "Bearer t\"\\\t"}, {"x-user", "j\u00fcrgen"}},
      .subject = "user:anna"};
  const std::string text = seal(sealer_, job(1), credentials);
  EXPECT_EQ(text.find("Bearer"), std::string::npos);
  EXPECT_EQ(open(sealer_, job(1), text).value(), credentials);

  const auto of_other = open(sealer_, job(2), text);
  ASSERT_FALSE(of_other);
  EXPECT_EQ(of_other.error().code, ErrorCode::kStoreCorrupt);
  const crypto::Sealer other_key(crypto::MasterKey::generate(random_), kJobCredentialsLabel,
                                 random_);
  const auto by_other_key = open(other_key, job(1), text);
  ASSERT_FALSE(by_other_key);
  EXPECT_EQ(by_other_key.error().code, ErrorCode::kConfigInvalid);
  EXPECT_NE(by_other_key.error().message.find(key_.id()), std::string::npos);
}

TEST_F(JobCredentialsTest, OfTheLargestSizeAreReadBack) {
  JobCredentials credentials{.headers = {}, .subject = "user:anna"};
  for (const char* name : {"a", "b", "c"}) {
    credentials.headers.emplace_back(name, std::string(kForwardedHeaderBytesMax, '"'));
  }
  credentials.headers.emplace_back("d", std::string(kForwardedHeaderBytesMax - 4, '\t'));
  ASSERT_TRUE(check_headers(credentials));
  EXPECT_EQ(open(sealer_, job(1), seal(sealer_, job(1), credentials)).value(), credentials);

  credentials.headers.back().second += "\t";
  const auto refused = check_headers(credentials);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPayloadTooLarge);
}

TEST_F(JobCredentialsTest, NameTheHeaderThatMayNotBeKeptAndNotItsValue) {
  for (const auto& [value, code] : std::initializer_list<std::pair<std::string, ErrorCode>>{
           {std::string(kForwardedHeaderBytesMax + 1, 'x'), ErrorCode::kPayloadTooLarge},
           {"xxx\r\nhost: other", ErrorCode::kBadUserInput},
           {std::string("xxx\0", 4), ErrorCode::kBadUserInput},
           {"xxx\x7f", ErrorCode::kBadUserInput},
           {"xxx\xff", ErrorCode::kBadUserInput}}) {
    const auto refused = check_headers({.headers = {{"x-token", value}}, .subject = ""});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code);
    EXPECT_NE(refused.error().message.find("x-token"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("xxx"), std::string::npos);
  }
}

TEST_F(JobCredentialsTest, AreRefusedInAnotherForm) {
  for (const char* text :
       {"", "[]", "{}", R"({"headers":{}})", R"({"headers":[],"subject":"s"})",
        R"({"headers":{"a":1},"subject":"s"})", R"({"headers":{"a":{}},"subject":"s"})",
        R"({"headers":{},"subject":null})", "secret"}) {
    const auto opened = open(sealer_, job(1), sealer_.seal(text, job(1).str()));
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().code, ErrorCode::kStoreCorrupt);
    EXPECT_EQ(opened.error().message.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace errand::auth
