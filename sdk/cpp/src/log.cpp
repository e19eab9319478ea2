#include "errand_worker/log.h"

#include <chrono>
#include <cstdio>
#include <string>

#include <boost/json/serialize.hpp>

namespace errand_worker {
namespace {

/// RFC 3339 with milliseconds, UTC.
std::string write_time(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  char text[40];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

Logger json_logger() {
  return [](LogLevel level, std::string_view sentence, const boost::json::object& fields) {
    boost::json::object line{{"time", write_time(std::chrono::system_clock::now())},
                             {"level", to_string(level)},
                             {"message", sentence}};
    for (const boost::json::key_value_pair& field : fields)
      line.emplace(field.key(), field.value());
    // One call, so that lines of several threads do not mix.
    const std::string text = boost::json::serialize(line) + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
  };
}

Logger silent_logger() {
  return [](LogLevel, std::string_view, const boost::json::object&) {};
}

}  // namespace errand_worker
