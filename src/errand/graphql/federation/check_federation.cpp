#include "errand/graphql/federation/check_federation.h"

#include <algorithm>
#include <string>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::federation {
namespace {

/// The argument `name` of `directive`, with its place; nullptr where it is not given as a string.
struct TextArgument {
  const language::StringValue* value = nullptr;
  type::Place place;
};

TextArgument text_argument(const type::AppliedDirective& directive, std::string_view name) {
  for (const language::Argument* node : directive.node->arguments) {
    if (node->name.value != name) continue;
    return {node->value->get_if<language::StringValue>(), {directive.source, node->value}};
  }
  return {nullptr, directive.place()};
}

class Checker {
 public:
  Checker(const type::Schema& schema, const Linkage& linkage, const Report& report)
      : schema_(schema),
        report_(report),
        key_(linkage.directive("key")),
        requires_(linkage.directive("requires")),
        provides_(linkage.directive("provides")),
        interface_object_(linkage.directive("interfaceObject")),
        compose_(linkage.directive("composeDirective")) {}

  void run() {
    for (const type::AppliedDirective& directive : schema_.schema_directives()) {
      if (directive.name() == compose_) check_composed(directive);
    }
    for (const type::NamedType* named : schema_.types()) {
      const auto* with_fields = named->get_if<type::FieldsType>();
      if (with_fields == nullptr) continue;
      for (const type::AppliedDirective& directive : named->directives) {
        if (directive.name() == key_) check_field_set(directive, *with_fields, true);
      }
      const auto* object = type::find_directive(named->directives, interface_object_);
      if (object != nullptr && type::find_directive(named->directives, key_) == nullptr) {
        report_(object->place(), "@" + interface_object_ +
                                     " goes with the key of the interface; add @" + key_ +
                                     "(fields: \"id\")");
      }
      for (const type::FieldDefinition& field : with_fields->fields) {
        for (const type::AppliedDirective& directive : field.directives) {
          if (directive.name() == requires_) check_field_set(directive, *with_fields, false);
          if (directive.name() == provides_) check_provided(directive, field);
        }
      }
    }
  }

 private:
  void check_composed(const type::AppliedDirective& directive) {
    const TextArgument name = text_argument(directive, "name");
    if (name.value == nullptr) return;
    const std::string text(name.value->value);
    if (!text.starts_with('@')) {
      report_(name.place, "a directive is named with its at sign; write \"@" + text + "\"");
    } else if (schema_.directive(text.substr(1)) == nullptr) {
      report_(name.place, text + " is not defined; define it, or remove this directive");
    }
  }

  void check_provided(const type::AppliedDirective& directive, const type::FieldDefinition& field) {
    const type::NamedType& target = field.type.named();
    if (const auto* with_fields = target.get_if<type::FieldsType>()) {
      return check_field_set(directive, *with_fields, false);
    }
    if (target.is_composite()) return;  // A union: composition looks into its members.
    report_(directive.place(), "@" + provides_ + " names fields of the field's type, and " +
                                   field.type.str() + " has none; remove it");
  }

  void check_field_set(const type::AppliedDirective& directive, const type::FieldsType& on,
                       bool is_key) {
    const TextArgument fields = text_argument(directive, "fields");
    if (fields.value == nullptr) {
      report_(fields.place, "fields is a text of field names; write fields: \"id\"");
      return;
    }
    const auto document =
        language::parse({.body = "{" + std::string(fields.value->value) + "}", .name = "fields"});
    const auto* operation =
        document && document->definitions().size() == 1
            ? document->definitions().front()->get_if<language::OperationDefinition>()
            : nullptr;
    if (operation == nullptr) {
      report_(fields.place, "\"" + std::string(fields.value->value) +
                                "\" is no field set; write names with blanks between them, such as "
                                "\"id owner { id }\"");
      return;
    }
    place_ = fields.place;
    directive_ = directive.name();
    is_key_ = is_key;
    check_selections(*operation->selection_set, on);
  }

  void fault(std::string message) { report_(place_, std::move(message)); }

