#include "errand/graphql/language/printer.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>

#include "errand/graphql/language/arena.h"

namespace errand::graphql::language {
namespace {

constexpr std::size_t kLineLengthMax = 80;

/// A piece of text in a chain. Indentation opens before a chunk and closes after one, so that
/// indenting a printed subtree costs nothing.
struct Chunk {
  std::string_view text;
  Chunk* next = nullptr;
  bool indent_before = false;
  bool dedent_after = false;
};

/// Printed text as a chain of chunks, with its length in UTF-16 units (indentation of its own
/// included) and its line ends: what the layout decides by.
struct Rope {
  Chunk* head = nullptr;
  Chunk* tail = nullptr;
  std::size_t length = 0;
  std::size_t newlines = 0;

  [[nodiscard]] bool empty() const noexcept { return length == 0; }
};

/// Prints as the reducer of graphql-js 17 does, node by node, bottom up; linear in the output.
class Printer {
 public:
  std::string render(const Rope& rope) {
    std::string out;
    std::string indentation;
    for (const Chunk* chunk = rope.head; chunk != nullptr; chunk = chunk->next) {
      if (chunk->indent_before) {
        indentation += "  ";
        out += "  ";
      }
      std::string_view text = chunk->text;
      for (std::size_t end; (end = text.find('\n')) != std::string_view::npos;
           text.remove_prefix(end + 1)) {
        out += text.substr(0, end + 1);
        out += indentation;
      }
      out += text;
      if (chunk->dedent_after) indentation.resize(indentation.size() - 2);
    }
    return out;
  }

  Rope print(const Node& node) {
    switch (node.kind) {
      case Kind::kName:
        return text(node.as<Name>().value);
      case Kind::kOperationDefinition:
        return print(node.as<OperationDefinition>());
      case Kind::kFragmentDefinition:
        return print(node.as<FragmentDefinition>());
      case Kind::kVariableDefinition:
        return print(node.as<VariableDefinition>());
      case Kind::kSelectionSet:
        return print(node.as<SelectionSet>());
      case Kind::kField:
        return print(node.as<Field>());
      case Kind::kFragmentSpread: {
        const auto& spread = node.as<FragmentSpread>();
        return join({text("..."), text(spread.name.value), spaced(spread.directives)});
      }
      case Kind::kInlineFragment: {
        const auto& fragment = node.as<InlineFragment>();
        return join({text("..."), wrap("on ", optional(fragment.type_condition)),
                     join(fragment.directives, " "), print(*fragment.selection_set)},
                    " ");
      }
      case Kind::kArgument: {
        const auto& argument = node.as<Argument>();
        return named_value(argument.name, *argument.value);
      }
      case Kind::kObjectField: {
        const auto& field = node.as<ObjectField>();
        return named_value(field.name, *field.value);
      }
      case Kind::kDirective: {
        const auto& directive = node.as<Directive>();
        return join({text("@"), text(directive.name.value),
                     wrap("(", join(directive.arguments, ", "), ")")});
      }
      case Kind::kVariable:
        return join({text("$"), text(node.as<Variable>().name.value)});
      case Kind::kIntValue:
        return text(node.as<IntValue>().value);
      case Kind::kFloatValue:
        return text(node.as<FloatValue>().value);
      case Kind::kStringValue: {
        const auto& string = node.as<StringValue>();
        return owned(string.block ? print_block_string(string.value) : print_string(string.value));
      }
      case Kind::kBooleanValue:
        return text(node.as<BooleanValue>().value ? "true" : "false");
      case Kind::kNullValue:
        return text("null");
      case Kind::kEnumValue:
        return text(node.as<EnumValue>().value);
      case Kind::kListValue:
        return print(node.as<ListValue>());
      case Kind::kObjectValue:
        return print(node.as<ObjectValue>());
      case Kind::kNamedType:
        return text(node.as<NamedType>().name.value);
      case Kind::kListType:
        return join({text("["), print(*node.as<ListType>().type), text("]")});
      case Kind::kNonNullType:
        return join({print(*node.as<NonNullType>().type), text("!")});
      default:
        return print_type_system(node);
    }
  }

