// Compiled with the header that is generated from tricky.graphql, beside the C++ SDK.
#include <stdexcept>
#include <string>
#include <vector>

#include "client.h"
#include "jobs.h"
#include "worker.h"
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <errand_worker/testing.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand_jobs {
namespace {

using errand_worker::JobOutcome;
using errand_worker::run_job;
using ::testing::HasSubstr;

boost::json::value parsed(std::string_view text) {
  return boost::json::parse(boost::json::string_view(text.data(), text.size()));
}

/// The message of what `function` throws.
template <class Error>
std::string thrown(const auto& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

Tree grow(const TreeInput& input) {
  Tree tree{.name = input.name};
  for (const auto& child : input.children) tree.children.push_back(grow(child));
  tree.shape = input.shape;
  if (input.owner) tree.owner = std::make_shared<Owner>(Owner{.name = input.owner->name});
  return tree;
}

TEST(GeneratedCpp, runs_a_handler_with_types_that_hold_themselves) {
  const auto handler =
      GrowTreeJob::handler([](errand_worker::Job&, const TreeInput& input) { return grow(input); });
  const auto outcome = run_job(
      handler,
      parsed(
          R"({"name": "a", "children": [{"name": "b", "children": [], "shape": [[1], null]}], "owner": {"name": "o"}})"));
  ASSERT_EQ(outcome.kind, JobOutcome::Kind::kCompleted) << outcome.message;
  EXPECT_EQ(outcome.result,
            parsed(R"({"name": "a", "parent": null, "children": [{"name": "b", "parent": null,
      "children": [], "shape": [[1], null], "owner": null}], "shape": null, "owner": {"name": "o", "trees": null}})"));
}

TEST(GeneratedCpp, works_with_the_sdk_s_typed_handlers_too) {
  const auto outcome = run_job<SearchJob::Input, SearchJob::Result>(
      [](errand_worker::Job&, const SearchInput& input) {
        return std::vector<SearchResult>{
            {Person{.rank = input.near->x / 2.0, .friends = {{Page{.name = "p", .rank = 1}}}}},
            {Empty_{}}};
      },
      parsed(R"({"near": {"x": 5}})"));
  ASSERT_EQ(outcome.kind, JobOutcome::Kind::kCompleted) << outcome.message;
  EXPECT_EQ(outcome.result,
            parsed(R"([{"__typename": "Person", "name": null, "rank": 2.5, "born": null,
      "friends": [{"__typename": "Page", "name": "p", "rank": 1, "related": null}]}, {"__typename": "Empty_", "_": null}])"));
}

TEST(GeneratedCpp, says_where_an_input_does_not_fit) {
  const auto handler =
      GrowTreeJob::handler([](errand_worker::Job&, const TreeInput& input) { return grow(input); });
  const auto failure = [&](std::string_view input) {
    const auto outcome = run_job(handler, parsed(input));
    EXPECT_TRUE(outcome.permanent);
    EXPECT_EQ(outcome.error.code, "INPUT_INVALID");
    return outcome.message;
  };
  EXPECT_EQ(failure(R"({"children": []})"), "input.name: is missing");
  EXPECT_EQ(failure(R"({"name": "a", "children": [{"name": 7}]})"),
            "input.children[0].name: expected a string");
  EXPECT_EQ(failure(R"({"name": "a", "shape": [[1.5]]})"),
            "input.shape[0][0]: expected a whole number of 32 bits");
  EXPECT_EQ(failure(R"({"name": "a", "colour": "red"})"),
            "input.colour: this program does not know the field");
  EXPECT_EQ(failure("7"), "input: expected an object");
}

