#include "errand/contract/directive_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "errand/base/time_text.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/coerce.h"

namespace errand::contract {
namespace {

namespace json = boost::json;
namespace type = graphql::type;

constexpr std::size_t kNameBytesMax = 128;

struct UnitWord {
  std::string_view word;
  double ms;
};

constexpr double kSecond = 1'000;
constexpr double kMinute = 60 * kSecond;
constexpr double kHour = 60 * kMinute;
constexpr double kDay = 24 * kHour;

constexpr std::array<UnitWord, 27> kUnitWords{
    {{"ms", 1},          {"msec", 1},         {"msecs", 1},         {"millis", 1},
     {"millisecond", 1}, {"milliseconds", 1}, {"s", kSecond},       {"sec", kSecond},
     {"secs", kSecond},  {"second", kSecond}, {"seconds", kSecond}, {"m", kMinute},
     {"min", kMinute},   {"mins", kMinute},   {"minute", kMinute},  {"minutes", kMinute},
     {"h", kHour},       {"hr", kHour},       {"hrs", kHour},       {"hour", kHour},
     {"hours", kHour},   {"d", kDay},         {"day", kDay},        {"days", kDay},
     {"w", 7 * kDay},    {"week", 7 * kDay},  {"weeks", 7 * kDay}}};

}  // namespace

DirectiveReader::DirectiveReader(const type::Schema& schema,
                                 const type::AppliedDirective& directive, SchemaErrors& errors)
    : directive_(directive),
      values_(type::directive_values(*schema.directive(directive.name()), directive)),
      errors_(errors) {}

const json::value* DirectiveReader::get(std::string_view name) const {
  const auto* value = values_.if_contains(json::string_view(name.data(), name.size()));
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool DirectiveReader::is_given(std::string_view name, std::string_view member) const {
  for (const graphql::language::Argument* argument : directive_.node->arguments) {
    const auto* object = argument->value->get_if<graphql::language::ObjectValue>();
    if (argument->name.value != name || object == nullptr) continue;
    for (const graphql::language::ObjectField* field : object->fields) {
      if (field->name.value == member) return true;
    }
  }
  return false;
}

void DirectiveReader::wrong(std::string_view name, const std::string& why) const {
  std::string shown;
  for (const graphql::language::Argument* argument : directive_.node->arguments) {
    if (argument->name.value == name) shown = graphql::language::print(*argument->value);
  }
  errors_.add(argument_place(directive_, name), "@" + std::string(directive_.name()) + "(" +
                                                    std::string(name) + ": " + shown + "): " + why);
}

std::string DirectiveReader::text(std::string_view name) const {
  const auto* value = get(name);
  return value == nullptr ? std::string()
                          : std::string(value->as_string().data(), value->as_string().size());
}

std::int64_t DirectiveReader::integer(std::string_view name, std::int64_t low,
                                      std::int64_t high) const {
  const auto* value = get(name);
  if (value == nullptr) return low;
  const std::int64_t number = value->as_int64();
  if (number < low || number > high) {
    wrong(name, "write a number from " + std::to_string(low) + " to " + std::to_string(high) +
                    ", such as " + std::to_string(std::clamp(number, low, high)));
  }
  return number;
}

std::optional<Milliseconds> DirectiveReader::duration(const json::value* value,
                                                      std::string_view name,
                                                      bool zero_allowed) const {
  if (value == nullptr) return std::nullopt;
  const auto* text = value->if_string();
  const std::string given =
      text != nullptr ? std::string(text->data(), text->size()) : std::string();
  if (text == nullptr) {
    const auto number = value->if_int64();
    wrong(name, "a duration is a text of whole numbers with units; write \"" +
                    (number == nullptr ? std::string("15m") : std::to_string(*number) + "s") +
                    "\"");
    return std::nullopt;
  }
  const auto parsed = parse_duration(given);
  if (!parsed) {
    const std::string instead = suggest_duration(given);
    wrong(name,
          "a duration is whole numbers with the units d, h, m, s, ms, largest first, at "
          "most 3650d; write \"" +
              (instead.empty() ? "15m" : instead) + "\"");
    return std::nullopt;
  }
  if (*parsed == Milliseconds::zero() && !zero_allowed) {
    wrong(name, "must be longer than nothing; write \"15m\", or leave it out");
    return std::nullopt;
  }
  return *parsed;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:@/-").find(c) != std::string_view::npos;
  });
}

std::string suggest_duration(std::string_view text) {
  constexpr double kLongest = 3'650 * kDay;
  double total = 0;
  bool any = false;
  std::size_t at = 0;
  const auto skip = [&](auto&& belongs) {
    const std::size_t begin = at;
    while (at < text.size() && belongs(text[at])) ++at;
    return text.substr(begin, at - begin);
  };
  const auto is_blank = [](char c) { return c == ' ' || c == ',' || c == '_'; };
  while (skip(is_blank), at < text.size()) {
    const auto digits = skip([](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) return {};
    skip(is_blank);
    std::string word(skip([](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }));
    for (char& c : word) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    const auto* unit =
        std::ranges::find(kUnitWords, word.empty() ? "s" : std::string_view(word), &UnitWord::word);
    if (unit == kUnitWords.end()) return {};
    total += number * unit->ms;
    any = true;
  }
  if (!any || !std::isfinite(total) || total > kLongest) return {};
  return format_duration(Milliseconds(static_cast<std::int64_t>(std::llround(total))));
}

}  // namespace errand::contract
