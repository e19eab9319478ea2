#include "errand/graphql/type/print_schema.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "errand/graphql/language/printer.h"

namespace errand::graphql::type {
namespace {

using language::OperationType;

constexpr std::string_view kDefaultDeprecationReason = "No longer supported";

class SchemaPrinter {
 public:
  explicit SchemaPrinter(const PrintOptions& options) : options_(options) {}

  std::string schema(const Schema& schema) {
    schema_definition(schema);
    for (const DirectiveDefinition* directive : schema.directives()) {
      if (directive->built_in || !printed(*directive)) continue;
      separate();
      this->directive(*directive);
    }
    for (const NamedType* named : schema.types()) {
      if (named->built_in || !printed(*named)) continue;
      separate();
      type(*named);
    }
    return take();
  }

  std::string take() { return std::move(out_); }

  void type(const NamedType& type) {
    description(type.description, "");
    switch (type.kind()) {
      case TypeKind::kScalar: {
        out_ += "scalar ";
        out_ += type.name;
        if (const auto url = type.as<ScalarType>().specified_by_url) {
          out_ += " @specifiedBy(url: " + language::print_string(*url) + ")";
        }
        applied(type.directives);
        out_ += '\n';
        return;
      }
      case TypeKind::kObject:
        return fields("type ", type.as<FieldsType>());
      case TypeKind::kInterface:
        return fields("interface ", type.as<FieldsType>());
      case TypeKind::kUnion: {
        out_ += "union ";
        out_ += type.name;
        applied(type.directives);
        const auto& members = type.as<UnionType>().members;
        for (std::size_t i = 0; i < members.size(); ++i) {
          out_ += i == 0 ? " = " : " | ";
          out_ += members[i]->name;
        }
        out_ += '\n';
        return;
      }
      case TypeKind::kEnum: {
        out_ += "enum ";
        out_ += type.name;
        applied(type.directives);
        out_ += " {\n";
        bool first = true;
        for (const EnumValueDefinition& value : type.as<EnumType>().values) {
          member(value, first);
          out_ += value.name;
          deprecated(value.deprecation_reason);
          applied(value.directives);
          out_ += '\n';
        }
        out_ += "}\n";
        return;
      }
      case TypeKind::kInputObject: {
        const auto& input = type.as<InputObjectType>();
        out_ += "input ";
        out_ += type.name;
        if (input.is_one_of) out_ += " @oneOf";
        applied(type.directives);
        out_ += " {\n";
        bool first = true;
        for (const InputValueDefinition& field : input.fields) {
          member(field, first);
          input_value(field);
          out_ += '\n';
        }
        out_ += "}\n";
        return;
      }
    }
  }

 private:
  [[nodiscard]] bool printed(const Described& definition) const {
    return !options_.definitions || options_.definitions(definition);
  }

  void separate() {
    if (!out_.empty()) out_ += '\n';
  }

  void schema_definition(const Schema& schema) {
    const auto usual = [](const ObjectType* root, std::string_view name) {
      return root == nullptr || root->name == name;
    };
    // Left out where the names say it all; not where a type that is no root has a root's name.
    const auto unused_name = [&](const ObjectType* root, std::string_view name) {
      return root != nullptr || schema.type(name) == nullptr;
    };
    const bool by_default = usual(schema.query_type(), "Query") &&
                            usual(schema.mutation_type(), "Mutation") &&
                            usual(schema.subscription_type(), "Subscription") &&
                            unused_name(schema.query_type(), "Query") &&
                            unused_name(schema.mutation_type(), "Mutation") &&
                            unused_name(schema.subscription_type(), "Subscription");
    std::string directives;
    std::swap(out_, directives);
    applied(schema.schema_directives());
    std::swap(out_, directives);
    const bool described = options_.descriptions && schema.description();
    if (by_default && directives.empty() && !described) return;
    if (schema.root_type(OperationType::kQuery) == nullptr &&
        schema.root_type(OperationType::kMutation) == nullptr &&
        schema.root_type(OperationType::kSubscription) == nullptr) {
      // A definition must name a root type; an extension need not.
      if (!directives.empty()) out_ += "extend schema" + directives + "\n";
      return;
    }
    description(schema.description(), "");
    out_ += "schema" + directives + " {\n";
    const auto root = [&](std::string_view operation, const ObjectType* type) {
      if (type == nullptr) return;
      out_ += "  ";
      out_ += operation;
      out_ += ": ";
      out_ += type->name;
      out_ += '\n';
    };
    root("query", schema.query_type());
    root("mutation", schema.mutation_type());
    root("subscription", schema.subscription_type());
    out_ += "}\n";
  }

