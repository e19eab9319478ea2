#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "errand/graphql/execution/incremental_work.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/pending_field.h"
#include "errand/graphql/execution/serialize_leaf.h"

namespace errand::graphql::execution {
namespace {

/// The JSON of `value`; nullptr where it holds none.
const boost::json::value* json_of(const FieldValue& value) {
  if (const auto* view = std::get_if<const boost::json::value*>(&value.variant())) return *view;
  if (const auto* shared = std::get_if<FieldValue::SharedJson>(&value.variant())) {
    return shared->value;
  }
  return nullptr;
}

bool is_null(const FieldValue& value) {
  const boost::json::value* json = json_of(value);
  return json != nullptr ? json->is_null() : value.is_null();
}

/// What keeps the objects inside `value` alive.
const std::shared_ptr<const void>* owner_of(const FieldValue& value,
                                            const std::shared_ptr<const void>* outer) {
  const auto* shared = std::get_if<FieldValue::SharedJson>(&value.variant());
  return shared == nullptr ? outer : &shared->owner;
}

/// A copy of `value`, which borrows what it borrows.
FieldValue copy(const FieldValue& value);

/// Copies of the items from `first` on.
FieldValue::List copy_from(const FieldValue::List& items, std::size_t first) {
  FieldValue::List result;
  for (std::size_t i = first; i < items.size(); ++i) result.push_back(copy(items[i]));
  return result;
}

FieldValue copy(const FieldValue& value) {
  return std::visit(
      [](const auto& held) -> FieldValue {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, FieldValue::Null>) {
          return {};
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          return FieldValue::text_view(held);
        } else if constexpr (std::is_same_v<T, const boost::json::value*>) {
          return FieldValue::json_view(*held);
        } else if constexpr (std::is_same_v<T, FieldValue::SharedJson>) {
          return FieldValue::shared_json(held.value, held.owner);
        } else if constexpr (std::is_same_v<T, std::unique_ptr<FieldValue::List>>) {
          return copy_from(*held, 0);
        } else if constexpr (std::is_same_v<T, std::unique_ptr<FieldError>>) {
          return FieldValue::error(*held);
        } else {
          return held;
        }
      },
      value.variant());
}

FieldValue::List views_from(const boost::json::array& items, std::size_t first) {
  FieldValue::List result;
  for (std::size_t i = first; i < items.size(); ++i) {
    result.push_back(FieldValue::json_view(items[i]));
  }
  return result;
}

/// "Job.status", as errors name a field.
std::string coordinate(const PlannedField& field) {
  const type::FieldDefinition& definition = *field.definition;
  std::string text(definition.parent == nullptr ? "Query" : definition.parent->name);
  return text + "." + std::string(definition.name);
}

FieldError internal(std::string message) { return {ErrorCode::kInternal, std::move(message)}; }

}  // namespace

bool OperationExecution::complete_value(Fragment& fragment, const PlannedField& field,
                                        const type::TypeRef& type, const FieldValue& value,
                                        const std::shared_ptr<const void>* owner,
                                        const ResponsePath& path) {
  if (type.is_non_null()) {
    if (is_null(value)) {
      add_error(internal("Cannot return null for non-nullable field " + coordinate(field) + "."),
                field, path);
      return false;
    }
    return complete_present_value(fragment, field, type.nullable(), value, owner, path);
  }
  if (is_null(value)) {
    fragment.writer().null();
    return true;
  }
  const Fragment::Nullable nullable = fragment.open_nullable();
  if (complete_present_value(fragment, field, type, value, owner, path)) {
    fragment.close_nullable(nullable);
  } else {
    fragment.null_out(nullable);
  }
  return true;
}

bool OperationExecution::complete_present_value(Fragment& fragment, const PlannedField& field,
                                                const type::TypeRef& type, const FieldValue& value,
                                                const std::shared_ptr<const void>* owner,
                                                const ResponsePath& path) {
  if (const auto* error = std::get_if<std::unique_ptr<FieldError>>(&value.variant())) {
    add_error(**error, field, path);
    return false;
  }
  if (type.is_list()) return complete_list_value(fragment, field, type, value, owner, path);
  const type::NamedType& named = type.named();
  if (!named.is_leaf()) return complete_object_value(fragment, field, named, value, owner, path);
  FieldResult<void> written = serialize_leaf(fragment.writer(), named, value);
  if (!written) add_error(std::move(written.error()), field, path);
  return written.has_value();
}

