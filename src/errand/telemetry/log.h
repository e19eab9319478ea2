#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "errand/base/error.h"

namespace errand::telemetry {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError, kOff };
enum class LogFormat : std::uint8_t { kText, kJson };

/// Wire name of `level`: "debug", "info", "warn", "error" or "off".
std::string_view to_string(LogLevel level) noexcept;
/// Reads what to_string() writes; nullopt for anything else.
std::optional<LogLevel> parse_log_level(std::string_view text) noexcept;
/// Reads "text" or "json"; nullopt for anything else.
std::optional<LogFormat> parse_log_format(std::string_view text) noexcept;

/// Something with a textual form of its own: JobId, QueueName, Uuid.
template <class T>
concept HasStr = requires(const T& value) {
  { value.str() } -> std::convertible_to<std::string>;
};

/// One varying part of a log line. Borrows its key, and its value where that is a string: it lives
/// no longer than the logging call.
///
/// Never put a token, a variable, a payload or a result into one.
class Field {
 public:
  using Value =
      std::variant<std::string_view, std::string, std::int64_t, std::uint64_t, double, bool>;

  template <class T>
  Field(std::string_view key, const T& value)  // NOLINT(google-explicit-constructor)
      : key_(key), value_(to_value(value)) {}

  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] const Value& value() const noexcept { return value_; }

 private:
  template <class T>
  static Value to_value(const T& value) {
    if constexpr (std::same_as<T, bool>) {
      return value;
    } else if constexpr (std::same_as<T, ErrorCode>) {
      return errand::to_string(value);
    } else if constexpr (std::is_enum_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else if constexpr (std::signed_integral<T>) {
      return static_cast<std::int64_t>(value);
    } else if constexpr (std::unsigned_integral<T>) {
      return static_cast<std::uint64_t>(value);
    } else if constexpr (std::floating_point<T>) {
      return static_cast<double>(value);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
      return std::string_view(value);
    } else if constexpr (requires {
                           std::chrono::duration_cast<std::chrono::milliseconds>(value);
                         }) {
      // The key says the unit: end it in _ms.
      return static_cast<std::int64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(value).count());
    } else {
      static_assert(HasStr<T>, "a log field is a number, a text, or has str()");
      return Value(std::in_place_type<std::string>, value.str());
    }
  }

  std::string_view key_;
  Value value_;
};

using Fields = std::initializer_list<Field>;

/// Writes structured lines: a fixed sentence and fields, as `key=value` text for people or as one
/// JSON object a line for programs.
///
/// A cheap handle: copies write to the same place, with() adds fields to every line of one copy.
/// The default one drops everything. Thread-safe; lines never mix. Line breaks and control
/// characters in values are escaped, so that a peer cannot forge a line.
class Log {
 public:
  /// Drops everything.
  Log() = default;

  /// Writes to standard error.
  static Log to_stderr(LogLevel level, LogFormat format);

  /// Hands each whole line, without its line break, to `sink`; calls never overlap. For tests.
  static Log to_sink(LogLevel level, LogFormat format, std::function<void(std::string_view)> sink);

  /// A copy that adds `fields` to each of its lines.
  [[nodiscard]] Log with(Fields fields) const;

  [[nodiscard]] bool enabled(LogLevel level) const noexcept;

  /// For single jobs and requests.
  void debug(std::string_view sentence, Fields fields = {}) const;
  /// For start, stop and configuration.
  void info(std::string_view sentence, Fields fields = {}) const;
  /// We coped.
  void warn(std::string_view sentence, Fields fields = {}) const;
  /// Someone must act.
  void error(std::string_view sentence, Fields fields = {}) const;

  /// As warn(), for lines that a peer can provoke: at most 5 of one sentence in 10 seconds; the
  /// next one after that says how many were left out, as `suppressed`.
  void warn_limited(std::string_view sentence, Fields fields = {}) const;

 private:
  class Core;

  void write(LogLevel level, std::string_view sentence, Fields fields,
             std::uint64_t suppressed = 0) const;

  std::shared_ptr<Core> core_;
  std::string context_;  ///< fields of with(), rendered already
};

}  // namespace errand::telemetry
