#include "errand/api/event_type_resolvers.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/contract/event_types.h"
#include "errand/job/testing/jobs.h"

namespace errand::api {
namespace {

using job::testing::History;
using job::testing::kStart;
using testing::Server;

/// A history in which each kind of event happens.
History every_kind() {
  using namespace job;
  JobSpec spec = job::testing::spec();
  spec.priority = 7;
  spec.tags = {"x"};
  spec.labels = {{"team", "a"}};
  spec.scheduled_for = kStart + std::chrono::minutes(1);
  spec.deadline = kStart + std::chrono::hours(1);
  spec.input.size_bytes = 1'234;
  spec.retry_of = job::testing::job_id(2);
  const JobError error{.code = "BROKEN", .message = "No.", .retryable = true, .attempt = 1};
  const Started started{1, FencingToken{1}, WorkerId("w1"), "build-1"};
  History history;
  history.append(
      {Enqueued{spec},
       Ready{},
       started,
       Progressed{{.completed = 1, .total = 4, .stage = "reading"}},
       StepCompleted{"load", {.size_bytes = 5}},
       Waiting{"approval", {}},
       Signaled{"approved"},
       started,
       Released{"", {}},
       started,
       Snoozed{kStart + std::chrono::minutes(2), "later", {}},
       Ready{},
       started,
       AttemptFailed{FailureKind::kTimeout, error, {}},
       RetryScheduled{kStart + std::chrono::minutes(3)},
       Ready{},
       started,
       CancelRequested{CancelReason::kDeadline, "late", kStart},
       Canceled{error, {}},
       Requeued{.run = 2, .deadline = kStart + std::chrono::hours(2), .input = PayloadRef{}},
       started,
       CompensationStarted{JobStatus::kFailed, error},
       Compensated{"load"},
       CompensationFailed{"store", error},
       Failed{error},
       DeadLettered{"f-1"},
       Discarded{},
       Requeued{.run = 3},
       Killed{error},
       Requeued{.run = 4},
       Expired{ExpiryReason::kQueueTimeout, error, {}},
       Requeued{.run = 5},
       started,
       Succeeded{{.size_bytes = 99}, {}}},
      kStart);
  return history;
}

/// A selection of all fields that the types of events have of their own, side by side.
std::string own_fields(const graphql::type::Schema& schema) {
  const auto& common = schema.type("JobEvent")->as<graphql::type::InterfaceType>();
  std::string selection;
  for (const contract::EventType& type : contract::event_types()) {
    std::string fields;
    for (const auto& field : schema.type(type.name)->as<graphql::type::ObjectType>().fields) {
      if (schema.field(common, field.name) != nullptr) continue;
      fields += " " + std::string(field.name);
      if (field.name == "error") fields += " { code retryable attempt }";
      if (field.name == "progress") fields += " { completed total fraction stage updatedAt }";
    }
    if (!fields.empty()) selection += " ... on " + std::string(type.name) + " {" + fields + " }";
  }
  return selection;
}

TEST(EventTypeResolvers, GiveEveryFieldOfEveryKindOfEvent) {
  Server server;
  const History history = every_kind();
  const std::string id = server.add_history(history).str();
  const auto data =
      server.data("{ job(id: \"" + id + "\") { events(first: 100) { nodes { __typename type" +
                  own_fields(server.backend->schema()) + " } } } }");
  const auto& nodes = data.at("job").at("events").at("nodes").as_array();
  ASSERT_EQ(nodes.size(), history.events().size());
  // The first of each kind.
  std::map<std::string, boost::json::object> first;
  for (const auto& node : nodes) {
    boost::json::object object = node.as_object();
    const std::string event(std::string_view(object.at("type").as_string()).substr(15));
    const std::string type(object.at("__typename").as_string());
    object.erase("type");
    object.erase("__typename");
    first.try_emplace(event + " " + type, std::move(object));
  }
  EXPECT_EQ(first.size(), job::kEventNameCount);
  const auto expect = [&](const std::string& event, const std::string& fields) {
    const auto found = first.find(event);
    ASSERT_NE(found, first.end()) << event;
    EXPECT_EQ(boost::json::value(found->second), boost::json::parse(fields)) << event;
  };
  const std::string error = R"("error":{"code":"BROKEN","retryable":true,"attempt":1})";
  expect(
      "enqueued JobEnqueuedEvent",
      R"({"jobType":"exportReport","queue":"reports","priority":7,"tags":["x"],"labels":{"team":"a"},)"
      R"("maxAttempts":5,"scheduledFor":"2027-01-15T08:01:00.000Z","deadline":"2027-01-15T09:00:00.000Z",)"
      R"("inputBytes":1234,"retryOf":"00000000-0000-0000-0000-000000000002"})");
  expect("ready JobReadyEvent", "{}");
  expect("started JobStartedEvent", R"({"attempt":1,"worker":"w1","workerBuild":"build-1"})");
  expect("progressed JobProgressedEvent",
         R"({"progress":{"completed":1,"total":4,"fraction":0.25,"stage":"reading",)"
         R"("updatedAt":"2027-01-15T08:00:00.000Z"}})");
  expect("step_completed JobStepCompletedEvent", R"({"step":"load","resultBytes":5})");
  expect("waiting JobWaitingEvent", R"({"reason":"approval"})");
  expect("signaled JobSignaledEvent", R"({"signal":"approved"})");
  expect("released JobReleasedEvent", R"({"reason":null})");
  expect("snoozed JobSnoozedEvent", R"({"until":"2027-01-15T08:02:00.000Z","reason":"later"})");
  expect("attempt_failed JobAttemptFailedEvent", R"({"kind":"TIMEOUT",)" + error + "}");
  expect("retry_scheduled JobRetryScheduledEvent", R"({"at":"2027-01-15T08:03:00.000Z"})");
  expect("cancel_requested JobCancelRequestedEvent",
         R"({"cancelReason":"DEADLINE","message":"late","graceUntil":"2027-01-15T08:00:00.000Z"})");
  expect("canceled JobCanceledEvent", "{" + error + "}");
  expect("killed JobKilledEvent", "{" + error + "}");
  expect("succeeded JobSucceededEvent", R"({"resultBytes":99})");
  expect("failed JobFailedEvent", "{" + error + "}");
  expect("expired JobExpiredEvent", R"({"expiryReason":"QUEUE_TIMEOUT",)" + error + "}");
  expect("compensation_started JobCompensationStartedEvent",
         R"({"outcome":"FAILED",)" + error + "}");
  expect("compensated JobCompensatedEvent", R"({"step":"load"})");
  expect("compensation_failed JobCompensationFailedEvent", R"({"step":"store",)" + error + "}");
  expect("dead_lettered JobDeadLetteredEvent", R"({"fingerprint":"f-1"})");
  expect("discarded JobDiscardedEvent", "{}");
  expect("requeued JobRequeuedEvent",
         R"({"run":2,"deadline":"2027-01-15T10:00:00.000Z","inputChanged":true})");
}

TEST(EventTypeResolvers, AreToldApartInASubscriptionUnderAPrefix) {
  Server server({}, {.prefix = "acme"});
  const std::string id = server.add_history(every_kind()).str();
  auto stream =
      server.subscribe("subscription { acmeJobEvents(id: \"" + id +
                       "\") { __typename sequence ... on AcmeJobEnqueuedEvent { jobType } } }");
  ASSERT_NE(stream, nullptr) << server.last_refusal;
  EXPECT_EQ(server.next(*stream).at("acmeJobEvents"),
            boost::json::parse(
                R"({"__typename":"AcmeJobEnqueuedEvent","sequence":1,"jobType":"exportReport"})"));
  EXPECT_EQ(server.next(*stream).at("acmeJobEvents").at("__typename"), "AcmeJobReadyEvent");
}

}  // namespace
}  // namespace errand::api
