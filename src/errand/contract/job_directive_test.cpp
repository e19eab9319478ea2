#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "errand/base/time_text.h"
#include "errand/contract/contract_test_support.h"
#include "errand/contract/directive_reader.h"
#include "errand/contract/read_job_type.h"

namespace errand::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// Errors of one mutation with `directives`; columns count from the directives on.
std::vector<std::string> errors_with(const std::string& directives) {
  return contract_errors("type Mutation { run(account: ID): Int\n" + directives + " }",
                         {.refuse_unsupported = false});
}

TEST(JobDirective, HasDefaultsForEverything) {
  const auto contract = contract_of("type Mutation { run: Int @job }");
  ASSERT_NE(contract, nullptr);
  const JobType* job = contract->job_type("run");
  ASSERT_NE(job, nullptr);
  EXPECT_EQ(job->object_name, "RunJob");
  EXPECT_EQ(job->queue, QueueName("default"));
  EXPECT_EQ(job->priority, 0);
  EXPECT_EQ(job->timeout, 15min);
  EXPECT_EQ(job->queue_timeout, std::nullopt);
  EXPECT_EQ(job->deadline, std::nullopt);
  EXPECT_EQ(job->retention, 7 * 24h);
  EXPECT_EQ(job->retry, (job::RetryPolicy::Options{}));
  EXPECT_EQ(job->idempotency, Idempotency::kOptional);
  EXPECT_EQ(job->handler, HandlerRule());
  EXPECT_TRUE(job->scopes.empty());
  EXPECT_EQ(job->result_type.str(), "Int");
  EXPECT_EQ(contract->job_type_of_object("RunJob"), job);
  EXPECT_EQ(contract->job_type("walk"), nullptr);
}

TEST(JobDirective, ReadsEveryArgument) {
  const auto contract = contract_of(
      "type Mutation {\n"
      "  run(account: ID): Int! @job(queue: \"slow\", priority: -5, timeout: \"1h\",\n"
      "    queueTimeout: \"10m\", deadline: \"1d\", maxAttempts: 3,\n"
      "    backoff: {initial: \"2s\", max: \"1m\", factor: 3}, retention: \"30d\",\n"
      "    idempotency: REQUIRED, unique: {by: \"account\"}, onConflict: REJECT,\n"
      "    concurrency: [{key: \"tenant\", limit: 2}],\n"
      "    rateLimit: [{key: \"queue\", limit: 10, per: \"1m\"}], steps: [{name: \"a\"}])\n"
      "  @auth(scopes: [\"runs:write\"])\n"
      "  @notify(on: [FAILED], channels: [EMAIL]) @schedule(cron: \"0 3 * * *\")\n"
      "}",
      {.refuse_unsupported = false});
  ASSERT_NE(contract, nullptr);
  const JobType& job = contract->job_types().front();
  EXPECT_EQ(job.queue, QueueName("slow"));
  EXPECT_EQ(job.priority, -5);
  EXPECT_EQ(job.timeout, 1h);
  EXPECT_EQ(job.queue_timeout, 10min);
  EXPECT_EQ(job.deadline, 24h);
  EXPECT_EQ(job.retention, 30 * 24h);
  EXPECT_EQ(job.retry, (job::RetryPolicy::Options{.max_attempts = 3,
                                                  .initial_interval = 2s,
                                                  .max_interval = 1min,
                                                  .backoff_coefficient = 3}));
  EXPECT_EQ(job.idempotency, Idempotency::kRequired);
  EXPECT_EQ(job.unique, (UniqueRule{.paths = {"account"},
                                    .on_conflict = UniqueRule::OnConflict::kReject,
                                    .ended = {job::JobStatus::kSucceeded}}));
  EXPECT_THAT(
      job.limits,
      ElementsAre(
          LimitRule{.by_tenant = true, .limit = 2},
          LimitRule{.kind = LimitRule::Kind::kRate, .of_queue = true, .limit = 10, .per = 1min}));
  EXPECT_EQ(job.steps.size(), 1U);
  EXPECT_THAT(job.scopes, ElementsAre("runs:write"));
  EXPECT_EQ(job.notify.size(), 1U);
  EXPECT_EQ(job.schedule.size(), 1U);
}

