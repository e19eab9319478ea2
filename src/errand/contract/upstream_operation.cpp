#include "errand/contract/upstream_operation.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "errand/base/assert.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/validation/validate.h"

namespace errand::contract {
namespace {

namespace language = graphql::language;
namespace type = graphql::type;

/// Levels of fields that are asked for where the author does not say.
constexpr int kDefaultDepth = 3;
/// Fields of one operation, fragments put in place; more are a mistake.
constexpr std::size_t kFieldsMax = 2'000;

std::string argument_list(const type::FieldDefinition& field, bool as_variables) {
  std::string text;
  for (const type::InputValueDefinition& argument : field.arguments) {
    const std::string name(argument.name);
    text += text.empty() ? "(" : ", ";
    text += as_variables ? "$" + name + ": " + argument.type.str() : name + ": $" + name;
  }
  return text.empty() ? text : text + ")";
}

/// The fields that are asked for where the author does not say, as text.
class DefaultSelection {
 public:
  explicit DefaultSelection(const type::Schema& schema) : schema_(schema) {}

  /// "{ id files { url } }"; empty where there is nothing to select.
  std::string of(const type::NamedType& named) { return braced(named, 1); }

 private:
  /// What stands within one abstract type by name: all that has one name must have one shape there
  /// (specification, 5.3.2).
  struct Taken {
    std::map<std::string_view, std::string> shapes;
    std::set<std::string_view> by_interface;
  };

  std::string braced(const type::NamedType& named, int depth) {
    if (!named.is_abstract()) {
      const std::string fields = fields_of(named.as<type::FieldsType>(), depth, nullptr);
      return fields.empty() ? fields : "{" + fields + " }";
    }
    Taken taken;
    std::string text;
    if (const auto* interface = named.get_if<type::InterfaceType>()) {
      text = fields_of(*interface, depth, &taken);
      for (const auto& [name, shape] : taken.shapes) taken.by_interface.insert(name);
    }
    const bool has_common = !text.empty();
    for (const type::ObjectType* object : schema_.possible_types(named)) {
      if (is_on_path(*object)) return {};
      const std::string own = fields_of(*object, depth, &taken);
      if (!own.empty()) {
        text += " ... on " + std::string(object->name) + " {" + own + " }";
      } else if (!has_common) {
        return {};  // there would be objects without a field
      }
    }
    return text.empty() ? text : "{ __typename" + text + " }";
  }

  std::string fields_of(const type::FieldsType& parent, int depth, Taken* taken) {
    path_.push_back(&parent);
    std::string text;
    for (const type::FieldDefinition& field : parent.fields) {
      if (std::ranges::any_of(field.arguments, &type::InputValueDefinition::is_required)) continue;
      if (taken != nullptr && taken->by_interface.contains(field.name)) continue;
      const type::NamedType& named = field.type.named();
      std::string below;
      if (!named.is_leaf()) {
        if (depth == kDefaultDepth || is_on_path(named)) continue;
        below = braced(named, depth + 1);
        if (below.empty()) continue;
      }
      if (taken != nullptr &&
          taken->shapes.emplace(field.name, field.type.str()).first->second != field.type.str()) {
        continue;
      }
      text += " " + std::string(field.name) + (below.empty() ? "" : " " + below);
    }
    path_.pop_back();
    return text;
  }

  [[nodiscard]] bool is_on_path(const type::NamedType& named) const {
    return std::ranges::find(path_, &named) != path_.end();
  }

  const type::Schema& schema_;
  std::vector<const type::NamedType*> path_;
};

/// What a selection takes of one object type, wherever it stands.
struct ObjectUse {
  struct Field {
    std::string_view response_name;
    const type::FieldDefinition* definition = nullptr;
    std::size_t uses = 0;
    bool plain = true;  ///< by its own name and without arguments
  };

  std::size_t uses = 0;
  std::vector<Field> fields;  ///< in the order in which they are first selected
};

/// Goes through a valid selection and gathers what it takes of each type.
class SelectionReader {
 public:
  SelectionReader(const type::Schema& schema, const language::Document& document)
      : schema_(schema) {
    for (const language::Definition* definition : document.definitions()) {
      if (const auto* fragment = definition->get_if<language::FragmentDefinition>()) {
        fragments_.emplace(fragment->name.value, fragment);
      }
    }
  }

  /// @return what is wrong; empty: nothing.
  std::string read(const type::NamedType& named, const language::SelectionSet& selections) {
    place(named, {&selections});
    return error_;
  }

  std::map<const type::ObjectType*, ObjectUse> objects;
  std::set<const type::NamedType*> abstracts;  ///< those that something stands at

 private:
  using Sets = std::vector<const language::SelectionSet*>;
  struct Merged {
    std::string_view response_name;
    const type::FieldDefinition* definition = nullptr;
    bool plain = true;
    Sets below;
  };

