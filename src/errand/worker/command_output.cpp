#include "errand/worker/command_output.h"

#include <utility>
#include <variant>

#include "errand/json/parse.h"

namespace errand::worker {
namespace {

namespace bj = boost::json;

constexpr std::string_view kMembers =
    R"(one JSON object with "progress", "result", "error", "release" or "snoozeMs")";

/// A line that names only some members leaves the others as they were.
template <class T>
void add(std::optional<T>& known, std::optional<T>& said) {
  if (said) known = std::move(said);
}

}  // namespace

bool CommandOutput::take(std::string_view line) {
  ++line_number_;
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
  const std::string wrong = outcome_ ? "nothing may follow the last word" : read(line);
  if (wrong.empty()) return true;
  if (fault_.empty()) fault_ = "line " + std::to_string(line_number_) + ": " + wrong;
  return false;
}

/// @return what is wrong; "" when nothing is
std::string CommandOutput::read(std::string_view line) {
  auto value = json::parse(line, {.bytes_max = line_bytes_max_, .depth_max = kMessageDepthMax});
  if (!value) return value.error().message;
  bj::object* object = value->if_object();
  if (object == nullptr || object->size() != 1) return "expected " + std::string(kMembers);
  const std::string member(object->begin()->key());
  bj::value& content = object->begin()->value();

  if (member == "result") {
    outcome_ = Complete{.result = std::move(content)};
    return "";
  }
  if (member == "release") {
    if (content != bj::value(true)) return "release must be true";
    outcome_ = Release{};
    return "";
  }
  bj::object members;
  std::string_view type;
  if (member == "progress") {
    if (!content.is_object()) return "progress must be an object";
    type = "progress";
    members = std::move(content.get_object());
  } else if (member == "error") {
    type = "fail";
    members["error"] = std::move(content);
  } else if (member == "snoozeMs") {
    type = "snooze";
    members["delayMs"] = std::move(content);
  } else {
    return "unknown \"" + member.substr(0, 64) + "\"; expected " + std::string(kMembers);
  }
  auto report = parse_report(type, std::move(members));
  if (!report) return report.error().message;
  if (auto* progress = std::get_if<Progress>(&*report)) {
    add(said_.completed, progress->completed);
    add(said_.total, progress->total);
    add(said_.stage, progress->stage);
    add(said_.message, progress->message);
    progress_(said_);
  } else if (auto* failure = std::get_if<Failure>(&*report)) {
    outcome_ = std::move(*failure);
  } else if (auto* snooze = std::get_if<Snooze>(&*report)) {
    outcome_ = *snooze;
  }
  return "";
}

}  // namespace errand::worker
