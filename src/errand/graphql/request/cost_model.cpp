#include "errand/graphql/request/cost_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/graphql/type/coerce.h"

namespace errand::graphql::request {
namespace {

constexpr double kObjectWeight = 2;
constexpr double kLeafWeight = 1;
/// Sums and products stop here: fragments and lists can multiply without end.
constexpr double kCostMax = 1e15;

double bounded(double cost) { return std::clamp(cost, 0.0, kCostMax); }

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

/// The texts in the list `name`; other items (of a directive of the user's own) are left out.
std::vector<std::string_view> texts(const boost::json::object& values, const char* name) {
  std::vector<std::string_view> result;
  const boost::json::value* list = values.if_contains(name);
  if (list == nullptr || !list->is_array()) return result;
  for (const boost::json::value& item : list->get_array()) {
    if (const auto* text = item.if_string()) result.push_back(view(*text));
  }
  return result;
}

/// The values of `@name` as applied; nullopt where it is not, or the schema does not define it.
std::optional<boost::json::object> values_of(const type::Schema& schema,
                                             const type::AppliedDirectives& directives,
                                             std::string_view name) {
  const type::AppliedDirective* applied = type::find_directive(directives, name);
  const type::DirectiveDefinition* definition = schema.directive(name);
  if (applied == nullptr || definition == nullptr) return std::nullopt;
  return type::directive_values(*definition, *applied);
}

std::optional<double> weight_of(const type::Schema& schema,
                                const type::AppliedDirectives& directives) {
  const auto values = values_of(schema, directives, "cost");
  if (!values) return std::nullopt;
  const boost::json::value* weight = values->if_contains("weight");
  if (weight == nullptr || !weight->is_string()) return std::nullopt;
  const std::string_view text = view(weight->get_string());
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return std::clamp(number, -kCostMax, kCostMax);
}

bool has_variable(const language::Value& value) {
  if (value.is<language::Variable>()) return true;
  if (const auto* list = value.get_if<language::ListValue>()) {
    return std::ranges::any_of(list->values, [](const auto* item) { return has_variable(*item); });
  }
  const auto* object = value.get_if<language::ObjectValue>();
  return object != nullptr && std::ranges::any_of(object->fields, [](const auto* field) {
           return has_variable(*field->value);
         });
}

/// Items that a slicing argument asks for: its number, or the length of a list.
std::optional<double> items(const boost::json::value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* list = value->if_array()) return static_cast<double>(list->size());
  boost::system::error_code error;
  const auto number = value->to_number<double>(error);
  if (error) return std::nullopt;
  return std::max(number, 0.0);
}

const boost::json::value* member(const boost::json::object& object, std::string_view name) {
  return object.if_contains({name.data(), name.size()});
}

}  // namespace

CostModel::CostModel(const type::Schema& schema, const Limits& limits)
    : schema_(schema),
      assumed_list_size_(static_cast<double>(limits.assumed_list_size)),
      list_size_max_(static_cast<double>(limits.list_size_max)),
      fields_(schema.field_count()) {
  read_weights(schema);
  read_list_sizes(schema);
  weigh_interfaces(schema);
}

void CostModel::read_weights(const type::Schema& schema) {
  const auto read_input = [&](const type::InputValueDefinition& value) {
    if (const auto weight = weight_of(schema, value.directives)) {
      input_weights_.emplace(&value, *weight);
    }
  };
  for (const type::NamedType* named : schema.types()) {
    if (const auto* input = named->get_if<type::InputObjectType>()) {
      std::ranges::for_each(input->fields, read_input);
    }
  }
  for (const type::NamedType* named : schema.types()) {
    const auto* with_fields = named->get_if<type::FieldsType>();
    if (with_fields == nullptr) continue;
    for (const type::FieldDefinition& field : with_fields->fields) {
      std::ranges::for_each(field.arguments, read_input);
      const type::NamedType& type = field.type.named();
      FieldCost& cost = fields_[field.index];
      cost.type = &type;
      cost.multiplies = field.type.is_list() && type.is_composite();
      cost.weight = weight_of(schema, field.directives)
                        .or_else([&] { return weight_of(schema, type.directives); })
                        .value_or(type.is_composite() ? kObjectWeight : kLeafWeight);
      cost.reads_arguments = std::ranges::any_of(
          field.arguments, [&](const auto& argument) { return counts(argument, nullptr); });
    }
  }
}

