#include "errand/graphql/language/printer.h"

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "errand/graphql/language/arena.h"
#include "errand/graphql/language/parser.h"

namespace errand::graphql::language {
namespace {

std::string printed(std::string_view text) {
  const auto document = parse(Source{std::string(text)});
  return document ? print(*document) : document.error().message;
}

TEST(Printer, LaysOutOperationsAsGraphqlJs) {
  EXPECT_EQ(printed("query{a}"), "{\n  a\n}");
  EXPECT_EQ(
      printed("query Q($a:[Int!]=[1,2]@d,$b:S){x:a(b:$a,c:{d:E}) @e{...F ...on T{b} ...@g{c}}}"
              "fragment F on T@h{d}"),
      "query Q($a: [Int!] = [1, 2] @d, $b: S) {\n"
      "  x: a(b: $a, c: { d: E }) @e {\n"
      "    ...F\n"
      "    ... on T {\n"
      "      b\n"
      "    }\n"
      "    ... @g {\n"
      "      c\n"
      "    }\n"
      "  }\n"
      "}\n"
      "\n"
      "fragment F on T @h {\n"
      "  d\n"
      "}");
}

TEST(Printer, BreaksArgumentsListsAndObjectsOfMoreThan80Columns) {
  const std::string longest(75, 'v');  // f(a: "vv...") is 84 columns
  EXPECT_EQ(printed("{ f(a: \"" + longest + "\", b: 1) }"),
            "{\n  f(\n    a: \"" + longest + "\"\n    b: 1\n  )\n}");
  EXPECT_EQ(printed("{ f(a: [\"" + longest + "\", {b: 1}]) }"),
            "{\n  f(\n    a: [\n      \"" + longest + "\"\n      { b: 1 }\n    ]\n  )\n}");
  EXPECT_EQ(printed("{ f(a: {b: \"" + longest + "\"}) }"),
            "{\n  f(\n    a: {\n      b: \"" + longest + "\"\n    }\n  )\n}");
}

TEST(Printer, LaysOutTypeSystemDefinitionsAsGraphqlJs) {
  EXPECT_EQ(printed("\"\"\"s\"\"\" schema@a{query:Q} extend schema@b type T implements A&B{\"f\" "
                    "f(a:Int=1 \"b\" b:S):T!} union U=|A|B enum E{A B@c} input I{a:Int=1} "
                    "directive@d(a:Int)repeatable on|FIELD|QUERY extend union U=C scalar X"),
            "\"\"\"s\"\"\"\nschema @a {\n  query: Q\n}\n\n"
            "extend schema @b\n\n"
            "type T implements A & B {\n"
            "  \"f\"\n"
            "  f(\n"
            "    a: Int = 1\n"
            "    \"b\"\n"
            "    b: S\n"
            "  ): T!\n"
            "}\n\n"
            "union U = A | B\n\n"
            "enum E {\n  A\n  B @c\n}\n\n"
            "input I {\n  a: Int = 1\n}\n\n"
            "directive @d(a: Int) repeatable on FIELD | QUERY\n\n"
            "extend union U = C\n\n"
            "scalar X");
}

TEST(Printer, KeepsAShorthandQueryFromBecomingTheBodyOfATypeBeforeIt) {
  const std::string text = "type A @d\n\nquery {\n  a\n}\n\n{\n  b\n}";
  EXPECT_EQ(printed("type A @d query { a } { b }"), text);
}

TEST(Printer, IsLinearInNestedValues) {
  std::string value;
  for (int i = 0; i < 150; ++i) value += "[{a:";
  value += "1";
  for (int i = 0; i < 150; ++i) value += "}]";
  const auto document = parse(Source{"{f(a:" + value + ")}"}, {.max_depth = 500});
  ASSERT_TRUE(document);
  const std::string text = print(*document);
  EXPECT_EQ(print(*parse(Source{text}, {.max_depth = 500})), text);
}

TEST(PrintString, EscapesWhatCannotStandInAString) {
  EXPECT_EQ(print_string("a\"\\\b\f\n\r\t\x01\x7F é😀\xC2\x9F"),
            "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007F é😀\\u009F\"");
}

RC_GTEST_PROP(PrintString, ReadsBackAsTheSameValue, (std::vector<std::uint32_t> points)) {
  std::string value;
  for (const std::uint32_t point : points) {
    const auto scalar = static_cast<char>(point % 0x80);
    value += scalar;
    if (point % 7 == 0) value += "é😀\xC2\x85";
  }
  const auto tree = parse_value(Source{print_string(value)});
  RC_ASSERT(tree.has_value());
  RC_ASSERT(tree.value()->as<StringValue>().value == value);
}

RC_GTEST_PROP(PrintBlockString, ReadsBackAsTheSameValueWhereItMay, ()) {
  static constexpr std::array<std::string_view, 9> kParts = {"a",  " ",      "\n", "\t", "\"",
                                                             "\\", "\"\"\"", "é",  "b c"};
  std::string value;
  for (const int i : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 9))) {
    value += kParts[static_cast<std::size_t>(i)];
  }
  RC_PRE(is_printable_as_block_string(value));
  const auto tree = parse_value(Source{print_block_string(value)});
  RC_ASSERT(tree.has_value());
  RC_ASSERT(tree.value()->as<StringValue>().value == value);
}

