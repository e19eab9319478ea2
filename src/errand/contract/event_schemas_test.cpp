#include "errand/contract/event_schemas.h"

#include <array>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/json/writer.h"

namespace errand::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace type = graphql::type;

const EventType& type_of(std::string_view event) {
  for (const EventType& each : event_types()) {
    if (each.event == event) return each;
  }
  ADD_FAILURE() << event;
  return event_types().front();
}

TEST(DataSchema, RequiresWhatTheGraphqlTypePromises) {
  EXPECT_EQ(
      json::to_text(data_schema(type_of("snoozed"), 1)),
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema",)"
      R"("$id":"https://errand.dev/schemas/dev.errand.job.snoozed/1.json",)"
      R"("title":"Data of dev.errand.job.snoozed",)"
      R"("description":"Put off by its worker: SCHEDULED. The attempt is not counted.",)"
      R"("type":"object","properties":{)"
      R"("jobId":{"type":"string","description":"The job."},)"
      R"("jobType":{"type":"string","description":"The mutation that started the job."},)"
      R"("tenant":{"type":"string","description":"The tenant that the job belongs to."},)"
      R"("sequence":{"type":"integer","description":"Number of the event within the job, from 1 without gaps."},)"
      R"("until":{"type":"string","format":"date-time","description":"When it becomes PENDING again."},)"
      R"("reason":{"type":"string","description":"What the worker said; left out where it said nothing."},)"
      R"("actor":{"$ref":"#/$defs/JobActor","description":"Who caused the event."},)"
      R"("job":{"$ref":"#/$defs/Job","description":"The job as it was right after the event."}},)"
      R"("required":["jobId","jobType","tenant","sequence","until"],)" +
          json::to_text(data_schema(type_of("snoozed"), 1))
              .substr(json::to_text(data_schema(type_of("snoozed"), 1)).find(R"("$defs")")));
}

TEST(DataSchema, DefinesTheEnumerationsOfTheStatusSchema) {
  const auto contract = contract_of("type Mutation { run: Int @job }");
  ASSERT_NE(contract, nullptr);
  std::set<std::string> seen;
  for (const EventType& each : event_types()) {
    const auto schema = data_schema(each, 1);
    for (const auto& [name, definition] : schema.at("$defs").as_object()) {
      const auto* values = definition.as_object().if_contains("enum");
      if (values == nullptr) continue;
      seen.insert(name);
      const type::NamedType* named = contract->served_schema()->type(std::string(name));
      ASSERT_NE(named, nullptr) << name;
      std::vector<std::string> wanted;
      for (const auto& value : named->as<type::EnumType>().values) wanted.emplace_back(value.name);
      std::vector<std::string> has;
      for (const auto& value : values->as_array()) has.emplace_back(value.as_string());
      EXPECT_EQ(has, wanted) << name;
    }
  }
  EXPECT_EQ(seen.size(), 5U);
}

TEST(EventParts, AreThoseOfTheStatusSchema) {
  const auto contract = contract_of("type Mutation { run: Int @job }");
  ASSERT_NE(contract, nullptr);
  const type::Schema& served = *contract->served_schema();
  for (const EventPart& part : event_parts()) {
    const type::NamedType* named = served.type(part.name);
    ASSERT_NE(named, nullptr) << part.name;
    for (const EventField& field : part.fields) {
      const auto* definition = served.field(*named, field.name);
      ASSERT_NE(definition, nullptr) << part.name << "." << field.name;
      EXPECT_EQ(definition->type.str(), field.type) << part.name << "." << field.name;
    }
  }
}

TEST(DataSchema, OfEachVersionHasItsOwnFields) {
  static constexpr auto kFields = std::to_array<EventField>({
      {.name = "kept", .type = "Int!", .description = "Kept."},
      {.name = "worker", .type = "String!", .description = "As it was.", .until = 1},
      {.name = "worker", .type = "Int!", .description = "As it is.", .since = 2},
  });
  constexpr EventType kType{.event = "made_up",
                            .name = "JobMadeUpEvent",
                            .description = "Made up.",
                            .fields = kFields,
                            .version = 2};
  const auto first = data_schema(kType, 1);
  const auto second = data_schema(kType, 2);
  EXPECT_EQ(first.at("$id").as_string(),
            "https://errand.dev/schemas/dev.errand.job.made_up/1.json");
  EXPECT_EQ(second.at("$id").as_string(),
            "https://errand.dev/schemas/dev.errand.job.made_up/2.json");
  EXPECT_EQ(first.at("properties").at("worker").at("type").as_string(), "string");
  EXPECT_EQ(second.at("properties").at("worker").at("type").as_string(), "integer");
  const auto event = json::to_text(event_schema(kType, 2));
  EXPECT_THAT(event, HasSubstr(R"("data":{"$ref":"2.json"})"));
  EXPECT_THAT(event, HasSubstr(R"(/schemas/dev\\.errand\\.job\\.made_up/2\\.json$)"));
}

TEST(DataSchema, KnowsAResultOfSucceededAlone) {
  for (const EventType& each : event_types()) {
    const auto properties = data_schema(each, 1).at("properties").as_object();
    EXPECT_EQ(properties.contains("result"), each.event == "succeeded") << each.event;
  }
}

TEST(EventDocuments, AreTheIndexAndWhatItNames) {
  const auto documents = event_documents();
  ASSERT_EQ(documents.size(), 2 + 2 * job::kEventNameCount);
  EXPECT_EQ(documents[0].path, "/schemas/");
  EXPECT_EQ(documents[1].path, "/schemas/events.asyncapi.json");
  for (std::size_t i = 1; i < documents.size(); ++i) {
    EXPECT_THAT(documents[0].text, HasSubstr('"' + documents[i].path + '"'));
  }
  EXPECT_THAT(documents[1].text, Not(HasSubstr("$defs")));
}

}  // namespace
}  // namespace errand::contract
