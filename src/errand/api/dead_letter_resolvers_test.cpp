#include "errand/api/dead_letter_resolvers.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/api/job_access.h"

namespace errand::api {
namespace {

using testing::Server;

class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override { server_.add_worker(0); }

  /// Lets the worker take one job and fail it for good. @return its id
  std::string fail_next(const std::string& message = "It does not work.") {
    EXPECT_TRUE(server_.ask(engine::AddCredits{WorkerId("w1"), 1}));
    const auto dispatch = server_.await_dispatch();
    EXPECT_TRUE(server_.report(*dispatch.state,
                               job::FailAttempt{.token = dispatch.state->token,
                                                .permanent = true,
                                                .error = {.code = "BROKEN", .message = message}}));
    return dispatch.state->id.str();
  }

  std::string dead_letter(const std::string& message = "It does not work.",
                          std::shared_ptr<Context> as = Server::context()) {
    const std::string id = server_.submit("", std::move(as));
    EXPECT_EQ(fail_next(message), id);
    return id;
  }

  job::StatePtr state(const std::string& id) {
    return server_.store.reader().job(*JobId::parse(id)).value();
  }

  std::string input_of(const std::string& id) {
    return server_.store.reader()
        .payload(*JobId::parse(id), store::PayloadKind::kInput)
        .value()
        ->bytes;
  }

  boost::json::object bulk(const std::string& command, const std::string& arguments,
                           std::shared_ptr<Context> as = Server::context()) {
    return server_
        .data("mutation { " + command + "(" + arguments +
                  ") { matched changed hasMore jobs refused { id code message } } }",
              std::move(as))
        .at(command)
        .as_object();
  }

  std::string bulk_code(const std::string& command, const std::string& arguments,
                        std::shared_ptr<Context> as = Server::context()) {
    return server_.code("mutation { " + command + "(" + arguments + ") { matched } }",
                        std::move(as));
  }

  std::vector<std::string> listed(const std::string& arguments = "",
                                  std::shared_ptr<Context> as = Server::context()) {
    std::vector<std::string> ids;
    const auto data =
        server_.data("{ deadLetters" + arguments + " { nodes { id } } }", std::move(as));
    for (const auto& node : data.at("deadLetters").at("nodes").as_array()) {
      ids.emplace_back(node.at("id").as_string());
    }
    return ids;
  }

  static std::string quoted(const std::string& id) { return "\"" + id + "\""; }

  Server server_;
};

TEST_F(DeadLettersTest, AreListedInPagesTheLastToFailFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(dead_letter());
  server_.submit();  // waits, so it is none
  std::vector<std::string> seen;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    const auto data =
        server_.data("{ deadLetters(first: 2" + after +
                     ") { edges { cursor node { id deadLetter errorFingerprint actions } } "
                     "pageInfo { hasNextPage endCursor } } }");
    const auto& connection = data.at("deadLetters");
    for (const auto& edge : connection.at("edges").as_array()) {
      const auto& node = edge.at("node");
      seen.emplace_back(node.at("id").as_string());
      EXPECT_EQ(node.at("deadLetter"), true);
      EXPECT_EQ(node.at("errorFingerprint").as_string().size(), 16U);
      EXPECT_EQ(node.at("actions"), (boost::json::array{"RETRY", "REQUEUE", "DISCARD", "FORGET"}));
    }
    EXPECT_EQ(connection.at("pageInfo").at("hasNextPage"), page < 2);
    after =
        ", after: \"" + std::string(connection.at("pageInfo").at("endCursor").as_string()) + "\"";
  }
  ASSERT_EQ(seen.size(), 5U);
  const auto finished = [&](const std::string& id) {
    return std::pair(*state(id)->finished_at, state(id)->id);
  };
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::ranges::greater(), finished));
  EXPECT_EQ(std::set(seen.begin(), seen.end()), std::set(ids.begin(), ids.end()));
}

