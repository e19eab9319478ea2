#include "errand/contract/cloud_event.h"

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/event_samples.h"
#include "errand/contract/event_types.h"
#include "errand/job/testing/jobs.h"
#include "errand/json/parse.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

boost::json::object parsed(const std::string& text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value) << text;
  return value ? value->as_object() : boost::json::object();
}

std::vector<std::string> names(const boost::json::object& object) {
  std::vector<std::string> result;
  for (const auto& [name, value] : object) result.emplace_back(name);
  return result;
}

CloudEventContext context() {
  return {.base_url = "https://jobs.example.com",
          .tenant = TenantId("acme"),
          .job_type = JobTypeName("exportReport"),
          .job = nullptr,
          .result = {}};
}

/// The first event of the kind `Data` in the history of a job.
template <class Data>
job::Event first(const job::testing::History& job) {
  for (const job::Event& event : job.events()) {
    if (std::holds_alternative<Data>(event.data)) return event;
  }
  ADD_FAILURE() << "no such event";
  return {};
}

TEST(CloudEvent, IsAStructuredEventAndAPayloadOfStandardWebhooks) {
  EXPECT_EQ(
      sample_cloud_event(2),
      R"({"specversion":"1.0","id":"019b7c80-5d82-7a3f-9c41-2f1f6c1d7e55-3",)"
      R"("source":"https://jobs.example.com","type":"dev.errand.job.started",)"
      R"("subject":"job/019b7c80-5d82-7a3f-9c41-2f1f6c1d7e55","time":"2026-01-02T02:50:47.250Z",)"
      R"("timestamp":"2026-01-02T02:50:47.250Z","datacontenttype":"application/json",)"
      R"("dataschema":"https://jobs.example.com/schemas/dev.errand.job.started/1.json",)"
      R"("sequence":"00000000000000000003",)"
      R"("partitionkey":"019b7c80-5d82-7a3f-9c41-2f1f6c1d7e55","correlationid":"order-4711",)"
      R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)"
      R"("data":{"jobId":"019b7c80-5d82-7a3f-9c41-2f1f6c1d7e55","jobType":"exportReport",)"
      R"("tenant":"acme","sequence":3,"attempt":1,"worker":"w-7","workerBuild":"2.4.1"}})");
}

TEST(CloudEvent, HasTheMembersOfTheTableInItsOrder) {
  for (std::size_t kind = 0; kind < job::kEventNameCount; ++kind) {
    std::vector<std::string> wanted;
    for (const EventField& field : event_data_fields()) wanted.emplace_back(field.name);
    for (const EventField& field : event_types()[kind].fields) {
      if (field.name != "jobType") wanted.emplace_back(field.name);
    }
    const auto event = parsed(sample_cloud_event(kind));
    EXPECT_EQ(event.at("type").as_string(), job::event_name(kind));
    EXPECT_EQ(names(event.at("data").as_object()), wanted) << job::event_name(kind);
  }
}

TEST(CloudEvent, LeavesOutWhatIsNotThere) {
  job::Event event = sample_event(2);
  event.cause = {};
  std::get<job::Started>(event.data).worker_build = "";
  const auto object = parsed(to_cloud_event(event, context()));
  EXPECT_FALSE(object.contains("traceparent"));
  EXPECT_FALSE(object.contains("correlationid"));
  EXPECT_FALSE(object.at("data").as_object().contains("workerBuild"));
}

TEST(CloudEvent, PassesOnNoTraceparentThatIsNotOne) {
  job::Event event = sample_event(1);
  for (const char* bad : {"00-", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"}) {
    event.cause.traceparent = bad;
    EXPECT_THAT(to_cloud_event(event, context()), Not(HasSubstr("traceparent"))) << bad;
  }
}

TEST(CloudEvent, NamesTheSchemasOfTheProjectWhereTheServerHasNoAddress) {
  auto there = context();
  there.base_url = {};
  const auto object = parsed(to_cloud_event(sample_event(1), there));
  EXPECT_EQ(object.at("source").as_string(), "urn:errand");
  EXPECT_EQ(object.at("dataschema").as_string(),
            "https://errand.dev/schemas/dev.errand.job.ready/1.json");
}

TEST(CloudEvent, OrdersSequencesAsText) {
  job::Event event = sample_event(1);
  event.sequence = Sequence{9};
  const auto ninth = parsed(to_cloud_event(event, context()));
  event.sequence = Sequence{10};
  const auto tenth = parsed(to_cloud_event(event, context()));
  EXPECT_LT(ninth.at("sequence").as_string(), tenth.at("sequence").as_string());
}

TEST(CloudEvent, EscapesTextThatOthersWrote) {
  job::Event event = sample_event(6);
  std::get<job::Signaled>(event.data).signal = "a\"b\\c\n\u20ac\x01";
  const auto object = parsed(to_cloud_event(event, context()));
  EXPECT_EQ(object.at("data").at("signal").as_string(), "a\"b\\c\n\u20ac\x01");
}

TEST(CloudEvent, HoldsTheJobAndItsResultInAFullPayloadAlone) {
  const auto job = job::testing::job_in(job::JobStatus::kSucceeded);
  const job::Event event = first<job::Succeeded>(job);
  auto full = context();
  full.result = R"({"url":"https://files.example.com/1"})";
  EXPECT_THAT(to_cloud_event(event, full), Not(HasSubstr("files.example.com")));
  full.job = &job.state();
  const auto data = parsed(to_cloud_event(event, full)).at("data").as_object();
  EXPECT_EQ(data.at("result").at("url").as_string(), "https://files.example.com/1");
  EXPECT_EQ(data.at("actor").at("kind").as_string(), "SYSTEM");
  EXPECT_EQ(data.at("job").at("status").as_string(), "SUCCEEDED");
  EXPECT_THAT(names(data.at("job").as_object()),
              ElementsAre("status", "queue", "priority", "tags", "run", "attempt", "maxAttempts",
                          "createdAt", "startedAt", "finishedAt", "deadline", "expiresAt"));
  EXPECT_THAT(to_cloud_event(first<job::Started>(job), full), Not(HasSubstr("files.example.com")));
}

TEST(CloudEvent, SaysOfTheRequestNothingButItsSize) {
  job::Event event = sample_event(0);
  auto& spec = std::get<job::Enqueued>(event.data).spec;
  spec.limit_key = "secret-limit";
  spec.unique_key = "secret-unique";
  spec.contract_hash = "secret-hash";
  spec.route = "secret-route";
  EXPECT_THAT(to_cloud_event(event, context()), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace errand::contract