void CostModel::read_list_sizes(const type::Schema& schema) {
  for (const type::NamedType* named : schema.types()) {
    const auto* with_fields = named->get_if<type::FieldsType>();
    if (with_fields == nullptr) continue;
    for (const type::FieldDefinition& field : with_fields->fields) {
      const auto values = values_of(schema, field.directives, "listSize");
      if (!values) continue;
      auto size = std::make_unique<ListSize>();
      for (const std::string_view name : texts(*values, "slicingArguments")) {
        const type::InputValueDefinition* argument = field.argument(name);
        if (argument != nullptr) size->slicing_arguments.push_back(argument);
      }
      if (const auto* assumed = values->if_contains("assumedSize");
          assumed && assumed->is_int64()) {
        size->assumed = static_cast<double>(std::max<std::int64_t>(assumed->get_int64(), 0));
      }
      const auto* require = values->if_contains("requireOneSlicingArgument");
      size->require_one = !size->slicing_arguments.empty() && require != nullptr &&
                          require->is_bool() && require->get_bool();
      for (const std::string_view name : texts(*values, "sizedFields")) {
        const auto* children = field.type.named().get_if<type::FieldsType>();
        const type::FieldDefinition* child = children == nullptr ? nullptr : children->field(name);
        if (child == nullptr) continue;
        fields_[child->index].sized_by_parent = true;
        size->for_children = true;
      }
      FieldCost& cost = fields_[field.index];
      cost.list_size = size.get();
      cost.multiplies = !size->for_children && field.type.is_list();
      cost.reads_arguments |= !size->slicing_arguments.empty();
      list_sizes_.push_back(std::move(size));
    }
  }
  // A gateway asks a subgraph for as many entities as it has references to; it cannot page.
  const type::ObjectType* query = schema.root_type(language::OperationType::kQuery);
  const type::FieldDefinition* entities = query == nullptr ? nullptr : query->field("_entities");
  const type::InputValueDefinition* representations =
      entities == nullptr ? nullptr : entities->argument("representations");
  if (representations == nullptr || fields_[entities->index].list_size != nullptr) return;
  auto size = std::make_unique<ListSize>();
  size->slicing_arguments = {representations};
  size->limited = false;
  fields_[entities->index].list_size = size.get();
  fields_[entities->index].reads_arguments = true;
  list_sizes_.push_back(std::move(size));
}

void CostModel::weigh_interfaces(const type::Schema& schema) {
  for (const type::NamedType* named : schema.types()) {
    const auto* interface = named->get_if<type::InterfaceType>();
    if (interface == nullptr) continue;
    for (const type::FieldDefinition& field : interface->fields) {
      for (const type::ObjectType* object : schema.possible_types(*interface)) {
        const type::FieldDefinition* own = object->field(field.name);
        if (own == nullptr) continue;
        double& weight = fields_[field.index].weight;
        weight = std::max(weight, fields_[own->index].weight);
      }
    }
  }
}

bool CostModel::counts(const type::InputValueDefinition& argument, const ListSize* size) const {
  if (size != nullptr &&
      std::ranges::find(size->slicing_arguments, &argument) != size->slicing_arguments.end())
    return true;
  // Input fields may weigh too; whether they do is seen when a value is at hand.
  return input_weights_.contains(&argument) ||
         (!input_weights_.empty() && argument.type.named().is<type::InputObjectType>());
}

double CostModel::input_cost(const type::InputValueDefinition& definition,
                             const boost::json::value& value) const {
  const auto own = input_weights_.find(&definition);
  double cost = own == input_weights_.end() ? 0 : own->second;
  const auto* input = definition.type.named().get_if<type::InputObjectType>();
  if (input == nullptr) return cost;
  const auto add_object = [&](const boost::json::object& object) {
    for (const type::InputValueDefinition& field : input->fields) {
      if (const auto* inner = member(object, field.name)) {
        cost = std::min(cost + input_cost(field, *inner), kCostMax);
      }
    }
  };
  // Lists of lists of objects too; the nesting is bounded by the type.
  const auto add = [&](const auto& self, const boost::json::value& part) -> void {
    if (const auto* object = part.if_object()) add_object(*object);
    if (const auto* list = part.if_array()) {
      for (const boost::json::value& item : *list) self(self, item);
    }
  };
  add(add, value);
  return cost;
}