TEST_F(DeadLettersTest, AreFilteredByTypeQueueFingerprintAndTime) {
  const std::string a = dead_letter("disk 7 is full");
  const std::string b = dead_letter("no such file");
  const auto fingerprint = [&](const std::string& id) {
    return quoted(state(id)->error_fingerprint);
  };
  EXPECT_EQ(listed("(filter: {fingerprint: [" + fingerprint(a) + "]})"), std::vector{a});
  EXPECT_EQ(
      listed("(filter: {fingerprint: [" + fingerprint(a) + ", " + fingerprint(b) + "]})").size(),
      2U);
  EXPECT_EQ(listed("(filter: {type: [\"exportReport\"], queue: [\"reports\"]})").size(), 2U);
  EXPECT_TRUE(listed("(filter: {type: [\"charge\"]})").empty());
  EXPECT_TRUE(listed("(filter: {queue: [\"money\"]})").empty());
  EXPECT_EQ(listed("(filter: {finishedFrom: \"2020-01-01T00:00:00Z\"})").size(), 2U);
  EXPECT_TRUE(listed("(filter: {finishedBefore: \"2020-01-01T00:00:00Z\"})").empty());
  EXPECT_EQ(server_.code("{ deadLetters(first: 0) { nodes { id } } }"), "BAD_USER_INPUT");
  EXPECT_EQ(server_.code("{ deadLetters(after: \"x\") { nodes { id } } }"), "CURSOR_INVALID");
  const auto jobs = server_.data("{ jobs(first: 1) { pageInfo { endCursor } } }");
  const std::string cursor(jobs.at("jobs").at("pageInfo").at("endCursor").as_string());
  EXPECT_EQ(server_.code("{ deadLetters(after: \"" + cursor + "\") { nodes { id } } }"),
            "CURSOR_INVALID")
      << "a cursor of another list";
}

TEST_F(DeadLettersTest, ARequeueStartsTheNextRunAndIsAudited) {
  const std::string id = dead_letter();
  const auto result = bulk("requeueDeadLetters", "ids: [" + quoted(id) + "]");
  EXPECT_EQ(result, boost::json::parse(R"({"matched":1,"changed":1,"hasMore":false,"jobs":[")" +
                                       id + R"("],"refused":[]})"));
  EXPECT_EQ(state(id)->status, job::JobStatus::kPending);
  EXPECT_EQ(state(id)->run, 2U);
  EXPECT_TRUE(listed().empty());
  const auto events = server_.store.reader().events_of(*JobId::parse(id), {}, 100).value();
  EXPECT_EQ(events.back().actor, (job::Actor{job::ActorKind::kClient, SubjectId("user:anna")}));

  const std::string again = fail_next();
  EXPECT_EQ(again, id);
  auto as = Server::context();
  auto principal = std::make_shared<auth::Principal>(*as->principal);
  principal->kind = auth::PrincipalKind::kOperator;
  as->principal = principal;
  EXPECT_EQ(bulk("discardDeadLetters", "ids: [" + quoted(id) + "]", as).at("changed"), 1);
  EXPECT_EQ(state(id)->status, job::JobStatus::kFailed);
  EXPECT_FALSE(state(id)->dead_letter);
  EXPECT_EQ(server_.store.reader().events_of(*JobId::parse(id), {}, 100).value().back().actor.kind,
            job::ActorKind::kOperator);
  EXPECT_TRUE(listed().empty());
}

TEST_F(DeadLettersTest, AnEditedInputIsCoercedAndReachesTheWorker) {
  const std::string id = dead_letter();
  const std::string before = input_of(id);
  const auto result =
      bulk("requeueDeadLetters",
           "ids: [" + quoted(id) + "], input: {input: {format: \"PDF\", title: \"New\"}}");
  EXPECT_EQ(result.at("changed"), 1);
  const std::string expected = R"({"input":{"format":"PDF","title":"New"},"dryRun":false})";
  EXPECT_EQ(input_of(id), expected) << "with the defaults of the schema";
  EXPECT_NE(before, expected);
  EXPECT_EQ(state(id)->spec.input.digest, server_.backend->payload_key.sign(expected));
  EXPECT_EQ(state(id)->spec.input.size_bytes, expected.size());

  EXPECT_TRUE(server_.ask(engine::AddCredits{WorkerId("w1"), 1}));
  const auto dispatch = server_.await_dispatch();
  ASSERT_NE(dispatch.input, nullptr);
  EXPECT_EQ(*dispatch.input, expected);

  const auto data = server_.data(
      "{ job(id: \"" + id +
      "\") { events(first: 50, types: [\"dev.errand.job.requeued\"]) { nodes { data } } } }");
  const std::string shown = json::to_text(data.at("job").at("events").at("nodes").at(0).at("data"));
  EXPECT_NE(shown.find("\"digest\""), std::string::npos) << shown;
  EXPECT_EQ(shown.find("PDF"), std::string::npos) << shown;
}

