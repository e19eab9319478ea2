#include "messages.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <stdexcept>

#include "text.h"
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace errand_worker::internal {
namespace {

namespace json = boost::json;

// Members that are missing or of another kind are as if they were left out: the server is trusted
// to follow its own schemas, and a later one may say more than this code knows.

std::string string_at(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  const json::string* text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

std::optional<std::int64_t> integer_at(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  if (!value) return std::nullopt;
  if (const std::int64_t* number = value->if_int64()) return *number;
  if (value->is_uint64()) return std::numeric_limits<std::int64_t>::max();
  if (const double* number = value->if_double(); number && std::abs(*number) < 9e15) {
    return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

int int_at(const json::object& from, std::string_view name, int otherwise) {
  const std::int64_t value = integer_at(from, name).value_or(otherwise);
  return static_cast<int>(std::clamp<std::int64_t>(value, std::numeric_limits<int>::min(),
                                                   std::numeric_limits<int>::max()));
}

/// At most a hundred years, so that it can be added to any time.
std::optional<Milliseconds> milliseconds_at(const json::object& from, std::string_view name) {
  const std::optional<std::int64_t> value = integer_at(from, name);
  if (!value) return std::nullopt;
  return Milliseconds(std::clamp<std::int64_t>(*value, 0, 3'155'760'000'000));
}

std::vector<std::string> strings_at(const json::object& from, std::string_view name) {
  std::vector<std::string> strings;
  const json::value* value = from.if_contains(name);
  const json::array* array = value ? value->if_array() : nullptr;
  if (!array) return strings;
  for (const json::value& element : *array) {
    if (const json::string* text = element.if_string()) strings.emplace_back(*text);
  }
  return strings;
}

std::string required(const json::object& from, std::string_view name) {
  std::string text = string_at(from, name);
  if (text.empty()) {
    throw std::runtime_error("the server sent a message without " + std::string(name));
  }
  return text;
}

/// RFC 3339 in UTC, as the server writes it; the epoch for anything else.
std::chrono::system_clock::time_point read_time(std::string_view text) {
  const auto number = [&text](std::size_t at, std::size_t length) {
    int value = 0;
    if (at + length <= text.size()) {
      std::from_chars(text.data() + at, text.data() + at + length, value);
    }
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (text.size() < 20 || !day.ok()) return {};
  std::chrono::system_clock::time_point time =
      std::chrono::sys_days(day) + std::chrono::hours(number(11, 2)) +
      std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2));
  if (text[19] == '.') time += Milliseconds(number(20, 3));
  return time;
}

StopReason read_reason(std::string_view text) {
  for (const StopReason reason : {StopReason::kDeadline, StopReason::kKill, StopReason::kTimeout,
                                  StopReason::kLeaseLost, StopReason::kJobEnded}) {
    if (text == to_string(reason)) return reason;
  }
  return StopReason::kCancel;
}

WelcomeMessage read_welcome(const json::object& from) {
  WelcomeMessage welcome;
  welcome.worker_id = string_at(from, "workerId");
  welcome.server = string_at(from, "server");
  welcome.heartbeat =
      std::max(Milliseconds(1), milliseconds_at(from, "heartbeatMs").value_or(welcome.heartbeat));
  welcome.lease = milliseconds_at(from, "leaseMs").value_or(welcome.lease);
  welcome.message_bytes_max = static_cast<std::size_t>(std::max<std::int64_t>(
      1, integer_at(from, "messageBytesMax")
             .value_or(static_cast<std::int64_t>(welcome.message_bytes_max))));
  welcome.unknown_types = strings_at(from, "unknownTypes");
  welcome.features = strings_at(from, "features");
  return welcome;
}

JobMessage read_job(json::object& from) {
  JobMessage job;
  job.job_id = required(from, "jobId");
  job.token = required(from, "token");
  job.job_type = required(from, "jobType");
  job.queue = string_at(from, "queue");
  job.tenant = string_at(from, "tenant");
  job.run = int_at(from, "run", 1);
  job.attempt = int_at(from, "attempt", 1);
  job.max_attempts = int_at(from, "maxAttempts", 1);
  if (json::value* arguments = from.if_contains("arguments"); arguments && arguments->is_object()) {
    job.arguments = std::move(*arguments);
  }
  job.timeout = milliseconds_at(from, "timeoutMs").value_or(Milliseconds(0));
  job.deadline = milliseconds_at(from, "deadlineMs");
  job.priority = int_at(from, "priority", 0);
  job.tags = strings_at(from, "tags");
  if (const json::value* labels = from.if_contains("labels"); labels && labels->is_object()) {
    for (const json::key_value_pair& label : labels->get_object()) {
      if (const json::string* text = label.value().if_string()) {
        job.labels.emplace(label.key(), *text);
      }
    }
  }
  job.correlation_id = string_at(from, "correlationId");
  if (std::string traceparent = string_at(from, "traceparent"); !traceparent.empty()) {
    job.traceparent = std::move(traceparent);
  }
  job.created_at = read_time(string_at(from, "createdAt"));
  if (json::value* steps = from.if_contains("steps"); steps && steps->is_array()) {
    for (json::value& step : steps->get_array()) {
      json::object* members = step.if_object();
      if (!members) continue;
      json::value* result = members->if_contains("result");
      job.steps.emplace(string_at(*members, "name"), result ? std::move(*result) : json::value());
    }
  }
  return job;
}

HeartbeatAckMessage read_heartbeat_ack(const json::object& from) {
  HeartbeatAckMessage ack;
  const json::value* jobs = from.if_contains("jobs");
  if (!jobs || !jobs->is_array()) return ack;
  for (const json::value& job : jobs->get_array()) {
    const json::object* members = job.if_object();
    if (!members) continue;
    HeartbeatAckMessage::Entry entry;
    entry.token = string_at(*members, "token");
    const std::string state = string_at(*members, "state");
    if (state == "RUNNING") entry.state = HeartbeatAckMessage::State::kRunning;
    if (state == "CANCELING") entry.state = HeartbeatAckMessage::State::kCanceling;
    if (state == "LEASE_LOST") entry.state = HeartbeatAckMessage::State::kLeaseLost;
    if (state == "JOB_ENDED") entry.state = HeartbeatAckMessage::State::kJobEnded;
    entry.reason = read_reason(string_at(*members, "reason"));
    entry.grace = milliseconds_at(*members, "graceMs").value_or(entry.grace);
    ack.jobs.push_back(std::move(entry));
  }
  return ack;
}

AckMessage read_ack(const json::object& from) {
  AckMessage ack;
  const std::string ref = string_at(from, "ref");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(ref.data(), ref.data() + ref.size(), number);
  if (!ref.empty() && error == std::errc() && end == ref.data() + ref.size()) ack.ref = number;
  ack.job_id = string_at(from, "jobId");
  ack.token = string_at(from, "token");
  if (string_at(from, "status") != "REFUSED") return ack;
  ack.error = AckMessage::Error();
  if (const json::value* detail = from.if_contains("error"); detail && detail->is_object()) {
    const json::object& members = detail->get_object();
    ack.error->code = string_at(members, "code");
    ack.error->message = string_at(members, "message");
    const json::value* retryable = members.if_contains("retryable");
    ack.error->retryable = retryable && retryable->is_bool() && retryable->get_bool();
  }
  return ack;
}

ServerMessage read_message(json::value& value) {
  json::object* from = value.if_object();
  const std::string type = from ? string_at(*from, "type") : std::string();
  if (type.empty()) throw std::runtime_error("the server sent a message without a type");
  if (type == "job") return read_job(*from);
  if (type == "ack") return read_ack(*from);
  if (type == "welcome") return read_welcome(*from);
  if (type == "heartbeat_ack") return read_heartbeat_ack(*from);
  if (type == "cancel") {
    return CancelMessage{.token = string_at(*from, "token"),
                         .reason = read_reason(string_at(*from, "reason")),
                         .grace = milliseconds_at(*from, "graceMs").value_or(Milliseconds(0))};
  }
  if (type == "draining") return DrainingMessage{};
  if (type == "drain") {
    return DrainMessage{.requested = string_at(*from, "reason") == "REQUESTED",
                        .grace = milliseconds_at(*from, "graceMs").value_or(Milliseconds(0))};
  }
  if (type == "error") return ErrorMessage{string_at(*from, "code"), string_at(*from, "message")};
  return UnknownMessage{};
}

json::value parse(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 128;
  json::value value = json::parse(text, error, {}, options);
  if (error) throw std::runtime_error("the server sent what is no JSON: " + error.message());
  return value;
}

std::vector<ServerMessage> read_all(json::value& value) {
  std::vector<ServerMessage> messages;
  if (json::array* array = value.if_array()) {
    messages.reserve(array->size());
    for (json::value& element : *array) messages.push_back(read_message(element));
  } else {
    messages.push_back(read_message(value));
  }
  return messages;
}

std::string quoted(std::string_view text) { return json::serialize(json::string_view(text)); }

/// `{"type":"<type>","ref":"<ref>","jobId":...,"token":...`, the brace still open.
std::string open_report(std::string_view type, HeldJob job, std::uint64_t ref,
                        std::size_t more_bytes = 0) {
  std::string text;
  text.reserve(128 + more_bytes);
  text.append(R"({"type":")").append(type).append(R"(","ref":")").append(std::to_string(ref));
  text.append(R"(","jobId":)").append(quoted(job.job_id));
  text.append(R"(,"token":)").append(quoted(job.token));
  return text;
}

/// 3 rather than 3E0.
json::value number(double value) {
  const bool whole = std::abs(value) < 9e15 && std::floor(value) == value;
  return whole ? json::value(static_cast<std::int64_t>(value)) : json::value(value);
}

Milliseconds bounded(Milliseconds delay, Milliseconds least) {
  return std::clamp(delay, least, kDelayMax);
}

json::value object_of(const std::map<std::string, std::string>& entries) {
  json::object object;
  for (const auto& [name, value] : entries) object.emplace(name, value);
  return object;
}

json::array array_of(const std::vector<std::string>& strings) {
  json::array array;
  for (const std::string& text : strings) array.emplace_back(text);
  return array;
}

}  // namespace

std::vector<ServerMessage> read_server_messages(std::string_view text) {
  json::value value = parse(text);
  return read_all(value);
}

std::vector<ServerMessage> read_messages_response(std::string_view text) {
  json::value value = parse(text);
  json::object* body = value.if_object();
  json::value* messages = body ? body->if_contains("messages") : nullptr;
  if (!messages || !messages->is_array()) {
    throw std::runtime_error("the server's answer has no messages");
  }
  return read_all(*messages);
}

std::string write_hello(const HelloMessage& hello) {
  json::object message{{"type", "hello"}, {"types", array_of(hello.types)}, {"slots", hello.slots}};
  if (!hello.queues.empty()) message.emplace("queues", array_of(hello.queues));
  if (!hello.name.empty()) message.emplace("name", hello.name);
  if (!hello.build.empty()) message.emplace("build", hello.build);
  if (!hello.sdk.empty()) message.emplace("sdk", hello.sdk);
  if (!hello.labels.empty()) message.emplace("labels", object_of(hello.labels));
  if (!hello.selectors.empty()) {
    json::object selectors;
    for (const auto& [label, values] : hello.selectors) selectors.emplace(label, array_of(values));
    message.emplace("selectors", std::move(selectors));
  }
  return json::serialize(message);
}

std::string write_credits(std::size_t add) {
  return R"({"type":"credits","add":)" + std::to_string(add) + "}";
}

std::string write_heartbeat(std::span<const HeldJob> jobs) {
  std::string text = R"({"type":"heartbeat","jobs":[)";
  for (const HeldJob& job : jobs) {
    if (text.back() == '}') text += ',';
    text.append(R"({"jobId":)").append(quoted(job.job_id));
    text.append(R"(,"token":)").append(quoted(job.token)).append("}");
  }
  return text + "]}";
}

std::string write_progress(HeldJob job, const Progress& progress) {
  json::object message{{"type", "progress"}, {"jobId", job.job_id}, {"token", job.token}};
  const std::size_t bare = message.size();
  if (progress.completed && std::isfinite(*progress.completed)) {
    message.emplace("completed", number(std::max(0.0, *progress.completed)));
    if (progress.total && std::isfinite(*progress.total) && *progress.total > 0) {
      message.emplace("total", number(*progress.total));
    }
  }
  if (progress.stage) message.emplace("stage", clean_text(*progress.stage, 128));
  if (progress.message) message.emplace("message", clean_text(*progress.message, 1'024));
  return message.size() == bare ? std::string() : json::serialize(message);
}

std::string write_complete(HeldJob job, std::uint64_t ref, const json::value& result) {
  const std::string written = json::serialize(result);
  std::string text = open_report("complete", job, ref, written.size());
  return text.append(R"(,"result":)").append(written).append("}");
}

std::string write_fail(HeldJob job, std::uint64_t ref, const Failure& failure) {
  json::object error{{"kind", failure.permanent ? "PERMANENT" : "TRANSIENT"},
                     {"message", clean_text(failure.message, 4'096)}};
  if (is_error_code(failure.code)) error.emplace("code", failure.code);
  if (!failure.details.empty()) error.emplace("details", failure.details);
  if (!failure.remediation.empty()) {
    error.emplace("remediation", clean_text(failure.remediation, 1'024));
  }
  if (failure.retry_after) {
    error.emplace("retryAfterMs", bounded(*failure.retry_after, Milliseconds(0)).count());
  }
  return open_report("fail", job, ref).append(R"(,"error":)").append(json::serialize(error)) + "}";
}

std::string write_release(HeldJob job, std::uint64_t ref) {
  return open_report("release", job, ref) + "}";
}

std::string write_snooze(HeldJob job, std::uint64_t ref, Milliseconds delay) {
  return open_report("snooze", job, ref)
      .append(R"(,"delayMs":)")
      .append(std::to_string(bounded(delay, Milliseconds(1)).count()))
      .append("}");
}

std::string write_step(HeldJob job, std::uint64_t ref, std::string_view name,
                       const json::value& result) {
  return open_report("step", job, ref)
      .append(R"(,"name":)")
      .append(quoted(name))
      .append(R"(,"result":)")
      .append(json::serialize(result))
      .append("}");
}

std::string write_drain() { return R"({"type":"drain"})"; }

std::string join_frame(std::span<const std::string> messages, std::size_t& first,
                       std::size_t bytes_max) {
  const std::size_t begin = first;
  std::size_t bytes = 2 + messages[begin].size();
  for (++first; first < messages.size() && first - begin < kMessagesMax; ++first) {
    const std::size_t with_next = bytes + 1 + messages[first].size();
    if (with_next > bytes_max) break;
    bytes = with_next;
  }
  if (first - begin == 1) return messages[begin];
  std::string frame;
  frame.reserve(bytes);
  frame += '[';
  for (std::size_t i = begin; i < first; ++i) {
    if (i != begin) frame += ',';
    frame += messages[i];
  }
  return frame += ']';
}

}  // namespace errand_worker::internal