/// Makes random documents, node by node, of everything that the language has.
class RandomDocument {
 public:
  explicit RandomDocument(std::uint32_t seed) : random_(seed) {}

  Document make() && {
    const auto definitions = list<Definition>(1, 4, [&] { return definition(); });
    return Document(std::make_shared<const Source>(), std::move(arena_), definitions, 0);
  }

 private:
  std::size_t pick(std::size_t bound) { return random_() % bound; }
  bool chance() { return pick(3) == 0; }

  Name name() {
    static constexpr std::array<std::string_view, 8> kNames = {
        "a",  "id",   "__typename", "query", "aLongNameThatFillsTheLineQuickly",
        "B2", "type", "input"};
    Name node;
    node.value = kNames[pick(kNames.size())];
    return node;
  }

  template <class T, class Make>
  NodeList<T> list(std::size_t min, std::size_t max, const Make& make) {
    const std::span<const T*> items = arena_.make_array<const T*>(min + pick(max - min + 1));
    for (const T*& item : items) item = make();
    return items;
  }

  const StringValue* string() {
    static constexpr std::array<std::string_view, 6> kTexts = {
        "", "text", "two\nlines", "\"quoted\" \\ é😀", "  first\nsecond \"\"\"", "ends with \\"};
    auto* node = arena_.make<StringValue>();
    node->value = kTexts[pick(kTexts.size())];
    node->block = chance() && is_printable_as_block_string(node->value);
    return node;
  }
  const StringValue* description() { return chance() ? string() : nullptr; }

  const Variable* variable() {
    auto* node = arena_.make<Variable>();
    node->name = name();
    return node;
  }

  const Value* value(int depth, bool constant) {
    switch (pick(depth > 0 ? 9 : 7)) {
      case 0: {
        auto* node = arena_.make<IntValue>();
        node->value = "-12";
        return node;
      }
      case 1: {
        auto* node = arena_.make<FloatValue>();
        node->value = "1.5e+10";
        return node;
      }
      case 2: {
        auto* node = arena_.make<BooleanValue>();
        node->value = chance();
        return node;
      }
      case 3:
        return arena_.make<NullValue>();
      case 4: {
        auto* node = arena_.make<EnumValue>();
        node->value = "RED";
        return node;
      }
      case 5:
        return string();
      case 6:
        if (constant) return arena_.make<NullValue>();
        return variable();
      case 7: {
        auto* node = arena_.make<ListValue>();
        node->values = list<Value>(0, 4, [&] { return value(depth - 1, constant); });
        return node;
      }
      default: {
        auto* node = arena_.make<ObjectValue>();
        node->fields = list<ObjectField>(0, 4, [&] {
          auto* field = arena_.make<ObjectField>();
          field->name = name();
          field->value = value(depth - 1, constant);
          return field;
        });
        return node;
      }
    }
  }

  NodeList<Argument> arguments(bool constant) {
    return list<Argument>(0, 3, [&] {
      auto* node = arena_.make<Argument>();
      node->name = name();
      node->value = value(2, constant);
      return node;
    });
  }

  NodeList<Directive> directives(bool constant, std::size_t min = 0) {
    return list<Directive>(min, min + (chance() ? 2 : 0), [&] {
      auto* node = arena_.make<Directive>();
      node->name = name();
      node->arguments = arguments(constant);
      return node;
    });
  }

  const NamedType* named_type() {
    auto* node = arena_.make<NamedType>();
    node->name = name();
    return node;
  }
  NodeList<NamedType> named_types(std::size_t min) {
    return list<NamedType>(min, 3, [&] { return named_type(); });
  }

  const TypeReference* type(bool may_be_non_null = true) {
    switch (pick(may_be_non_null ? 4 : 3)) {
      case 0: {
        auto* node = arena_.make<ListType>();
        node->type = type();
        return node;
      }
      case 3: {
        auto* node = arena_.make<NonNullType>();
        node->type = type(false);
        return node;
      }
      default:
        return named_type();
    }
  }

  const SelectionSet* selection_set(int depth) {
    auto* node = arena_.make<SelectionSet>();
    node->selections = list<Selection>(1, 4, [&] { return selection(depth); });
    return node;
  }

