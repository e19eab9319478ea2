#include "errand/worker/worker_message.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "errand/base/utf8.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::worker {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kSlotsMax = 10'000;
constexpr std::int64_t kThirtyDaysMs = 2'592'000'000;
constexpr std::size_t kListMax = 1'000;
constexpr std::size_t kHeartbeatJobsMax = 10'000;
constexpr std::size_t kNameMax = 128;
constexpr std::size_t kLabelsMax = 64;
constexpr std::size_t kLabelValueMax = 256;
constexpr std::size_t kSelectorsMax = 16;
constexpr std::size_t kSelectorValuesMax = 32;

/// Counts characters, as JSON Schema's maxLength does.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Reads the members of one object. The first thing that is wrong is kept, with its place; what is
/// read after that has no meaning.
class Members {
 public:
  Members(const bj::object& object, std::string place)
      : object_(object), place_(std::move(place)) {}

  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

  void wrong(std::string_view name, std::string_view expected) {
    if (error_) return;
    std::string where = place_;
    if (!name.empty()) {
      if (!where.empty()) where += '.';
      where += name;
    }
    error_ = Error{ErrorCode::kProtocolError,
                   (where.empty() ? "the message" : where) + ": " + std::string(expected)};
  }

  const bj::value* find(std::string_view name) const { return object_.if_contains(name); }

  std::optional<std::string> text(std::string_view name, std::size_t min, std::size_t max) {
    const bj::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    const bj::string* string = value->if_string();
    if (string == nullptr) {
      wrong(name, "must be a string");
      return std::nullopt;
    }
    const std::size_t length = characters(*string);
    if (length < min || length > max) {
      wrong(name, "must have " + std::to_string(min) + " to " + std::to_string(max) +
                      " characters, has " + std::to_string(length));
      return std::nullopt;
    }
    return std::string(*string);
  }

  std::string required_text(std::string_view name, std::size_t min, std::size_t max) {
    if (find(name) == nullptr) wrong(name, "is missing");
    return text(name, min, max).value_or("");
  }

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max) {
    const bj::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    const std::string expected =
        "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max);
    std::int64_t number = 0;
    if (const auto* i = value->if_int64()) {
      number = *i;
    } else if (const auto* d = value->if_double();
               d != nullptr && std::nearbyint(*d) == *d && std::abs(*d) <= 9e15) {
      number = static_cast<std::int64_t>(*d);  // 4.0 is an integer in JSON Schema as well
    } else {
      wrong(name, expected);
      return std::nullopt;
    }
    if (number < min || number > max) {
      wrong(name, expected);
      return std::nullopt;
    }
    return number;
  }

  std::int64_t required_integer(std::string_view name, std::int64_t min, std::int64_t max) {
    if (find(name) == nullptr) wrong(name, "is missing");
    return integer(name, min, max).value_or(min);
  }

  std::optional<double> number(std::string_view name) {
    const bj::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) {
      wrong(name, "must be a number");
      return std::nullopt;
    }
    return value->to_number<double>();
  }

  template <class Name>
  std::vector<Name> names(std::string_view name, bool required) {
    std::vector<Name> result;
    const bj::value* value = find(name);
    if (value == nullptr) {
      if (required) wrong(name, "is missing");
      return result;
    }
    const bj::array* list = value->if_array();
    if (list == nullptr || list->empty() || list->size() > kListMax) {
      wrong(name, "must be a list of 1 to 1000 names");
      return result;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      const bj::string* entry = (*list)[i].if_string();
      if (entry == nullptr || entry->empty() || characters(*entry) > kNameMax) {
        wrong(std::string(name) + "[" + std::to_string(i) + "]",
              "must be a name of 1 to 128 characters");
        return result;
      }
      result.emplace_back(std::string_view(*entry));
    }
    return result;
  }

  HeldJob held() {
    HeldJob result;
    const std::string id = required_text("jobId", 1, 64);
    if (const auto job = JobId::parse(id)) {
      result.job = *job;
    } else {
      wrong("jobId", "must be a job's id as it was sent");
    }
    result.token = required_text("token", 1, 128);
    return result;
  }

 private:
  const bj::object& object_;
  std::string place_;
  std::optional<Error> error_;
};

