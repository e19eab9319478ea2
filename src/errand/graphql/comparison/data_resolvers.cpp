#include "errand/graphql/comparison/data_resolvers.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/type/custom_scalars.h"
#include "errand/graphql/type/inspect.h"

namespace errand::graphql::comparison {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using execution::FieldError;
using execution::FieldResult;
using execution::FieldValue;
using execution::ResolveInfo;
using execution::SourceEvent;
using execution::SourceStream;

const json::value* find_member(const json::value* from, std::string_view name) {
  const json::object* object = from == nullptr ? nullptr : from->if_object();
  return object == nullptr ? nullptr : object->if_contains({name.data(), name.size()});
}

/// The three objects that are no data.
struct Instruction {
  const json::string* error = nullptr;
  bool all_arguments = false;
  const json::string* argument = nullptr;

  explicit operator bool() const {
    return error != nullptr || all_arguments || argument != nullptr;
  }
};

Instruction instruction_in(const json::value& data) {
  Instruction result;
  if (!data.is_object()) return result;
  if (const json::value* error = find_member(&data, "$error")) result.error = error->if_string();
  if (const json::value* all = find_member(&data, "$args")) {
    result.all_arguments = all->is_bool() && all->get_bool();
  }
  if (const json::value* one = find_member(&data, "$arg")) result.argument = one->if_string();
  return result;
}

bool holds_instruction(const json::value& data) {
  if (const json::array* items = data.if_array()) {
    return std::ranges::any_of(*items, holds_instruction);
  }
  return static_cast<bool>(instruction_in(data));
}

FieldValue failure(const json::string& message, const json::value& data) {
  FieldError error(ErrorCode::kInternal, std::string(message));
  error.code.reset();
  if (const json::value* extensions = find_member(&data, "extensions")) {
    if (const json::object* members = extensions->if_object()) error.extensions = *members;
  }
  return FieldValue::error(std::move(error));
}

/// `data` as a field's value, its instructions carried out with `arguments`. Borrows from `data`.
FieldValue value_from(const json::value& data, const json::object& arguments) {
  if (const json::array* items = data.if_array(); items != nullptr && holds_instruction(data)) {
    FieldValue::List list;
    list.reserve(items->size());
    for (const json::value& item : *items) list.push_back(value_from(item, arguments));
    return list;
  }
  const Instruction instruction = instruction_in(data);
  if (instruction.error != nullptr) return failure(*instruction.error, data);
  if (instruction.all_arguments) return FieldValue::json(arguments);
  if (instruction.argument != nullptr) {
    const json::value* argument = arguments.if_contains(*instruction.argument);
    return argument == nullptr ? FieldValue() : FieldValue::json(*argument);
  }
  return FieldValue::json_view(data);
}

FieldResult<FieldValue> resolve_from_data(const ResolveInfo& info) {
  const json::value* member = find_member(info.source.json, info.field.name);
  return member == nullptr ? FieldValue() : value_from(*member, info.arguments);
}

/// The items of a list as source events.
class ListStream final : public SourceStream {
 public:
  ListStream(std::shared_ptr<const json::value> root, const json::array& items,
             const ResolveInfo& info)
      : root_(std::move(root)),
        items_(items),
        field_(info.field.name),
        arguments_(info.arguments) {}

  asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    if (next_ >= items_.size()) co_return std::nullopt;
    const json::value& item = items_[next_++];
    const json::value* member = find_member(&item, field_);
    co_return SourceEvent{value_from(member == nullptr ? item : *member, arguments_), {}};
  }

  void close() override { next_ = items_.size(); }

 private:
  std::shared_ptr<const json::value> root_;  ///< keeps `items_`
  const json::array& items_;
  std::string_view field_;  ///< of the schema
  json::object arguments_;
  std::size_t next_ = 0;
};

asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> open_list(const ResolveInfo& info) {
  const auto& root = info.execution.request().root_value;
  const json::value* data = find_member(root.get(), info.field.name);
  if (data != nullptr) {
    if (const json::array* items = data->if_array()) {
      co_return std::make_unique<ListStream>(root, *items, info);
    }
    if (const Instruction instruction = instruction_in(*data); instruction.error != nullptr) {
      FieldValue error = failure(*instruction.error, *data);
      co_return std::unexpected(*std::get<std::unique_ptr<FieldError>>(error.variant()));
    }
  }
  co_return execution::field_error(
      ErrorCode::kInternal, "Subscription field must return Async Iterable. Received: " +
                                (data == nullptr ? "undefined" : type::inspect(*data)) + ".");
}

}  // namespace

execution::ResolverMap data_resolvers(const type::Schema& schema) {
  execution::ResolverMap map;
  for (const type::NamedType* type : schema.types()) {
    const auto* object = type->get_if<type::ObjectType>();
    if (object == nullptr || object->built_in) continue;
    for (const type::FieldDefinition& field : object->fields) {
      if (object == schema.subscription_type()) {
        map.add_stream(object->name, field.name, open_list);
      } else {
        map.add(object->name, field.name, resolve_from_data);
      }
    }
  }
  return map;
}

type::BuildOptions build_options() {
  static const std::array<type::ScalarBinding, 4> bindings = {{
      {"DateTime", type::pass_through_coercion()},
      {"Duration", type::pass_through_coercion()},
      {"JSON", type::pass_through_coercion()},
      {"UUID", type::pass_through_coercion()},
  }};
  return {.scalars = bindings, .require_query = true, .parse = {}, .as_graphql_js = true};
}

}  // namespace errand::graphql::comparison
