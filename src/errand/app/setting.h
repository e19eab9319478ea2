#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "errand/app/config.h"
#include "errand/base/clock.h"
#include "errand/base/result.h"

/// The rows of the table of settings: what they are, and how those of each kind are made.
namespace errand::app {

using Texts = std::span<const std::string>;
using TextList = std::vector<std::string>;

/// One setting: how it is called, and how it is read from and written as text.
struct Setting {
  enum class Kind : std::uint8_t { kText, kPath, kNumber, kDuration, kBytes, kTexts, kPaths };

  std::string_view key;
  std::string_view flag;
  std::string_view help;
  Kind kind;
  std::function<Result<void>(Config&, Texts)> set;
  std::function<std::string(const Config&)> get;
  /// Where it can be a table in errand.toml, too: reads that.
  std::function<Result<void>(Config&, const toml::table&)> set_table = {};
};

/// `text` as it is written in errand.toml.
std::string toml_text(std::string_view text);

/// @return kConfigInvalid for what is no whole number of that range
template <std::integral Integer>
Result<Integer> read_integer(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || value < low || value > high) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("\"{}\" is not a whole number from {} to {}", text, low, high));
  }
  return static_cast<Integer>(value);
}

/// A setting that is a text, or a path.
Setting text_setting(std::string_view key, std::string_view flag, std::string_view help,
                     std::string& (*member)(Config&), Setting::Kind kind = Setting::Kind::kText);

template <class Integer>
Setting number_setting(std::string_view key, std::string_view flag, std::string_view help,
                       Integer& (*member)(Config&), std::int64_t low, std::int64_t high) {
  return {
      key,
      flag,
      help,
      Setting::Kind::kNumber,
      [=](Config& config, Texts texts) -> Result<void> {
        const auto value = read_integer<Integer>(texts[0], low, high);
        if (!value) return std::unexpected(value.error());
        member(config) = *value;
        return {};
      },
      [=](const Config& config) { return fmt::format("{}", member(const_cast<Config&>(config))); }};
}

/// A number of bytes: "65536", "64KiB", "1MiB".
Setting bytes_setting(std::string_view key, std::string_view flag, std::string_view help,
                      std::size_t& (*member)(Config&), std::int64_t low, std::int64_t high);

Setting duration_setting(std::string_view key, std::string_view flag, std::string_view help,
                         Milliseconds& (*member)(Config&), Milliseconds low, Milliseconds high);

Setting list_setting(std::string_view key, std::string_view flag, std::string_view help,
                     TextList& (*member)(Config&), Setting::Kind kind = Setting::Kind::kTexts);

template <class Enum>
using Choices = std::vector<std::pair<std::string_view, Enum>>;

template <class Enum>
Setting choice_setting(std::string_view key, std::string_view flag, std::string_view help,
                       Enum& (*member)(Config&), Choices<Enum> choices) {
  return {key,
          flag,
          help,
          Setting::Kind::kText,
          [=](Config& config, Texts texts) -> Result<void> {
            std::vector<std::string_view> names;
            for (const auto& [name, value] : choices) {
              names.push_back(name);
              if (texts[0] != name) continue;
              member(config) = value;
              return {};
            }
            return fail(ErrorCode::kConfigInvalid,
                        fmt::format("\"{}\" is not one of {}", texts[0], fmt::join(names, ", ")));
          },
          [=](const Config& config) {
            for (const auto& [name, value] : choices) {
              if (member(const_cast<Config&>(config)) == value) return toml_text(name);
            }
            return std::string();
          }};
}

/// A limit on one GraphQL request; 0 switches it off.
Setting limit_setting(std::string_view key, std::string_view help, std::size_t& (*member)(Config&),
                      std::int64_t low = 0);

/// On or off.
Setting switch_setting(std::string_view key, std::string_view help, bool& (*member)(Config&));

}  // namespace errand::app