  /// The definitions of a document. A query in shorthand behind a definition without a body would
  /// read as that body, so it gets its keyword there (graphql-js prints it ambiguously).
  Rope print_definitions(NodeList<Definition> definitions) {
    Rope all;
    const Definition* previous = nullptr;
    for (const Definition* definition : definitions) {
      Rope rope = print(*definition);
      if (previous != nullptr && takes_body_that_is_absent(*previous) &&
          definition->is<OperationDefinition>() && rope.head->text.starts_with('{')) {
        rope = join({text("query "), rope});
      }
      append_separated(all, rope, "\n\n");
      previous = definition;
    }
    return all;
  }

  template <class T>
  Rope join(NodeList<T> nodes, std::string_view separator) {
    Rope all;
    for (const T* node : nodes) append_separated(all, print(*node), separator);
    return all;
  }

 private:
  // ---- Executable nodes ----

  Rope print(const OperationDefinition& node) {
    const std::span<const Rope> variables = print_all(node.variable_definitions);
    // Unlike argument definitions these are not indented, as in graphql-js.
    const Rope in_parentheses = any_multiline(variables) ? wrap("(\n", join(variables, "\n"), "\n)")
                                                         : wrap("(", join(variables, ", "), ")");
    const std::string_view operation = to_string(node.operation);
    Rope prefix = join({description(node.description),
                        join({text(operation), join({text(node.name.value), in_parentheses}),
                              join(node.directives, " ")},
                             " ")});
    if (node.operation == OperationType::kQuery && prefix.length == operation.size()) {
      return print(*node.selection_set);
    }
    return join({prefix, text(" "), print(*node.selection_set)});
  }

  Rope print(const FragmentDefinition& node) {
    return join({description(node.description), text("fragment "), text(node.name.value),
                 text(" on "), print(*node.type_condition), text(" "),
                 wrap("", join(node.directives, " "), " "), print(*node.selection_set)});
  }

  Rope print(const VariableDefinition& node) {
    return join({description(node.description), print(*node.variable), text(": "),
                 print(*node.type), wrap(" = ", optional(node.default_value)),
                 spaced(node.directives)});
  }

  Rope print(const SelectionSet& node) {
    return node.selections.empty() ? text("{}") : block(node.selections);
  }

  Rope print(const Field& node) {
    Rope prefix = join({wrap("", text(node.alias.value), ": "), text(node.name.value)});
    if (!node.arguments.empty()) {
      const std::span<const Rope> items = print_all(node.arguments);
      const bool too_long = prefix.length + flat_length(items) + 2 > kLineLengthMax;
      append(prefix, too_long ? wrap("(\n", indent(join(items, "\n")), "\n)")
                              : wrap("(", join(items, ", "), ")"));
    }
    return join({prefix, spaced(node.directives), wrap(" ", optional(node.selection_set))});
  }

  Rope named_value(const Name& name, const Value& value) {
    return join({text(name.value), text(": "), print(value)});
  }

  Rope print(const ListValue& node) {
    const std::span<const Rope> items = print_all(node.values);
    if (2 + flat_length(items) > kLineLengthMax) {
      return wrap("[\n", indent(join(items, "\n")), "\n]");
    }
    return join({text("["), join(items, ", "), text("]")});
  }

  Rope print(const ObjectValue& node) {
    const std::span<const Rope> items = print_all(node.fields);
    if (4 + flat_length(items) > kLineLengthMax) {
      return wrap("{\n", indent(join(items, "\n")), "\n}");
    }
    return join({text("{ "), join(items, ", "), text(" }")});
  }

  // ---- Type system ----