  const Selection* selection(int depth) {
    switch (pick(5)) {
      case 0: {
        auto* node = arena_.make<FragmentSpread>();
        node->name = name();
        node->directives = directives(false);
        return node;
      }
      case 1:
        if (depth > 0) {
          auto* node = arena_.make<InlineFragment>();
          if (chance()) node->type_condition = named_type();
          node->directives = directives(false);
          node->selection_set = selection_set(depth - 1);
          return node;
        }
        [[fallthrough]];
      default: {
        auto* node = arena_.make<Field>();
        if (chance()) node->alias = name();
        node->name = name();
        node->arguments = arguments(false);
        node->directives = directives(false);
        if (depth > 0 && chance()) node->selection_set = selection_set(depth - 1);
        return node;
      }
    }
  }

  NodeList<InputValueDefinition> input_values(std::size_t min) {
    return list<InputValueDefinition>(min, 3, [&] {
      auto* node = arena_.make<InputValueDefinition>();
      node->description = description();
      node->name = name();
      node->type = type();
      if (chance()) node->default_value = value(2, true);
      node->directives = directives(true);
      return node;
    });
  }

  NodeList<FieldDefinition> field_definitions() {
    return list<FieldDefinition>(0, 3, [&] {
      auto* node = arena_.make<FieldDefinition>();
      node->description = description();
      node->name = name();
      node->arguments = input_values(0);
      node->type = type();
      node->directives = directives(true);
      return node;
    });
  }

  template <class T>
  T* make_type() {
    const bool extension = chance();
    T* node = arena_.make<T>(extension ? T::kExtensionKind : T::kDefinitionKind);
    if constexpr (requires { node->name; }) node->name = name();
    // One directive at least, so that every extension extends something.
    node->directives = directives(true, extension ? 1 : 0);
    if (!extension) node->description = description();
    return node;
  }

  const Definition* definition() {
    switch (pick(10)) {
      case 0: {
        auto* node = arena_.make<FragmentDefinition>();
        node->description = description();
        node->name = name();
        node->type_condition = named_type();
        node->directives = directives(false);
        node->selection_set = selection_set(3);
        return node;
      }
      case 1: {
        auto* node = make_type<SchemaDefinition>();
        node->operation_types = list<OperationTypeDefinition>(1, 3, [&] {
          auto* type = arena_.make<OperationTypeDefinition>();
          type->operation = static_cast<OperationType>(pick(3));
          type->type = named_type();
          return type;
        });
        return node;
      }
      case 2:
        return make_type<ScalarTypeDefinition>();
      case 3: {
        auto* node = make_type<ObjectTypeDefinition>();
        node->interfaces = named_types(0);
        node->fields = field_definitions();
        return node;
      }
      case 4: {
        auto* node = make_type<InterfaceTypeDefinition>();
        node->interfaces = named_types(0);
        node->fields = field_definitions();
        return node;
      }
      case 5: {
        auto* node = make_type<UnionTypeDefinition>();
        node->types = named_types(0);
        return node;
      }
      case 6: {
        auto* node = make_type<EnumTypeDefinition>();
        node->values = list<EnumValueDefinition>(0, 3, [&] {
          auto* enum_value = arena_.make<EnumValueDefinition>();
          enum_value->description = description();
          enum_value->name = name();
          enum_value->directives = directives(true);
          return enum_value;
        });
        return node;
      }
      case 7: {
        auto* node = make_type<InputObjectTypeDefinition>();
        node->fields = input_values(0);
        return node;
      }
      case 8: {
        auto* node = arena_.make<DirectiveDefinition>();
        node->description = description();
        node->name = name();
        node->arguments = input_values(0);
        node->repeatable = chance();
        Name* location = arena_.make<Name>();
        location->value = "FIELD";
        node->locations = list<Name>(1, 2, [&] { return location; });
        return node;
      }
      default: {
        auto* node = arena_.make<OperationDefinition>();
        node->operation = static_cast<OperationType>(pick(3));
        node->description = description();
        if (chance()) node->name = name();
        node->variable_definitions = list<VariableDefinition>(0, 2, [&] {
          auto* variable_definition = arena_.make<VariableDefinition>();
          variable_definition->description = description();
          variable_definition->variable = variable();
          variable_definition->type = type();
          if (chance()) variable_definition->default_value = value(2, true);
          variable_definition->directives = directives(true);
          return variable_definition;
        });
        node->directives = directives(false);
        node->selection_set = selection_set(3);
        return node;
      }
    }
  }

  Arena arena_;
  std::mt19937 random_;
};

RC_GTEST_PROP(Printer, PrintsWhatParsesToThePrintedTree, (std::uint32_t seed)) {
  const std::string text = print(RandomDocument(seed).make());
  const auto document = parse(Source{text});
  if (!document) RC_FAIL(to_string(document.error()) + "\n" + text);
  RC_ASSERT(print(document.value()) == text);
}

}  // namespace
}  // namespace errand::graphql::language
