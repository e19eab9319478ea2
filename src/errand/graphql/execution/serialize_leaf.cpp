#include "errand/graphql/execution/serialize_leaf.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <variant>

#include "errand/graphql/type/coerce.h"

namespace errand::graphql::execution {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

bool fits_int(std::int64_t value) {
  return value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

/// The common cases, where the value already is what the type sends.
/// @return false when nothing was written.
bool write_as_is(json::Writer& writer, const type::NamedType& leaf, const FieldValue& value) {
  using type::BuiltInScalar;
  const auto* scalar = leaf.get_if<type::ScalarType>();
  const BuiltInScalar kind = scalar == nullptr ? BuiltInScalar::kNone : scalar->scalar;
  const auto text = [&](std::string_view string) {
    if (kind != BuiltInScalar::kString && kind != BuiltInScalar::kId) {
      const auto* enumeration = leaf.get_if<type::EnumType>();
      const bool same = enumeration != nullptr ? enumeration->value(string) != nullptr
                                               : scalar->coercion.is_serialized != nullptr &&
                                                     scalar->coercion.is_serialized(string);
      if (!same) return false;
    }
    writer.string(string);
    return true;
  };
  const auto integer = [&](std::int64_t number) {
    if (kind != BuiltInScalar::kInt || !fits_int(number)) return false;
    writer.integer(number);
    return true;
  };
  const auto boolean = [&](bool truth) {
    if (kind != BuiltInScalar::kBoolean) return false;
    writer.boolean(truth);
    return true;
  };
  const auto number = [&](double floating) {
    if (kind != BuiltInScalar::kFloat || !std::isfinite(floating)) return false;
    writer.number(floating);
    return true;
  };
  const auto json = [&](const boost::json::value* from) {
    switch (from->kind()) {
      case boost::json::kind::string:
        return text(from->get_string());
      case boost::json::kind::int64:
        return integer(from->get_int64());
      case boost::json::kind::bool_:
        return boolean(from->get_bool());
      case boost::json::kind::double_:
        return number(from->get_double());
      default:
        return false;
    }
  };
  return std::visit(Overloaded{[&](bool truth) { return boolean(truth); },
                               [&](std::int64_t whole) { return integer(whole); },
                               [&](double floating) { return number(floating); },
                               [&](std::string_view string) { return text(string); },
                               [&](const std::string& string) { return text(string); },
                               [&](const boost::json::value* from) { return json(from); },
                               [&](const FieldValue::SharedJson& from) { return json(from.value); },
                               [](const auto&) { return false; }},
                    value.variant());
}

/// `value` as JSON, for the type's own serialisation.
FieldResult<boost::json::value> to_json(const FieldValue& value) {
  using Json = FieldResult<boost::json::value>;
  return std::visit(
      Overloaded{[](FieldValue::Null) -> Json { return boost::json::value(nullptr); },
                 [](bool truth) -> Json { return boost::json::value(truth); },
                 [](std::int64_t whole) -> Json { return boost::json::value(whole); },
                 [](double floating) -> Json { return boost::json::value(floating); },
                 [](std::string_view string) -> Json {
                   return boost::json::value(
                       boost::json::string_view(string.data(), string.size()));
                 },
                 [](const std::string& string) -> Json { return boost::json::value(string); },
                 [](const boost::json::value* json) -> Json { return *json; },
                 [](const FieldValue::SharedJson& json) -> Json { return *json.value; },
                 [](const ObjectRef&) -> Json {
                   return field_error(ErrorCode::kInternal, "Expected a leaf, found an object.");
                 },
                 [](const std::unique_ptr<FieldError>& e) -> Json { return std::unexpected(*e); },
                 [](const std::unique_ptr<FieldValue::List>& list) -> Json {
                   boost::json::array items;
                   for (const FieldValue& item : *list) {
                     Json json = to_json(item);
                     if (!json) return json;
                     items.push_back(std::move(*json));
                   }
                   return boost::json::value(std::move(items));
                 }},
      value.variant());
}

}  // namespace

FieldResult<void> serialize_leaf(json::Writer& writer, const type::NamedType& leaf,
                                 const FieldValue& value) {
  if (write_as_is(writer, leaf, value)) return {};
  FieldResult<boost::json::value> json = to_json(value);
  if (!json) return std::unexpected(std::move(json.error()));
  type::LeafResult serialized = type::serialize_leaf(leaf, *json);
  if (!serialized) return field_error(ErrorCode::kInternal, std::move(serialized.error()));
  writer.value(*serialized);
  return {};
}

}  // namespace errand::graphql::execution
