#include "errand/contract/front_schema.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/print_schema.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kUpstream = R"(
directive @auth(requires: String) on FIELD_DEFINITION
directive @mine on FIELD
input ExportInput { year: Int! = 2026 }
type Report { id: ID! url(size: Int): String }
type Query { reports: [Report!]! }
type Mutation {
  "Renders the yearly report."
  exportReport("Which one." input: ExportInput! = {year: 2025}, dry: Boolean): Report!
  touch: Boolean
}
)";
constexpr const char* kUrl = "http://backend:4000/graphql";

std::expected<std::string, std::vector<graphql::language::GraphQLError>> front(
    const std::vector<JobForm>& forms) {
  const graphql::language::Source source{.body = kUpstream, .name = "upstream"};
  const auto schema = graphql::type::build_schema({&source, 1});
  EXPECT_TRUE(schema.has_value());
  return front_sdl(**schema, forms, {.url = kUrl, .forward_headers = {"authorization"}});
}

std::shared_ptr<const Contract> contract(const std::vector<JobForm>& forms) {
  const auto sdl = front(forms);
  if (!sdl) {
    ADD_FAILURE() << to_string(sdl.error().front());
    return nullptr;
  }
  return contract_of(*sdl,
                     {.has_resolver = [](std::string_view, std::string_view) { return true; }});
}

std::string error_of(const JobForm& form) {
  const auto sdl = front({form});
  return sdl ? "" : sdl.error().front().message;
}

TEST(FrontSchema, AddsAJobBesideTheMutation) {
  const auto made = contract({{.mutation = "exportReport", .job = R"(queue: "reports")"}});
  ASSERT_NE(made, nullptr);
  const JobType& job = made->job_types().front();
  EXPECT_EQ(job.name.str(), "exportReportJob");
  EXPECT_EQ(job.object_name, "ExportReportJob");
  EXPECT_EQ(job.queue.str(), "reports");
  EXPECT_EQ(job.description, "Renders the yearly report.");
  const auto& rule = std::get<GraphqlHandlerRule>(job.handler);
  EXPECT_EQ(rule.url, kUrl);
  EXPECT_THAT(rule.forward_headers, ElementsAre("authorization"));
  EXPECT_EQ(rule.document,
            "mutation exportReport($input: ExportInput!, $dry: Boolean) { exportReport(input: "
            "$input, dry: $dry) { id url } }");
  const std::string mutations = graphql::type::print_type(*made->served_schema()->type("Mutation"));
  EXPECT_THAT(mutations, HasSubstr("): Report!\n"));
  EXPECT_THAT(mutations, HasSubstr("exportReportJob("));
  EXPECT_THAT(mutations, HasSubstr("): ExportReportJob\n"));
}

TEST(FrontSchema, CanPutTheJobInTheMutationsPlace) {
  const auto made = contract({{.mutation = "exportReport", .replace = true}});
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->job_types().front().name.str(), "exportReport");
  EXPECT_EQ(made->served_schema()->mutation_type()->field("exportReport")->type.str(),
            "ExportReportJob");
  EXPECT_NE(made->served_schema()->mutation_type()->field("touch"), nullptr);
}

TEST(FrontSchema, CanReplaceEveryMutation) {
  EXPECT_NE(contract({{.mutation = "exportReport", .replace = true},
                      {.mutation = "touch", .replace = true}}),
            nullptr);
}

TEST(FrontSchema, NamesTheSettingThatIsWrong) {
  EXPECT_EQ(error_of({.mutation = "exportReports"}),
            "upstream.jobs.exportReports: the upstream has no mutation of that name; write "
            "exportReport");
  EXPECT_THAT(error_of({.mutation = "exportReport", .name = "touch"}),
              HasSubstr("has a mutation touch already"));
  EXPECT_THAT(error_of({.mutation = "exportReport", .job = "queue = 1"}),
              HasSubstr("upstream.jobs.exportReport: job holds arguments of @job"));
}

}  // namespace
}  // namespace errand::contract
