#include "errand/contract/event_types.h"

#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/graphql/type/print_schema.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace type = graphql::type;

constexpr const char* kUserSdl = "type Mutation { run: Int @job }";

/// "step_completed" -> "JobStepCompletedEvent"
std::string type_name(std::string_view event) {
  std::string name = "Job";
  bool begins = true;
  for (const char c : event) {
    if (c != '_') name += begins ? static_cast<char>(c - 'a' + 'A') : c;
    begins = c == '_';
  }
  return name + "Event";
}

TEST(EventTypes, AreOneForEachEventInTheOrderOfTheCore) {
  for (std::size_t i = 0; i < job::kEventNameCount; ++i) {
    const EventType& type = event_types()[i];
    EXPECT_EQ("dev.errand.job." + std::string(type.event), job::event_name(i));
    EXPECT_EQ(type.name, type_name(type.event));
    EXPECT_FALSE(type.description.empty()) << type.name;
  }
}

TEST(EventTypes, AreTheTypesOfTheInterfaceInTheServedSchema) {
  const auto contract = contract_of(kUserSdl);
  ASSERT_NE(contract, nullptr);
  const type::Schema& served = *contract->served_schema();
  ASSERT_NE(served.type("JobEvent"), nullptr);
  EXPECT_TRUE(served.type("JobEvent")->is<type::InterfaceType>());
  EXPECT_EQ(served.possible_types(*served.type("JobEvent")).size(), job::kEventNameCount);
  EXPECT_EQ(type::print_type(*served.type("JobAttemptFailedEvent"), {.descriptions = false}),
            R"(type JobAttemptFailedEvent implements JobEvent {
  id: ID!
  cursor: String!
  jobId: ID!
  sequence: Int!
  type: String!
  time: DateTime!
  actor: JobActor!
  correlationId: String!
  traceparent: String
  data: JSON!
  kind: JobFailureKind!
  error: JobError!
}
)");
}

// https://spec.graphql.org/October2021/#sec-Field-Selection-Merging
TEST(EventTypes, GiveAFieldNameOneTypeSoThatOneSelectionCanTakeThemAll) {
  const auto contract = contract_of(kUserSdl);
  ASSERT_NE(contract, nullptr);
  std::map<std::string_view, std::string> types;
  for (const EventType& each : event_types()) {
    const type::NamedType* named = contract->served_schema()->type(each.name);
    ASSERT_NE(named, nullptr) << each.name;
    EXPECT_TRUE(named->description) << each.name;
    for (const type::FieldDefinition& field : named->as<type::ObjectType>().fields) {
      const auto [known, first] = types.emplace(field.name, field.type.str());
      EXPECT_EQ(known->second, field.type.str()) << each.name << "." << field.name;
    }
  }
}

TEST(EventTypes, HaveTheFieldsThatTheProtocolNames) {
  std::map<std::string, std::string> named;
  std::ifstream page(ERRAND_DOCS_PROTOCOL "/jobs.md");
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string event = line.substr(3, line.find('`', 3) - 3);
    const std::size_t begin = line.rfind('|', line.size() - 2) + 1;
    named[event] = line.substr(begin, line.size() - 1 - begin);
  }
  const auto contract = contract_of(kUserSdl);
  ASSERT_NE(contract, nullptr);
  const type::Schema& served = *contract->served_schema();
  for (const EventType& each : event_types()) {
    std::string own;
    for (const auto& field : served.type(each.name)->as<type::ObjectType>().fields) {
      if (served.field(*served.type("JobEvent"), field.name) != nullptr) continue;
      own.append(own.empty() ? " " : ", ").append(field.name);
    }
    EXPECT_EQ(named[std::string(each.event)], own + " ") << each.event;
  }
}

TEST(EventTypes, TakeThePrefixAndAreRefusedToTheUsersTypes) {
  const auto contract = contract_of(kUserSdl, {.prefix = "acme"});
  ASSERT_NE(contract, nullptr);
  EXPECT_NE(contract->served_schema()->type("AcmeJobStartedEvent"), nullptr);
  EXPECT_THAT(
      contract_errors("type Mutation { run: Int @job }\ntype JobStartedEvent { a: Int }"),
      ElementsAre(HasSubstr("the type JobStartedEvent has the name of a type of Errand's")));
}

}  // namespace
}  // namespace errand::contract