  void directive(const DirectiveDefinition& directive) {
    description(directive.description, "");
    out_ += "directive @";
    out_ += directive.name;
    arguments(directive.arguments, "");
    if (directive.repeatable) out_ += " repeatable";
    out_ += " on ";
    for (std::size_t i = 0; i < directive.locations.size(); ++i) {
      if (i > 0) out_ += " | ";
      out_ += directive.locations[i];
    }
    out_ += '\n';
  }

  void fields(std::string_view keyword, const FieldsType& type) {
    out_ += keyword;
    out_ += type.name;
    for (std::size_t i = 0; i < type.interfaces.size(); ++i) {
      out_ += i == 0 ? " implements " : " & ";
      out_ += type.interfaces[i]->name;
    }
    applied(type.directives);
    out_ += " {\n";
    bool first = true;
    for (const FieldDefinition& field : type.fields) {
      if (options_.fields && !options_.fields(field)) continue;
      member(field, first);
      out_ += field.name;
      std::optional<PrintOptions::FieldChange> change;
      if (options_.field_changes) change = options_.field_changes(field);
      arguments(field.arguments, "  ", change ? change->further_argument : std::string());
      out_ += ": " + (change ? change->type : field.type.str());
      deprecated(field.deprecation_reason);
      applied(field.directives);
      out_ += '\n';
    }
    if (options_.further_fields) out_ += options_.further_fields(type);
    out_ += "}\n";
  }

  /// What stands before a member of a block.
  void member(const Described& part, bool& first) {
    if (!first && part.description && options_.descriptions) out_ += '\n';
    first = false;
    description(part.description, "  ");
    out_ += "  ";
  }

  void arguments(std::span<const InputValueDefinition> arguments, std::string_view indentation,
                 const std::string& further = {}) {
    if (arguments.empty() && further.empty()) return;
    const bool block = options_.descriptions && std::ranges::any_of(arguments, [](const auto& a) {
                         return a.description.has_value();
                       });
    out_ += '(';
    if (block) out_ += '\n';
    const std::string inner = std::string(indentation) + "  ";
    bool first = true;
    for (const InputValueDefinition& argument : arguments) {
      if (block) {
        if (!first && argument.description) out_ += '\n';
        description(argument.description, inner);
        out_ += inner;
      } else if (!first) {
        out_ += ", ";
      }
      first = false;
      input_value(argument);
      if (block) out_ += '\n';
    }
    if (!further.empty()) {
      out_ += block ? inner : first ? "" : ", ";
      out_ += further;
      if (block) out_ += '\n';
    }
    if (block) out_ += indentation;
    out_ += ')';
  }

  void input_value(const InputValueDefinition& value) {
    out_ += value.name;
    out_ += ": " + value.type.str();
    if (value.default_literal != nullptr) out_ += " = " + language::print(*value.default_literal);
    deprecated(value.deprecation_reason);
    applied(value.directives);
  }

  void deprecated(const std::optional<std::string_view>& reason) {
    if (!reason) return;
    out_ += " @deprecated";
    if (*reason != kDefaultDeprecationReason) {
      out_ += "(reason: " + language::print_string(*reason) + ")";
    }
  }

  void applied(std::span<const AppliedDirective> directives) {
    if (!options_.directives) return;
    for (const AppliedDirective& directive : directives) {
      const std::string_view name = directive.name();
      if (name == "deprecated" || name == "specifiedBy" || name == "oneOf") continue;
      if (options_.directives(name)) out_ += " " + language::print(*directive.node);
    }
  }

  void description(const std::optional<std::string_view>& text, std::string_view indentation) {
    if (!text || !options_.descriptions) return;
    // One line of plain text stays one line, which reads better than three.
    const bool plain = text->find_first_of("\"\\\n\r") == std::string_view::npos;
    const bool block = !plain && language::is_printable_as_block_string(*text);
    const std::string printed =
        block ? language::print_block_string(*text) : language::print_string(*text);
    out_ += indentation;
    for (const char c : printed) {
      out_ += c;
      if (c == '\n') out_ += indentation;
    }
    out_ += '\n';
  }

  const PrintOptions& options_;
  std::string out_;
};

}  // namespace

std::string print_schema(const Schema& schema, const PrintOptions& options) {
  return SchemaPrinter(options).schema(schema);
}

std::string print_type(const NamedType& type, const PrintOptions& options) {
  SchemaPrinter printer(options);
  printer.type(type);
  return printer.take();
}

}  // namespace errand::graphql::type
