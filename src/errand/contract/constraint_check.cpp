#include "errand/contract/constraint_check.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include <re2/re2.h>

#include "errand/base/utf8.h"
#include "errand/contract/text_format.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/type/suggestions.h"
#include "errand/json/writer.h"

namespace errand::contract {
namespace {

namespace json = boost::json;
namespace type = graphql::type;
using graphql::language::PathSegment;

constexpr std::size_t kPatternBytesMax = 1'000;
constexpr std::int64_t kPatternMemoryBytesMax = 1 << 20;

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;
  }
  return count;
}

std::optional<double> number_of(const json::value& value) {
  if (const auto* number = value.if_int64()) return static_cast<double>(*number);
  if (const auto* number = value.if_uint64()) return static_cast<double>(*number);
  if (const auto* number = value.if_double()) return *number;
  return std::nullopt;
}

std::string number_text(double number) {
  std::string text;
  errand::json::append_number(text, number);
  return text;
}

std::string count_text(std::int64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

}  // namespace

struct ConstraintCheck::Constraint {
  std::optional<double> min;
  std::optional<double> max;
  std::optional<std::int64_t> min_length;
  std::optional<std::int64_t> max_length;
  std::optional<std::int64_t> min_items;
  std::optional<std::int64_t> max_items;
  std::unique_ptr<const RE2> pattern;
  const TextFormat* format = nullptr;
};

ConstraintCheck::ConstraintCheck() = default;
ConstraintCheck::~ConstraintCheck() = default;

/// Reads the directives of one schema.
class ConstraintCheck::Compiler {
 public:
  Compiler(const type::Schema& schema, ConstraintCheck& check, SchemaErrors& errors)
      : schema_(schema), check_(check), errors_(errors) {}

  void run() {
    for (const type::NamedType* named : schema_.types()) {
      if (const auto* with_fields = named->get_if<type::FieldsType>()) {
        for (const type::FieldDefinition& field : with_fields->fields) {
          for (const type::InputValueDefinition& argument : field.arguments) read(argument);
        }
      } else if (const auto* input = named->get_if<type::InputObjectType>()) {
        for (const type::InputValueDefinition& field : input->fields) read(field);
      }
    }
    find_concerned();
  }

 private:
  void read(const type::InputValueDefinition& value) {
    const type::AppliedDirective* directive = type::find_directive(value.directives, "constraint");
    if (directive == nullptr) return;
    const json::object arguments =
        type::directive_values(*schema_.directive("constraint"), *directive);
    auto constraint = std::make_unique<Constraint>();
    if (arguments.empty()) {
      errors_.add(
          directive->place(),
          "@constraint constrains nothing; write what must hold, such as @constraint(min: 1)");
    }
    read_numbers(*constraint, value, *directive, arguments);
    read_counts(*constraint, value, *directive, arguments);
    read_texts(*constraint, value, *directive, arguments);
    check_.constraints_.emplace(&value, std::move(constraint));
  }

  void wrong(const type::AppliedDirective& directive, std::string_view argument,
             const std::string& why) {
    std::string shown;
    for (const graphql::language::Argument* node : directive.node->arguments) {
      if (node->name.value == argument) shown = graphql::language::print(*node->value);
    }
    errors_.add(argument_place(directive, argument),
                "@constraint(" + std::string(argument) + ": " + shown + "): " + why);
  }

  void read_numbers(Constraint& constraint, const type::InputValueDefinition& value,
                    const type::AppliedDirective& directive, const json::object& arguments) {
    const auto* scalar = value.type.named().get_if<type::ScalarType>();
    const bool fits = scalar != nullptr && (scalar->scalar == type::BuiltInScalar::kInt ||
                                            scalar->scalar == type::BuiltInScalar::kFloat);
    const auto read_one = [&](const char* name, std::optional<double>& out) {
      const json::value* given = arguments.if_contains(name);
      if (given == nullptr || given->is_null()) return;
      out = given->as_double();
      if (!fits) {
        wrong(directive, name,
              "fits numbers alone, and this is " + value.type.str() +
                  "; for texts write minLength or maxLength, for lists minItems or maxItems");
      }
    };
    read_one("min", constraint.min);
    read_one("max", constraint.max);
    if (constraint.min && constraint.max && *constraint.min > *constraint.max) {
      wrong(directive, "max",
            "is less than min, so no value would do; write " + number_text(*constraint.min) +
                " or more");
    }
  }