TEST(JobDirective, SaysWhatToWriteInsteadOfAWrongDuration) {
  EXPECT_THAT(
      errors_with("@job(timeout: \"15 min\")"),
      ElementsAre(
          "schema.graphql:2:15: @job(timeout: \"15 min\"): a duration is whole numbers with "
          "the units d, h, m, s, ms, largest first, at most 3650d; write \"15m\""));
  EXPECT_THAT(errors_with("@job(queueTimeout: 90)"),
              ElementsAre("schema.graphql:2:20: @job(queueTimeout: 90): a duration is a text of "
                          "whole numbers with units; write \"90s\""));
  EXPECT_THAT(errors_with("@job(deadline: \"0s\")"),
              ElementsAre("schema.graphql:2:16: @job(deadline: \"0s\"): must be longer than "
                          "nothing; write \"15m\", or leave it out"));
  EXPECT_THAT(errors_with("@job(retention: \"soon\")"),
              ElementsAre("schema.graphql:2:17: @job(retention: \"soon\"): a duration is whole "
                          "numbers with the units d, h, m, s, ms, largest first, at most 3650d; "
                          "write \"15m\""));
}

TEST(JobDirective, KeepsNumbersInTheirRanges) {
  EXPECT_THAT(
      errors_with("@job(maxAttempts: 0, priority: 200)"),
      ElementsAre("schema.graphql:2:32: @job(priority: 200): write a number from -100 to "
                  "100, such as 100",
                  "schema.graphql:2:19: @job(maxAttempts: 0): write a number from 1 to 100, "
                  "such as 1"));
}

TEST(JobDirective, ChecksTheBackoff) {
  EXPECT_THAT(errors_with("@job(backoff: {factor: 0.5})"),
              ElementsAre("schema.graphql:2:15: @job(backoff: { factor: 0.5 }): factor is the "
                          "growth of the pause per attempt; write 1 to 10"));
  EXPECT_THAT(
      errors_with("@job(backoff: {initial: \"1m\", max: \"1s\"})"),
      ElementsAre("schema.graphql:2:15: @job(backoff: { initial: \"1m\", max: \"1s\" }): max "
                  "is shorter than initial; write max: \"1m\" or more"));
}

TEST(JobDirective, ReadsEveryKindOfBackoff) {
  using Kind = job::RetryPolicy::Kind;
  using Jitter = job::RetryPolicy::Jitter;
  const auto retry = [](const std::string& backoff) {
    const auto contract =
        contract_of("type Mutation { run: Int @job(backoff: " + backoff + ") }", {});
    return contract == nullptr ? job::RetryPolicy::Options{.max_attempts = -1}
                               : contract->job_types().front().retry;
  };
  using Options = job::RetryPolicy::Options;
  EXPECT_EQ(retry("{}"), Options{});
  EXPECT_EQ(retry("{jitter: EQUAL}"), Options{.jitter = Jitter::kEqual});
  const Options fixed{.kind = Kind::kFixed,
                      .jitter = Jitter::kNone,
                      .initial_interval = 15min,
                      .max_interval = 15min};
  EXPECT_EQ(retry("{kind: FIXED, interval: \"15m\"}"), fixed);
  EXPECT_EQ(retry("{interval: \"15m\", jitter: NONE}"), fixed);
  EXPECT_EQ(retry("{waits: [\"0s\", \"10s\", \"1m\"], jitter: FULL}"),
            (Options{.kind = Kind::kList, .waits = {0ms, 10s, 1min}}));
  EXPECT_TRUE(job::RetryPolicy::create(retry("{kind: LIST, waits: \"1s\"}")).has_value());
}

