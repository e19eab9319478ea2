#include "errand/codegen/model.h"

#include <gmock/gmock.h>

#include "errand/codegen/codegen_test_support.h"

namespace errand::codegen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const auto& types) {
  std::vector<std::string> result;
  for (const auto* each : types) result.emplace_back(each->name);
  return result;
}

constexpr auto kSchema = R"(
  type Mutation {
    export(input: ExportInput!, dry: Boolean = false): Report @job
    convert(input: ConvertInput!): Found! @job
    ping: Boolean! @job
    maybe(input: ExportInput): Int! @job
  }
  input ExportInput { kind: Kind = A, inner: Inner, at: DateTime }
  input Inner { back: ExportInput, cost: Money }
  input ConvertInput { text: String }
  input Unused { a: Int }
  enum Kind { A B }
  scalar Money
  type Report { url: String! owner: Person }
  type Person { report: Report name: String! }
  interface Found { id: ID! }
  type Book implements Found { id: ID! pages: Int }
  type Film implements Found { id: ID! }
  union Other = Book | Film
)";

TEST(Model, holds_what_jobs_reach_in_the_order_of_the_schema) {
  const auto contract = contract_of(kSchema);
  const auto model = *Model::build(*contract, {});
  EXPECT_THAT(names(model.inputs()),
              ElementsAre("ExportInput", "Inner", "ConvertInput", "JobOptions", "JobCallback"));
  EXPECT_THAT(names(model.enums()), ElementsAre("Kind"));
  EXPECT_THAT(names(model.outputs()), ElementsAre("Report", "Person", "Found", "Book", "Film"));
  EXPECT_THAT(names(model.scalars()), ElementsAre("Money", "DateTime", "Duration", "JSON"));
  EXPECT_TRUE(model.for_options_alone(*model.job_options()));
  EXPECT_FALSE(model.for_options_alone(*model.inputs().front()));
}

TEST(Model, without_a_client_knows_neither_options_nor_selections) {
  const auto contract = contract_of(kSchema);
  const auto model = *Model::build(*contract, {.client = false, .scalars = {}});
  EXPECT_EQ(model.job_options(), nullptr);
  EXPECT_THAT(names(model.inputs()), ElementsAre("ExportInput", "Inner", "ConvertInput"));
  for (const auto& job : model.jobs()) EXPECT_FALSE(job.selection);
}

TEST(Model, tells_what_the_input_of_a_worker_is) {
  const auto contract = contract_of(kSchema);
  const auto model = *Model::build(*contract, {});
  ASSERT_EQ(model.jobs().size(), 4U);
  EXPECT_EQ(model.jobs()[0].input, nullptr);
  EXPECT_EQ(model.jobs()[0].arguments.size(), 2U);
  EXPECT_EQ(model.jobs()[1].input->type.str(), "ConvertInput!");
  EXPECT_FALSE(model.jobs()[1].input_may_be_absent());
  EXPECT_EQ(model.jobs()[2].input, nullptr);
  EXPECT_TRUE(model.jobs()[3].input_may_be_absent());
}

TEST(Model, keeps_whether_a_result_may_be_null) {
  const auto contract = contract_of(kSchema);
  const auto model = *Model::build(*contract, {});
  EXPECT_EQ(model.jobs()[0].result.str(), "Report");
  EXPECT_EQ(model.jobs()[1].result.str(), "Found!");
}

TEST(Model, tells_objects_by_their_typename_where_they_stand_for_an_abstract_type) {
  const auto contract = contract_of(kSchema);
  const auto model = *Model::build(*contract, {});
  std::vector<std::string> told;
  for (const auto* each : model.outputs()) {
    if (model.needs_typename(*each)) told.emplace_back(each->name);
  }
  EXPECT_THAT(told, ElementsAre("Book", "Film"));
}

TEST(Model, writes_a_mutation_with_variables_that_may_be_left_out) {
  const auto contract = contract_of(
      "type Mutation { go(a: Int! = 1, b: [String!]!, c: Int = 2): R! @job } type R { x: Int y: R "
      "}");
  const auto model = *Model::build(*contract, {.depth = 2, .scalars = {}});
  EXPECT_EQ(model.mutation(model.jobs().front(), true),
            "mutation go($a: Int, $b: [String!]!, $c: Int, $options: JobOptions) {\n"
            "  go(a: $a, b: $b, c: $c, options: $options) {\n"
            "    id\n"
            "    result {\n"
            "      x\n"
            "      y {\n"
            "        x\n"
            "      }\n"
            "    }\n"
            "  }\n"
            "}\n");
}

