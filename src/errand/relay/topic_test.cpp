#include "errand/relay/topic.h"

#include <string>

#include <gtest/gtest.h>

#include "errand/relay/broker_settings.h"

namespace errand::relay {
namespace {

TEST(Topic, IsTenantJobTypeAndEvent) {
  EXPECT_EQ(topic_of(TenantId("acme"), JobTypeName("exportReport"), "dev.errand.job.started"),
            "acme.exportReport.started");
}

TEST(Topic, EscapesWhatBrokersUnderstandOtherwise) {
  EXPECT_EQ(topic_token("a.b*c>d e#f"), "a%2Eb%2Ac%3Ed%20e%23f");
  EXPECT_EQ(topic_token("100%"), "100%25");
  EXPECT_EQ(topic_token("Zürich"), "Z%C3%BCrich");
  EXPECT_EQ(topic_token(""), "-");
  EXPECT_EQ(topic_token("-"), "%2D");
  EXPECT_EQ(topic_token("--"), "--");
}

TEST(Topic, CutsLongTokensWithoutMakingTwoAlike) {
  const std::string longest(kTopicTokenMax, 'a');
  EXPECT_EQ(topic_token(longest), longest);
  const std::string one = topic_token(longest + "b");
  const std::string other = topic_token(longest + "c");
  EXPECT_EQ(one.size(), kTopicTokenMax);
  EXPECT_NE(one, other);
  EXPECT_EQ(one, topic_token(longest + "b"));
  const std::string whole = topic_of(TenantId(std::string(500, '.')),
                                     JobTypeName(std::string(500, 'x')), "dev.errand.job.started");
  EXPECT_LE(kTopicPrefixMax + 1 + whole.size(), 255U);
}

TEST(Topic, KnowsWhatCanStandBeforeIt) {
  for (const char* good : {"errand", "a.b-c_d.E9"}) EXPECT_TRUE(is_topic_prefix(good)) << good;
  for (const char* bad : {"", ".a", "a.", "a..b", "a.*", "a b", "a.>", "a%20"}) {
    EXPECT_FALSE(is_topic_prefix(bad)) << bad;
  }
}

TEST(BrokerUrl, IsReadWithItsPortAndPath) {
  const auto plain = read_broker_url("amqp://mq.example.com/a%2Fb", "amqp", "amqps", 5672, 5671);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->host, "mq.example.com");
  EXPECT_EQ(plain->port, 5672);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->path, "a/b");
  const auto secure = read_broker_url("amqps://[::1]:7000", "amqp", "amqps", 5672, 5671);
  ASSERT_TRUE(secure.has_value());
  EXPECT_EQ(secure->host, "::1");
  EXPECT_EQ(secure->port, 7000);
  EXPECT_TRUE(secure->tls);
}

TEST(BrokerUrl, IsRefusedWithoutShowingItsCredentials) {
  for (const char* bad : {"amqp://anna:s3cret@mq", "http://mq", "amqp://", "mq:5672", "amqp://mq:0",
                          "amqp://mq?x=1", "amqp://mq:99999", ""}) {
    const auto read = read_broker_url(bad, "amqp", "amqps", 5672, 5671);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().code, ErrorCode::kConfigInvalid);
    EXPECT_EQ(read.error().message.find("s3cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace errand::relay