using Labels = decltype(Hello::labels);
using Selectors = decltype(Hello::selectors);

Labels read_labels(Members& in) {
  Labels labels;
  const bj::value* value = in.find("labels");
  if (value == nullptr) return labels;
  const bj::object* object = value->if_object();
  if (object == nullptr || object->size() > kLabelsMax) {
    in.wrong("labels", "must be an object of at most 64 strings");
    return labels;
  }
  for (const auto& [key, label] : *object) {
    const bj::string* text = label.if_string();
    if (text == nullptr || characters(*text) > kLabelValueMax) {
      in.wrong("labels." + std::string(key), "must be a string of at most 256 characters");
      return labels;
    }
    labels.emplace(key, *text);
  }
  return labels;
}

Selectors read_selectors(Members& in) {
  Selectors selectors;
  const bj::value* value = in.find("selectors");
  if (value == nullptr) return selectors;
  const bj::object* object = value->if_object();
  if (object == nullptr || object->size() > kSelectorsMax) {
    in.wrong("selectors", "must be an object of at most 16 lists");
    return selectors;
  }
  for (const auto& [key, values] : *object) {
    const std::string name(key);
    if (name.empty() || characters(name) > kNameMax) {
      in.wrong("selectors", "a label's name must have 1 to 128 characters");
      return selectors;
    }
    const std::string place = "selectors." + name;
    const bj::array* list = values.if_array();
    if (list == nullptr || list->size() > kSelectorValuesMax) {
      in.wrong(place, "must be a list of at most 32 strings");
      return selectors;
    }
    std::vector<std::string>& chosen = selectors[name];
    for (std::size_t i = 0; i < list->size(); ++i) {
      const bj::string* text = (*list)[i].if_string();
      if (text == nullptr || characters(*text) > kLabelValueMax) {
        in.wrong(place + "[" + std::to_string(i) + "]",
                 "must be a string of at most 256 characters");
        return selectors;
      }
      chosen.emplace_back(*text);
    }
  }
  return selectors;
}

Hello read_hello(Members& in) {
  Hello hello;
  hello.types = in.names<JobTypeName>("types", /*required=*/true);
  hello.queues = in.names<QueueName>("queues", /*required=*/false);
  hello.slots = static_cast<std::uint32_t>(in.required_integer("slots", 1, kSlotsMax));
  hello.name = in.text("name", 1, kNameMax).value_or("");
  hello.build = in.text("build", 1, kNameMax).value_or("");
  hello.sdk = in.text("sdk", 1, kNameMax).value_or("");
  hello.labels = read_labels(in);
  hello.selectors = read_selectors(in);
  return hello;
}

Heartbeat read_heartbeat(Members& in) {
  Heartbeat heartbeat;
  const bj::value* jobs = in.find("jobs");
  const bj::array* list = jobs == nullptr ? nullptr : jobs->if_array();
  if (list == nullptr || list->size() > kHeartbeatJobsMax) {
    in.wrong("jobs", "must be a list of at most 10000 jobs");
    return heartbeat;
  }
  heartbeat.jobs.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = "jobs[" + std::to_string(i) + "]";
    const bj::object* entry = (*list)[i].if_object();
    if (entry == nullptr) {
      in.wrong(place, "must be an object with jobId and token");
      return heartbeat;
    }
    Members job(*entry, place);
    heartbeat.jobs.push_back(job.held());
    if (job.error()) {
      const std::string& text = job.error()->message;
      const std::size_t colon = text.find(": ");
      in.wrong(text.substr(0, colon), text.substr(colon + 2));
      return heartbeat;
    }
  }
  return heartbeat;
}