TEST(JobDirective, RefusesABackoffOfTwoKindsOrOfHalfAKind) {
  const auto why = [](const std::string& backoff) {
    const auto errors = errors_with("@job(backoff: " + backoff + ")");
    EXPECT_EQ(errors.size(), 1U);
    return errors.empty() ? std::string() : errors.front().substr(errors.front().rfind("): ") + 3);
  };
  EXPECT_EQ(why("{kind: FIXED}"), "FIXED needs its interval; write interval: \"30s\"");
  EXPECT_EQ(why("{interval: \"1s\", factor: 3}"),
            "factor is of the kind EXPONENTIAL, and this is FIXED; leave one of them out");
  EXPECT_EQ(why("{kind: EXPONENTIAL, waits: [\"1s\"]}"),
            "waits is of the kind LIST, and this is EXPONENTIAL; leave one of them out");
  EXPECT_EQ(why("{interval: \"1s\", waits: [\"1s\"]}"),
            "interval is of the kind FIXED, and this is LIST; leave one of them out");
  EXPECT_EQ(why("{waits: []}"),
            "a LIST has 1 to 100 waits; write waits: [\"1s\", \"10s\", \"1m\"]");
  std::string many = "[\"1s\"";
  for (int i = 0; i < 100; ++i) many += ", \"1s\"";
  EXPECT_EQ(why("{waits: " + many + "]}"),
            "a LIST has 1 to 100 waits; write waits: [\"1s\", \"10s\", \"1m\"]");
  EXPECT_NE(why("{waits: [\"1s\", \"soon\"]}").find("a duration is whole numbers"),
            std::string::npos);
}

TEST(JobDirective, ChecksNamesAndPaths) {
  EXPECT_THAT(errors_with("@job(queue: \"my queue\")"),
              ElementsAre("schema.graphql:2:13: @job(queue: \"my queue\"): a queue's name is 1 to "
                          "128 letters, digits or . _ : @ / -; write \"default\""));
  EXPECT_THAT(
      errors_with("@job(queue: \"errand.webhook\")"),
      ElementsAre("schema.graphql:2:13: @job(queue: \"errand.webhook\"): queues whose "
                  "names begin with \"errand.\" are the server's own; choose another name"));
  EXPECT_THAT(errors_with("@job @auth(scopes: [])"),
              ElementsAre("schema.graphql:2:20: @auth(scopes: []): name at least one scope, or "
                          "remove @auth"));
  EXPECT_THAT(
      errors_with("@job(unique: {by: \"acount\"})"),
      ElementsAre(
          "schema.graphql:2:14: @job(unique: { by: \"acount\" }): \"acount\" is no argument "
          "of run, nor a field below one; write a path such as \"account\""));
  EXPECT_THAT(
      errors_with("@job(steps: [{name: \"a\"}, {name: \"a\"}])"),
      ElementsAre("schema.graphql:2:13: @job(steps: [{ name: \"a\" }, { name: \"a\" }]): the "
                  "step \"a\" is there twice; give each step a name of its own"));
  EXPECT_THAT(
      errors_with("@job(concurrency: [{key: \"tenant\", limit: 0}])"),
      ElementsAre("schema.graphql:2:19: @job(concurrency: [{ key: \"tenant\", limit: 0 }]): a "
                  "limit below 1 lets nothing run; write limit: 1 or more"));
}

TEST(JobDirective, ReadsLimitsByInput) {
  const auto contract = contract_of(
      "type Mutation { run(in: In): Int @job(concurrency: [{key: \"in.a+in.b\", limit: 1, fifo: "
      "true}, {key: \"type\", limit: 5}], rateLimit: [{key: \"in.a+in.b\", limit: 2, per: "
      "\"1s\"}]) }\n"
      "input In { a: ID b: E } enum E { X }");
  ASSERT_NE(contract, nullptr);
  const JobType& job = contract->job_types().front();
  EXPECT_THAT(job.limit_key_paths, ElementsAre("in.a", "in.b"));
  EXPECT_TRUE(job.fifo);
  EXPECT_THAT(job.limits, ElementsAre(LimitRule{.by_tenant = true, .by_input = true, .fifo = true},
                                      LimitRule{.limit = 5},
                                      LimitRule{.kind = LimitRule::Kind::kRate,
                                                .by_tenant = true,
                                                .by_input = true,
                                                .limit = 2,
                                                .per = 1s}));
}

