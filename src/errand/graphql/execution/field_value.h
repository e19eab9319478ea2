#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>

#include "errand/graphql/execution/field_error.h"

namespace errand::graphql::type {
class ObjectType;
}  // namespace errand::graphql::type

namespace errand::graphql::execution {

/// The object behind a GraphQL object value, with its concrete type. What `object` points to is
/// agreed between the resolver that gives it and the resolvers of `type`'s fields.
struct ObjectRef {
  const type::ObjectType* type = nullptr;
  std::shared_ptr<const void> object;
};

/// What a resolver returns for a field, before it is completed (spec, 6.4.3).
///
/// Immediate values are copied or moved in. A text_view() and a json_view() borrow: what they
/// point to must live as long as the source object of the field, the request context or the schema,
/// whichever the resolver took it from.
class FieldValue {
 public:
  struct Null {};
  using List = std::vector<FieldValue>;
  /// JSON that the value owns a share of.
  struct SharedJson {
    const boost::json::value* value;
    std::shared_ptr<const void> owner;
  };
  using Variant = std::variant<Null, bool, std::int64_t, double, std::string_view, std::string,
                               const boost::json::value*, SharedJson, ObjectRef,
                               std::unique_ptr<List>, std::unique_ptr<FieldError>>;

  FieldValue() = default;  ///< null
  // NOLINTBEGIN(google-explicit-constructor): a resolver returns its plain value.
  FieldValue(std::nullptr_t) {}
  FieldValue(bool value) : value_(value) {}
  template <std::integral Int>
    requires(!std::same_as<Int, bool>)
  FieldValue(Int value) : value_(static_cast<std::int64_t>(value)) {}
  FieldValue(double value) : value_(value) {}
  /// A string, or an enum value by its name.
  FieldValue(std::string value) : value_(std::move(value)) {}
  FieldValue(const char* value) : value_(std::string(value)) {}
  FieldValue(ObjectRef object) : value_(std::move(object)) {
    if (std::get<ObjectRef>(value_).object == nullptr) value_ = Null{};
  }
  FieldValue(List items) : value_(std::make_unique<List>(std::move(items))) {}
  // NOLINTEND(google-explicit-constructor)

  /// A string or an enum name that is not copied.
  static FieldValue text_view(std::string_view text) {
    FieldValue result;
    result.value_ = text;
    return result;
  }
  /// JSON that is not copied: a leaf, a list, or an object whose type has default resolvers. Where
  /// the field's type is abstract, its `__typename` names the concrete one.
  static FieldValue json_view(const boost::json::value& json) {
    FieldValue result;
    result.value_ = &json;
    return result;
  }
  /// JSON kept alive by `owner`.
  static FieldValue shared_json(const boost::json::value* json, std::shared_ptr<const void> owner) {
    FieldValue result;
    result.value_ = SharedJson{json, std::move(owner)};
    return result;
  }
  /// JSON given away.
  static FieldValue json(boost::json::value json) {
    auto owned = std::make_shared<const boost::json::value>(std::move(json));
    const boost::json::value* value = owned.get();
    return shared_json(value, std::move(owned));
  }
  /// An item of a list that has no value but an error, at the item's own path; the item becomes
  /// null. A resolver that has no value at all returns the error itself.
  static FieldValue error(FieldError why) {
    FieldValue result;
    result.value_ = std::make_unique<FieldError>(std::move(why));
    return result;
  }
  /// `value`, or null.
  template <class Optional>
  static FieldValue maybe(Optional&& value) {
    if (!value) return {};
    return FieldValue(*std::forward<Optional>(value));
  }

  [[nodiscard]] bool is_null() const noexcept { return std::holds_alternative<Null>(value_); }
  [[nodiscard]] const Variant& variant() const noexcept { return value_; }
  [[nodiscard]] Variant& variant() noexcept { return value_; }

 private:
  Variant value_;
};

}  // namespace errand::graphql::execution