TEST_F(DeadLettersTest, AnInvalidEditedInputChangesNothing) {
  const std::string id = dead_letter();
  const std::string before = input_of(id);
  const LogPosition position = server_.store.last_position();
  const auto code = [&](const std::string& input) {
    return bulk_code("requeueDeadLetters", "ids: [" + quoted(id) + "], input: " + input);
  };
  EXPECT_EQ(code("{}"), "BAD_USER_INPUT");
  EXPECT_EQ(code("[]"), "BAD_USER_INPUT");
  EXPECT_EQ(code("{input: null}"), "BAD_USER_INPUT");
  EXPECT_EQ(code("{input: {format: \"DOC\"}}"), "BAD_USER_INPUT");
  EXPECT_EQ(code("{input: {format: \"PDF\"}, more: 1}"), "BAD_USER_INPUT");
  EXPECT_EQ(code("{input: {format: \"PDF\"}, options: {priority: 1}}"), "BAD_USER_INPUT");
  EXPECT_EQ(code("{input: {format: \"PDF\", title: \"x\"}}"), "CONSTRAINT_VIOLATION");
  const std::string big(server_.backend->options.input_bytes_max, 'x');
  const auto response = server_.execute(
      "mutation ($input: JSON) { requeueDeadLetters(ids: [" + quoted(id) +
          "], input: $input) { changed } }",
      Server::context(), {{"input", {{"input", {{"format", "PDF"}, {"title", big}}}}}});
  EXPECT_EQ(response.at("errors").at(0).at("extensions").at("code"), "PAYLOAD_TOO_LARGE");
  const auto named = server_.execute("mutation { requeueDeadLetters(ids: [" + quoted(id) +
                                     "], input: {input: {format: \"DOC\"}}) { changed } }");
  EXPECT_TRUE(
      named.at("errors").at(0).at("message").as_string().starts_with("input.input.format: "))
      << json::to_text(named);

  EXPECT_EQ(server_.store.last_position(), position);
  EXPECT_EQ(input_of(id), before);
  EXPECT_TRUE(state(id)->dead_letter);
}

TEST_F(DeadLettersTest, AnEditedInputNeedsTheScopesOfTheMutation) {
  const auto owner = Server::context("acme", {"jobs:*", "reports:secret"});
  const auto data = server_.data("mutation { secret(word: \"x\") { id } }", owner);
  const std::string id(data.at("secret").at("id").as_string());
  EXPECT_EQ(fail_next(), id);
  const std::string edit = "ids: [" + quoted(id) + "], input: {word: \"y\"}";
  EXPECT_EQ(bulk_code("requeueDeadLetters", edit), "FORBIDDEN");
  EXPECT_TRUE(state(id)->dead_letter);
  EXPECT_EQ(bulk("requeueDeadLetters", edit, owner).at("changed"), 1);
}