bool OperationExecution::complete_list_value(Fragment& fragment, const PlannedField& field,
                                             const type::TypeRef& type, const FieldValue& value,
                                             const std::shared_ptr<const void>* owner,
                                             const ResponsePath& path) {
  const type::TypeRef item_type = type.item();
  ResponsePath item_path{&path, {}};
  std::size_t items_max = static_cast<std::size_t>(-1);  // that come at once
  if (field.stream != nullptr && !path.is_index()) {
    const FieldResult<std::size_t> count = initial_count(*field.stream);
    if (!count) {
      add_error(count.error(), field, path);
      return false;
    }
    items_max = *count;
  }
  if (const auto* list = std::get_if<std::unique_ptr<FieldValue::List>>(&value.variant())) {
    fragment.writer().begin_array();
    for (const FieldValue& item : **list) {
      if (item_path.index == items_max) break;
      if (!complete_value(fragment, field, item_type, item, owner, item_path)) return false;
      ++item_path.index;
    }
    if (item_path.index == items_max) {
      leave_items(fragment, field, item_type, copy_from(**list, items_max), items_max, owner, path);
    }
    fragment.writer().end_array();
    return true;
  }
  const boost::json::value* json = json_of(value);
  if (json == nullptr || !json->is_array()) {
    add_error(internal("Expected Iterable, but did not find one for field \"" + coordinate(field) +
                       "\"."),
              field, path);
    return false;
  }
  const std::shared_ptr<const void>* items_owner = owner_of(value, owner);
  fragment.writer().begin_array();
  for (const boost::json::value& item : json->get_array()) {
    if (item_path.index == items_max) break;
    if (!complete_value(fragment, field, item_type, FieldValue::json_view(item), items_owner,
                        item_path)) {
      return false;
    }
    ++item_path.index;
  }
  if (item_path.index == items_max) {
    leave_items(fragment, field, item_type, views_from(json->get_array(), items_max), items_max,
                items_owner, path);
  }
  fragment.writer().end_array();
  return true;
}

bool OperationExecution::complete_object_value(Fragment& fragment, const PlannedField& field,
                                               const type::NamedType& type, const FieldValue& value,
                                               const std::shared_ptr<const void>* owner,
                                               const ResponsePath& path) {
  FieldResult<const type::ObjectType*> object_type = resolve_type(field, type, value);
  if (!object_type) {
    add_error(std::move(object_type.error()), field, path);
    return false;
  }
  SourceObject source;
  if (const auto* object = std::get_if<ObjectRef>(&value.variant())) {
    source.native = object->object.get();
    source.owner = &object->object;
  } else {
    source.json = json_of(value);
    source.owner = owner_of(value, owner);
  }
  return execute_selection_set(fragment, subfields_of(field, **object_type), source, &path);
}

FieldResult<const type::ObjectType*> OperationExecution::resolve_type(
    const PlannedField& field, const type::NamedType& type, const FieldValue& value) const {
  const auto* object = std::get_if<ObjectRef>(&value.variant());
  const boost::json::value* json = json_of(value);
  if (object == nullptr && json == nullptr) {
    return std::unexpected(internal("Expected value of type \"" + std::string(type.name) +
                                    "\" for field " + coordinate(field) + "."));
  }
  const type::ObjectType* found = nullptr;
  if (object != nullptr) {
    found = object->type;
  } else if (!type.is_abstract()) {
    return &type.as<type::ObjectType>();
  } else {
    const boost::json::object* members = json->if_object();
    const boost::json::value* name =
        members == nullptr ? nullptr : members->if_contains("__typename");
    if (name == nullptr || !name->is_string()) {
      return std::unexpected(
          internal("Abstract type \"" + std::string(type.name) +
                   "\" must resolve to an Object type at runtime for field \"" + coordinate(field) +
                   "\". Either the \"" + std::string(type.name) +
                   "\" type should provide a \"resolveType\" function or each possible type should "
                   "provide an \"isTypeOf\" function."));
    }
    const std::string name_text(name->get_string());
    const type::NamedType* named = schema_.type(name_text);
    if (named == nullptr) {
      return std::unexpected(internal("Abstract type \"" + std::string(type.name) +
                                      "\" was resolved to a type \"" + name_text +
                                      "\" that does not exist inside the schema."));
    }
    found = named->get_if<type::ObjectType>();
    if (found == nullptr) {
      return std::unexpected(internal("Abstract type \"" + std::string(type.name) +
                                      "\" was resolved to a non-object type \"" + name_text +
                                      "\"."));
    }
  }
  ERRAND_ASSERT(found != nullptr);
  if (found != &type && !schema_.is_possible_type(type, *found)) {
    return std::unexpected(internal("Runtime Object type \"" + std::string(found->name) +
                                    "\" is not a possible type for \"" + std::string(type.name) +
                                    "\"."));
  }
  return found;
}

}  // namespace errand::graphql::execution