TEST(JobDirective, SaysWhatIsWrongWithALimit) {
  // The message of the one error, without its place and the value.
  const auto fault = [](const std::string& limits) {
    const auto errors =
        contract_errors("type Mutation { run(a: ID, list: [ID], in: In): Int @job(" + limits +
                        ") }\ninput In { b: ID }");
    if (errors.size() != 1) return std::to_string(errors.size()) + " errors";
    const auto at = errors[0].find("]): ");
    return errors[0].substr(at + 4);
  };
  EXPECT_EQ(fault("concurrency: [{key: \"in.c\", limit: 1}]"),
            "the key \"in.c\" is neither queue, type nor tenant, nor an argument of run or a field "
            "below one; write one of them, such as \"a\"");
  EXPECT_EQ(
      fault("concurrency: [{key: \"list.b\", limit: 1}]"),
      "the key \"list.b\" is neither queue, type nor tenant, nor an argument of run or a field "
      "below one (\"list\" is a list, into which no path leads); write one of them, such as "
      "\"a\"");
  EXPECT_EQ(fault("concurrency: [{key: \"list\", limit: 1}]"),
            "the key \"list\" is a [ID]; name one value in it: a scalar or an enum");
  EXPECT_EQ(fault("concurrency: [{key: \"queue+a\", limit: 1}]"),
            "a limit of the queue counts all its types, which do not have this input; leave "
            "\"queue+\" out");
  EXPECT_EQ(fault("concurrency: [{key: \"a\", limit: 1}], rateLimit: [{key: \"in.b\", limit: 1, "
                  "per: \"1s\"}]"),
            "the limits of one mutation count by the same input; write the key that stands before "
            "this one, or both joined by \"+\" in each");
  EXPECT_EQ(
      fault("concurrency: [{key: \"a\", limit: 2, fifo: true}]"),
      "jobs of a key run in order one at a time: fifo needs limit: 1 and an input as its key, "
      "such as \"a\"");
  EXPECT_EQ(fault("concurrency: [{key: \"a\", limit: 1}, {key: \"tenant+a\", limit: 2}]"),
            "the key \"tenant+a\" is there twice; leave one of them");
  EXPECT_EQ(fault("rateLimit: [{key: \"a\", limit: 1, per: \"1ms\"}]"),
            "per is 100ms to 31d; write per: \"100ms\"");
}

TEST(JobDirective, ReadsWhatMakesAJobUnique) {
  const auto contract = contract_of(
      "type Mutation { run(a: ID, b: ID): Int @job(unique: {by: [\"a\", \"b\"], among: "
      "[NOT_STARTED, "
      "FAILED], afterEnd: REJECT, period: \"1h\"}, onConflict: REPLACE) }");
  ASSERT_NE(contract, nullptr);
  const JobType& job = contract->job_types().front();
  EXPECT_EQ(job.unique, (UniqueRule{.paths = {"a", "b"},
                                    .on_conflict = UniqueRule::OnConflict::kReplace,
                                    .after_end = UniqueRule::AfterEnd::kReject,
                                    .period = 1h,
                                    .not_started = true,
                                    .started = false,
                                    .ended = {job::JobStatus::kFailed}}));
  // What replaces another waits for its end.
  EXPECT_TRUE(job.fifo);
  EXPECT_THAT(job.limit_key_paths, ElementsAre("a", "b"));
  EXPECT_THAT(job.limits,
              ElementsAre(LimitRule{.by_tenant = true, .by_input = true, .fifo = true}));
}

TEST(JobDirective, SaysWhatIsWrongWithUnique) {
  const auto fault = [](const std::string& arguments) {
    const auto errors =
        contract_errors("type Mutation { run(a: ID, b: ID): Int @job(" + arguments + ") }");
    if (errors.size() != 1) return std::to_string(errors.size()) + " errors";
    return errors[0].substr(errors[0].find("): ") + 3);
  };
  EXPECT_EQ(fault("onConflict: REJECT"),
            "says nothing without unique; write unique: {by: \"a\"}, or leave it out");
  EXPECT_EQ(fault("unique: {by: []}"), "name at least one path in by");
  EXPECT_EQ(fault("unique: {by: \"a\", afterEnd: REJECT}"),
            "afterEnd needs a period, counted from the submission of the job that is there; write "
            "period: \"1h\"");
  EXPECT_EQ(fault("unique: {by: \"a\", period: \"1h\"}"),
            "period says how long a job counts that has ended, which none does; write afterEnd: "
            "RETURN_EXISTING or REJECT too, or leave it out");
  EXPECT_EQ(fault("unique: {by: \"a\", among: []}"),
            "no job counts among none; leave among out for the usual ones");
  EXPECT_EQ(
      fault("unique: {by: \"a\"}, onConflict: REPLACE, rateLimit: [{key: \"b\", limit: 1, per: "
            "\"1s\"}]"),
      "with onConflict: REPLACE the jobs of a value run one at a time, so that limits by input "
      "count by it too; write the same input in both");
  EXPECT_EQ(
      fault("unique: {by: \"a\"}, onConflict: REPLACE, concurrency: [{key: \"a\", limit: 2}]"),
      "with onConflict: REPLACE the jobs of a value run one at a time; write limit: 1, or leave "
      "it out");
}