TEST_F(DeadLettersTest, JobsThatAreNoneAreRefusedOneByOne) {
  const std::string pending = server_.submit();
  const std::string canceled = server_.submit();
  server_.data("mutation { cancelJob(id: \"" + canceled + "\") { id } }");
  server_.data("mutation { pauseQueue(queue: \"reports\") { name } }");
  server_.data("mutation { resumeQueue(queue: \"reports\") { name } }");
  EXPECT_EQ(fail_next(), pending);
  bulk("discardDeadLetters", "ids: [" + quoted(pending) + "]");
  const std::string waiting = server_.submit();
  const LogPosition position = server_.store.last_position();

  for (const std::string command : {"requeueDeadLetters", "discardDeadLetters"}) {
    for (const std::string dry_run : {"true", "false"}) {
      const auto result = bulk(command, "ids: [" + quoted(waiting) + ", " + quoted(canceled) +
                                            ", " + quoted(pending) +
                                            ", \"00000000-0000-7000-8000-000000000000\", \"x\"], "
                                            "dryRun: " +
                                            dry_run);
      EXPECT_EQ(result.at("matched"), 0);
      EXPECT_EQ(result.at("changed"), 0);
      const auto& refused = result.at("refused").as_array();
      ASSERT_EQ(refused.size(), 5U);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(refused[i].at("code"), "JOB_NOT_DEAD_LETTER");
      for (std::size_t i = 3; i < 5; ++i) EXPECT_EQ(refused[i].at("code"), "NOT_FOUND");
      EXPECT_EQ(refused[0].at("message"), "The job is PENDING, so it is no dead letter.");
      EXPECT_EQ(refused[1].at("message"), "The job is CANCELED, so it is no dead letter.");
      EXPECT_EQ(refused[2].at("message"),
                "The job is FAILED and was discarded before; retryJob starts it again.");
      EXPECT_EQ(refused[4].at("id"), "x");
    }
  }
  EXPECT_EQ(server_.store.last_position(), position);
}

TEST_F(DeadLettersTest, WrongArgumentsAreRefusedAndChangeNothing) {
  const std::string id = dead_letter();
  const std::string other = dead_letter();
  const LogPosition position = server_.store.last_position();
  for (const std::string command : {"requeueDeadLetters", "discardDeadLetters"}) {
    EXPECT_EQ(bulk_code(command, "dryRun: false"), "BAD_USER_INPUT") << "neither";
    EXPECT_EQ(bulk_code(command, "ids: [" + quoted(id) + "], filter: {}"), "BAD_USER_INPUT");
    EXPECT_EQ(bulk_code(command, "filter: {}, limit: 0"), "BAD_USER_INPUT");
    EXPECT_EQ(bulk_code(command, "filter: {}, limit: 10001"), "BAD_USER_INPUT");
  }
  const std::string input = ", input: {input: {format: \"PDF\"}}";
  EXPECT_EQ(bulk_code("requeueDeadLetters", "filter: {}" + input), "BAD_USER_INPUT");
  EXPECT_EQ(bulk_code("requeueDeadLetters", "ids: []" + input), "BAD_USER_INPUT");
  EXPECT_EQ(
      bulk_code("requeueDeadLetters", "ids: [" + quoted(id) + ", " + quoted(other) + "]" + input),
      "BAD_USER_INPUT");
  EXPECT_EQ(server_.store.last_position(), position);
  EXPECT_EQ(listed().size(), 2U);
}

TEST_F(DeadLettersTest, ManyAreDoneInBulkUpToTheLimit) {
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(dead_letter("row " + std::to_string(i)));
  dead_letter("another error");
  const std::string filter =
      "filter: {fingerprint: [" + quoted(state(ids[0])->error_fingerprint) + "]}";

  const auto dry = bulk("discardDeadLetters", filter + ", dryRun: true, limit: 12");
  EXPECT_EQ(dry.at("matched"), 12);
  EXPECT_EQ(dry.at("changed"), 0);
  EXPECT_EQ(dry.at("hasMore"), true);
  EXPECT_EQ(dry.at("jobs").as_array().size(), 10U);
  EXPECT_EQ(listed("(first: 100)").size(), 31U);

  const auto first = bulk("requeueDeadLetters", filter + ", limit: 12");
  EXPECT_EQ(first.at("changed"), 12);
  EXPECT_EQ(first.at("hasMore"), true);
  EXPECT_EQ(first.at("jobs"), dry.at("jobs")) << "the oldest first, as the dry run said";
  const auto rest = bulk("requeueDeadLetters", filter);
  EXPECT_EQ(rest.at("changed"), 18);
  EXPECT_EQ(rest.at("hasMore"), false);
  EXPECT_EQ(listed().size(), 1U);
  EXPECT_EQ(bulk("discardDeadLetters", "filter: {}").at("changed"), 1);
  EXPECT_EQ(bulk("discardDeadLetters", "filter: {}").at("matched"), 0);
}