  Rope print_type_system(const Node& node) {
    switch (node.kind) {
      case Kind::kSchemaDefinition:
      case Kind::kSchemaExtension: {
        const auto& schema = node.as<SchemaDefinition>();
        return definition(schema, "schema", {},
                          {join(schema.directives, " "), block(schema.operation_types)});
      }
      case Kind::kOperationTypeDefinition: {
        const auto& type = node.as<OperationTypeDefinition>();
        return join({text(to_string(type.operation)), text(": "), print(*type.type)});
      }
      case Kind::kScalarTypeDefinition:
      case Kind::kScalarTypeExtension: {
        const auto& type = node.as<ScalarTypeDefinition>();
        return definition(type, "scalar", type.name, {join(type.directives, " ")});
      }
      case Kind::kObjectTypeDefinition:
      case Kind::kObjectTypeExtension:
        return fielded(node.as<ObjectTypeDefinition>(), "type");
      case Kind::kInterfaceTypeDefinition:
      case Kind::kInterfaceTypeExtension:
        return fielded(node.as<InterfaceTypeDefinition>(), "interface");
      case Kind::kUnionTypeDefinition:
      case Kind::kUnionTypeExtension: {
        const auto& type = node.as<UnionTypeDefinition>();
        return definition(type, "union", type.name,
                          {join(type.directives, " "), wrap("= ", join(type.types, " | "))});
      }
      case Kind::kEnumTypeDefinition:
      case Kind::kEnumTypeExtension: {
        const auto& type = node.as<EnumTypeDefinition>();
        return definition(type, "enum", type.name,
                          {join(type.directives, " "), block(type.values)});
      }
      case Kind::kInputObjectTypeDefinition:
      case Kind::kInputObjectTypeExtension: {
        const auto& type = node.as<InputObjectTypeDefinition>();
        return definition(type, "input", type.name,
                          {join(type.directives, " "), block(type.fields)});
      }
      case Kind::kFieldDefinition: {
        const auto& field = node.as<FieldDefinition>();
        return join({description(field.description), text(field.name.value),
                     argument_definitions(field.arguments), text(": "), print(*field.type),
                     spaced(field.directives)});
      }
      case Kind::kInputValueDefinition: {
        const auto& value = node.as<InputValueDefinition>();
        return join({description(value.description), text(value.name.value), text(": "),
                     print(*value.type), wrap(" = ", optional(value.default_value)),
                     spaced(value.directives)});
      }
      case Kind::kEnumValueDefinition: {
        const auto& value = node.as<EnumValueDefinition>();
        return join(
            {description(value.description), text(value.name.value), spaced(value.directives)});
      }
      case Kind::kDirectiveDefinition: {
        const auto& directive = node.as<DirectiveDefinition>();
        return join({description(directive.description), text("directive @"),
                     text(directive.name.value), argument_definitions(directive.arguments),
                     spaced(directive.directives), text(directive.repeatable ? " repeatable" : ""),
                     text(" on "), join(directive.locations, " | ")});
      }
      case Kind::kDirectiveExtension: {
        const auto& directive = node.as<DirectiveExtension>();
        return join(
            {text("extend directive @"), text(directive.name.value), spaced(directive.directives)});
      }
      default:
        return print_coordinate(node.as<SchemaCoordinate>());
    }
  }

  Rope print_coordinate(const SchemaCoordinate& node) {
    const Rope name = text(node.name.value);
    switch (node.kind) {
      case Kind::kMemberCoordinate:
        return join({name, text("."), text(node.as<MemberCoordinate>().member_name.value)});
      case Kind::kArgumentCoordinate: {
        const auto& coordinate = node.as<ArgumentCoordinate>();
        return join({name, text("."), text(coordinate.field_name.value), text("("),
                     text(coordinate.argument_name.value), text(":)")});
      }
      case Kind::kDirectiveCoordinate:
        return join({text("@"), name});
      case Kind::kDirectiveArgumentCoordinate:
        return join({text("@"), name, text("("),
                     text(node.as<DirectiveArgumentCoordinate>().argument_name.value), text(":)")});
      default:
        return name;
    }
  }

  Rope definition(const Definition& node, std::string_view keyword, const Name& name,
                  std::initializer_list<Rope> parts) {
    Rope line =
        join({text(node.is_extension() ? "extend" : ""), text(keyword), text(name.value)}, " ");
    for (const Rope& part : parts) append_separated(line, part, " ");
    return join({description(node.description), line});
  }

  template <class T>
  Rope fielded(const T& node, std::string_view keyword) {
    return definition(node, keyword, node.name,
                      {wrap("implements ", join(node.interfaces, " & ")),
                       join(node.directives, " "), block(node.fields)});
  }