Progress read_progress(Members& in) {
  Progress progress;
  progress.completed = in.number("completed");
  progress.total = in.number("total");
  progress.stage = in.text("stage", 0, 128);
  progress.message = in.text("message", 0, 1024);
  if (progress.completed && *progress.completed < 0) in.wrong("completed", "must not be negative");
  if (progress.total && *progress.total <= 0) in.wrong("total", "must be greater than 0");
  if (progress.total && !progress.completed) in.wrong("completed", "is missing beside total");
  if (!progress.completed && !progress.stage && !progress.message) {
    in.wrong("", "progress without completed, stage or message");
  }
  return progress;
}

bool is_code(std::string_view code) {
  return !code.empty() && code.size() <= 64 && code[0] >= 'A' && code[0] <= 'Z' &&
         std::ranges::all_of(code, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Failure read_failure(Members& in, const std::string& place) {
  Failure failure;
  const bj::value* value = in.find("error");
  const bj::object* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr) {
    in.wrong("error", "must be an object with kind and message");
    return failure;
  }
  Members error(*object, place.empty() ? "error" : place + ".error");
  const std::string kind = error.required_text("kind", 1, 16);
  if (kind == "PERMANENT") {
    failure.kind = FailureKind::kPermanent;
  } else if (kind != "TRANSIENT") {
    error.wrong("kind", "must be TRANSIENT or PERMANENT");
  }
  if (const auto code = error.text("code", 1, 64)) {
    if (!is_code(*code)) error.wrong("code", "must be like QUOTA_EXCEEDED: A-Z, 0-9 and _");
    failure.code = *code;
  }
  failure.message = error.required_text("message", 0, 4096);
  failure.remediation = error.text("remediation", 0, 1024);
  if (const bj::value* details = error.find("details")) {
    if (const bj::object* facts = details->if_object()) {
      failure.details = *facts;
    } else {
      error.wrong("details", "must be an object");
    }
  }
  if (const auto ms = error.integer("retryAfterMs", 0, kThirtyDaysMs)) {
    failure.retry_after = Milliseconds(*ms);
  }
  if (error.error()) {
    const std::string& text = error.error()->message;
    const std::size_t colon = text.find(": ");
    std::string where = text.substr(0, colon);
    if (!place.empty()) where = where.substr(place.size() + 1);
    in.wrong(where, text.substr(colon + 2));
  }
  return failure;
}

Result<WorkerMessage> read_message(const bj::value& value, const std::string& place) {
  const std::string where = place.empty() ? "" : place + ": ";
  const bj::object* object = value.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kProtocolError, where + "a message must be a JSON object");
  }
  Members in(*object, place);
  const bj::value* type_value = object->if_contains("type");
  const bj::string* type_text = type_value == nullptr ? nullptr : type_value->if_string();
  if (type_text == nullptr) {
    return fail(ErrorCode::kProtocolError, where + "a message must have a string \"type\"");
  }
  const std::string_view type = *type_text;

  std::optional<WorkerMessage> message;
  const auto report = [&](auto what) {
    Report result{.held = in.held(), .ref = in.text("ref", 1, 64), .what = std::move(what)};
    message = WorkerMessage(std::move(result));
  };
  if (type == "hello") {
    message = read_hello(in);
  } else if (type == "credits") {
    message = Credits{static_cast<std::uint32_t>(in.required_integer("add", 1, kSlotsMax))};
  } else if (type == "heartbeat") {
    message = read_heartbeat(in);
  } else if (type == "progress") {
    report(read_progress(in));
  } else if (type == "complete") {
    const bj::value* result = in.find("result");
    if (result == nullptr) in.wrong("result", "is missing (it may be null)");
    report(Complete{result == nullptr ? bj::value() : *result});
  } else if (type == "fail") {
    report(read_failure(in, place));
  } else if (type == "release") {
    report(Release{});
  } else if (type == "snooze") {
    report(Snooze{.delay = Milliseconds(in.required_integer("delayMs", 1, kThirtyDaysMs))});
  } else if (type == "drain") {
    message = Drain{};
  } else if (type == "step") {
    // Part of v1, but behind a feature that no welcome announces: the worker should have known.
    return fail(ErrorCode::kProtocolError,
                where + R"("step" needs the feature "steps", which this server does not have)");
  } else {
    return fail(ErrorCode::kProtocolError,
                where + "unknown message type \"" + std::string(type.substr(0, 64)) + "\"");
  }
  if (in.error()) return std::unexpected(*in.error());
  return std::move(*message);
}

