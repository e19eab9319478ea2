#include "errand/notification/message_job.h"

#include <gtest/gtest.h>

namespace errand::notification {
namespace {

MessageJob message() {
  return {.job = *JobId::parse("0197a3b0-0000-7000-8000-000000000001"),
          .run = 2,
          .sequence = Sequence{7},
          .milestone = Milestone::kProgress,
          .share = 0.5,
          .channel = ChannelKind::kWebPush,
          .subject = SubjectId("user:anna"),
          .policy = "exportReport#1",
          .category = "reports",
          .mandatory = true,
          .template_name = "report-ready"};
}

TEST(MessageJob, IsReadBackAsItWasWritten) {
  EXPECT_EQ(parse_message_job(message().to_json()), message());
  MessageJob plain{.job = message().job,
                   .sequence = Sequence{1},
                   .milestone = Milestone::kFailed,
                   .address = "ops@example.com"};
  EXPECT_EQ(parse_message_job(plain.to_json()), plain);
  EXPECT_EQ(parse_message_job("{}"), std::nullopt);
  EXPECT_EQ(parse_message_job("nonsense"), std::nullopt);
}

TEST(MessageJob, IsNamedByJobRunMilestoneChannelAndRecipientAlone) {
  MessageJob other = message();
  other.policy = "another";
  other.category = "ops";
  other.mandatory = false;
  other.sequence = Sequence{9};
  EXPECT_EQ(other.dedupe_key(), message().dedupe_key());
  const auto differs = [](auto change) {
    MessageJob changed = message();
    change(changed);
    return changed.dedupe_key() != message().dedupe_key();
  };
  EXPECT_TRUE(differs([](MessageJob& m) { m.run = 3; }));
  EXPECT_TRUE(differs([](MessageJob& m) { m.milestone = Milestone::kFailed; }));
  EXPECT_TRUE(differs([](MessageJob& m) { m.share = 0.75; }));
  EXPECT_TRUE(differs([](MessageJob& m) { m.channel = ChannelKind::kInbox; }));
  EXPECT_TRUE(differs([](MessageJob& m) { m.subject = SubjectId("user:bert"); }));
}

TEST(MessageJob, CallsRecipientsWithoutASubjectByTheirAddress) {
  EXPECT_EQ(recipient_identity({}, ChannelKind::kMail, "a@example.com").view(),
            "mailto:a@example.com");
  EXPECT_EQ(recipient_identity({}, ChannelKind::kSlack, "ops").view(), "slack:ops");
  EXPECT_EQ(recipient_identity(SubjectId("user:anna"), ChannelKind::kMail, "a@example.com").view(),
            "user:anna");
}

TEST(MessageResult, IsReadBackAsItWasWritten) {
  const MessageResult sent{.reason = DecisionReason::kUserChannel,
                           .message_id = "m-1",
                           .provider = "primary",
                           .reference = "<m-1@errand.example>"};
  EXPECT_EQ(parse_message_result(sent.to_json()), sent);
  const MessageResult digested{.outcome = MessageOutcome::kDigested,
                               .reason = DecisionReason::kDigestWindow,
                               .digest = message().job,
                               .title = "Done",
                               .text = "It is done.",
                               .link = "https://errand.example/1"};
  EXPECT_EQ(parse_message_result(digested.to_json()), digested);
  EXPECT_EQ(parse_message_result(R"({"outcome": "SENT"})"), std::nullopt);
}

TEST(DigestJob, IsReadBackAsItWasWritten) {
  const DigestJob digest{
      .channel = ChannelKind::kMail, .subject = SubjectId("user:anna"), .category = "reports"};
  EXPECT_EQ(parse_digest_job(digest.to_json()), digest);
}

TEST(MessageTypes, AreInternalAndTellTheirChannel) {
  for (const auto kind :
       {ChannelKind::kMail, ChannelKind::kWebPush, ChannelKind::kInbox, ChannelKind::kSlack}) {
    EXPECT_EQ(channel_of(JobTypeName(std::string(message_type(kind)))), kind);
  }
  EXPECT_EQ(channel_of(JobTypeName("errand.notify")), std::nullopt);
}

}  // namespace
}  // namespace errand::notification
