#include "errand/graphql/type/custom_scalars.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/array.hpp>

#include "errand/base/time_text.h"
#include "errand/base/uuid.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/inspect.h"
#include "errand/json/writer.h"

namespace errand::graphql::type {
namespace {

namespace json = boost::json;
using language::Kind;

std::unexpected<std::string> wrong(std::string_view what, const json::value& value) {
  return std::unexpected(std::string(what) + inspect(value));
}

std::unexpected<std::string> wrong(std::string_view what, const language::Value& literal) {
  return std::unexpected(std::string(what) + language::print(literal));
}

json::string_view text_of(std::string_view text) { return {text.data(), text.size()}; }

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }

/// A number without a fraction, as far as a double tells.
std::optional<double> number_of(const json::value& value) {
  if (const auto* number = value.if_int64()) return static_cast<double>(*number);
  if (const auto* number = value.if_uint64()) return static_cast<double>(*number);
  if (const auto* number = value.if_double()) return *number;
  return std::nullopt;
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Either far too large or too small to tell from zero; strtod tells which.
    number = std::strtod(std::string(text).c_str(), nullptr);
  } else if (error != std::errc{}) {
    return std::nullopt;
  }
  return number;
}

/// The number that a resolver gave as a text, blanks around it aside.
std::optional<double> number_in(const json::string& text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  std::string_view trimmed = view_of(text);
  trimmed.remove_prefix(std::min(trimmed.find_first_not_of(kBlanks), trimmed.size()));
  trimmed.remove_suffix(trimmed.size() - (trimmed.find_last_not_of(kBlanks) + 1));
  return parse_number(trimmed);
}

// ---- Int (3.5.1) ----

constexpr std::string_view kNonInteger = "Int cannot represent non-integer value: ";
constexpr std::string_view kNon32Bit = "Int cannot represent non 32-bit signed integer value: ";

LeafResult int_from_number(double number, const json::value& shown) {
  if (!std::isfinite(number) || std::trunc(number) != number) return wrong(kNonInteger, shown);
  if (number > std::numeric_limits<std::int32_t>::max() ||
      number < std::numeric_limits<std::int32_t>::min()) {
    return wrong(kNon32Bit, shown);
  }
  return static_cast<std::int64_t>(number);
}

LeafResult parse_int(const json::value& value) {
  if (const auto number = number_of(value)) return int_from_number(*number, value);
  return wrong(kNonInteger, value);
}

LeafResult parse_int_literal(const language::Value& literal, const json::object*) {
  if (literal.kind != Kind::kIntValue) return wrong(kNonInteger, literal);
  const std::string_view text = literal.as<language::IntValue>().value;
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return wrong(kNon32Bit, literal);
  return static_cast<std::int64_t>(number);
}

LeafResult serialize_int(const json::value& value) {
  if (const auto number = number_of(value)) return int_from_number(*number, value);
  if (const auto* boolean = value.if_bool()) return static_cast<std::int64_t>(*boolean ? 1 : 0);
  if (const auto* text = value.if_string()) {
    if (const auto number = number_in(*text)) return int_from_number(*number, value);
  }
  return wrong(kNonInteger, value);
}

// ---- Float (3.5.2) ----

constexpr std::string_view kNonNumeric = "Float cannot represent non numeric value: ";

LeafResult parse_float(const json::value& value) {
  const auto number = number_of(value);
  if (!number || !std::isfinite(*number)) return wrong(kNonNumeric, value);
  return *number;
}

LeafResult parse_float_literal(const language::Value& literal, const json::object*) {
  std::string_view text;
  if (const auto* integer = literal.get_if<language::IntValue>()) {
    text = integer->value;
  } else if (const auto* fraction = literal.get_if<language::FloatValue>()) {
    text = fraction->value;
  } else {
    return wrong(kNonNumeric, literal);
  }
  const auto number = parse_number(text);
  if (!number || !std::isfinite(*number)) return wrong(kNonNumeric, literal);
  return *number;
}

LeafResult serialize_float(const json::value& value) {
  if (const auto* boolean = value.if_bool()) return *boolean ? 1.0 : 0.0;
  if (const auto* text = value.if_string()) {
    const auto number = number_in(*text);
    if (!number || !std::isfinite(*number)) return wrong(kNonNumeric, value);
    return *number;
  }
  return parse_float(value);
}

// ---- String (3.5.3) ----

LeafResult parse_string(const json::value& value) {
  if (!value.is_string()) return wrong("String cannot represent a non string value: ", value);
  return value;
}

LeafResult parse_string_literal(const language::Value& literal, const json::object*) {
  const auto* text = literal.get_if<language::StringValue>();
  if (text == nullptr) return wrong("String cannot represent a non string value: ", literal);
  return json::value(text_of(text->value));
}