  void place(const type::NamedType& named, const Sets& sets) {
    if (named.is_abstract()) abstracts.insert(&named);
    for (const type::ObjectType* object : schema_.possible_types(named)) {
      if (!error_.empty()) return;
      std::vector<Merged> merged;
      for (const language::SelectionSet* set : sets) collect(*object, *set, merged);
      if (merged.empty() && error_.empty()) {
        error_ = "selects no field of " + std::string(object->name) +
                 ", which the result can hold too; add \"... on " + std::string(object->name) +
                 " { ... }\"";
      }
      take(*object, merged);
    }
  }

  void take(const type::ObjectType& object, const std::vector<Merged>& merged) {
    ObjectUse& use = objects[&object];
    ++use.uses;
    for (const Merged& each : merged) {
      if (!error_.empty()) return;
      if (++fields_ > kFieldsMax) {
        error_ = "takes more than " + std::to_string(kFieldsMax) + " fields; select fewer";
        return;
      }
      auto known =
          std::ranges::find(use.fields, each.response_name, &ObjectUse::Field::response_name);
      if (known == use.fields.end()) {
        use.fields.push_back({each.response_name, each.definition, 0, true});
        known = std::prev(use.fields.end());
      } else if (known->definition != each.definition) {
        error_ = "calls two fields of " + std::string(object.name) + " \"" +
                 std::string(each.response_name) +
                 "\" in different places; give them different names";
        return;
      }
      ++known->uses;
      known->plain = known->plain && each.plain;
      if (!each.below.empty()) {
        // A use may move while others are added below.
        place(each.definition->type.named(), each.below);
      }
    }
  }

  // CollectFields() of the specification, 6.3.2, without its directives.
  void collect(const type::ObjectType& object, const language::SelectionSet& set,
               std::vector<Merged>& merged) {
    for (const language::Selection* selection : set.selections) {
      if (!selection->directives.empty()) {
        error_ = "has a directive (@" + std::string(selection->directives.front()->name.value) +
                 "); a job asks for the same always, so leave it out";
        return;
      }
      if (const auto* field = selection->get_if<language::Field>()) {
        if (field->name.value == "__typename") {
          if (!field->alias.empty()) error_ = "gives __typename another name; leave it as it is";
          continue;
        }
        auto known = std::ranges::find(merged, field->response_name(), &Merged::response_name);
        if (known == merged.end()) {
          merged.push_back({.response_name = field->response_name(),
                            .definition = object.field(field->name.value),
                            .plain = field->alias.empty() && field->arguments.empty(),
                            .below = {}});
          known = std::prev(merged.end());
        }
        if (field->selection_set != nullptr) known->below.push_back(field->selection_set);
        continue;
      }
      const language::NamedType* condition = nullptr;
      const language::SelectionSet* below = nullptr;
      if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
        condition = inline_fragment->type_condition;
        below = inline_fragment->selection_set;
      } else {
        const auto* fragment = fragments_.at(selection->as<language::FragmentSpread>().name.value);
        condition = fragment->type_condition;
        below = fragment->selection_set;
      }
      const type::NamedType* wanted =
          condition == nullptr ? nullptr : schema_.type(condition->name.value);
      if (wanted == nullptr || wanted == &object || schema_.is_possible_type(*wanted, object)) {
        collect(object, *below, merged);
      }
    }
  }

  const type::Schema& schema_;
  std::map<std::string_view, const language::FragmentDefinition*> fragments_;
  std::string error_;
  std::size_t fields_ = 0;
};

/// Prints a selection with __typename wherever a type is abstract.
class SelectionPrinter {
 public:
  explicit SelectionPrinter(const type::Schema& schema) : schema_(schema) {}

  std::string print(const type::NamedType& parent, const language::SelectionSet& set) const {
    std::string text = "{";
    const bool asks = std::ranges::any_of(set.selections, [](const auto* selection) {
      const auto* field = selection->template get_if<language::Field>();
      return field != nullptr && field->name.value == "__typename";
    });
    if (parent.is_abstract() && !asks) text += " __typename";
    for (const language::Selection* selection : set.selections) {
      if (const auto* field = selection->get_if<language::Field>()) {
        text += ' ';
        if (!field->alias.empty()) text += std::string(field->alias.value) + ": ";
        text += field->name.value;
        for (const language::Argument* argument : field->arguments) {
          text += argument == field->arguments.front() ? "(" : ", ";
          text += language::print(*argument);
        }
        if (!field->arguments.empty()) text += ')';
        if (field->selection_set != nullptr) {
          text += ' ' + print(schema_.field(parent, field->name.value)->type.named(),
                              *field->selection_set);
        }
      } else if (const auto* fragment = selection->get_if<language::InlineFragment>()) {
        const auto* condition = fragment->type_condition;
        text += " ... ";
        if (condition != nullptr) text += "on " + std::string(condition->name.value) + ' ';
        text += print(condition == nullptr ? parent : *schema_.type(condition->name.value),
                      *fragment->selection_set);
      } else {
        text += " ..." + std::string(selection->as<language::FragmentSpread>().name.value);
      }
    }
    return text + " }";
  }