  Rope argument_definitions(NodeList<InputValueDefinition> arguments) {
    const std::span<const Rope> items = print_all(arguments);
    return any_multiline(items) ? wrap("(\n", indent(join(items, "\n")), "\n)")
                                : wrap("(", join(items, ", "), ")");
  }

  static bool takes_body_that_is_absent(const Definition& node) {
    if (const auto* type = node.get_if<SchemaDefinition>()) return type->operation_types.empty();
    if (const auto* type = node.get_if<ObjectTypeDefinition>()) return type->fields.empty();
    if (const auto* type = node.get_if<InterfaceTypeDefinition>()) return type->fields.empty();
    if (const auto* type = node.get_if<EnumTypeDefinition>()) return type->values.empty();
    if (const auto* type = node.get_if<InputObjectTypeDefinition>()) return type->fields.empty();
    return false;
  }

  // ---- Layout ----

  Rope text(std::string_view value) {
    Rope rope;
    if (value.empty()) return rope;
    Chunk* chunk = arena_.make<Chunk>();
    chunk->text = value;
    rope.head = rope.tail = chunk;
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte & 0xC0) != 0x80) rope.length += byte >= 0xF0 ? 2 : 1;
      if (c == '\n') ++rope.newlines;
    }
    return rope;
  }

  Rope owned(const std::string& value) { return text(arena_.copy(std::string_view(value))); }

  template <class T>
  Rope optional(const T* node) {
    return node == nullptr ? Rope{} : print(static_cast<const Node&>(*node));
  }

  Rope description(const StringValue* node) { return wrap("", optional(node), "\n"); }

  template <class T>
  Rope spaced(NodeList<T> nodes) {
    return wrap(" ", join(nodes, " "));
  }

  template <class T>
  Rope block(NodeList<T> nodes) {
    return wrap("{\n", indent(join(nodes, "\n")), "\n}");
  }

  /// Each node printed once: the layout is chosen by the lengths, and printing a child again for
  /// the other layout would take time exponential in the nesting.
  template <class T>
  std::span<const Rope> print_all(NodeList<T> nodes) {
    const std::span<Rope> items = arena_.make_array<Rope>(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) items[i] = print(*nodes[i]);
    return items;
  }

  /// Length of `items` on one line, with ", " between them.
  static std::size_t flat_length(std::span<const Rope> items) {
    std::size_t length = 0;
    for (const Rope& item : items) length += (length == 0 ? 0 : 2) + item.length;
    return length;
  }

  static bool any_multiline(std::span<const Rope> items) {
    return std::ranges::any_of(items, [](const Rope& item) { return item.newlines != 0; });
  }

  Rope join(std::span<const Rope> items, std::string_view separator) {
    Rope all;
    for (const Rope& item : items) append_separated(all, item, separator);
    return all;
  }

  Rope join(std::initializer_list<Rope> parts, std::string_view separator = {}) {
    Rope all;
    for (const Rope& part : parts) append_separated(all, part, separator);
    return all;
  }

  Rope wrap(std::string_view start, const Rope& rope, std::string_view end = {}) {
    if (rope.empty()) return {};
    return join({text(start), rope, text(end)});
  }

  static Rope indent(Rope rope) {
    if (rope.empty()) return rope;
    rope.head->indent_before = true;
    rope.tail->dedent_after = true;
    rope.length += 2 * (rope.newlines + 1);
    return rope;
  }

  void append_separated(Rope& to, const Rope& part, std::string_view separator) {
    if (part.empty()) return;
    if (!to.empty()) append(to, text(separator));
    append(to, part);
  }

  static void append(Rope& to, const Rope& part) {
    if (part.empty()) return;
    if (to.empty()) {
      to = part;
      return;
    }
    to.tail->next = part.head;
    to.tail = part.tail;
    to.length += part.length;
    to.newlines += part.newlines;
  }

  Arena arena_;
};

}  // namespace

std::string print(const Node& node) {
  Printer printer;
  return printer.render(printer.print(node));
}

std::string print(const Document& document) {
  Printer printer;
  return printer.render(printer.print_definitions(document.definitions()));
}

}  // namespace errand::graphql::language