LeafResult serialize_string(const json::value& value) {
  if (value.is_string()) return value;
  if (value.is_structured()) return wrong("String cannot represent value: ", value);
  return json::value(text_of(errand::json::to_text(value)));
}

// ---- Boolean (3.5.4) ----

constexpr std::string_view kNonBoolean = "Boolean cannot represent a non boolean value: ";

LeafResult parse_boolean(const json::value& value) {
  if (!value.is_bool()) return wrong(kNonBoolean, value);
  return value;
}

LeafResult parse_boolean_literal(const language::Value& literal, const json::object*) {
  const auto* boolean = literal.get_if<language::BooleanValue>();
  if (boolean == nullptr) return wrong(kNonBoolean, literal);
  return boolean->value;
}

LeafResult serialize_boolean(const json::value& value) {
  if (const auto number = number_of(value)) return *number != 0;
  return parse_boolean(value);
}

// ---- ID (3.5.5) ----

LeafResult parse_id(const json::value& value) {
  if (value.is_string()) return value;
  if (value.is_int64() || value.is_uint64()) {
    return json::value(text_of(errand::json::to_text(value)));
  }
  if (const auto* number = value.if_double();
      number != nullptr && std::isfinite(*number) && std::trunc(*number) == *number) {
    return json::value(text_of(errand::json::to_text(value)));
  }
  return wrong("ID cannot represent value: ", value);
}

LeafResult parse_id_literal(const language::Value& literal, const json::object*) {
  if (const auto* text = literal.get_if<language::StringValue>()) {
    return json::value(text_of(text->value));
  }
  if (const auto* integer = literal.get_if<language::IntValue>()) {
    return json::value(text_of(integer->value));
  }
  return wrong("ID cannot represent a non-string and non-integer value: ", literal);
}

// ---- Any JSON ----

json::value literal_to_json(const language::Value& literal, const json::object* variables) {
  switch (literal.kind) {
    case Kind::kVariable: {
      const json::value* value =
          variables == nullptr
              ? nullptr
              : variables->if_contains(text_of(literal.as<language::Variable>().name.value));
      return value == nullptr ? json::value() : *value;
    }
    case Kind::kIntValue: {
      const std::string_view text = literal.as<language::IntValue>().value;
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{}) return number;
      const auto inexact = parse_number(text);
      return inexact && std::isfinite(*inexact) ? json::value(*inexact) : json::value();
    }
    case Kind::kFloatValue: {
      const auto number = parse_number(literal.as<language::FloatValue>().value);
      return number && std::isfinite(*number) ? json::value(*number) : json::value();
    }
    case Kind::kStringValue:
      return json::value(text_of(literal.as<language::StringValue>().value));
    case Kind::kBooleanValue:
      return literal.as<language::BooleanValue>().value;
    case Kind::kEnumValue:
      return json::value(text_of(literal.as<language::EnumValue>().value));
    case Kind::kListValue: {
      json::array items;
      for (const language::Value* item : literal.as<language::ListValue>().values) {
        items.push_back(literal_to_json(*item, variables));
      }
      return items;
    }
    case Kind::kObjectValue: {
      json::object members;
      for (const language::ObjectField* field : literal.as<language::ObjectValue>().fields) {
        const auto* variable = field->value->get_if<language::Variable>();
        if (variable != nullptr &&
            (variables == nullptr || !variables->contains(text_of(variable->name.value)))) {
          continue;
        }
        members.insert_or_assign(text_of(field->name.value),
                                 literal_to_json(*field->value, variables));
      }
      return members;
    }
    default:
      return {};
  }
}

LeafResult pass(const json::value& value) { return value; }

LeafResult pass_literal(const language::Value& literal, const json::object* variables) {
  return literal_to_json(literal, variables);
}

// ---- Texts with a form: DateTime, Duration, UUID ----

struct TextForm {
  std::string_view type;
  std::string_view hint;
  /// Reads a text in any accepted form and gives the one that is sent.
  std::optional<std::string> (*normalize)(std::string_view text);
};

constexpr TextForm kDateTimeForm{
    "DateTime", "Write an RFC 3339 date and time such as \"2026-11-23T20:15:00Z\".",
    [](std::string_view text) -> std::optional<std::string> {
      const auto time = parse_timestamp(text);
      if (!time) return std::nullopt;
      return format_timestamp(*time);
    }};
