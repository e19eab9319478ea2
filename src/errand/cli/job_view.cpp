#include "errand/cli/job_view.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "errand/base/time_text.h"
#include "errand/cli/exit_status.h"
#include "errand/json/writer.h"

namespace errand::cli {

namespace {

std::string as_text(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::to_text(value);
}

void append_pretty(std::string& out, const boost::json::value& value, std::size_t indent) {
  const auto line = [&](std::size_t depth) { out.append("\n").append(2 * depth, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.get_object()) {
      if (!first) out += ',';
      first = false;
      line(indent + 1);
      json::append_string(out, key);
      out += ": ";
      append_pretty(out, member, indent + 1);
    }
    line(indent);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    out += '[';
    bool first = true;
    for (const auto& item : value.get_array()) {
      if (!first) out += ',';
      first = false;
      line(indent + 1);
      append_pretty(out, item, indent + 1);
    }
    line(indent);
    out += ']';
  } else {
    json::append_value(out, value);
  }
}

/// Removes what a terminal would obey: a message from a worker must not move the cursor.
std::string printable(std::string text) {
  std::erase_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  return text;
}

}  // namespace

std::string printable(const boost::json::value& value) {
  return value.is_null() ? "-" : printable(as_text(value));
}

std::string pretty(const boost::json::value& value) {
  std::string out;
  append_pretty(out, value, 0);
  return out;
}

std::string JobView::text(std::string_view key) const {
  const auto* value = job_.if_contains(key);
  if (!value || value->is_null()) return "";
  return printable(as_text(*value));
}

const boost::json::object* JobView::object(std::string_view key) const {
  const auto* value = job_.if_contains(key);
  return value ? value->if_object() : nullptr;
}

bool JobView::ended() const {
  const auto now = status();
  return now == "SUCCEEDED" || now == "FAILED" || now == "CANCELED" || now == "EXPIRED";
}

int JobView::exit_status() const {
  const auto now = status();
  if (now == "SUCCEEDED") return kOk;
  return now == "FAILED" ? kJobFailed : kJobCanceled;
}

std::string JobView::line() const {
  std::string share;
  if (const auto* progress = object("progress"); progress && !ended()) {
    if (const auto* fraction = progress->if_contains("fraction");
        fraction && fraction->is_number()) {
      share = fmt::format("{:3.0f} %", fraction->to_number<double>() * 100);
    }
  }
  return fmt::format("{}  {:<11} {:<24} {:<12} {}  {}", id(), status(), type(), text("queue"),
                     text("createdAt"), share);
}

std::string JobView::progress_line(int width) const {
  const auto* progress = object("progress");
  const auto* fraction = progress ? progress->if_contains("fraction") : nullptr;
  std::string line;
  if (fraction && fraction->is_number()) {
    const double share = std::clamp(fraction->to_number<double>(), 0.0, 1.0);
    const int cells = static_cast<int>(share * width);
    line = fmt::format("[{}{}] {:3.0f} %", std::string(static_cast<std::size_t>(cells), '#'),
                       std::string(static_cast<std::size_t>(width - cells), '.'), share * 100);
  } else {
    line = fmt::format("[{}]      ", std::string(static_cast<std::size_t>(width), '.'));
  }
  line += "  " + status();
  if (progress) {
    for (const auto* key : {"stage", "message"}) {
      const auto* value = progress->if_contains(key);
      if (value && value->is_string() && !value->get_string().empty())
        line += "  " + printable(as_text(*value));
    }
  }
  return line;
}

std::string JobView::details() const {
  std::string out;
  for (const auto& member : job_) {
    const std::string_view key = member.key();
    const auto& value = member.value();
    if (value.is_null() || key == "__typename" || key == "result" || key == "error") continue;
    if (value.is_array() && value.get_array().empty()) continue;
    out += fmt::format("{:<14} {}\n", key, printable(as_text(value)));
  }
  for (const auto* key : {"result", "error"}) {
    const auto* value = job_.if_contains(key);
    if (value && !value->is_null()) out += fmt::format("{}\n{}\n", key, pretty(*value));
  }
  return out;
}

std::string JobView::summary() const {
  std::string line = status();
  const auto created = parse_timestamp(text("createdAt"));
  const auto finished = parse_timestamp(text("finishedAt"));
  if (created && finished && *finished >= *created) {
    line +=
        fmt::format(" after {:.1f} s", std::chrono::duration<double>(*finished - *created).count());
  }
  line += fmt::format(", attempt {} of {}", text("attempt"), text("maxAttempts"));
  if (const auto* error = object("error")) {
    const JobView view(*error);
    line += fmt::format("\n{}: {}", view.text("code"), view.text("message"));
    if (const auto remedy = view.text("remediation"); !remedy.empty()) line += "\n" + remedy;
  }
  return line;
}

}  // namespace errand::cli
