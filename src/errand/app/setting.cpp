#include "errand/app/setting.h"

#include <array>

#include "errand/base/time_text.h"
#include "errand/json/writer.h"

namespace errand::app {
namespace {

/// A number of bytes: "65536", "64KiB", "1MiB".
Result<std::size_t> read_bytes(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t unit = 1;
  std::string_view number = text;
  for (const auto& [name, size] : std::array<std::pair<std::string_view, std::int64_t>, 3>{
           {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}}) {
    if (text.ends_with(name)) {
      unit = size;
      number.remove_suffix(name.size());
    }
  }
  const auto count = read_integer<std::int64_t>(number, 0, high / unit);
  if (!count || *count * unit < low) {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format("\"{}\" is not a size from {} to {} bytes, such as \"64KiB\" or \"1MiB\"", text,
                    low, high));
  }
  return static_cast<std::size_t>(*count * unit);
}

}  // namespace

std::string toml_text(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

Setting text_setting(std::string_view key, std::string_view flag, std::string_view help,
                     std::string& (*member)(Config&), Setting::Kind kind) {
  return {key,
          flag,
          help,
          kind,
          [=](Config& config, Texts texts) -> Result<void> {
            member(config) = texts[0];
            return {};
          },
          [=](const Config& config) { return toml_text(member(const_cast<Config&>(config))); }};
}

Setting bytes_setting(std::string_view key, std::string_view flag, std::string_view help,
                      std::size_t& (*member)(Config&), std::int64_t low, std::int64_t high) {
  return {
      key,
      flag,
      help,
      Setting::Kind::kBytes,
      [=](Config& config, Texts texts) -> Result<void> {
        const auto value = read_bytes(texts[0], low, high);
        if (!value) return std::unexpected(value.error());
        member(config) = *value;
        return {};
      },
      [=](const Config& config) { return fmt::format("{}", member(const_cast<Config&>(config))); }};
}

Setting duration_setting(std::string_view key, std::string_view flag, std::string_view help,
                         Milliseconds& (*member)(Config&), Milliseconds low, Milliseconds high) {
  return {key,
          flag,
          help,
          Setting::Kind::kDuration,
          [=](Config& config, Texts texts) -> Result<void> {
            const auto value = parse_duration(texts[0]);
            if (!value) return fail(ErrorCode::kConfigInvalid, value.error().message);
            if (*value < low || *value > high) {
              return fail(ErrorCode::kConfigInvalid,
                          fmt::format("\"{}\" is not from {} to {}", texts[0], format_duration(low),
                                      format_duration(high)));
            }
            member(config) = *value;
            return {};
          },
          [=](const Config& config) {
            return toml_text(format_duration(member(const_cast<Config&>(config))));
          }};
}

Setting list_setting(std::string_view key, std::string_view flag, std::string_view help,
                     TextList& (*member)(Config&), Setting::Kind kind) {
  return {key,
          flag,
          help,
          kind,
          [=](Config& config, Texts texts) -> Result<void> {
            member(config).assign(texts.begin(), texts.end());
            return {};
          },
          [=](const Config& config) {
            TextList quoted;
            for (const auto& text : member(const_cast<Config&>(config))) {
              quoted.push_back(toml_text(text));
            }
            return fmt::format("[{}]", fmt::join(quoted, ", "));
          }};
}

Setting limit_setting(std::string_view key, std::string_view help, std::size_t& (*member)(Config&),
                      std::int64_t low) {
  return number_setting<std::size_t>(key, "", help, member, low, 1'000'000);
}

Setting switch_setting(std::string_view key, std::string_view help, bool& (*member)(Config&)) {
  return choice_setting<bool>(key, "", help, member, {{"on", true}, {"off", false}});
}

}  // namespace errand::app
