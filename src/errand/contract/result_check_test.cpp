#include "errand/contract/result_check.h"

#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/json/writer.h"

namespace errand::contract {
namespace {

constexpr const char* kSdl = R"(
type Mutation { run: Report! @job, list: [[Int!]] @job, any: Any @job, when: DateTime @job }
type Report { rows: Int!, files: [File!]!, kind: Kind, more: JSON, id: ID }
type File { path: String!, bytes: Float }
enum Kind { GOOD BAD }
union Any = Report | File
)";

std::string check(const std::string& type, const std::string& result,
                  const ContractOptions& options = {}) {
  const auto contract = contract_of(kSdl, options);
  const auto checked =
      contract->check_result(*contract->job_type(type), boost::json::parse(result));
  if (checked) return json::to_text(*checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kResultInvalid);
  return checked.error().message;
}

TEST(CheckResult, TakesWhatFits) {
  EXPECT_EQ(
      check("run", R"({"rows":1,"files":[{"path":"a","bytes":2}],"kind":"GOOD",)"
                   R"("more":{"a":[1]},"id":7})"),
      R"({"rows":1,"files":[{"path":"a","bytes":2}],"kind":"GOOD","more":{"a":[1]},"id":"7"})");
  EXPECT_EQ(check("run", R"({"files":[],"rows":1.0,"__typename":"Report"})"),
            R"({"rows":1,"files":[]})");
  EXPECT_EQ(check("list", "[[1],null,[]]"), "[[1],null,[]]");
  EXPECT_EQ(check("list", "null"), "null");
  EXPECT_EQ(check("when", "\"2026-11-23T21:00:00+01:00\""), "\"2026-11-23T20:00:00.000Z\"");
}

TEST(CheckResult, LeavesOutWhatTheTypeDoesNotKnow) {
  EXPECT_EQ(check("run", R"({"rows":1,"files":[],"newer":true})"), R"({"rows":1,"files":[]})");
}

TEST(CheckResult, SaysWhereTheFirstFaultIs) {
  EXPECT_EQ(check("run", "null"), "result: must not be null: the type is Report!");
  EXPECT_EQ(check("run", "[]"), "result: must be an object of type Report, not a list");
  EXPECT_EQ(check("run", R"({"files":[]})"), "result.rows: is missing: Report.rows is Int!");
  EXPECT_EQ(check("run", R"({"rows":1,"files":[{"path":"a"},{"path":null}]})"),
            "result.files[1].path: must not be null: the type is String!");
  EXPECT_EQ(check("run", R"({"rows":"1","files":[]})"),
            "result.rows: does not fit Int!: Int cannot represent non-integer value: \"1\"");
  EXPECT_EQ(check("run", R"({"rows":1,"files":{}})"),
            "result.files: must be a list, not an object");
  EXPECT_EQ(
      check("run", R"({"rows":1,"files":[],"kind":"GODO"})"),
      "result.kind: does not fit Kind: Value \"GODO\" does not exist in \"Kind\" enum. Did you "
      "mean the enum value \"GOOD\"?");
  EXPECT_EQ(check("list", "[[1],[2,null]]"), "result[1][1]: must not be null: the type is Int!");
}

TEST(CheckResult, WantsTheNameOfAnAbstractType) {
  EXPECT_EQ(check("any", R"({"__typename":"File","path":"a"})"),
            R"({"__typename":"File","path":"a"})");
  EXPECT_EQ(check("any", R"({"path":"a"})"),
            "result: must name its type in __typename: Report or File");
  EXPECT_EQ(check("any", R"({"__typename":"Mutation","path":"a"})"),
            "result: has a __typename that is not possible here; write Report or File");
  EXPECT_EQ(check("any", R"({"__typename":1})"),
            "result: has a __typename that is not possible here; write Report or File");
  EXPECT_EQ(check("run", R"({"__typename":"File","rows":1,"files":[]})"),
            "result: has a __typename that is not possible here; write Report");
}

TEST(CheckResult, BoundsTheSize) {
  EXPECT_EQ(
      check("run", R"({"rows":1,"files":[],"more":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})",
            {.result_bytes_max = 40}),
      "result: has 62 bytes, more than the 40 that are allowed; store large data elsewhere and "
      "give its address");
}

}  // namespace
}  // namespace errand::contract