Result<std::vector<WorkerMessage>> read_list(const bj::array& list, const std::string& place) {
  if (list.empty() || list.size() > kBatchMax) {
    return fail(ErrorCode::kProtocolError,
                (place.empty() ? "the array" : place) + ": must hold 1 to 1000 messages");
  }
  std::vector<WorkerMessage> messages;
  messages.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto message = read_message(list[i], place + "[" + std::to_string(i) + "]");
    if (!message) return std::unexpected(message.error());
    messages.push_back(std::move(*message));
  }
  return messages;
}

Result<bj::value> read_json(std::string_view text, std::size_t bytes_max) {
  auto value = json::parse(text, {.bytes_max = bytes_max, .depth_max = kMessageDepthMax});
  if (!value && value.error().code != ErrorCode::kPayloadTooLarge) {
    return fail(ErrorCode::kProtocolError, "not JSON: " + value.error().message);
  }
  return value;
}

Result<std::vector<WorkerMessage>> read_messages(const bj::value& value) {
  if (const bj::array* list = value.if_array()) return read_list(*list, "");
  auto message = read_message(value, "");
  if (!message) return std::unexpected(message.error());
  std::vector<WorkerMessage> messages;
  messages.push_back(std::move(*message));
  return messages;
}

}  // namespace

Result<std::vector<WorkerMessage>> parse_messages(std::string_view text, std::size_t bytes_max) {
  const auto value = read_json(text, bytes_max);
  if (!value) return std::unexpected(value.error());
  return read_messages(*value);
}

Result<decltype(Report::what)> parse_report(std::string_view type, const bj::object& members) {
  bj::object message = members;
  message["type"] = bj::string_view(type.data(), type.size());
  message["jobId"] = Uuid().str();
  message["token"] = "0.0";
  const std::string text = json::to_text(message);
  auto messages = parse_messages(text, text.size());
  if (!messages) return std::unexpected(std::move(messages.error()));
  auto* report = std::get_if<Report>(&messages->front());
  if (report == nullptr) return fail(ErrorCode::kProtocolError, "no report");
  return std::move(report->what);
}

Result<PollRequest> parse_poll(std::string_view text, std::size_t bytes_max) {
  const auto value = read_json(text, bytes_max);
  if (!value) return std::unexpected(value.error());
  const bj::object* object = value->if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kProtocolError,
                R"(a poll must be a JSON object such as {"types": ["exportReport"], "slots": 1})");
  }
  Members in(*object, "");
  PollRequest poll;
  poll.hello = read_hello(in);
  if (const auto wait = in.integer("waitMs", 0, 60'000)) poll.wait = Milliseconds(*wait);
  if (in.error()) return std::unexpected(*in.error());
  return poll;
}

Result<std::vector<WorkerMessage>> parse_posted_messages(std::string_view text,
                                                         std::size_t bytes_max) {
  const auto value = read_json(text, bytes_max);
  if (!value) return std::unexpected(value.error());
  const bj::object* object = value->if_object();
  const bj::value* wrapped = object == nullptr ? nullptr : object->if_contains("messages");
  Result<std::vector<WorkerMessage>> messages;
  if (wrapped != nullptr) {
    const bj::array* list = wrapped->if_array();
    if (list == nullptr) return fail(ErrorCode::kProtocolError, "messages: must be a list");
    messages = read_list(*list, "messages");
  } else {
    messages = read_messages(*value);
  }
  if (!messages) return messages;
  for (const WorkerMessage& message : *messages) {
    if (!std::holds_alternative<Heartbeat>(message) && !std::holds_alternative<Report>(message)) {
      return fail(
          ErrorCode::kProtocolError,
          "hello, credits and drain belong to the WebSocket; over HTTP the poll's body says "
          "what they would");
    }
  }
  return messages;
}

}  // namespace errand::worker
