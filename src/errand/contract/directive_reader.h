#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/clock.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Reads the arguments of one directive and reports what is wrong with them, each with its place
/// and what to write instead. Views its arguments; not thread-safe.
class DirectiveReader {
 public:
  DirectiveReader(const graphql::type::Schema& schema,
                  const graphql::type::AppliedDirective& directive, SchemaErrors& errors);

  /// The value of an argument, its default included; nullptr where absent or null.
  [[nodiscard]] const boost::json::value* get(std::string_view name) const;
  [[nodiscard]] const boost::json::object& values() const { return values_; }

  /// Whether the author wrote `member` of the object `name`, so that it is no default.
  [[nodiscard]] bool is_given(std::string_view name, std::string_view member) const;

  /// "@job(timeout: "15 min"): `why`"
  void wrong(std::string_view name, const std::string& why) const;

  /// Empty where absent.
  [[nodiscard]] std::string text(std::string_view name) const;

  /// `low` where absent or out of range.
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t low,
                                     std::int64_t high) const;

  /// nullopt where absent or wrong. `name` is the argument to point at.
  std::optional<Milliseconds> duration(const boost::json::value* value, std::string_view name,
                                       bool zero_allowed = false) const;

 private:
  const graphql::type::AppliedDirective& directive_;
  boost::json::object values_;
  SchemaErrors& errors_;
};

/// The rule of queue and scope names, the same as in credentials files: 1 to 128 letters, digits or
/// . _ : @ / -
bool is_name(std::string_view text);

/// A text that parse_duration() reads and that `text` may have meant: "15 min" -> "15m". Empty
/// where nothing can be said.
std::string suggest_duration(std::string_view text);

}  // namespace errand::contract