constexpr TextForm kDurationForm{
    "Duration",
    "Write whole numbers with units, such as \"500ms\", \"15m\", \"1h30m\" or \"7d\"; at most 3650 "
    "days.",
    [](std::string_view text) -> std::optional<std::string> {
      const auto duration = parse_duration(text);
      if (!duration) return std::nullopt;
      return format_duration(*duration);
    }};
constexpr TextForm kUuidForm{
    "UUID", "Write 36 characters such as \"01936f2e-7c4b-7d80-9f3a-2b5c6d7e8f90\".",
    [](std::string_view text) -> std::optional<std::string> {
      const auto uuid = Uuid::parse(text);
      if (!uuid) return std::nullopt;
      return uuid->str();
    }};

std::unexpected<std::string> wrong_form(const TextForm& form, const std::string& shown) {
  return std::unexpected(std::string(form.type) + " cannot represent value: " + shown + ". " +
                         std::string(form.hint));
}

template <const TextForm& form>
LeafResult parse_text(const json::value& value) {
  if (const auto* text = value.if_string()) {
    if (const auto normal = form.normalize(view_of(*text))) return json::value(text_of(*normal));
  }
  return wrong_form(form, inspect(value));
}

template <const TextForm& form>
LeafResult parse_text_literal(const language::Value& literal, const json::object*) {
  if (const auto* text = literal.get_if<language::StringValue>()) {
    if (const auto normal = form.normalize(text->value)) return json::value(text_of(*normal));
  }
  return wrong_form(form, language::print(literal));
}

/// Numbers are milliseconds since the epoch.
LeafResult serialize_date_time(const json::value& value) {
  constexpr std::int64_t kMsMax = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z
  constexpr std::int64_t kMsMin = -62'135'596'800'000;  // 0001-01-01T00:00:00.000Z
  if (const auto* ms = value.if_int64(); ms != nullptr && *ms >= kMsMin && *ms <= kMsMax) {
    return json::value(text_of(format_timestamp(Timestamp(Milliseconds(*ms)))));
  }
  return parse_text<kDateTimeForm>(value);
}

/// Numbers are milliseconds.
LeafResult serialize_duration(const json::value& value) {
  if (const auto* ms = value.if_int64(); ms != nullptr && *ms >= 0) {
    return json::value(text_of(format_duration(Milliseconds(*ms))));
  }
  return parse_text<kDurationForm>(value);
}

constexpr ScalarCoercion kInt{parse_int, parse_int_literal, serialize_int};
constexpr ScalarCoercion kFloat{parse_float, parse_float_literal, serialize_float};
constexpr ScalarCoercion kString{parse_string, parse_string_literal, serialize_string};
constexpr ScalarCoercion kBoolean{parse_boolean, parse_boolean_literal, serialize_boolean};
constexpr ScalarCoercion kId{parse_id, parse_id_literal, parse_id};
constexpr ScalarCoercion kPassThrough{pass, pass_literal, pass};
constexpr ScalarCoercion kDateTime{parse_text<kDateTimeForm>, parse_text_literal<kDateTimeForm>,
                                   serialize_date_time, is_formatted_timestamp};
constexpr ScalarCoercion kDuration{parse_text<kDurationForm>, parse_text_literal<kDurationForm>,
                                   serialize_duration};
constexpr ScalarCoercion kUuid{parse_text<kUuidForm>, parse_text_literal<kUuidForm>,
                               parse_text<kUuidForm>};

}  // namespace

const ScalarCoercion* custom_scalar_coercion(std::string_view name) noexcept {
  if (name == "DateTime") return &kDateTime;
  if (name == "Duration") return &kDuration;
  if (name == "JSON") return &kPassThrough;
  if (name == "UUID") return &kUuid;
  return nullptr;
}

const ScalarCoercion* built_in_scalar_coercion(BuiltInScalar scalar) noexcept {
  switch (scalar) {
    case BuiltInScalar::kNone:
      return nullptr;
    case BuiltInScalar::kInt:
      return &kInt;
    case BuiltInScalar::kFloat:
      return &kFloat;
    case BuiltInScalar::kString:
      return &kString;
    case BuiltInScalar::kBoolean:
      return &kBoolean;
    case BuiltInScalar::kId:
      return &kId;
  }
  return nullptr;
}

BuiltInScalar built_in_scalar(std::string_view name) noexcept {
  if (name == "Int") return BuiltInScalar::kInt;
  if (name == "Float") return BuiltInScalar::kFloat;
  if (name == "String") return BuiltInScalar::kString;
  if (name == "Boolean") return BuiltInScalar::kBoolean;
  if (name == "ID") return BuiltInScalar::kId;
  return BuiltInScalar::kNone;
}

const ScalarCoercion& pass_through_coercion() noexcept { return kPassThrough; }

}  // namespace errand::graphql::type