TEST(Model, writes_a_mutation_that_asks_for_the_id_alone) {
  const auto contract = contract_of("type Mutation { go: Int @job }");
  const auto model = *Model::build(*contract, {});
  EXPECT_EQ(model.mutation(model.jobs().front(), false),
            "mutation go($options: JobOptions) {\n  go(options: $options) {\n    id\n  }\n}\n");
}

TEST(Model, uses_the_names_of_the_served_schema) {
  const auto contract = contract_of("type Mutation { go: Int @job }",
                                    {.prefix = "acme", .options_argument = "settings"});
  const auto model = *Model::build(*contract, {});
  EXPECT_EQ(model.job_options()->name, "AcmeJobOptions");
  EXPECT_EQ(model.root_field("cancelJob"), "acmeCancelJob");
  EXPECT_THAT(model.mutation(model.jobs().front(), true), HasSubstr("go(settings: $settings)"));
}

TEST(Model, of_a_schema_without_jobs_is_refused) {
  const auto contract =
      contract_of("type Query { a: Int }", {.has_resolver = [](auto, auto) { return true; }});
  const auto model = Model::build(*contract, {});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("no mutation with @job"));
}

// --- selections ---

Result<std::optional<Selection>> selection_of(const contract::Contract& contract,
                                              std::string_view type, std::size_t depth) {
  const auto& schema = *contract.served_schema();
  return select_all(schema, *schema.type(type), depth);
}

TEST(Selection, has_all_leaves_to_the_depth_and_says_whether_that_is_all) {
  const auto contract = contract_of(
      "type Mutation { go: A @job } type A { x: Int! b: [B!] } type B { y: Int c: C } "
      "type C { z: Int }");
  EXPECT_EQ(to_text(**selection_of(*contract, "A", 1)), "{ x }");
  EXPECT_EQ(to_text(**selection_of(*contract, "A", 2)), "{ x b { y } }");
  EXPECT_FALSE((*selection_of(*contract, "A", 2))->complete);
  EXPECT_EQ(to_text(**selection_of(*contract, "A", 3)), "{ x b { y c { z } } }");
  EXPECT_TRUE((*selection_of(*contract, "A", 3))->complete);
}

TEST(Selection, cuts_circles) {
  const auto contract = contract_of("type Mutation { go: A @job } type A { a: A }");
  EXPECT_EQ(to_text(**selection_of(*contract, "A", 1)), "{ __typename }");
  EXPECT_EQ(to_text(**selection_of(*contract, "A", 2)), "{ a { __typename } }");
}

TEST(Selection, of_an_abstract_type_names_the_type_and_parts_fields_of_other_shapes) {
  const auto contract = contract_of(
      "type Mutation { go: U @job } union U = A | B | C type A { x: Int y: Int } "
      "type B { x: Int! y: Int B_x: Int! } type C { z: C }");
  // x of A may be null: one name cannot have both shapes (specification, 5.3.2).
  const auto text = to_text(**selection_of(*contract, "U", 1));
  EXPECT_THAT(text, HasSubstr("... on A { x y }"));
  // B_x is a field of its own, which the other name must not hide.
  EXPECT_THAT(text, HasSubstr("... on B { B_x_: x y B_x }"));
  EXPECT_EQ(text.find("... on C"), std::string::npos);
}

TEST(Selection, of_a_leaf_is_none) {
  const auto contract = contract_of("type Mutation { go: Int @job }");
  EXPECT_FALSE(selection_of(*contract, "Int", 3)->has_value());
}

TEST(Selection, that_grows_beyond_all_use_is_refused) {
  const auto contract =
      contract_of("type Mutation { go: A @job } type A { a: A b: A c: A d: A e: Int }");
  EXPECT_TRUE(selection_of(*contract, "A", 5));
  const auto refused = selection_of(*contract, "A", 20);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--depth"));
}

}  // namespace
}  // namespace errand::codegen