/// One measurement: its results for fragments, and what was found on the way.
class CostMeasurer {
 public:
  CostMeasurer(const CostModel& model, const execution::ExecutableDocument& document,
               const boost::json::object& variables)
      : model_(model), document_(document), variables_(variables) {}

  CostModel::Measured measure(const language::OperationDefinition& operation) {
    const type::ObjectType* root = model_.schema_.root_type(operation.operation);
    if (root == nullptr) return {};
    const Cost cost = measure(*operation.selection_set, *root);
    return {.cost = total(cost, model_.assumed_list_size_),
            .list_size = std::move(list_size_),
            .reads_variables = reads_variables_};
  }

 private:
  /// `sized` is what counts once for each item that the parent field's slicing argument asks for.
  struct Cost {
    double fixed = 0;
    double sized = 0;

    void add(const Cost& other) {
      fixed = bounded(fixed + other.fixed);
      sized = bounded(sized + other.sized);
    }
    void raise_to(const Cost& other) {
      fixed = std::max(fixed, other.fixed);
      sized = std::max(sized, other.sized);
    }
  };

  static double total(const Cost& cost, double size) {
    return bounded(cost.fixed + bounded(size * cost.sized));
  }

  Cost measure(const language::SelectionSet& set, const type::NamedType& parent) {
    Cost result;
    // What one concrete type alone selects; an object is of one type, so the dearest counts.
    std::unordered_map<const type::NamedType*, Cost> by_object;
    const auto add_fragment = [&](const type::NamedType* condition, const Cost& cost) {
      const bool one_of_many =
          parent.is_abstract() && condition != nullptr && condition->is<type::ObjectType>();
      (one_of_many ? by_object[condition] : result).add(cost);
    };
    for (const language::Selection* selection : set.selections) {
      if (const auto* field = selection->get_if<language::Field>()) {
        result.add(measure(*field, parent));
      } else if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
        const type::NamedType* condition = type_of(inline_fragment->type_condition);
        add_fragment(condition, measure(*inline_fragment->selection_set,
                                        condition == nullptr ? parent : *condition));
      } else {
        const auto& spread = selection->as<language::FragmentSpread>();
        const language::FragmentDefinition* fragment = document_.fragment(spread.name.value);
        if (fragment == nullptr) continue;
        add_fragment(type_of(fragment->type_condition), measure(*fragment));
      }
    }
    Cost dearest;
    for (const auto& [object, cost] : by_object) dearest.raise_to(cost);
    result.add(dearest);
    return result;
  }

  Cost measure(const language::FragmentDefinition& fragment) {
    const auto [known, first] = fragments_.try_emplace(fragment.name.value);
    if (!first) return known->second;
    const type::NamedType* condition = type_of(fragment.type_condition);
    if (condition == nullptr) return {};
    const Cost cost = measure(*fragment.selection_set, *condition);
    fragments_[fragment.name.value] = cost;
    return cost;
  }

  Cost measure(const language::Field& field, const type::NamedType& parent) {
    const type::FieldDefinition* definition = model_.schema_.field(parent, field.name.value);
    if (definition == nullptr || definition->name.starts_with("__")) return {};
    const CostModel::FieldCost& cost = model_.fields_[definition->index];
    Cost below;
    if (field.selection_set != nullptr) below = measure(*field.selection_set, *cost.type);

    double inputs = 0;
    double size = model_.assumed_list_size_;
    if (cost.reads_arguments) {
      note_variables(*definition, field);
      const auto arguments = type::coerce_argument_values(document_.document().source(),
                                                          *definition, field, variables_);
      // Arguments that do not fit are the field's own error, unless variables make them fit.
      if (arguments) {
        inputs = cost_of_arguments(*definition, *arguments);
        if (cost.list_size != nullptr) size = list_size(*cost.list_size, field, *arguments);
      } else {
        reads_variables_ |= std::ranges::any_of(
            field.arguments, [](const auto* argument) { return has_variable(*argument->value); });
      }
    } else if (cost.list_size != nullptr && cost.list_size->assumed >= 0) {
      size = cost.list_size->assumed;
    }

    if (cost.list_size != nullptr && cost.list_size->for_children) {
      return {.fixed = bounded(cost.weight + inputs + total(below, size)), .sized = 0};
    }
    const double item = bounded(cost.weight + total(below, model_.assumed_list_size_));
    if (cost.list_size == nullptr && cost.sized_by_parent) return {.fixed = inputs, .sized = item};
    return {.fixed = bounded(inputs + (cost.multiplies ? bounded(size * item) : item)), .sized = 0};
  }

  void note_variables(const type::FieldDefinition& definition, const language::Field& field) {
    const CostModel::ListSize* size = model_.fields_[definition.index].list_size;
    for (const language::Argument* given : field.arguments) {
      const type::InputValueDefinition* argument = definition.argument(given->name.value);
      reads_variables_ |=
          argument != nullptr && model_.counts(*argument, size) && has_variable(*given->value);
    }
  }

  double cost_of_arguments(const type::FieldDefinition& definition,
                           const boost::json::object& arguments) const {
    if (model_.input_weights_.empty()) return 0;
    double cost = 0;
    for (const type::InputValueDefinition& argument : definition.arguments) {
      if (const auto* value = member(arguments, argument.name)) {
        cost = std::min(cost + model_.input_cost(argument, *value), kCostMax);
      }
    }
    return cost;
  }

  /// Items that `field` asks for; remembers what is wrong with it.
  double list_size(const CostModel::ListSize& size, const language::Field& field,
                   const boost::json::object& arguments) {
    std::optional<double> largest;
    std::size_t given = 0;
    for (const type::InputValueDefinition* argument : size.slicing_arguments) {
      const std::optional<double> asked = items(member(arguments, argument->name));
      if (!asked) continue;
      // A default does not compete with what the client asks for.
      given += std::ranges::any_of(field.arguments, [&](const language::Argument* written) {
        return written->name.value == argument->name;
      });
      largest = std::max(largest.value_or(0), *asked);
      if (size.limited && model_.list_size_max_ > 0 && *asked > model_.list_size_max_) {
        refuse(field, fmt::format("\"{}\" of the field \"{}\" asks for {:.0f} items; this server "
                                  "gives at most {:.0f} at a time. Ask for fewer, and go on from "
                                  "the last one.",
                                  argument->name, field.name.value, *asked, model_.list_size_max_));
      }
    }
    if (size.require_one && (given > 1 || !largest)) {
      std::vector<std::string_view> names;
      for (const auto* argument : size.slicing_arguments) names.push_back(argument->name);
      refuse(field, fmt::format("The field \"{}\" needs {} of the arguments {}.", field.name.value,
                                given > 1 ? "only one" : "one", fmt::join(names, ", ")));
    }
    if (largest) return *largest;
    return size.assumed >= 0 ? size.assumed : model_.assumed_list_size_;
  }

  void refuse(const language::Field& field, std::string message) {
    if (list_size_) return;
    list_size_ = language::error_at(document_.document().source(), field, std::move(message),
                                    ErrorCode::kMaxListSizeLimit);
  }

  const type::NamedType* type_of(const language::NamedType* condition) const {
    return condition == nullptr ? nullptr : model_.schema_.type(condition->name.value);
  }

  const CostModel& model_;
  const execution::ExecutableDocument& document_;
  const boost::json::object& variables_;
  std::unordered_map<std::string_view, Cost> fragments_;
  std::optional<language::GraphQLError> list_size_;
  bool reads_variables_ = false;
};

CostModel::Measured CostModel::measure(const execution::ExecutableDocument& document,
                                       const language::OperationDefinition& operation,
                                       const boost::json::object& variables) const {
  return CostMeasurer(*this, document, variables).measure(operation);
}

}  // namespace errand::graphql::request