  void check_selections(const language::SelectionSet& set, const type::FieldsType& on) {
    for (const language::Selection* selection : set.selections) {
      if (const auto* field = selection->get_if<language::Field>()) {
        check_field(*field, on);
      } else if (is_key_) {
        fault("a key is made of plain fields; remove the fragment");
      } else if (const auto* fragment = selection->get_if<language::InlineFragment>()) {
        const type::NamedType* named = fragment->type_condition == nullptr
                                           ? &on
                                           : schema_.type(fragment->type_condition->name.value);
        const auto* with_fields = named == nullptr ? nullptr : named->get_if<type::FieldsType>();
        if (with_fields == nullptr) {
          fault("there is no object or interface type " +
                std::string(fragment->type_condition->name.value) + "; name one of this schema");
        } else {
          check_selections(*fragment->selection_set, *with_fields);
        }
      } else {
        fault("a field set has no named fragments; write ... on Type { }");
      }
    }
  }

  void check_field(const language::Field& field, const type::FieldsType& on) {
    const std::string coordinate = std::string(on.name) + "." + std::string(field.name.value);
    const type::FieldDefinition* definition = on.field(field.name.value);
    if (definition == nullptr) {
      if (field.name.value == "__typename") return;
      std::vector<std::string_view> known;
      for (const type::FieldDefinition& other : on.fields) known.push_back(other.name);
      fault("@" + directive_ + " names " + coordinate + ", which is not there; name a field of " +
            std::string(on.name) + "." +
            type::did_you_mean(type::suggestion_list(field.name.value, known)));
      return;
    }
    if (field.alias) fault("a field set has no aliases; write " + coordinate + " by its name");
    if (is_key_ && !definition->arguments.empty()) {
      fault(coordinate + " takes arguments, so it cannot be part of a key; use another field");
    }
    const type::NamedType& named = definition->type.named();
    if (is_key_ && (definition->type.is_list() || named.is_abstract())) {
      fault(coordinate +
            " is a list, interface or union, so it cannot be part of a key; use "
            "another field");
    }
    if (!named.is_composite()) {
      if (field.selection_set != nullptr) {
        fault(coordinate + " is a leaf; remove its selection { }");
      }
      return;
    }
    if (field.selection_set == nullptr) {
      fault(coordinate + " is an object; select fields of it, such as \"" +
            std::string(field.name.value) + " { id }\"");
    } else if (const auto* with_fields = named.get_if<type::FieldsType>()) {
      check_selections(*field.selection_set, *with_fields);
    }
  }

  const type::Schema& schema_;
  const Report& report_;
  std::string key_;
  std::string requires_;
  std::string provides_;
  std::string interface_object_;
  std::string compose_;

  // Of the field set that is being checked.
  type::Place place_;
  std::string directive_;
  bool is_key_ = false;
};

}  // namespace

void for_each_applied(const type::Schema& schema,
                      const std::function<void(const type::AppliedDirective&)>& function) {
  const auto all = [&](std::span<const type::AppliedDirective> directives) {
    std::ranges::for_each(directives, function);
  };
  const auto inputs = [&](std::span<const type::InputValueDefinition> values) {
    for (const type::InputValueDefinition& value : values) all(value.directives);
  };
  all(schema.schema_directives());
  for (const type::DirectiveDefinition* directive : schema.directives()) {
    all(directive->directives);
    inputs(directive->arguments);
  }
  for (const type::NamedType* named : schema.types()) {
    all(named->directives);
    if (const auto* with_fields = named->get_if<type::FieldsType>()) {
      for (const type::FieldDefinition& field : with_fields->fields) {
        all(field.directives);
        inputs(field.arguments);
      }
    } else if (const auto* input = named->get_if<type::InputObjectType>()) {
      inputs(input->fields);
    } else if (const auto* enum_type = named->get_if<type::EnumType>()) {
      for (const type::EnumValueDefinition& value : enum_type->values) all(value.directives);
    }
  }
}

std::set<std::string_view> applied_directives(const type::Schema& schema, const Linkage& linkage) {
  std::set<std::string_view> names;
  for_each_applied(schema, [&](const type::AppliedDirective& directive) {
    const std::string_view name = linkage.directive_called(directive.name());
    if (!name.empty()) names.insert(name);
  });
  return names;
}

void check_federation(const type::Schema& schema, const Linkage& linkage, const Report& report) {
  Checker(schema, linkage, report).run();
}

}  // namespace errand::graphql::federation
