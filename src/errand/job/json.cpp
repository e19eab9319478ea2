#include "errand/job/json.h"

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::job {
namespace {

// describe(visitor, value) names the members of a struct once, for writing and for reading alike.
// `T` is const where it writes.

template <class T, class... Options>
concept OneOf = (std::same_as<std::remove_const_t<T>, Options> || ...);

template <class V, OneOf<PayloadRef> T>
void describe(V& v, T& x) {
  v("digest", x.digest);
  v("sizeBytes", x.size_bytes);
}
template <class V, OneOf<JobError> T>
void describe(V& v, T& x) {
  v("code", x.code);
  v("message", x.message);
  v("details", x.details);
  v("retryable", x.retryable);
  v("remediation", x.remediation);
  v("attempt", x.attempt);
}
template <class V, OneOf<Progress> T>
void describe(V& v, T& x) {
  v("completed", x.completed);
  v("total", x.total);
  v("stage", x.stage);
  v("message", x.message);
}
template <class V, OneOf<ReportMark> T>
void describe(V& v, T& x) {
  v("token", x.token);
  v("content", x.content);
}
template <class V, OneOf<Actor> T>
void describe(V& v, T& x) {
  v("kind", x.kind);
  v("subject", x.subject);
}
template <class V, OneOf<Cause> T>
void describe(V& v, T& x) {
  v("traceparent", x.traceparent);
  v("correlationId", x.correlation_id);
}
template <class V, OneOf<RetryPolicy::Options> T>
void describe(V& v, T& x) {
  v("maxAttempts", x.max_attempts);
  v.unless("kind", x.kind, RetryPolicy::Kind::kExponential);
  v.unless("jitter", x.jitter, RetryPolicy::Jitter::kFull);
  v("initialIntervalMs", x.initial_interval);
  v("maxIntervalMs", x.max_interval);
  v("backoffCoefficient", x.backoff_coefficient);
  v("waitsMs", x.waits);
}
template <class V, OneOf<JobSpec> T>
void describe(V& v, T& x) {
  v("tenant", x.tenant);
  v("subject", x.subject);
  v("type", x.type);
  v("queue", x.queue);
  v("priority", x.priority);
  v("scheduledForMs", x.scheduled_for);
  v("deadlineMs", x.deadline);
  v("queueTimeoutMs", x.queue_timeout);
  v("timeoutMs", x.timeout);
  v("cancelGraceMs", x.cancel_grace);
  v("retentionMs", x.retention);
  v("retry", x.retry);
  v("input", x.input);
  v("contractHash", x.contract_hash);
  v("tags", x.tags);
  v("labels", x.labels);
  v("hasIdempotencyKey", x.has_idempotency_key);
  v.unless("hasCredentials", x.has_credentials, false);
  v("limitKey", x.limit_key);
  v("fifo", x.fifo);
  v("uniqueKey", x.unique_key);
  v.unless("route", x.route, std::string());
  v("retryOf", x.retry_of);
  v.unless("callbackUrl", x.callback_url, std::string());
  v.unless("callbackTypes", x.callback_types, std::vector<std::string>());
}
template <class V, OneOf<Enqueued> T>
void describe(V& v, T& x) {
  describe(v, x.spec);
}
template <class V, OneOf<Ready, Discarded> T>
void describe(V&, T&) {}
template <class V, OneOf<Started> T>
void describe(V& v, T& x) {
  v("attempt", x.attempt);
  v("token", x.token);
  v("worker", x.worker);
  v("workerBuild", x.worker_build);
}
template <class V, OneOf<Progressed> T>
void describe(V& v, T& x) {
  describe(v, x.progress);
}
template <class V, OneOf<StepCompleted> T>
void describe(V& v, T& x) {
  v("step", x.step);
  v("result", x.result);
}
template <class V, OneOf<Waiting, Released> T>
void describe(V& v, T& x) {
  v("reason", x.reason);
  v("report", x.report);
}
template <class V, OneOf<Signaled> T>
void describe(V& v, T& x) {
  v("signal", x.signal);
}
template <class V, OneOf<Snoozed> T>
void describe(V& v, T& x) {
  v("untilMs", x.until);
  v("reason", x.reason);
  v("report", x.report);
}
template <class V, OneOf<AttemptFailed> T>
void describe(V& v, T& x) {
  v("kind", x.kind);
  v("error", x.error);
  v("report", x.report);
}
template <class V, OneOf<RetryScheduled> T>
void describe(V& v, T& x) {
  v("atMs", x.at);
}
template <class V, OneOf<CancelRequested> T>
void describe(V& v, T& x) {
  v("reason", x.reason);
  v("message", x.message);
  v("graceUntilMs", x.grace_until);
}
template <class V, OneOf<Canceled> T>
void describe(V& v, T& x) {
  v("error", x.error);
  v("report", x.report);
}
template <class V, OneOf<Killed, Failed> T>
void describe(V& v, T& x) {
  v("error", x.error);
}
template <class V, OneOf<Succeeded> T>
void describe(V& v, T& x) {
  v("result", x.result);
  v("report", x.report);
}
template <class V, OneOf<Expired> T>
void describe(V& v, T& x) {
  v("reason", x.reason);
  v("error", x.error);
  v("report", x.report);
}
template <class V, OneOf<CompensationStarted> T>
void describe(V& v, T& x) {
  v("outcome", x.outcome);
  v("error", x.error);
}
template <class V, OneOf<Compensated> T>
void describe(V& v, T& x) {
  v("step", x.step);
}
template <class V, OneOf<CompensationFailed> T>
void describe(V& v, T& x) {
  v("step", x.step);
  v("error", x.error);
}
template <class V, OneOf<DeadLettered> T>
void describe(V& v, T& x) {
  v("fingerprint", x.fingerprint);
}
template <class V, OneOf<Requeued> T>
void describe(V& v, T& x) {
  v("run", x.run);
  v("deadlineMs", x.deadline);
  v("input", x.input);
  v("limitKey", x.limit_key);
  v("uniqueKey", x.unique_key);
}
template <class V, OneOf<JobState> T>
void describe(V& v, T& x) {
  v("id", x.id);
  v("spec", x.spec);
  v("correlationId", x.correlation_id);
  v("traceparent", x.traceparent);
  v("status", x.status);
  v("run", x.run);
  v("attempt", x.attempt);
  v("attemptsInRun", x.attempts_in_run);
  v("lostLeasesInRun", x.lost_leases_in_run);
  v("token", x.token);
  v("createdAtMs", x.created_at);
  v("runCreatedAtMs", x.run_created_at);
  v("dueAtMs", x.due_at);
  v("readySinceMs", x.ready_since);
  v("readyPosition", x.ready_position);
  v("queueExpiresAtMs", x.queue_expires_at);
  v("startedAtMs", x.started_at);
  v("attemptStartedAtMs", x.attempt_started_at);
  v("finishedAtMs", x.finished_at);
  v("expiresAtMs", x.expires_at);
  v("worker", x.worker);
  v("workerBuild", x.worker_build);
  v("progress", x.progress);
  v("progressAtMs", x.progress_at);
  v("cancelReason", x.cancel_reason);
  v("cancelMessage", x.cancel_message);
  v("cancelGraceUntilMs", x.cancel_grace_until);
  v("result", x.result);
  v("error", x.error);
  v("lastFailure", x.last_failure);
  v("lastReport", x.last_report);
  v("compensationOutcome", x.compensation_outcome);
  v("compensationError", x.compensation_error);
  v("deadLetter", x.dead_letter);
  v("errorFingerprint", x.error_fingerprint);
  v("lastSequence", x.last_sequence);
  v("lastPosition", x.last_position);
}

template <class T>
concept Text = requires(const T& x) {
  { x.view() } -> std::same_as<std::string_view>;
};
template <class T>
concept NumberId = OneOf<T, LogPosition, Sequence, FencingToken>;
template <class T>
concept Named = OneOf<T, JobStatus, ActorKind, CancelReason, FailureKind, ExpiryReason,
                      RetryPolicy::Kind, RetryPolicy::Jitter>;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

using Digest = std::array<std::uint8_t, 32>;
using Labels = std::map<std::string, std::string>;

/// Number of enumerators, which count up from 0.
template <Named T>
inline constexpr std::size_t kCountOf = 2;
template <>
inline constexpr std::size_t kCountOf<JobStatus> = kJobStatusCount;
template <>
inline constexpr std::size_t kCountOf<ActorKind> = 4;
template <>
inline constexpr std::size_t kCountOf<FailureKind> = 3;
template <>
inline constexpr std::size_t kCountOf<RetryPolicy::Kind> = 3;
template <>
inline constexpr std::size_t kCountOf<RetryPolicy::Jitter> = 4;

constexpr std::string_view kHexDigits = "0123456789abcdef";

class Writing {
 public:
  explicit Writing(std::string& out) : out_(out) {}

  template <class T>
  void object(const T& x) {
    out_.begin_object();
    describe(*this, x);
    out_.end_object();
  }

  template <class T>
  void operator()(std::string_view name, const T& x) {
    if (is_empty(x)) return;
    out_.key(name);
    value(x);
  }

  /// A member that is left out while it has the value that a missing one is read as.
  template <class T>
  void unless(std::string_view name, const T& x, const T& usual) {
    if (x != usual) (*this)(name, x);
  }

  json::Writer& writer() { return out_; }

 private:
  template <class T>
  static bool is_empty(const T& x) {
    if constexpr (kIsOptional<T>) {
      return !x.has_value();
    } else if constexpr (requires { x.empty(); } && !std::same_as<T, Digest>) {
      return x.empty();
    } else if constexpr (std::same_as<T, bool>) {
      return !x;
    } else {
      return false;
    }
  }

  template <class T>
  void value(const T& x) {
    if constexpr (kIsOptional<T>) {
      value(*x);
    } else if constexpr (std::same_as<T, std::string>) {
      out_.string(x);
    } else if constexpr (Text<T>) {
      out_.string(x.view());
    } else if constexpr (std::same_as<T, bool>) {
      out_.boolean(x);
    } else if constexpr (std::same_as<T, double>) {
      out_.number(x);
    } else if constexpr (std::unsigned_integral<T>) {
      out_.unsigned_integer(x);
    } else if constexpr (std::signed_integral<T>) {
      out_.integer(x);
    } else if constexpr (NumberId<T>) {
      out_.unsigned_integer(to_number(x));
    } else if constexpr (Named<T>) {
      out_.string(to_string(x));
    } else if constexpr (std::same_as<T, Timestamp>) {
      out_.integer(x.time_since_epoch().count());
    } else if constexpr (std::same_as<T, Milliseconds>) {
      out_.integer(x.count());
    } else if constexpr (std::same_as<T, JobId>) {
      out_.string(x.str());
    } else if constexpr (std::same_as<T, Digest>) {
      std::array<char, 64> hex{};
      for (std::size_t i = 0; i < x.size(); ++i) {
        hex[2 * i] = kHexDigits[x[i] >> 4U];
        hex[2 * i + 1] = kHexDigits[x[i] & 15U];
      }
      out_.string({hex.data(), hex.size()});
    } else if constexpr (kIsList<T>) {
      out_.begin_array();
      for (const auto& each : x) value(each);
      out_.end_array();
    } else if constexpr (std::same_as<T, Labels>) {
      out_.begin_object();
      for (const auto& [name, label] : x) {
        out_.key(name);
        out_.string(label);
      }
      out_.end_object();
    } else {
      object(x);
    }
  }

  json::Writer out_;
};

class Reading {
 public:
  explicit Reading(const boost::json::object& in) : in_(in) {}

  template <class T>
  void operator()(std::string_view name, T& x) {
    if (const boost::json::value* member = in_.if_contains(name); member && !value(*member, x)) {
      if (bad_.empty()) bad_ = name;
    }
  }

  template <class T>
  void unless(std::string_view name, T& x, const T& usual) {
    x = usual;
    (*this)(name, x);
  }

  /// Name of the first member that could not be read; empty if all could.
  [[nodiscard]] const std::string& bad() const { return bad_; }

 private:
  template <class T>
  static bool value(const boost::json::value& in, T& x) {
    if constexpr (kIsOptional<T>) {
      return value(in, x.emplace());
    } else if constexpr (std::same_as<T, std::string>) {
      const auto* text = in.if_string();
      if (text) x.assign(text->data(), text->size());
      return text != nullptr;
    } else if constexpr (Text<T>) {
      std::string text;
      if (!value(in, text)) return false;
      x = T(std::move(text));
      return true;
    } else if constexpr (std::same_as<T, bool>) {
      const bool* flag = in.if_bool();
      if (flag) x = *flag;
      return flag != nullptr;
    } else if constexpr (std::same_as<T, double>) {
      boost::json::error_code error;
      x = in.to_number<double>(error);
      return !error;
    } else if constexpr (std::integral<T>) {
      boost::json::error_code error;
      x = in.to_number<T>(error);
      return !error;
    } else if constexpr (NumberId<T>) {
      std::uint64_t number = 0;
      if (!value(in, number)) return false;
      x = T{number};
      return true;
    } else if constexpr (Named<T>) {
      const auto* text = in.if_string();
      for (std::size_t i = 0; text && i < kCountOf<T>; ++i) {
        x = static_cast<T>(i);
        if (std::string_view(text->data(), text->size()) == to_string(x)) return true;
      }
      return false;
    } else if constexpr (std::same_as<T, Timestamp> || std::same_as<T, Milliseconds>) {
      std::int64_t count = 0;
      if (!value(in, count)) return false;
      x = T(Milliseconds(count));
      return true;
    } else if constexpr (std::same_as<T, JobId>) {
      const auto* text = in.if_string();
      const auto id = text ? JobId::parse({text->data(), text->size()}) : std::nullopt;
      if (id) x = *id;
      return id.has_value();
    } else if constexpr (std::same_as<T, Digest>) {
      const auto* text = in.if_string();
      if (!text || text->size() != 2 * x.size()) return false;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t high = kHexDigits.find((*text)[2 * i]);
        const std::size_t low = kHexDigits.find((*text)[2 * i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos) return false;
        x[i] = static_cast<std::uint8_t>(high << 4U | low);
      }
      return true;
    } else if constexpr (kIsList<T>) {
      const auto* array = in.if_array();
      if (!array) return false;
      for (const boost::json::value& each : *array) {
        if (!value(each, x.emplace_back())) return false;
      }
      return true;
    } else if constexpr (std::same_as<T, Labels>) {
      const auto* object = in.if_object();
      if (!object) return false;
      for (const auto& [name, label] : *object) {
        if (!value(label, x[std::string(name.data(), name.size())])) return false;
      }
      return true;
    } else {
      const auto* object = in.if_object();
      if (!object) return false;
      Reading nested(*object);
      describe(nested, x);
      return nested.bad().empty();
    }
  }

  const boost::json::object& in_;
  std::string bad_;
};

std::unexpected<Error> corrupt(std::string_view what, std::string_view why) {
  return fail(ErrorCode::kStoreCorrupt,
              "stored " + std::string(what) + " cannot be read: " + std::string(why));
}

template <class T>
Result<void> read_object(std::string_view what, const boost::json::value& json, T& out) {
  const auto* object = json.if_object();
  if (!object) return corrupt(what, "it is not an object");
  Reading reading(*object);
  describe(reading, out);
  if (!reading.bad().empty()) return corrupt(what, "bad member " + reading.bad());
  return {};
}

Result<boost::json::value> parse_stored(std::string_view what, std::string_view text) {
  auto json = json::parse(text, {.bytes_max = std::numeric_limits<std::size_t>::max()});
  if (!json) return corrupt(what, json.error().message);
  return json;
}

template <std::size_t I = 0>
Result<EventData> read_data(std::string_view name, const boost::json::value& json) {
  if constexpr (I == kEventNameCount) {
    return corrupt("event", "unknown name " + std::string(name));
  } else {
    if (name != event_name(I)) return read_data<I + 1>(name, json);
    std::variant_alternative_t<I, EventData> data;
    if (const auto read = read_object(name, json, data); !read) {
      return std::unexpected(read.error());
    }
    return EventData(std::move(data));
  }
}

/// Members of an event beside name and data.
template <class V, OneOf<Event> T>
void describe_header(V& v, T& x) {
  v("job", x.job);
  v("sequence", x.sequence);
  v("position", x.position);
  v("timeMs", x.time);
  v("actor", x.actor);
  v("cause", x.cause);
}

}  // namespace

void append_event_data(std::string& out, const EventData& data) {
  Writing writing(out);
  std::visit([&](const auto& each) { writing.object(each); }, data);
}

std::string event_data_to_json(const EventData& data) {
  std::string out;
  append_event_data(out, data);
  return out;
}

Result<EventData> event_data_from_json(std::string_view name, std::string_view text) {
  const auto json = parse_stored(name, text);
  if (!json) return std::unexpected(json.error());
  return read_data(name, *json);
}

void append_state(std::string& out, const JobState& state) { Writing(out).object(state); }

std::string state_to_json(const JobState& state) {
  std::string out;
  append_state(out, state);
  return out;
}

Result<JobState> state_from_json(std::string_view text) {
  const auto json = parse_stored("snapshot", text);
  if (!json) return std::unexpected(json.error());
  JobState state;
  if (const auto read = read_object("snapshot", *json, state); !read) {
    return std::unexpected(read.error());
  }
  return state;
}

void append_event(std::string& out, const Event& event) {
  Writing writing(out);
  writing.writer().begin_object();
  describe_header(writing, event);
  writing.writer().key("name");
  writing.writer().string(event_name(event.data));
  writing.writer().key("data");
  std::visit([&](const auto& each) { writing.object(each); }, event.data);
  writing.writer().end_object();
}

std::string event_to_json(const Event& event) {
  std::string out;
  append_event(out, event);
  return out;
}

Result<Event> event_from_json(std::string_view text) {
  const auto json = parse_stored("event", text);
  if (!json) return std::unexpected(json.error());
  const auto* object = json->if_object();
  if (!object) return corrupt("event", "it is not an object");
  Event event;
  Reading reading(*object);
  describe_header(reading, event);
  if (!reading.bad().empty()) return corrupt("event", "bad member " + reading.bad());
  const auto* name = object->if_contains("name");
  const auto* data = object->if_contains("data");
  if (!name || !name->is_string() || !data) return corrupt("event", "name or data is missing");
  const auto& text_name = name->get_string();
  auto read = read_data({text_name.data(), text_name.size()}, *data);
  if (!read) return std::unexpected(read.error());
  event.data = std::move(*read);
  return event;
}

}  // namespace errand::job
