#include "errand/graphql/language/parser.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "errand/graphql/language/printer.h"

namespace errand::graphql::language {
namespace {

/// "OK", or the error with its place.
std::string verdict(std::string_view text, const ParseOptions& options = {}) {
  const auto document = parse(Source{std::string(text)}, options);
  if (document) return "OK";
  const GraphQLError& error = document.error();
  EXPECT_EQ(error.locations.size(), 1U);
  return error.message + " " + std::to_string(error.locations[0].line) + ":" +
         std::to_string(error.locations[0].column);
}

std::string nested(std::string_view open, std::string_view inner, std::string_view close,
                   std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += inner;
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(Parser, WordsItsErrorsAsGraphqlJs) {
  struct Case {
    const char* text;
    const char* error;
  };
  for (const auto& [text, error] : {
           Case{"", "Syntax Error: Unexpected <EOF>. 1:1"},
           Case{"{", "Syntax Error: Expected Name, found <EOF>. 1:2"},
           Case{"{ }", "Syntax Error: Expected Name, found \"}\". 1:3"},
           Case{"\n{ ...MissingOn }\nfragment MissingOn Type",
                "Syntax Error: Expected \"on\", found Name \"Type\". 3:20"},
           Case{"{ field: {} }", "Syntax Error: Expected Name, found \"{\". 1:10"},
           Case{"notAnOperation Foo { field }",
                "Syntax Error: Unexpected Name \"notAnOperation\". 1:1"},
           Case{"...", "Syntax Error: Unexpected \"...\". 1:1"},
           Case{"{ \"\"", "Syntax Error: Expected Name, found String \"\". 1:3"},
           Case{"query Foo($x: Complex = { a: { b: [ $var ] } }) { field }",
                "Syntax Error: Unexpected variable \"$var\" in constant value. 1:37"},
           Case{"fragment on on on { on }", "Syntax Error: Unexpected Name \"on\". 1:10"},
           Case{"{ ...on }", "Syntax Error: Expected Name, found \"}\". 1:9"},
           Case{"{ f() }", "Syntax Error: Expected Name, found \")\". 1:5"},
           Case{"\"d\" { f }",
                "Syntax Error: Unexpected description, descriptions are not supported on "
                "shorthand queries. 1:1"},
           Case{"\"d\" extend type A @x",
                "Syntax Error: Unexpected description, only GraphQL definitions support "
                "descriptions. 1:1"},
           Case{"extend type A", "Syntax Error: Unexpected <EOF>. 1:14"},
           Case{"extend schema", "Syntax Error: Unexpected <EOF>. 1:14"},
           Case{"extend \"d\" type A", "Syntax Error: Unexpected String \"d\". 1:8"},
           Case{"type A {}", "Syntax Error: Expected Name, found \"}\". 1:9"},
           Case{"union U = ", "Syntax Error: Expected Name, found <EOF>. 1:11"},
           Case{"enum E { true }",
                "Syntax Error: Name \"true\" is reserved and cannot be used for an enum value. "
                "1:10"},
           Case{"directive @a on FIELD | WRONG", "Syntax Error: Unexpected Name \"WRONG\". 1:25"},
           Case{"{ a(b: 'c') }",
                "Syntax Error: Unexpected single quote character ('), did you mean to use a double "
                "quote (\")? 1:8"},
           Case{"{ a .. }", "Syntax Error: Unexpected \"..\", did you mean \"...\"? 1:5"},
       }) {
    EXPECT_EQ(verdict(text), error) << text;
  }
}

TEST(Parser, KnowsNoReservedNamesButOn) {
  for (const char* word : {"on", "fragment", "query", "mutation", "subscription", "true", "type"}) {
    const std::string name(word);
    const std::string fragment = name == "on" ? "a" : name;
    EXPECT_EQ(verdict("query " + name + " { ..." + fragment + " ... on " + name + " { " + name +
                      "(" + name + ": $" + name + ") @" + name + " } } fragment " + fragment +
                      " on " + name + " { " + name + " }"),
              "OK");
  }
}

TEST(Parser, ReadsDescriptionsOnExecutableDefinitions) {  // 2.2, September 2025
  const auto document =
      parse(Source{"\"q\" query Q(\"v\" $v: Int) { a } \"\"\"f\"\"\" fragment F on T { a }"});
  ASSERT_TRUE(document);
  const auto& operation = document->definitions()[0]->as<OperationDefinition>();
  EXPECT_EQ(operation.description->value, "q");
  EXPECT_EQ(operation.variable_definitions[0]->description->value, "v");
  EXPECT_TRUE(document->definitions()[1]->description->block);
}

TEST(Parser, GivesNodesTheirPlaces) {
  const auto document = parse(Source{"{ a: b(c: [1 $d]) @e # x\n f }"});
  ASSERT_TRUE(document);
  const auto& operation = document->definitions()[0]->as<OperationDefinition>();
  const auto text = [&](const Node& node) {
    return document->source().body.substr(node.start, node.end - node.start);
  };
  const auto& field = operation.selection_set->selections[0]->as<Field>();
  EXPECT_EQ(text(field), "a: b(c: [1 $d]) @e");
  EXPECT_EQ(text(field.name), "b");
  EXPECT_EQ(field.response_name(), "a");
  EXPECT_EQ(text(*field.arguments[0]), "c: [1 $d]");
  EXPECT_EQ(text(*field.arguments[0]->value), "[1 $d]");
  EXPECT_EQ(text(*field.directives[0]), "@e");
  EXPECT_EQ(document->location(*operation.selection_set->selections[1]), (Location{2, 2}));
  EXPECT_EQ(document->token_count(), 17U);
}

TEST(Parser, KeepsNodesInPlaceOverAMove) {
  auto parsed = parse(Source{"{ a }"});  // short enough for the string's own buffer
  ASSERT_TRUE(parsed);
  const Document document = *std::move(parsed);
  EXPECT_EQ(print(document), "{\n  a\n}");
}

TEST(Parser, ReadsExtensionsIntoTheNodesOfDefinitions) {
  const auto document = parse(Source{"type A { a: Int } extend type A @x extend schema @y"});
  ASSERT_TRUE(document);
  EXPECT_FALSE(document->definitions()[0]->is_extension());
  const auto& extension = document->definitions()[1]->as<ObjectTypeDefinition>();
  EXPECT_TRUE(extension.is_extension());
  EXPECT_EQ(extension.kind, Kind::kObjectTypeExtension);
  EXPECT_EQ(extension.directives[0]->name.value, "x");
  EXPECT_NE(document->definitions()[2]->get_if<SchemaDefinition>(), nullptr);
  EXPECT_EQ(document->definitions()[2]->get_if<ScalarTypeDefinition>(), nullptr);
}

TEST(Parser, BoundsTheDepthOfEveryRecursion) {
  const std::size_t deep = 300'000;
  for (const std::string& text : {
           nested("{a", "", "}", deep),
           "{a(b:" + nested("[", "", "]", deep) + ")}",
           "{a(b:" + nested("{c:", "1", "}", deep) + ")}",
           "query($a:" + nested("[", "Int", "]", deep) + "){a}",
           nested("{...on A", "{a}", "}", deep),
       }) {
    EXPECT_EQ(verdict(text).substr(0, 60),
              "Syntax Error: Document is nested deeper than 200 levels. Par")
        << text.substr(0, 20);
  }
  EXPECT_EQ(verdict(nested("{a", "", "}", 200)), "OK");
  const ParseOptions deepest{.max_depth = ParseOptions::kMaxDepthMax};
  EXPECT_EQ(verdict(nested("{a", "", "}", deepest.max_depth), deepest), "OK");
  EXPECT_EQ(verdict("{a(b:" + nested("[", "", "]", deepest.max_depth - 1) + ")}", deepest), "OK");
}

TEST(Parser, BoundsTheNumberOfTokens) {
  EXPECT_EQ(verdict("{ a }", {.max_tokens = 3}), "OK");
  const auto document = parse(Source{"{ a b }"}, {.max_tokens = 3});
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().message,
            "Syntax Error: Document contains more than 3 tokens. Parsing aborted.");
  EXPECT_EQ(document.error().code, ErrorCode::kMaxTokensLimit);
}

TEST(Parser, TakesMemoryInProportionToTheText) {
  constexpr std::size_t kBytes = 1 << 20;
  for (const std::string& text :
       {"{ " + nested("b ", "", "", kBytes / 2) + "}",
        "{ " + nested("b:c ", "", "", kBytes / 4) + "}",
        "{ a(x: [" + nested("1 ", "", "", kBytes / 2) + "]) }",
        "{ a(x: \"" + std::string(kBytes, 'x') + "\") }", "{ a } #" + std::string(kBytes, '#')}) {
    const auto document = parse(Source{text});
    ASSERT_TRUE(document.has_value()) << document.error().message;
    EXPECT_LT(document->memory_bytes(), 100 * text.size());
  }
}

TEST(Parser, TakesEmptySelectionSetsOnlyWhenTold) {
  EXPECT_EQ(verdict("{ a {} }", {.allow_empty_selection_sets = true}), "OK");
  EXPECT_EQ(verdict("{ a {} }"), "Syntax Error: Expected Name, found \"}\". 1:6");
}

TEST(Parser, ReadsValuesAndTypesAlone) {
  EXPECT_EQ(print(**parse_value(Source{"{a: [1, $b]}"})), "{ a: [1, $b] }");
  EXPECT_EQ(parse_value(Source{"[$b]"}, true).error().message,
            "Syntax Error: Unexpected variable \"$b\" in constant value.");
  EXPECT_EQ(parse_value(Source{"1 2"}).error().message,
            "Syntax Error: Expected <EOF>, found Int \"2\".");
  EXPECT_EQ(print(**parse_type(Source{" [ [Job!]! ] "})), "[[Job!]!]");
  EXPECT_EQ(parse_type(Source{"Job!!"}).error().message,
            "Syntax Error: Expected <EOF>, found \"!\".");
}

TEST(Parser, ReadsSchemaCoordinates) {  // 2.14
  for (const char* text : {"Job", "Job.status", "Query.job(id:)", "@job", "@job(queue:)"}) {
    const auto coordinate = parse_schema_coordinate(Source{text});
    ASSERT_TRUE(coordinate) << text;
    EXPECT_EQ(print(**coordinate), text);
  }
  const auto error = [](const char* text) {
    return parse_schema_coordinate(Source{text}).error().message;
  };
  EXPECT_EQ(error("Job. status"), "Syntax Error: Invalid character: \" \".");
  EXPECT_EQ(error("Job.a.b"), "Syntax Error: Expected <EOF>, found \".\".");
  EXPECT_EQ(error("Query.job(id)"), "Syntax Error: Expected \":\", found \")\".");
  EXPECT_EQ(error("@job.a"), "Syntax Error: Expected <EOF>, found \".\".");
}

TEST(GraphQLError, NamesFileLineAndColumn) {
  const auto document = parse(Source{"type A {\n  b Int\n}", "schema.graphql"});
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kGraphqlParseFailed);
  EXPECT_EQ(to_string(document.error()),
            "schema.graphql:2:5: Syntax Error: Expected \":\", found Name \"Int\".");
}

}  // namespace
}  // namespace errand::graphql::language
