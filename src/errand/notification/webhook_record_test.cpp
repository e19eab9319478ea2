#include "errand/notification/webhook_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/random.h"
#include "errand/crypto/master_key.h"

namespace errand::notification {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Timestamp kStart{Milliseconds(1'800'000'000'000)};

class WebhookRecordTest : public ::testing::Test {
 protected:
  /// An endpoint with all that one can have.
  StoredWebhook full() {
    StoredWebhook stored;
    RegisteredWebhook& webhook = stored.webhook;
    webhook.endpoint = {.name = "we_1",
                        .description = "of \"finance\"",
                        .url = "https://hooks.example.com/errand?key=1",
                        .types = {"dev.errand.job.*"},
                        .tenants = {TenantId("acme")},
                        .job_types = {JobTypeName("export")},
                        .tags = {"vip"},
                        .data = {{.path = "/error/code", .in = {"\"TIMEOUT\"", "7", "null"}}},
                        .full = true,
                        .content_type = "application/cloudevents+json",
                        .ordering = WebhookOrdering::kPerJob,
                        .concurrency = 3,
                        .rate = 7,
                        .timeout = Milliseconds(5'000)};
    webhook.owner = TenantId("acme");
    webhook.paused = true;
    webhook.headers = {{"X-Key", "header secret"}};
    webhook.created_at = kStart;
    webhook.changed_at = kStart + std::chrono::seconds(1);
    webhook.created_by = SubjectId("anna");
    for (const bool signing : {true, false}) {
      WebhookKeyText text{
          .secret = outbound::WebhookSecret::generate(random_),
          .signing = signing ? outbound::WebhookSigningKey::generate(random_) : std::string()};
      WebhookKey key{.secret = *outbound::WebhookSecret::parse(text.secret),
                     .signing = std::nullopt,
                     .created_at = kStart,
                     .until = std::nullopt};
      if (signing) key.signing = *outbound::WebhookSigningKey::parse(text.signing);
      if (!signing) key.until = kStart + std::chrono::hours(1);
      webhook.keys.push_back(std::move(key));
      stored.texts.push_back(std::move(text));
    }
    return stored;
  }
  store::Record record(const StoredWebhook& stored) {
    return {.id = record_id(stored.webhook),
            .revision = 4,
            .text = to_record(stored.webhook, stored.texts, sealer_)};
  }

  SystemRandom random_;
  crypto::MasterKey key_ = crypto::MasterKey::generate(random_);
  crypto::Sealer sealer_{key_, kWebhookSealerLabel, random_};
};

TEST_F(WebhookRecordTest, IsReadAsItWasWrittenAndTellsNoSecret) {
  const StoredWebhook before = full();
  const store::Record written = record(before);
  for (const std::string& secret :
       {before.texts[0].secret, before.texts[0].signing, std::string("header secret")}) {
    EXPECT_THAT(written.text, Not(HasSubstr(secret)));
  }
  const auto after = read_record(written, sealer_);
  ASSERT_TRUE(after) << after.error().message;
  const RegisteredWebhook& webhook = after->webhook;
  EXPECT_EQ(webhook.endpoint, before.webhook.endpoint);
  EXPECT_EQ(webhook.owner, before.webhook.owner);
  EXPECT_EQ(webhook.revision, 4U);
  EXPECT_EQ(webhook.status(), WebhookStatus::kPaused);
  EXPECT_EQ(webhook.headers, before.webhook.headers);
  EXPECT_EQ(webhook.created_at, before.webhook.created_at);
  EXPECT_EQ(webhook.created_by, before.webhook.created_by);
  ASSERT_EQ(webhook.keys.size(), 2U);
  EXPECT_EQ(after->texts[0].secret, before.texts[0].secret);
  EXPECT_EQ(webhook.keys[0].signing->public_text(), before.webhook.keys[0].signing->public_text());
  EXPECT_EQ(webhook.keys[1].signing.has_value(), false);
  EXPECT_EQ(webhook.keys[1].until, before.webhook.keys[1].until);
}

TEST_F(WebhookRecordTest, OpensForItsOwnEndpointAndMasterKeyAlone) {
  store::Record other = record(full());
  other.id.key = "we_2";
  EXPECT_EQ(read_record(other, sealer_).error().code, ErrorCode::kStoreCorrupt);
  const auto key = crypto::MasterKey::generate(random_);
  const crypto::Sealer sealer(key, kWebhookSealerLabel, random_);
  EXPECT_EQ(read_record(record(full()), sealer).error().code, ErrorCode::kConfigInvalid);
  for (const char* text : {"", "[]", "{}", R"({"url": 5})"}) {
    store::Record bad = record(full());
    bad.text = text;
    EXPECT_EQ(read_record(bad, sealer_).error().code, ErrorCode::kStoreCorrupt) << text;
  }
}

TEST_F(WebhookRecordTest, AStateIsOneOfItsAddress) {
  RegisteredWebhook webhook = full().webhook;
  webhook.state.disabled = DisabledReason::kGone;
  webhook.state.disabled_at = kStart;
  (void)note_failure(webhook.state.health, "gone", kStart);
  const store::Record written{
      .id = state_record_id(webhook), .revision = 2, .text = to_state_record(webhook)};
  RegisteredWebhook same = full().webhook;
  ASSERT_TRUE(read_state_record(written, same));
  EXPECT_EQ(same.state.revision, 2U);
  EXPECT_EQ(same.state.disabled, DisabledReason::kGone);
  EXPECT_EQ(same.state.health, webhook.state.health);
  EXPECT_EQ(same.status(), WebhookStatus::kDisabled);
  RegisteredWebhook moved = full().webhook;
  moved.endpoint.url = "https://elsewhere.example.com/";
  ASSERT_TRUE(read_state_record(written, moved));
  EXPECT_EQ(moved.state.disabled, std::nullopt);
  EXPECT_EQ(moved.state.revision, 2U);
}

TEST(WebhookRegistry, KeepsTheLaterOfTwoChanges) {
  const auto webhook = [](std::uint64_t revision, std::uint32_t rate, std::uint64_t state) {
    RegisteredWebhook made{.endpoint = {.name = "we_1", .rate = rate},
                           .owner = TenantId("acme"),
                           .revision = revision};
    made.state.revision = state;
    if (state > 1) made.state.disabled = DisabledReason::kFailing;
    return made;
  };
  WebhookRegistry registry;
  registry.put(webhook(2, 2, 1));
  registry.put_state("we_1", webhook(0, 0, 3).state);
  registry.put(webhook(3, 3, 1));
  EXPECT_EQ(registry.find("we_1")->endpoint.rate, 3U);
  EXPECT_EQ(registry.find("we_1")->status(), WebhookStatus::kDisabled) << "it was told meanwhile";
  registry.put(webhook(2, 2, 1));
  EXPECT_EQ(registry.find("we_1")->endpoint.rate, 3U);
  registry.put_state("we_1", webhook(0, 0, 2).state);
  EXPECT_EQ(registry.find("we_1")->state.revision, 3U);
  EXPECT_TRUE(registry.find("we_1")->is_seen_by(TenantId("acme")));
  EXPECT_FALSE(registry.find("we_1")->is_seen_by(TenantId("bolt")));
  int seen = 0;
  registry.endpoints()->for_each_of(TenantId("bolt"), [&](const auto&) { ++seen; });
  EXPECT_EQ(seen, 0);
  registry.erase("we_1");
  EXPECT_EQ(registry.find("we_1"), nullptr);
}

}  // namespace
}  // namespace errand::notification