  void read_counts(Constraint& constraint, const type::InputValueDefinition& value,
                   const type::AppliedDirective& directive, const json::object& arguments) {
    const auto read_pair = [&](const char* low_name, const char* high_name,
                               std::optional<std::int64_t>& low, std::optional<std::int64_t>& high,
                               bool fits, std::string_view what) {
      const auto read_one = [&](const char* name, std::optional<std::int64_t>& out) {
        const json::value* given = arguments.if_contains(name);
        if (given == nullptr || given->is_null()) return;
        out = given->as_int64();
        if (*out < 0) wrong(directive, name, "counts from 0; write 0 or more");
        if (!fits) {
          wrong(directive, name,
                "fits " + std::string(what) + " alone, and this is " + value.type.str());
        }
      };
      read_one(low_name, low);
      read_one(high_name, high);
      if (low && high && *low > *high) {
        wrong(directive, high_name,
              "is less than " + std::string(low_name) + ", so no value would do; write " +
                  std::to_string(*low) + " or more");
      }
    };
    read_pair("minLength", "maxLength", constraint.min_length, constraint.max_length,
              is_text(value), "texts");
    read_pair("minItems", "maxItems", constraint.min_items, constraint.max_items,
              value.type.is_list(), "lists");
  }

  void read_texts(Constraint& constraint, const type::InputValueDefinition& value,
                  const type::AppliedDirective& directive, const json::object& arguments) {
    const auto text_of = [&](const char* name) -> std::optional<std::string> {
      const json::value* given = arguments.if_contains(name);
      if (given == nullptr || given->is_null()) return std::nullopt;
      if (!is_text(value)) {
        wrong(directive, name, "fits texts alone, and this is " + value.type.str());
      }
      return std::string(given->as_string().data(), given->as_string().size());
    };
    if (const auto pattern = text_of("pattern")) {
      RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(kPatternMemoryBytesMax);
      auto compiled = std::make_unique<const RE2>(*pattern, options);
      if (pattern->size() > kPatternBytesMax) {
        wrong(directive, "pattern",
              "is longer than " + std::to_string(kPatternBytesMax) + " characters; shorten it");
      } else if (!compiled->ok()) {
        wrong(directive, "pattern",
              "is no regular expression in the syntax of RE2 (" + compiled->error() +
                  "); back-references and look-around are not in it");
      } else {
        constraint.pattern = std::move(compiled);
      }
    }
    if (const auto format = text_of("format")) {
      constraint.format = find_text_format(*format);
      if (constraint.format == nullptr) {
        std::vector<std::string_view> known;
        std::string list;
        for (const TextFormat& each : text_formats()) {
          known.push_back(each.name);
          list += (list.empty() ? "" : ", ") + std::string(each.name);
        }
        wrong(directive, "format",
              "is no known format; write one of " + list + "." +
                  type::did_you_mean(type::suggestion_list(*format, known)));
      }
    }
  }

  static bool is_text(const type::InputValueDefinition& value) {
    const auto* scalar = value.type.named().get_if<type::ScalarType>();
    if (scalar == nullptr) return false;
    return scalar->scalar == type::BuiltInScalar::kString ||
           scalar->scalar == type::BuiltInScalar::kId ||
           scalar->scalar == type::BuiltInScalar::kNone;
  }

  /// Grows the set of input objects that hold a constraint until nothing is added.
  void find_concerned() {
    for (bool grown = true; grown;) {
      grown = false;
      for (const type::NamedType* named : schema_.types()) {
        const auto* input = named->get_if<type::InputObjectType>();
        if (input == nullptr || check_.concerned_.contains(input)) continue;
        for (const type::InputValueDefinition& field : input->fields) {
          const auto* below = field.type.named().get_if<type::InputObjectType>();
          if (!check_.constraints_.contains(&field) &&
              (below == nullptr || !check_.concerned_.contains(below))) {
            continue;
          }
          check_.concerned_.insert(input);
          grown = true;
          break;
        }
      }
    }
  }

  const type::Schema& schema_;
  ConstraintCheck& check_;
  SchemaErrors& errors_;
};

/// Goes through the values of one field's arguments.
class ConstraintCheck::Walk {
 public:
  Walk(const ConstraintCheck& check, std::size_t violations_max)
      : check_(check), violations_max_(violations_max) {}

  void input_value(const json::value& value, const type::InputValueDefinition& definition) {
    if (value.is_null() || full()) return;
    const auto found = check_.constraints_.find(&definition);
    const Constraint* constraint =
        found == check_.constraints_.end() ? nullptr : found->second.get();
    if (constraint != nullptr) items(value, *constraint);
    each(value, definition, constraint);
  }

  std::vector<ConstraintViolation> take() { return std::move(violations_); }

  std::vector<PathSegment>& path() { return path_; }

 private:
  [[nodiscard]] bool full() const { return violations_.size() >= violations_max_; }

  void violated(std::string_view constraint, std::string message) {
    if (!full()) violations_.push_back({path_, std::move(message), std::string(constraint)});
  }