TEST(JobDirective, RefusesPathsThatJobsCannotBeToldApartBy) {
  const auto fault = [](const std::string& path) {
    const auto errors = contract_errors(
        "type Mutation { run(items: [Item!], in: In!): Int @job(unique: {by: [\"" + path +
        "\"]}) }\ninput In { items: [Item!]!, one: Item! } input Item { sku: ID, tags: [ID!] }");
    if (errors.size() != 1) return std::to_string(errors.size()) + " errors";
    return errors[0].substr(errors[0].find("): ") + 3);
  };
  const auto refused = [](const std::string& path, const std::string& hint) {
    return "\"" + path + "\" is no argument of run, nor a field below one" + hint +
           "; write a path such as \"items\"";
  };
  for (const char* good : {"items", "in", "in.items", "in.one", "in.one.sku", "in.one.tags"}) {
    EXPECT_EQ(fault(good), "0 errors") << good;
  }
  EXPECT_EQ(fault("items.sku"),
            refused("items.sku", " (\"items\" is a list, into which no path leads)"));
  EXPECT_EQ(fault("in.items.sku"),
            refused("in.items.sku", " (\"in.items\" is a list, into which no path leads)"));
  for (const char* bad :
       {"", ".", ".in", "in.", "in.one.", "in.one.sku.", "in..one", "in.one.sku.more", "in.two"}) {
    EXPECT_EQ(fault(bad), refused(bad, "")) << bad;
  }
}

TEST(JobDirective, RefusesTwoLimitsOfOneQueue) {
  EXPECT_THAT(
      contract_errors("type Mutation {\n"
                      "a: Int @job(queue: \"q\", concurrency: [{key: \"queue\", limit: 1}])\n"
                      "b: Int @job(queue: \"q\", concurrency: [{key: \"queue\", limit: 2}])\n"
                      "c: Int @job(queue: \"q\")\n"
                      "}"),
      ElementsAre("schema.graphql:3:38: the queue \"q\" has another limit by a, which counts all "
                  "types of the queue too; write the same limit in both, or leave it out here"));
}

TEST(JobDirective, LeavesUnknownArgumentsToTheTypeSystem) {
  EXPECT_THAT(
      errors_with("@job(timout: \"1m\")"),
      ElementsAre("schema.graphql:2:6: Unknown argument \"timout\" on directive \"@job\". Did "
                  "you mean \"timeout\"?"));
}

TEST(JobDirective, RefusesWhatTheServerDoesNotHonourYet) {
  const auto errors = contract_errors(
      "type Mutation {\n"
      "  run(a: ID): Int @job(concurrency: [], rateLimit: "
      "[],\n"
      "    steps: [])\n"
      "    @schedule(cron: \"* * * * *\")\n"
      "}\n"
      "type Result { secret: Int @auth(scopes: [\"x\"]) }");
  EXPECT_THAT(
      errors,
      ElementsAre(
          "schema.graphql:3:12: @job(steps:) is not supported by this version of Errand yet; "
          "remove "
          "it; let the worker make each part of its work repeatable",
          "schema.graphql:4:5: @schedule is not supported by this version of Errand yet; remove "
          "it; "
          "call the mutation from cron",
          "schema.graphql:6:27: @auth is supported on fields with @job alone by this version of "
          "Errand; remove it, and let the field's resolver decide"));
}

using testing::HasSubstr;