TEST(GeneratedCpp, knows_enums_keywords_and_defaults) {
  const auto handler = ImportJob::handler([](errand_worker::Job&, const Keywords& input) {
    EXPECT_EQ(input.Level_, Level::None);
    EXPECT_TRUE(input.def);
    return Keyword{.from = input.from,
                   .class_ = input.class_,
                   .level = Level::NULL_,
                   .id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"};
  });
  const auto outcome = run_job(
      handler, parsed(R"({"from": 1, "class": "c", "accountId": "7", "Level": "None", "int": 2})"));
  ASSERT_EQ(outcome.kind, JobOutcome::Kind::kCompleted) << outcome.message;
  EXPECT_EQ(outcome.result.at("level"), "NULL");
  EXPECT_EQ(outcome.result.at("class"), "c");
  EXPECT_EQ(to_string(Level::class_), "class");
  EXPECT_EQ(Settings{}.levels, (std::vector<Level>{Level::HIGH, Level::None}));
  EXPECT_EQ(PointInput{}.x, INT32_MIN);
}

TEST(GeneratedCpp, runs_jobs_of_every_form_of_arguments) {
  const auto ping =
      PingJob::handler([](errand_worker::Job&, const PingArguments&) { return true; });
  EXPECT_EQ(run_job(ping, {}, {.arguments = boost::json::object{}}).result, true);
  const auto maybe = MaybeJob::handler(
      [](errand_worker::Job& job, const boost::json::value& input) -> std::optional<std::string> {
        if (job.arguments().empty()) return std::nullopt;
        return std::to_string(boost::json::value_to<PointInput>(input).x);
      });
  EXPECT_EQ(run_job(maybe, {}, {.arguments = boost::json::object{}}).result, nullptr);
  EXPECT_EQ(run_job(maybe, parsed(R"({"x": 3})")).result, "3");
  const auto measure = MeasureJob::handler([](errand_worker::Job&, const MeasureJob::Input& input) {
    return MeasureJob::Result{std::vector<double>{input.at(0).at(0).value_or(0) / 2.0},
                              std::nullopt};
  });
  EXPECT_EQ(run_job(measure, parsed("[[1, null]]")).result, parsed("[[0.5], null]"));
  const auto configure =
      ConfigureJob::handler([](errand_worker::Job&, const ConfigureArguments& arguments) {
        return Result{.level = arguments.settings->level,
                      .tags = {{arguments.name, std::to_string(*arguments.class_)}}};
      });
  const auto outcome = run_job(
      configure, {},
      {.arguments =
           parsed(R"({"name": "n", "settings": {"level": "HIGH"}, "class": 7})").as_object()});
  EXPECT_EQ(outcome.result, parsed(R"({"level": "HIGH", "tags": ["n", "7"]})")) << outcome.message;
}

TEST(GeneratedCpp, registers_handlers_with_a_worker) {
  errand_worker::Worker worker({.url = "http://127.0.0.1:1", .token = "t"});
  PingJob::handle(worker, [](errand_worker::Job&, const PingArguments&) { return true; });
  EXPECT_THROW(
      PingJob::handle(worker, [](errand_worker::Job&, const PingArguments&) { return true; }),
      std::logic_error);
}

TEST(GeneratedCpp, writes_requests_without_what_is_not_set) {
  const JobOptions options{.idempotencyKey = "k"};
  const auto request = GrowTreeJob::submit_request({.input = {.name = "a"}}, &options);
  EXPECT_EQ(
      request.at("variables"),
      parsed(
          R"({"input": {"name": "a", "children": []}, "options": {"idempotencyKey": "k", "validateOnly": false}})"));
  EXPECT_THAT(std::string(request.at("query").as_string()),
              HasSubstr("growTree(input: $input, options: $options)"));
  EXPECT_EQ(GrowTreeJob::state_request("7").at("variables"), parsed(R"({"id": "7"})"));
}

TEST(GeneratedCpp, reads_answers) {
  EXPECT_EQ(GrowTreeJob::submitted(parsed(R"({"data": {"growTree": {"id": "7"}}})")), "7");
  const auto refused = parsed(
      R"({"data": {"growTree": null}, "errors": [{"message": "too many", "extensions": {"code": "QUEUE_FULL"}}]})");
  EXPECT_EQ(thrown<RequestError>([&] { GrowTreeJob::submitted(refused); }), "too many");
  EXPECT_EQ(thrown<ConversionError>([&] { GrowTreeJob::submitted(parsed("{}")); }),
            "response: has no growTree");

  const auto state = SearchJob::state(parsed(
      R"({"data": {"job": {"id": "7", "type": "search", "status": "SUCCEEDED", "run": 1, "attempt": 1,
      "progress": {"completed": 1, "total": null, "fraction": null, "stage": "x", "message": null}, "error": null,
      "result": [{"__typename": "Person", "name": null, "Person_rank": 2.5, "friends": [], "born": null}]}}})"));
  EXPECT_TRUE(state.ended());
  EXPECT_EQ(state.progress->stage, "x");
  ASSERT_EQ(state.result->size(), 1U);
  EXPECT_EQ(std::get<SearchResult_OnPerson>(state.result->front().value).Person_rank, 2.5);

  const auto failed = MaybeJob::state(parsed(
      R"({"data": {"job": {"id": "7", "type": "maybe", "status": "FAILED", "run": 1, "attempt": 2,
      "progress": null, "error": {"code": "X", "message": "m", "details": {"a": 1}, "retryable": false, "remediation": null}, "result": null}}})"));
  EXPECT_FALSE(failed.result);
  EXPECT_EQ(failed.error->code, "X");
  EXPECT_EQ(
      thrown<ConversionError>([] {
        SearchJob::state(parsed(
            R"({"data": {"job": {"id": "7", "type": "search", "status": "SUCCEEDED", "run": 1, "attempt": 1,
                  "result": [{"__typename": "Robot"}]}}})"));
      }),
      "job.result[0]: no type that this program knows: Robot");
}

TEST(GeneratedCpp, stands_alone_in_parts) {
  EXPECT_EQ(alone::worker::PingJob::kType, "ping");
  EXPECT_THAT(std::string(alone::client::FollowJob::kQuery),
              HasSubstr("result { id next { id } other { id } }"));
}

}  // namespace
}  // namespace errand_jobs
