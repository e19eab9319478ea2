#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "errand/graphql/language/arena.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/type/input_faults.h"

namespace errand::graphql::type {
namespace {

namespace json = boost::json;
using language::Kind;

std::string quoted(const TypeRef& type) { return '"' + type.str() + '"'; }

bool has_variables(const language::Value& literal) {
  if (literal.is<language::Variable>()) return true;
  if (const auto* list = literal.get_if<language::ListValue>()) {
    return std::ranges::any_of(list->values,
                               [](const language::Value* item) { return has_variables(*item); });
  }
  const auto* object = literal.get_if<language::ObjectValue>();
  return object != nullptr &&
         std::ranges::any_of(object->fields, [](const language::ObjectField* field) {
           return has_variables(*field->value);
         });
}

/// `literal` as it is where no variable has a value: null in lists, absent in objects.
const language::Value& without_variables(const language::Value& literal, language::Arena& arena) {
  if (!has_variables(literal)) return literal;
  if (const auto* list = literal.get_if<language::ListValue>()) {
    std::vector<const language::Value*> values;
    for (const language::Value* item : list->values) {
      values.push_back(&without_variables(*item, arena));
    }
    auto* copy = arena.make<language::ListValue>(*list);
    copy->values = arena.copy(std::span<const language::Value* const>(values));
    return *copy;
  }
  if (const auto* object = literal.get_if<language::ObjectValue>()) {
    std::vector<const language::ObjectField*> fields;
    for (const language::ObjectField* field : object->fields) {
      if (field->value->is<language::Variable>()) continue;
      auto* copy = arena.make<language::ObjectField>(*field);
      copy->value = &without_variables(*field->value, arena);
      fields.push_back(copy);
    }
    auto* copy = arena.make<language::ObjectValue>(*object);
    copy->fields = arena.copy(std::span<const language::ObjectField* const>(fields));
    return *copy;
  }
  return *arena.make<language::NullValue>();
}

/// Finds what is wrong with a literal. Without variables it is checked as it stands in a document,
/// variables taken to fit; with them, for one execution.
class LiteralCheck {
 public:
  LiteralCheck(const json::object* variables, bool with_variables, const LiteralReport& report)
      : variables_(variables), with_variables_(with_variables), report_(report) {}

  void check(const language::Value& literal, const TypeRef& type, const PathLink* path) const {
    // Asked while a schema is built, a type may be none for input; that has its own error.
    if (!type.named().is_input()) return;
    if (const auto* variable = literal.get_if<language::Variable>()) {
      if (with_variables_ && type.is_non_null()) check_variable(*variable, type, path);
      return;
    }
    if (literal.kind == Kind::kNullValue) {
      if (type.is_non_null()) {
        report_(literal, path, must_not_be_null(type));
      }
      return;
    }
    if (type.is_list()) {
      const TypeRef item_type = type.item();
      const auto* list = literal.get_if<language::ListValue>();
      if (list == nullptr) return check(literal, item_type, path);
      for (std::size_t i = 0; i < list->values.size(); ++i) {
        const PathLink link{path, {}, i, true};
        check(*list->values[i], item_type, &link);
      }
      return;
    }
    if (const auto* object = type.named().get_if<InputObjectType>()) {
      return check_object(literal, *object, path);
    }
    // Nested variables without a value are taken out, which is also how the message shows it.
    language::Arena arena;
    const language::Value& plain =
        variables_ == nullptr ? without_variables(literal, arena) : literal;
    LeafResult leaf = parse_leaf_literal(type.named(), plain, variables_);
    if (!leaf) report_(literal, path, std::move(leaf.error()));
  }

 private:
  void check_variable(const language::Variable& variable, const TypeRef& type,
                      const PathLink* path) const {
    const json::value* value = variable_value(variable, variables_);
    const std::string name = "\"$" + std::string(variable.name.value) + '"';
    if (value == nullptr) {
      report_(variable, path,
              "Expected variable " + name + " provided to type " + quoted(type) +
                  " to provide a runtime value.");
    } else if (value->is_null()) {
      report_(variable, path,
              "Expected variable " + name + " provided to non-null type " + quoted(type) +
                  " not to be null.");
    }
  }

  void check_object(const language::Value& literal, const InputObjectType& type,
                    const PathLink* path) const {
    const auto* object = literal.get_if<language::ObjectValue>();
    if (object == nullptr) {
      report_(literal, path, not_an_object(type, language::print(literal)));
      return;
    }
    for (const InputValueDefinition& field : type.fields) {
      const language::ObjectField* node = find_field(*object, field.name);
      if (node == nullptr) {
        if (field.is_required()) {
          report_(literal, path, missing_field(type, field, language::print(literal)));
        }
        continue;
      }
      const auto* variable = node->value->get_if<language::Variable>();
      if (variable != nullptr && with_variables_) {
        const json::value* value = variable_value(*variable, variables_);
        if (type.is_one_of && (value == nullptr || value->is_null())) {
          report_(literal, path,
                  "Expected variable \"$" + std::string(variable->name.value) +
                      "\" provided to field \"" + std::string(field.name) +
                      "\" for OneOf Input Object type \"" + std::string(type.name) + "\" " +
                      (value == nullptr ? "to provide a runtime value." : "not to be null."));
        } else if (value == nullptr && !field.is_required()) {
          continue;
        }
      }
      const PathLink link{path, field.name, 0, false};
      check(*node->value, field.type, &link);
    }
    const language::ObjectField* only = nullptr;
    std::size_t known = 0;
    for (const language::ObjectField* node : object->fields) {
      if (type.field(node->name.value) == nullptr) {
        report_(*node, path, unknown_field(type, node->name.value, language::print(literal)));
      } else {
        only = node;
        ++known;
      }
    }
    if (!type.is_one_of) return;
    if (known != 1) {
      report_(literal, path, not_one_of(type));
    } else if (only->value->kind == Kind::kNullValue) {
      const PathLink link{path, only->name.value, 0, false};
      report_(literal, &link, not_one_of(type));
    }
  }

  const json::object* variables_;
  bool with_variables_;
  const LiteralReport& report_;
};

}  // namespace

void find_literal_faults(const language::Value& literal, const TypeRef& type,
                         const json::object* variables, bool with_variables,
                         const LiteralReport& report) {
  LiteralCheck(variables, with_variables, report).check(literal, type, nullptr);
}

void check_literal(
    const language::Value& literal, const TypeRef& type,
    const std::function<void(const language::Node& node, std::string message)>& report) {
  const LiteralReport with_path = [&](const language::Node& node, const PathLink*,
                                      std::string message) { report(node, std::move(message)); };
  find_literal_faults(literal, type, nullptr, false, with_path);
}

}  // namespace errand::graphql::type