  void items(const json::value& value, const Constraint& constraint) {
    const auto* list = value.if_array();
    if (list == nullptr) return;
    const auto count = static_cast<std::int64_t>(list->size());
    if (constraint.min_items && count < *constraint.min_items) {
      violated("minItems", "must have at least " + count_text(*constraint.min_items, "item"));
    }
    if (constraint.max_items && count > *constraint.max_items) {
      violated("maxItems", "must have at most " + count_text(*constraint.max_items, "item"));
    }
  }

  /// Goes down to the items of lists of any depth.
  void each(const json::value& value, const type::InputValueDefinition& definition,
            const Constraint* constraint) {
    if (value.is_null() || full()) return;
    const type::NamedType& named = definition.type.named();
    if (const auto* list = value.if_array(); list != nullptr && definition.type.is_list()) {
      for (std::size_t i = 0; i < list->size() && !full(); ++i) {
        path_.emplace_back(i);
        each((*list)[i], definition, constraint);
        path_.pop_back();
      }
    } else if (const auto* object = named.get_if<type::InputObjectType>()) {
      if (const auto* members = value.if_object()) input_object(*members, *object);
    } else if (constraint != nullptr) {
      leaf(value, *constraint);
    }
  }

  void input_object(const json::object& members, const type::InputObjectType& object) {
    if (!check_.concerned_.contains(&object)) return;
    for (const type::InputValueDefinition& field : object.fields) {
      const json::value* member =
          members.if_contains(json::string_view(field.name.data(), field.name.size()));
      if (member == nullptr) continue;
      path_.emplace_back(std::string(field.name));
      input_value(*member, field);
      path_.pop_back();
    }
  }

  void leaf(const json::value& value, const Constraint& constraint) {
    if (const auto number = number_of(value)) {
      if (constraint.min && *number < *constraint.min) {
        violated("min", "must be at least " + number_text(*constraint.min));
      }
      if (constraint.max && *number > *constraint.max) {
        violated("max", "must be at most " + number_text(*constraint.max));
      }
    }
    const auto* string = value.if_string();
    if (string == nullptr) return;
    const std::string_view text(string->data(), string->size());
    const auto length = static_cast<std::int64_t>(count_code_points(text));
    if (constraint.min_length && length < *constraint.min_length) {
      violated("minLength",
               "must have at least " + count_text(*constraint.min_length, "character"));
    }
    if (constraint.max_length && length > *constraint.max_length) {
      violated("maxLength", "must have at most " + count_text(*constraint.max_length, "character"));
    }
    if (constraint.pattern != nullptr &&
        !RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *constraint.pattern)) {
      violated("pattern", "must match the pattern " + constraint.pattern->pattern());
    }
    if (constraint.format != nullptr && !constraint.format->matches(text)) {
      violated("format", "must be " + std::string(constraint.format->expected));
    }
  }

  const ConstraintCheck& check_;
  std::size_t violations_max_;
  std::vector<PathSegment> path_;
  std::vector<ConstraintViolation> violations_;
};

std::shared_ptr<const ConstraintCheck> ConstraintCheck::compile(const type::Schema& schema,
                                                                SchemaErrors& errors) {
  std::shared_ptr<ConstraintCheck> check(new ConstraintCheck());
  Compiler(schema, *check, errors).run();
  // A default that breaks its own constraint would refuse whoever leaves the value out.
  for (const auto& [definition, constraint] : check->constraints_) {
    if (!definition->default_value) continue;
    Walk walk(*check, 1);
    walk.input_value(*definition->default_value, *definition);
    for (const ConstraintViolation& violation : walk.take()) {
      errors.add({definition->place.source, definition->default_literal},
                 "the default value of " + std::string(definition->name) +
                     " breaks its @constraint(" + violation.constraint + ":): it " +
                     violation.message);
    }
  }
  return check;
}

bool ConstraintCheck::concerns(const type::FieldDefinition& field) const {
  for (const type::InputValueDefinition& argument : field.arguments) {
    if (constraints_.contains(&argument)) return true;
    const auto* object = argument.type.named().get_if<type::InputObjectType>();
    if (object != nullptr && concerned_.contains(object)) return true;
  }
  return false;
}

std::vector<ConstraintViolation> ConstraintCheck::check(const type::FieldDefinition& field,
                                                        const json::object& arguments,
                                                        std::size_t violations_max) const {
  Walk walk(*this, violations_max);
  for (const type::InputValueDefinition& argument : field.arguments) {
    const json::value* value =
        arguments.if_contains(json::string_view(argument.name.data(), argument.name.size()));
    if (value == nullptr) continue;
    walk.path().emplace_back(std::string(argument.name));
    walk.input_value(*value, argument);
    walk.path().pop_back();
  }
  return walk.take();
}

}  // namespace errand::contract
