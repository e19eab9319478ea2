#include "errand/contract/check_costs.h"

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>

#include "errand/graphql/type/coerce.h"

namespace errand::contract {
namespace {

namespace type = graphql::type;

std::string_view view(const boost::json::value& text) {
  return {text.get_string().data(), text.get_string().size()};
}

bool is_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(number);
}

class CostChecks {
 public:
  CostChecks(const type::Schema& schema, SchemaErrors& errors)
      : cost_(*schema.directive("cost")),
        list_size_(*schema.directive("listSize")),
        errors_(errors) {}

  void check_cost(const type::Described& part) {
    const type::AppliedDirective* applied = type::find_directive(part.directives, "cost");
    if (applied == nullptr) return;
    const auto values = type::directive_values(cost_, *applied);
    const std::string_view weight = view(values.at("weight"));
    if (is_number(weight)) return;
    errors_.add(argument_place(*applied, "weight"),
                "@cost(weight: \"" + std::string(weight) +
                    "\"): is no number; write one in quotes, such as \"10\" or \"0.5\"");
  }

  void check_list_size(const type::FieldDefinition& field) {
    const type::AppliedDirective* applied = type::find_directive(field.directives, "listSize");
    if (applied == nullptr) return;
    const auto values = type::directive_values(list_size_, *applied);
    const auto add = [&](std::string_view argument, const std::string& text) {
      errors_.add(argument_place(*applied, argument),
                  "@listSize(" + std::string(argument) + ":): " + text);
    };
    if (const auto* assumed = values.if_contains("assumedSize");
        assumed != nullptr && assumed->is_int64() && assumed->get_int64() < 0) {
      add("assumedSize", "a list cannot have fewer than 0 items; write 0 or more");
    }
    for (const std::string_view name : texts(values, "slicingArguments")) {
      const type::InputValueDefinition* argument = field.argument(name);
      const bool counts =
          argument != nullptr && (argument->type.is_list() || argument->type.named().name == "Int");
      if (counts) continue;
      add("slicingArguments", "\"" + std::string(name) + "\" is no argument of " +
                                  std::string(field.name) +
                                  " that says how many; name one of type Int, or a list");
    }
    const auto sized = texts(values, "sizedFields");
    const auto* children = field.type.named().get_if<type::FieldsType>();
    for (const std::string_view name : sized) {
      const type::FieldDefinition* child = children == nullptr ? nullptr : children->field(name);
      if (child != nullptr && child->type.is_list()) continue;
      add("sizedFields", "\"" + std::string(name) + "\" is no list of the type " +
                             std::string(field.type.named().name) + "; name a field that is one");
    }
    if (sized.empty() && !field.type.is_list()) {
      errors_.add(applied->place(), "@listSize: " + std::string(field.name) +
                                        " is no list; name the lists of its type in sizedFields, "
                                        "or remove it");
    }
  }

 private:
  static std::vector<std::string_view> texts(const boost::json::object& values, const char* name) {
    std::vector<std::string_view> result;
    const boost::json::value* list = values.if_contains(name);
    if (list == nullptr || !list->is_array()) return result;
    for (const boost::json::value& text : list->get_array()) result.push_back(view(text));
    return result;
  }

  const type::DirectiveDefinition& cost_;
  const type::DirectiveDefinition& list_size_;
  SchemaErrors& errors_;
};

}  // namespace

void check_costs(const type::Schema& schema, SchemaErrors& errors) {
  CostChecks checks(schema, errors);
  for (const type::NamedType* named : schema.types()) {
    checks.check_cost(*named);
    if (const auto* input = named->get_if<type::InputObjectType>()) {
      for (const type::InputValueDefinition& field : input->fields) checks.check_cost(field);
    }
    const auto* with_fields = named->get_if<type::FieldsType>();
    if (with_fields == nullptr) continue;
    for (const type::FieldDefinition& field : with_fields->fields) {
      checks.check_cost(field);
      checks.check_list_size(field);
      for (const type::InputValueDefinition& argument : field.arguments) {
        checks.check_cost(argument);
      }
    }
  }
}

}  // namespace errand::contract