  std::string print(const language::FragmentDefinition& fragment) const {
    const std::string_view condition = fragment.type_condition->name.value;
    return "fragment " + std::string(fragment.name.value) + " on " + std::string(condition) + ' ' +
           print(*schema_.type(condition), *fragment.selection_set);
  }

 private:
  const type::Schema& schema_;
};

/// The types that a result has which is less than the schema's.
class ResultTypes {
 public:
  ResultTypes(const type::Schema& schema, const SelectionReader& read, std::string_view prefix)
      : schema_(schema), read_(read) {
    find_lesser();
    for (const type::NamedType* named : lesser_) {
      std::string name = std::string(prefix) + std::string(named->name);
      while (schema.type(name) != nullptr) name += '_';
      names_.emplace(named, std::move(name));
    }
  }

  [[nodiscard]] std::string name_of(const type::NamedType& named) const {
    const auto found = names_.find(&named);
    return found == names_.end() ? std::string(named.name) : found->second;
  }

  [[nodiscard]] std::map<std::string, std::string> renamed_objects() const {
    std::map<std::string, std::string> renamed;
    for (const auto& [named, name] : names_) {
      if (named->is<type::ObjectType>()) renamed.emplace(named->name, name);
    }
    return renamed;
  }

  /// In the order of the schema's types, so that the same schema gives the same text.
  [[nodiscard]] std::string sdl() const {
    std::string sdl;
    for (const type::NamedType* named : schema_.types()) {
      if (!lesser_.contains(named)) continue;
      if (named->description) sdl += language::print_string(*named->description) + "\n";
      sdl += named->is_abstract() ? abstract(*named) : object(named->as<type::ObjectType>());
    }
    return sdl;
  }

 private:
  struct ResultField {
    std::string name;
    std::string type;
    std::optional<std::string_view> description;

    friend bool operator==(const ResultField& a, const ResultField& b) {
      return a.name == b.name && a.type == b.type;
    }
  };

  /// Whether each place takes all of `object`, as it is.
  static bool is_whole(const type::ObjectType& object, const ObjectUse& use) {
    return use.fields.size() == object.fields.size() &&
           std::ranges::all_of(use.fields, [&](const ObjectUse::Field& field) {
             return field.plain && field.uses == use.uses && field.definition->arguments.empty();
           });
  }

  void find_lesser() {
    for (const auto& [object, use] : read_.objects) {
      if (!is_whole(*object, use)) lesser_.insert(object);
    }
    // What holds a lesser type is one itself, and so is all that stands beside it.
    for (std::size_t before = lesser_.size() + 1; before != lesser_.size();) {
      before = lesser_.size();
      for (const auto& [object, use] : read_.objects) {
        if (std::ranges::any_of(use.fields, [&](const ObjectUse::Field& field) {
              return lesser_.contains(&field.definition->type.named());
            })) {
          lesser_.insert(object);
        }
      }
      for (const type::NamedType* abstract : read_.abstracts) {
        const auto possible = schema_.possible_types(*abstract);
        if (std::ranges::any_of(possible,
                                [&](const auto* each) { return lesser_.contains(each); }) ||
            lesser_.contains(abstract)) {
          lesser_.insert(abstract);
          lesser_.insert(possible.begin(), possible.end());
        }
      }
    }
  }

  [[nodiscard]] std::vector<ResultField> fields_of(const type::ObjectType& object) const {
    const ObjectUse& use = read_.objects.at(&object);
    std::vector<ResultField> fields;
    for (const ObjectUse::Field& field : use.fields) {
      const type::NamedType& named = field.definition->type.named();
      std::string text = field.definition->type.str();
      text.replace(text.find(named.name), named.name.size(), name_of(named));
      // Absent where it is not selected.
      if (field.uses < use.uses && text.ends_with('!')) text.pop_back();
      fields.push_back(
          {std::string(field.response_name), std::move(text), field.definition->description});
    }
    return fields;
  }

  static std::string braced(const std::vector<ResultField>& fields) {
    std::string sdl = " {\n";
    for (const ResultField& field : fields) {
      if (field.description) sdl += "  " + language::print_string(*field.description) + "\n";
      sdl += "  " + field.name + ": " + field.type + "\n";
    }
    return sdl + "}\n";
  }