TEST_F(DeadLettersTest, IdsThatComeTwiceCountOnceAndKeepToTheLimit) {
  const std::string a = dead_letter();
  const std::string b = dead_letter();
  const std::string ids = "ids: [" + quoted(a) + ", " + quoted(a) + ", " + quoted(b) + "]";
  const auto one = bulk("requeueDeadLetters", ids + ", limit: 1");
  EXPECT_EQ(one.at("changed"), 1);
  EXPECT_EQ(one.at("hasMore"), true);
  EXPECT_EQ(one.at("jobs"), boost::json::array{a});
  const auto rest = bulk("requeueDeadLetters", ids);
  EXPECT_EQ(rest.at("matched"), 1);
  EXPECT_EQ(rest.at("refused").at(0).at("id").as_string(), a);
}

/// Stands still, and then is an hour later for good.
class JumpingClock final : public Clock {
 public:
  explicit JumpingClock(int looks) : looks_(looks) {}
  Now now() const override {
    Now now = start_;
    if (looks_-- <= 0) now.monotonic += std::chrono::hours(1);
    return now;
  }

 private:
  Now start_ = SystemClock().now();
  mutable int looks_;
};

TEST_F(DeadLettersTest, ARequestWithoutTimeLeftStopsAndSaysThatThereIsMore) {
  const std::string id = dead_letter();
  bool stopped = false;
  // The time is over at each of the places where it is looked at, one after the other.
  for (int looks = 1; looks < 20 && !stopped; ++looks) {
    const JumpingClock clock(looks);
    auto as = Server::context();
    as->clock = &clock;
    as->deadline = clock.now().monotonic + std::chrono::minutes(1);
    const auto response = server_.execute(
        "mutation { discardDeadLetters(filter: {}) { matched changed hasMore } }", as);
    if (response.as_object().contains("errors")) continue;
    stopped = true;
    EXPECT_EQ(response.at("data").at("discardDeadLetters"),
              boost::json::parse(R"({"matched":0,"changed":0,"hasMore":true})"));
  }
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(state(id)->dead_letter);
}

TEST_F(DeadLettersTest, AStoreThatRefusesIsTheAnswerAndNothingIsChanged) {
  const std::string id = dead_letter();
  server_.store.fail_next_commit(store::MemoryStore::Fault::kRefuse, ErrorCode::kStoreFull);
  EXPECT_EQ(bulk_code("requeueDeadLetters",
                      "ids: [" + quoted(id) + "], input: {input: {format: \"PDF\"}}"),
            "STORE_FULL");
  EXPECT_TRUE(state(id)->dead_letter);
  EXPECT_EQ(input_of(id).find("PDF"), std::string::npos);
  EXPECT_EQ(bulk("requeueDeadLetters", "filter: {}").at("changed"), 1);
}

TEST_F(DeadLettersTest, AnotherTenantsAreLikeNone) {
  const std::string id = dead_letter();
  const auto other = Server::context("globex");
  EXPECT_TRUE(listed("", other).empty());
  for (const std::string command : {"requeueDeadLetters", "discardDeadLetters"}) {
    const auto result = bulk(command, "ids: [" + quoted(id) + "]", other);
    EXPECT_EQ(result.at("refused").at(0).at("code"), "NOT_FOUND");
    EXPECT_EQ(result.at("refused").at(0).at("message").as_string(), kNoSuchJob);
    EXPECT_EQ(bulk(command, "filter: {}", other).at("matched"), 0);
  }
  // Nor does an edited input tell its type.
  const auto edited =
      bulk("requeueDeadLetters", "ids: [" + quoted(id) + "], input: {nothing: 1}", other);
  EXPECT_EQ(edited.at("refused").at(0).at("code"), "NOT_FOUND");
  const auto report = server_.data("{ failureReport(period: \"1h\") { groups { count } } }", other);
  EXPECT_TRUE(report.at("failureReport").at("groups").as_array().empty());
  EXPECT_TRUE(state(id)->dead_letter);
}