TEST(Notify, IsReadWithItsDefaults) {
  const auto contract = contract_of(
      "type Mutation { run(email: String, cc: [String!]): Int @job\n"
      "  @notify(on: [SUCCEEDED, FAILED, FAILED], channels: [EMAIL])\n"
      "  @notify(on: [PROGRESS], channels: [CHAT, IN_APP], to: [\"group:ops\", \"email\", "
      "\"cc\"],\n"
      "    category: \"exports\", template: \"export-done\", mandatory: true, progress: [0.9, "
      "0.5]) }");
  ASSERT_NE(contract, nullptr);
  using Kind = NotifyTarget::Kind;
  EXPECT_THAT(contract->job_types().front().notify,
              ElementsAre(NotifyRule{.on = {Milestone::kSucceeded, Milestone::kFailed},
                                     .channels = {NotifyChannel::kEmail},
                                     .to = {NotifyTarget{}},
                                     .category = "jobs"},
                          NotifyRule{.on = {Milestone::kProgress},
                                     .channels = {NotifyChannel::kChat, NotifyChannel::kInApp},
                                     .to = {{Kind::kGroup, "ops"},
                                            {Kind::kArgument, "email"},
                                            {Kind::kArgument, "cc"}},
                                     .category = "exports",
                                     .mandatory = true,
                                     .template_name = "export-done",
                                     .progress = {0.5, 0.9}}));
}

TEST(Notify, SaysWhatToWriteInstead) {
  const auto errors = [](const std::string& arguments) {
    return contract_errors("type Mutation { run(in: In): Int @job @notify(" + arguments +
                           ") }\ninput In { email: String, items: [Item!] } input Item { email: "
                           "String }");
  };
  EXPECT_THAT(errors("on: [], channels: []"), ElementsAre(HasSubstr("name at least one milestone"),
                                                          HasSubstr("name at least one channel")));
  EXPECT_THAT(errors("on: [FAILED], channels: [EMAIL], to: [\"in.mail\"]"),
              ElementsAre(HasSubstr("\"in.mail\" is neither \"principal\"")));
  EXPECT_THAT(errors("on: [FAILED], channels: [EMAIL], to: [\"in.items.email\"]"),
              ElementsAre(HasSubstr("\"in.items\" is a list, into which no path leads")));
  EXPECT_THAT(errors("on: [FAILED], channels: [EMAIL], to: [\"in.email.\"]"),
              ElementsAre(HasSubstr("\"in.email.\" is neither \"principal\"")));
  EXPECT_THAT(errors("on: [FAILED], channels: [EMAIL], to: [\"in\"]"),
              ElementsAre(HasSubstr("name a text in it")));
  EXPECT_THAT(errors("on: [FAILED], channels: [EMAIL], to: [\"a b\"]"),
              ElementsAre(HasSubstr("names nobody")));
  EXPECT_THAT(errors("on: [FAILED], channels: [EMAIL], category: \"A B\""),
              ElementsAre(HasSubstr("write \"exports\"")));
  EXPECT_THAT(errors("on: [PROGRESS], channels: [EMAIL], progress: [1.0]"),
              ElementsAre(HasSubstr("lies between 0 and 1")));
  EXPECT_THAT(errors("on: [DONE], channels: [EMAIL]"), ElementsAre(HasSubstr("DONE")));
}

TEST(SuggestDuration, UnderstandsWhatPeopleWrite) {
  EXPECT_EQ(suggest_duration("15 min"), "15m");
  EXPECT_EQ(suggest_duration("1.5h"), "1h30m");
  EXPECT_EQ(suggest_duration("2 hours 5 minutes"), "2h5m");
  EXPECT_EQ(suggest_duration("30"), "30s");
  EXPECT_EQ(suggest_duration("1 week"), "7d");
  EXPECT_EQ(suggest_duration("5m1h"), "1h5m");
  EXPECT_EQ(suggest_duration("soon"), "");
  EXPECT_EQ(suggest_duration(""), "");
  EXPECT_EQ(suggest_duration("1e"), "");
}

RC_GTEST_PROP(SuggestDuration, SuggestsOnlyWhatReadsBack, (const std::string& text)) {
  const std::string suggestion = suggest_duration(text);
  if (!suggestion.empty()) RC_ASSERT(parse_duration(suggestion).has_value());
}

}  // namespace
}  // namespace errand::contract
