#include "errand/graphql/execution/operation_plan.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "errand/graphql/execution/execution_test_harness.h"
#include "errand/json/writer.h"

namespace errand::graphql::execution {
namespace {

using testing::Fixture;
using testing::run;

constexpr const char* kSdl = R"(
type Query { a(x: Int = 7, y: [Int]): Int b: Int pet: Pet self: Query }
interface Pet { name: String }
type Cat implements Pet { name: String lives: Int }
type Dog implements Pet { name: String barks: Boolean }
)";

Fixture fixture() {
  ResolverMap map;
  map.add("Query", "a", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
    return FieldValue(info.argument("x")->as_int64());
  });
  return Fixture(kSdl, std::move(map));
}

/// Executes `request` again with other variables, on the same document.
std::string execute(const Fixture& fixture, const OperationRequest& request,
                    const std::string& root, const std::string& variables) {
  OperationRequest again;
  again.resolvers = fixture.resolvers;
  again.document = request.document;
  again.operation = request.operation;
  again.variables = boost::json::parse(variables).as_object();
  again.root_value = std::make_shared<const boost::json::value>(boost::json::parse(root));
  OperationExecution execution(std::move(again));
  return run(execution.execute()).body;
}

const OperationPlan* plan_of(const Fixture& fixture, const OperationRequest& request,
                             const std::string& variables) {
  return request.document->plan(fixture.resolvers, *request.operation,
                                boost::json::parse(variables).as_object());
}

TEST(OperationPlan, IsOneForAllRequestsWhoseConditionsAgree) {
  const Fixture f = fixture();
  const OperationRequest request = f.request(
      "query($s: Boolean!, $x: Int) { a(x: $x) b @skip(if: $s) }", "null", R"({"s":true})");
  const OperationPlan* skipping = plan_of(f, request, R"({"s":true,"x":1})");
  EXPECT_EQ(plan_of(f, request, R"({"s":true,"x":2})"), skipping);
  EXPECT_NE(plan_of(f, request, R"({"s":false,"x":1})"), skipping);
  EXPECT_EQ(execute(f, request, R"({"b":2})", R"({"s":true,"x":1})"), R"({"data":{"a":1}})");
  EXPECT_EQ(execute(f, request, R"({"b":2})", R"({"s":false,"x":3})"), R"({"data":{"a":3,"b":2}})");
  EXPECT_EQ(execute(f, request, R"({"b":2})", R"({"s":true})"), R"({"data":{"a":7}})");
}

TEST(OperationPlan, WeighsWithItsDocument) {
  const Fixture f = fixture();
  const OperationRequest request = f.request("{ pet { name ... on Cat { lives } } }");
  const std::size_t before = request.document->memory_bytes();
  EXPECT_EQ(execute(f, request, R"({"pet":{"__typename":"Cat","lives":9}})", "{}"),
            R"({"data":{"pet":{"name":null,"lives":9}}})");
  const std::size_t one_type = request.document->memory_bytes();
  EXPECT_GT(one_type, before);
  EXPECT_EQ(execute(f, request, R"({"pet":{"__typename":"Dog","name":"Rex"}})", "{}"),
            R"({"data":{"pet":{"name":"Rex"}}})");
  const std::size_t two_types = request.document->memory_bytes();
  EXPECT_GT(two_types, one_type);
  EXPECT_EQ(execute(f, request, R"({"pet":{"__typename":"Dog","name":"Rex"}})", "{}"),
            R"({"data":{"pet":{"name":"Rex"}}})");
  EXPECT_EQ(request.document->memory_bytes(), two_types);
}

TEST(OperationPlan, BeyondTheirNumberRequestsPlanForThemselves) {
  const Fixture f = fixture();
  const OperationRequest request = f.request(
      "query($p: Boolean!, $q: Boolean!, $r: Boolean!, $s: Boolean!, $x: Int) {"
      "  p: b @include(if: $p) q: b @include(if: $q) r: b @include(if: $r)"
      "  s: self @include(if: $s) { a(x: $x, y: [1, 2]) } }",
      "null", R"({"p":true,"q":true,"r":true,"s":true})");
  std::size_t planned = 0;
  for (unsigned bits = 0; bits < 16; ++bits) {
    boost::json::object variables{{"x", bits}};
    std::string expected;
    for (unsigned i = 0; i < 3; ++i) {
      const std::string name(1, "pqr"[i]);
      variables[name] = (bits >> i & 1U) != 0;
      if ((bits >> i & 1U) != 0) expected += '"' + name + "\":null,";
    }
    variables["s"] = true;
    expected += R"("s":{"a":)" + std::to_string(bits) + '}';
    if (bits >= 8) {
      variables["s"] = false;
      expected = expected.substr(0, expected.rfind(R"("s")"));
      if (!expected.empty()) expected.pop_back();
    }
    const std::string text = json::to_text(variables);
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(execute(f, request, R"({"self":{}})", text), R"({"data":{)" + expected + "}}");
    }
    if (plan_of(f, request, text) != nullptr) ++planned;
  }
  EXPECT_EQ(planned, ExecutableDocument::kPlansMax);
}

TEST(OperationPlan, StaysBoundedWhereFragmentsMultiply) {
  const Fixture f = fixture();
  // 2^12 objects, each with a selection set of its own.
  constexpr int kLevels = 12;
  std::string query = "query($x: Int) { ...F0 }";
  std::string root = "{}";
  std::string expected = R"({"a":5})";
  for (int i = 0; i < kLevels; ++i) {
    const std::string next = "{ ...F" + std::to_string(i + 1) + " }";
    query += " fragment F" + std::to_string(i) + " on Query { l: self " + next + " r: self " +
             next + " }";
    root = R"({"self":)" + root + '}';
    expected = R"({"l":)" + expected + R"(,"r":)" + expected + '}';
  }
  query += " fragment F" + std::to_string(kLevels) + " on Query { a(x: $x) }";
  const OperationRequest request = f.request(query);
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(execute(f, request, root, R"({"x":5})"), R"({"data":)" + expected + '}');
  }
  EXPECT_LT(request.document->memory_bytes(), OperationPlan::kFieldsMax * 1024);
}

TEST(OperationPlan, IsBuiltByManyThreadsAtOnce) {
  const Fixture f = fixture();
  const OperationRequest request =
      f.request("query($s: Boolean!, $x: Int) { pet { name } self { a(x: $x) b @skip(if: $s) } }",
                "null", R"({"s":true})");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string x = std::to_string(i);
      for (const char* type : {"Cat", "Dog"}) {
        const std::string root =
            R"({"pet":{"__typename":")" + std::string(type) + R"("},"self":{"b":1}})";
        EXPECT_EQ(execute(f, request, root, R"({"s":false,"x":)" + x + '}'),
                  R"({"data":{"pet":{"name":null},"self":{"a":)" + x + R"(,"b":1}}})");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace errand::graphql::execution