TEST_F(DeadLettersTest, EachNeedsItsScope) {
  const std::string id = dead_letter();
  const auto reader = Server::context("acme", {"jobs:read"});
  EXPECT_EQ(listed("", reader).size(), 1U);
  EXPECT_EQ(bulk_code("requeueDeadLetters", "ids: [" + quoted(id) + "]", reader), "FORBIDDEN");
  EXPECT_EQ(bulk_code("discardDeadLetters", "filter: {}", reader), "FORBIDDEN");
  const auto writer = Server::context("acme", {"jobs:retry"});
  EXPECT_EQ(server_.code("{ deadLetters { nodes { id } } }", writer), "FORBIDDEN");
  EXPECT_EQ(server_.code("{ failureReport(period: \"1h\") { groups { count } } }", writer),
            "FORBIDDEN");
  EXPECT_EQ(bulk("discardDeadLetters", "filter: {}", writer).at("changed"), 1);
}

TEST_F(DeadLettersTest, TheReportGroupsFailuresByTheirError) {
  const std::string a = dead_letter("disk 7 is full");
  const std::string b = dead_letter("disk 12 is full");
  const std::string c = dead_letter("no such file");
  bulk("discardDeadLetters", "ids: [" + quoted(a) + "]");
  const std::string fields =
      " { from to hasMore groups { fingerprint type code message count deadLetters firstAt lastAt "
      "jobs } } }";
  const auto data = server_.data("{ failureReport(period: \"1h\")" + fields);
  const auto& report = data.at("failureReport");
  EXPECT_EQ(report.at("hasMore"), false);
  const auto& groups = report.at("groups").as_array();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].at("fingerprint").as_string(), state(a)->error_fingerprint);
  EXPECT_EQ(groups[0].at("type"), "exportReport");
  EXPECT_EQ(groups[0].at("code"), "BROKEN");
  EXPECT_EQ(groups[0].at("count"), 2);
  EXPECT_EQ(groups[0].at("deadLetters"), 1);
  EXPECT_EQ(groups[0].at("jobs").as_array().size(), 2U);
  EXPECT_EQ(groups[1].at("message"), "no such file");
  EXPECT_EQ(groups[1].at("jobs"), boost::json::array{c});

  const auto first = server_.data("{ failureReport(period: \"1h\", first: 1)" + fields);
  EXPECT_EQ(first.at("failureReport").at("groups").as_array().size(), 1U);
  EXPECT_EQ(first.at("failureReport").at("hasMore"), true);
  const auto before = server_.data(
      "{ failureReport(from: \"2020-01-01T00:00:00Z\", to: \"2020-01-02T00:00:00Z\")" + fields);
  EXPECT_TRUE(before.at("failureReport").at("groups").as_array().empty());
  EXPECT_EQ(before.at("failureReport").at("to"), "2020-01-02T00:00:00.000Z");
  EXPECT_EQ(server_.data("{ failureReport(from: \"2020-01-01T00:00:00Z\")" + fields)
                .at("failureReport")
                .at("groups")
                .as_array()
                .size(),
            2U);
}

TEST_F(DeadLettersTest, TheReportNeedsAPeriodOrTwoTimes) {
  for (const std::string arguments :
       {"first: 5", "to: \"2020-01-01T00:00:00Z\"", "period: \"0s\"", "period: \"1h\", first: 0",
        "period: \"1h\", from: \"2020-01-01T00:00:00Z\"",
        "from: \"2020-01-02T00:00:00Z\", to: \"2020-01-01T00:00:00Z\""}) {
    EXPECT_EQ(server_.code("{ failureReport(" + arguments + ") { hasMore } }"), "BAD_USER_INPUT")
        << arguments;
  }
}

}  // namespace
}  // namespace errand::api