  /// What all objects of an abstract type have, which makes it an interface; empty: a union.
  [[nodiscard]] std::vector<ResultField> common_fields(const type::NamedType& abstract) const {
    if (abstract.is<type::UnionType>()) return {};
    std::vector<ResultField> common;
    bool first = true;
    for (const type::ObjectType* object : schema_.possible_types(abstract)) {
      const auto own = fields_of(*object);
      if (std::exchange(first, false)) {
        common = own;
      } else {
        std::erase_if(common, [&](const ResultField& field) {
          return std::ranges::find(own, field) == own.end();
        });
      }
    }
    return common;
  }

  [[nodiscard]] std::string object(const type::ObjectType& object) const {
    std::string sdl = "type " + name_of(object);
    std::string_view separator = " implements ";
    for (const type::InterfaceType* interface : object.interfaces) {
      if (!lesser_.contains(interface) || common_fields(*interface).empty()) continue;
      sdl += std::string(separator) + name_of(*interface);
      separator = " & ";
    }
    return sdl + braced(fields_of(object));
  }

  [[nodiscard]] std::string abstract(const type::NamedType& abstract) const {
    const auto common = common_fields(abstract);
    if (!common.empty()) return "interface " + name_of(abstract) + braced(common);
    std::string sdl = "union " + name_of(abstract);
    std::string_view separator = " = ";
    for (const type::ObjectType* object : schema_.possible_types(abstract)) {
      sdl += std::string(separator) + name_of(*object);
      separator = " | ";
    }
    return sdl + "\n";
  }

  const type::Schema& schema_;
  const SelectionReader& read_;
  std::set<const type::NamedType*> lesser_;
  std::map<const type::NamedType*, std::string> names_;
};

}  // namespace

std::optional<UpstreamOperation> plan_upstream_operation(const type::Schema& schema,
                                                         const type::FieldDefinition& field,
                                                         const UpstreamOperationOptions& options,
                                                         SchemaErrors& errors) {
  const auto wrong = [&](const std::string& why) {
    errors.add(options.place, "the selection of " + std::string(field.name) + " " + why);
    return std::nullopt;
  };
  const type::NamedType& named = field.type.named();
  const std::string mutation(options.mutation);
  const std::string head = "mutation " + mutation + argument_list(field, true) + " { " + mutation +
                           argument_list(field, false);
  if (named.is_leaf()) {
    if (!options.selection.empty()) {
      return wrong("has nothing to select from: its type is " + field.type.str() +
                   "; leave selection out");
    }
    return UpstreamOperation{
        .document = head + " }", .type_name = std::string(named.name), .sdl = {}, .type_names = {}};
  }

  const std::string selection = options.selection.empty() ? DefaultSelection(schema).of(named)
                                                          : std::string(options.selection);
  if (selection.empty()) {
    return wrong("is empty: " + std::string(named.name) +
                 " has no field that can be asked for without saying how; write selection: "
                 "\"{ ... }\"");
  }
  if (!selection.starts_with('{')) {
    return wrong("begins with no brace; write selection: \"{ id name }\", and fragments after it");
  }
  const auto document = language::parse({.body = selection, .name = "selection"});
  if (!document) return wrong("cannot be read: " + document.error().message);
  const auto* operation = document->definitions().front()->get_if<language::OperationDefinition>();
  ERRAND_ASSERT(operation != nullptr && operation->selection_set != nullptr);
  std::string fragments;
  for (const language::Definition* definition : document->definitions().subspan(1)) {
    const auto* fragment = definition->get_if<language::FragmentDefinition>();
    if (fragment == nullptr) return wrong("is followed by something that is no fragment");
    fragments += "\n" + language::print(*fragment);
  }
  // Valid within the whole operation, whose field has the name that it has here.
  const auto checked =
      language::parse({.body = "mutation" + argument_list(field, true) + " { " +
                               std::string(field.name) + argument_list(field, false) + " " +
                               language::print(*operation->selection_set) + " }" + fragments,
                       .name = "selection"});
  ERRAND_ASSERT(checked.has_value());
  const auto faults = graphql::validation::validate(schema, *checked);
  if (!faults.empty()) return wrong("is not valid: " + faults.front().message);

  SelectionReader reader(schema, *document);
  if (const std::string fault = reader.read(named, *operation->selection_set); !fault.empty()) {
    return wrong(fault);
  }
  const ResultTypes types(schema, reader, options.prefix);
  const SelectionPrinter printer(schema);
  std::string text = head + " " + printer.print(named, *operation->selection_set) + " }";
  for (const language::Definition* definition : document->definitions().subspan(1)) {
    text += " " + printer.print(definition->as<language::FragmentDefinition>());
  }
  return UpstreamOperation{.document = std::move(text),
                           .type_name = types.name_of(named),
                           .sdl = types.sdl(),
                           .type_names = types.renamed_objects()};
}

}  // namespace errand::contract
