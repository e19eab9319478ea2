#include "errand/telemetry/log.h"

#include <atomic>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "errand/base/utf8.h"

namespace errand::telemetry {

namespace {

constexpr int kLinesPerWindow = 5;
constexpr std::chrono::seconds kWindow{10};

spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

/// Hands formatted lines to a function; base_sink's lock keeps the calls apart.
class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    sink_(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

  std::function<void(std::string_view)> sink_;
};

void append_escaped(std::string& out, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(text[at++]);
    } else if (byte == '\n') {
      out += "\\n";
      ++at;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
      ++at;
    } else if (byte < 0x80) {
      out.push_back(text[at++]);
    } else {
      const CodePoint point = decode_utf8(text.substr(at));
      if (point.length == 0) {
        out += "\\ufffd";
        ++at;
      } else {
        out.append(text.substr(at, point.length));
        at += point.length;
      }
    }
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

bool needs_quotes(std::string_view text) noexcept {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || byte == '"' || byte == '=' || byte == '\\') return true;
  }
  return false;
}

void append_text_value(std::string& out, std::string_view text) {
  if (needs_quotes(text)) {
    append_json_string(out, text);
  } else {
    out.append(text);
  }
}

void append_number(std::string& out, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += "null";
  }
}

void append_value(std::string& out, const Field::Value& value, LogFormat format) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::same_as<T, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::same_as<T, double>) {
          append_number(out, v);
        } else if constexpr (std::integral<T>) {
          fmt::format_to(std::back_inserter(out), "{}", v);
        } else if (format == LogFormat::kJson) {
          append_json_string(out, v);
        } else {
          append_text_value(out, v);
        }
      },
      value);
}

void append_field(std::string& out, const Field& field, LogFormat format) {
  if (format == LogFormat::kJson) {
    out.push_back(',');
    append_json_string(out, field.key());
    out.push_back(':');
  } else {
    out.push_back(' ');
    out.append(field.key());
    out.push_back('=');
  }
  append_value(out, field.value(), format);
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

std::optional<LogLevel> parse_log_level(std::string_view text) noexcept {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError, LogLevel::kOff}) {
    if (to_string(level) == text) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> parse_log_format(std::string_view text) noexcept {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return std::nullopt;
}

class Log::Core {
 public:
  Core(LogLevel level, LogFormat format, spdlog::sink_ptr sink)
      : level_(level), format_(format), logger_("errand", std::move(sink)) {
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
    // A sink that fails (a closed standard error) must not take the server along.
    logger_.set_error_handler([](const std::string&) {});
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        format == LogFormat::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"
                                   : "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v",
        spdlog::pattern_time_type::utc, "\n"));
  }

  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level >= level_; }
  [[nodiscard]] LogFormat format() const noexcept { return format_; }

  void write(LogLevel level, std::string_view line) {
    logger_.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

  /// How many lines of `sentence` were left out before this one; nullopt: leave it out too.
  std::optional<std::uint64_t> admit(std::string_view sentence) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    // Sentences are literals: as many as there are in the code.
    Window& window = windows_[std::string(sentence)];
    if (now - window.start >= kWindow) {
      window.start = now;
      window.lines = 0;
    }
    if (window.lines >= kLinesPerWindow) {
      ++window.suppressed;
      return std::nullopt;
    }
    ++window.lines;
    return std::exchange(window.suppressed, 0);
  }

 private:
  struct Window {
    std::chrono::steady_clock::time_point start;
    int lines = 0;
    std::uint64_t suppressed = 0;
  };

  const LogLevel level_;
  const LogFormat format_;
  spdlog::logger logger_;
  std::mutex mutex_;
  std::unordered_map<std::string, Window> windows_;
};

Log Log::to_stderr(LogLevel level, LogFormat format) {
  Log log;
  spdlog::sink_ptr sink;
  if (format == LogFormat::kJson) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  }
  log.core_ = std::make_shared<Core>(level, format, std::move(sink));
  return log;
}

Log Log::to_sink(LogLevel level, LogFormat format, std::function<void(std::string_view)> sink) {
  Log log;
  auto strip = [sink = std::move(sink)](std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    sink(line);
  };
  log.core_ = std::make_shared<Core>(level, format, std::make_shared<FunctionSink>(strip));
  return log;
}

Log Log::with(Fields fields) const {
  Log copy = *this;
  if (core_) {
    for (const Field& field : fields) append_field(copy.context_, field, core_->format());
  }
  return copy;
}

bool Log::enabled(LogLevel level) const noexcept { return core_ && core_->enabled(level); }

void Log::debug(std::string_view sentence, Fields fields) const {
  write(LogLevel::kDebug, sentence, fields);
}
void Log::info(std::string_view sentence, Fields fields) const {
  write(LogLevel::kInfo, sentence, fields);
}
void Log::warn(std::string_view sentence, Fields fields) const {
  write(LogLevel::kWarn, sentence, fields);
}
void Log::error(std::string_view sentence, Fields fields) const {
  write(LogLevel::kError, sentence, fields);
}

void Log::warn_limited(std::string_view sentence, Fields fields) const {
  if (!enabled(LogLevel::kWarn)) return;
  if (const auto suppressed = core_->admit(sentence)) {
    write(LogLevel::kWarn, sentence, fields, *suppressed);
  }
}

void Log::write(LogLevel level, std::string_view sentence, Fields fields,
                std::uint64_t suppressed) const {
  if (!enabled(level)) return;
  const LogFormat format = core_->format();
  std::string line;
  line.reserve(160);
  if (format == LogFormat::kJson) {
    line += R"("level":")";
    line += to_string(level);
    line += R"(","message":)";
    append_json_string(line, sentence);
  } else {
    line += sentence;
  }
  for (const Field& field : fields) append_field(line, field, format);
  line += context_;
  if (suppressed > 0) append_field(line, Field("suppressed", suppressed), format);
  core_->write(level, line);
}

}  // namespace errand::telemetry
