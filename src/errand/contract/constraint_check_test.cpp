#include "errand/contract/constraint_check.h"

#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"

namespace errand::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> violations(const std::string& sdl, const std::string& arguments) {
  const auto contract = contract_of(sdl);
  std::vector<std::string> result;
  for (const auto& violation : contract->check_constraints(
           contract->job_types().front(), boost::json::parse(arguments).as_object())) {
    result.push_back(to_text(violation.path) + " " + violation.message + " (" +
                     violation.constraint + ")");
  }
  return result;
}

std::vector<std::string> errors_of(const std::string& argument) {
  return contract_errors("type Mutation { run(\n" + argument +
                         "): Int @job }\ninput In { a: Int }");
}

TEST(CheckConstraints, ChecksEveryKindWithThePathOfTheValue) {
  constexpr const char* kSdl = R"(
    type Mutation { run(input: In!, tags: [String!] @constraint(minItems: 1, maxItems: 2,
                        minLength: 2)): Int @job }
    input In {
      n: Int @constraint(min: 1, max: 10)
      f: Float @constraint(max: 0.5)
      name: String @constraint(minLength: 2, maxLength: 3)
      code: ID @constraint(pattern: "^[A-Z]+$")
      mail: String @constraint(format: "email")
      list: [In!]
    }
  )";
  EXPECT_THAT(violations(kSdl, R"({"input":{"n":1,"f":0.5,"name":"äöü","code":"A","mail":"a@b.c",
                                   "list":[]},"tags":["aa"]})"),
              IsEmpty());
  EXPECT_THAT(violations(kSdl, R"({"input":{"n":null},"tags":null})"), IsEmpty());
  EXPECT_THAT(violations(kSdl, R"({"input":{"n":0,"f":0.75,"name":"ä","code":"a","mail":"x",
                           "list":[{"n":11},{"name":"long"}]},"tags":["aa","b","cc"]})"),
              ElementsAre("input.n must be at least 1 (min)", "input.f must be at most 0.5 (max)",
                          "input.name must have at least 2 characters (minLength)",
                          "input.code must match the pattern ^[A-Z]+$ (pattern)",
                          "input.mail must be an e-mail address (format)",
                          "input.list[0].n must be at most 10 (max)",
                          "input.list[1].name must have at most 3 characters (maxLength)",
                          "tags must have at most 2 items (maxItems)",
                          "tags[1] must have at least 2 characters (minLength)"));
}

TEST(CheckConstraints, StopsAfterFifty) {
  std::string arguments = R"({"l":[0)";
  for (int i = 0; i < 100; ++i) arguments += ",0";
  arguments += "]}";
  EXPECT_EQ(
      violations("type Mutation { run(l: [Int] @constraint(min: 1)): Int @job }", arguments).size(),
      50U);
}

TEST(CheckConstraints, RunsPatternsInLinearTime) {
  // Back-tracking engines need 2^40 steps for this.
  const std::string value(40'000, 'a');
  EXPECT_EQ(
      violations("type Mutation { run(s: String @constraint(pattern: \"^(a+)+$\")): Int @job }",
                 R"({"s":")" + value + R"(b"})")
          .size(),
      1U);
}

TEST(ConstraintDirective, FitsOnlyTypesThatItCanConstrain) {
  EXPECT_THAT(
      errors_of("a: String @constraint(min: 1)"),
      ElementsAre("schema.graphql:2:28: @constraint(min: 1): fits numbers alone, and this is "
                  "String; for texts write minLength or maxLength, for lists minItems or "
                  "maxItems"));
  EXPECT_THAT(
      errors_of("a: Int @constraint(maxLength: 1)"),
      ElementsAre("schema.graphql:2:31: @constraint(maxLength: 1): fits texts alone, and this "
                  "is Int"));
  EXPECT_THAT(
      errors_of("a: Int @constraint(minItems: 1)"),
      ElementsAre("schema.graphql:2:30: @constraint(minItems: 1): fits lists alone, and this "
                  "is Int"));
  EXPECT_THAT(errors_of("a: In @constraint(pattern: \"x\")"),
              ElementsAre("schema.graphql:2:28: @constraint(pattern: \"x\"): fits texts alone, and "
                          "this is In"));
}

TEST(ConstraintDirective, RefusesWhatNoValueCouldFulfil) {
  EXPECT_THAT(errors_of("a: Int @constraint(min: 5, max: 1)"),
              ElementsAre("schema.graphql:2:33: @constraint(max: 1): is less than min, so no value "
                          "would do; write 5 or more"));
  EXPECT_THAT(
      errors_of("a: String @constraint(minLength: 5, maxLength: 1)"),
      ElementsAre("schema.graphql:2:48: @constraint(maxLength: 1): is less than minLength, so "
                  "no value would do; write 5 or more"));
  EXPECT_THAT(
      errors_of("a: String @constraint(minLength: -1)"),
      ElementsAre("schema.graphql:2:34: @constraint(minLength: -1): counts from 0; write 0 or "
                  "more"));
  EXPECT_THAT(
      errors_of("a: Int @constraint"),
      ElementsAre("schema.graphql:2:8: @constraint constrains nothing; write what must hold, "
                  "such as @constraint(min: 1)"));
}

TEST(ConstraintDirective, RefusesBadPatternsAndFormats) {
  EXPECT_THAT(
      errors_of("a: String @constraint(pattern: \"(a\")"),
      ElementsAre(HasSubstr("schema.graphql:2:32: @constraint(pattern: \"(a\"): is no regular "
                            "expression in the syntax of RE2 (missing ): (a); back-")));
  EXPECT_THAT(
      errors_of("a: String @constraint(format: \"emial\")"),
      ElementsAre("schema.graphql:2:31: @constraint(format: \"emial\"): is no known format; "
                  "write one of email, uri, uuid, date-time, date, time, duration, hostname, "
                  "ipv4, ipv6. Did you mean \"email\"?"));
}

TEST(ConstraintDirective, RefusesADefaultThatBreaksIt) {
  EXPECT_THAT(errors_of("a: Int = 0 @constraint(min: 1)"),
              ElementsAre("schema.graphql:2:10: the default value of a breaks its "
                          "@constraint(min:): it must be at least 1"));
}

}  // namespace
}  // namespace errand::contract
