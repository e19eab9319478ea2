#include "errand/contract/cloud_event.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "errand/base/time_text.h"
#include "errand/contract/event_types.h"
#include "errand/job/estimate.h"
#include "errand/json/writer.h"

namespace errand::contract {
namespace {

/// Writes members of one object. One that may be missing is left out where it has no value.
class Members {
 public:
  explicit Members(json::Writer& out) : out_(out) {}

  void text(std::string_view name, std::string_view value) {
    out_.key(name);
    out_.string(value);
  }
  void text_unless_empty(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void number(std::string_view name, std::int64_t value) {
    out_.key(name);
    out_.integer(value);
  }
  void size(std::string_view name, std::uint64_t value) {
    out_.key(name);
    out_.unsigned_integer(value);
  }
  void real(std::string_view name, double value) {
    out_.key(name);
    out_.number(value);
  }
  void flag(std::string_view name, bool value) {
    out_.key(name);
    out_.boolean(value);
  }
  void time(std::string_view name, Timestamp value) { text(name, format_timestamp(value)); }
  void time(std::string_view name, const std::optional<Timestamp>& value) {
    if (value) time(name, *value);
  }
  /// `value` is one JSON value as text; empty: none.
  void json(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out_.key(name);
    out_.raw(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    out_.key(name);
    out_.begin_array();
    for (const std::string& value : values) out_.string(value);
    out_.end_array();
  }
  void labels(std::string_view name, const std::map<std::string, std::string>& values) {
    object(name, [&](Members& labels) {
      for (const auto& [label, value] : values) labels.text(label, value);
    });
  }
  /// `write(Members&)` adds the members of the object.
  template <class Write>
  void object(std::string_view name, Write write) {
    out_.key(name);
    out_.begin_object();
    write(*this);
    out_.end_object();
  }

  void error(const job::JobError& error) {
    object("error", [&](Members& m) {
      m.text("code", error.code);
      m.text("message", error.message);
      m.json("details", error.details);
      m.flag("retryable", error.retryable);
      m.text_unless_empty("remediation", error.remediation);
      if (error.attempt != 0) m.number("attempt", error.attempt);
    });
  }
  void progress(const job::Progress& progress, Timestamp at) {
    object("progress", [&](Members& m) {
      m.real("completed", progress.completed);
      if (progress.total > 0) m.real("total", progress.total);
      if (const auto share = job::fraction(progress)) m.real("fraction", *share);
      m.text_unless_empty("stage", progress.stage);
      m.text_unless_empty("message", progress.message);
      m.time("updatedAt", at);
    });
  }

 private:
  json::Writer& out_;
};

// The fields of each kind of event as event_types() lists them, but for those that stand in the
// data of every event: without its own overload a new event does not compile.

void add(Members& m, const job::Event&, const job::Enqueued& e) {
  m.text("queue", e.spec.queue.view());
  m.number("priority", e.spec.priority);
  m.texts("tags", e.spec.tags);
  m.labels("labels", e.spec.labels);
  m.number("maxAttempts", e.spec.retry.max_attempts);
  m.time("scheduledFor", e.spec.scheduled_for);
  m.time("deadline", e.spec.deadline);
  m.size("inputBytes", e.spec.input.size_bytes);
  if (e.spec.retry_of) m.text("retryOf", e.spec.retry_of->str());
}
void add(Members&, const job::Event&, const job::Ready&) {}
void add(Members& m, const job::Event&, const job::Started& e) {
  m.number("attempt", e.attempt);
  m.text("worker", e.worker.view());
  m.text_unless_empty("workerBuild", e.worker_build);
}
void add(Members& m, const job::Event& event, const job::Progressed& e) {
  m.progress(e.progress, event.time);
}
void add(Members& m, const job::Event&, const job::StepCompleted& e) {
  m.text("step", e.step);
  m.size("resultBytes", e.result.size_bytes);
}
void add(Members& m, const job::Event&, const job::Waiting& e) {
  m.text_unless_empty("reason", e.reason);
}
void add(Members& m, const job::Event&, const job::Signaled& e) { m.text("signal", e.signal); }
void add(Members& m, const job::Event&, const job::Released& e) {
  m.text_unless_empty("reason", e.reason);
}
void add(Members& m, const job::Event&, const job::Snoozed& e) {
  m.time("until", e.until);
  m.text_unless_empty("reason", e.reason);
}
void add(Members& m, const job::Event&, const job::AttemptFailed& e) {
  m.text("kind", job::to_string(e.kind));
  m.error(e.error);
}
void add(Members& m, const job::Event&, const job::RetryScheduled& e) { m.time("at", e.at); }
void add(Members& m, const job::Event&, const job::CancelRequested& e) {
  m.text("cancelReason", job::to_string(e.reason));
  m.text_unless_empty("message", e.message);
  m.time("graceUntil", e.grace_until);
}
void add(Members& m, const job::Event&, const job::Canceled& e) { m.error(e.error); }
void add(Members& m, const job::Event&, const job::Killed& e) { m.error(e.error); }
void add(Members& m, const job::Event&, const job::Succeeded& e) {
  m.size("resultBytes", e.result.size_bytes);
}
void add(Members& m, const job::Event&, const job::Failed& e) { m.error(e.error); }
void add(Members& m, const job::Event&, const job::Expired& e) {
  m.text("expiryReason", job::to_string(e.reason));
  m.error(e.error);
}
void add(Members& m, const job::Event&, const job::CompensationStarted& e) {
  m.text("outcome", job::to_string(e.outcome));
  m.error(e.error);
}
void add(Members& m, const job::Event&, const job::Compensated& e) { m.text("step", e.step); }
void add(Members& m, const job::Event&, const job::CompensationFailed& e) {
  m.text("step", e.step);
  m.error(e.error);
}
void add(Members& m, const job::Event&, const job::DeadLettered& e) {
  m.text("fingerprint", e.fingerprint);
}
void add(Members&, const job::Event&, const job::Discarded&) {}
void add(Members& m, const job::Event&, const job::Requeued& e) {
  m.number("run", e.run);
  m.time("deadline", e.deadline);
  m.flag("inputChanged", e.input.has_value());
}

void add_job(Members& m, const job::JobState& state) {
  m.text("status", job::to_string(state.status));
  m.text("queue", state.spec.queue.view());
  m.number("priority", state.spec.priority);
  m.texts("tags", state.spec.tags);
  m.number("run", state.run);
  m.number("attempt", state.attempt);
  m.number("maxAttempts", state.spec.retry.max_attempts);
  m.time("createdAt", state.created_at);
  m.time("scheduledFor", state.due_at ? state.due_at : state.spec.scheduled_for);
  m.time("startedAt", state.started_at);
  m.time("finishedAt", state.finished_at);
  m.time("deadline", state.spec.deadline);
  m.time("expiresAt", state.expires_at);
  if (state.progress && state.progress_at) m.progress(*state.progress, *state.progress_at);
  if (state.error) m.error(*state.error);
}

/// The sequence as the CloudEvents extension wants it: ordered as text.
std::string padded(Sequence sequence) {
  const std::string digits = std::to_string(to_number(sequence));
  constexpr std::size_t kDigits = 20;  // of the largest number of 64 bits
  return std::string(kDigits - digits.size(), '0') + digits;
}

/// Whether `text` is a traceparent of version 00 (W3C Trace Context, 3.2): another is not ours to
/// vouch for.
bool is_traceparent(std::string_view text) {
  constexpr std::string_view kPattern = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
  return std::ranges::equal(text, kPattern, [](char c, char want) {
    return want == 'h' ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') : c == want;
  });
}

std::string schema_path(std::string_view type, int version, std::string_view end) {
  return std::string("/schemas/")
      .append(type)
      .append("/")
      .append(std::to_string(version))
      .append(end);
}

}  // namespace

std::string event_id(const job::Event& event) {
  return event.job.str() + "-" + std::to_string(to_number(event.sequence));
}

std::string data_schema_path(std::string_view type, int version) {
  return schema_path(type, version, ".json");
}

std::string event_schema_path(std::string_view type, int version) {
  return schema_path(type, version, ".event.json");
}

std::string to_cloud_event(const job::Event& event, const CloudEventContext& context) {
  const std::string_view type = job::event_name(event.data);
  const std::string job_id = event.job.str();
  const std::string time = format_timestamp(event.time);
  std::string schema(context.base_url.empty() ? kSchemaOrigin : context.base_url);
  schema += data_schema_path(type, event_types()[event.data.index()].version);

  std::string text;
  json::Writer writer(text);
  Members m(writer);
  writer.begin_object();
  m.text("specversion", "1.0");
  m.text("id", event_id(event));
  m.text("source", context.base_url.empty() ? "urn:errand" : context.base_url);
  m.text("type", type);
  m.text("subject", "job/" + job_id);
  m.text("time", time);
  m.text("timestamp", time);
  m.text("datacontenttype", "application/json");
  m.text("dataschema", schema);
  m.text("sequence", padded(event.sequence));
  m.text("partitionkey", job_id);
  m.text_unless_empty("correlationid", event.cause.correlation_id);
  if (is_traceparent(event.cause.traceparent)) m.text("traceparent", event.cause.traceparent);
  m.object("data", [&](Members& data) {
    data.text("jobId", job_id);
    data.text("jobType", context.job_type.view());
    data.text("tenant", context.tenant.view());
    data.size("sequence", to_number(event.sequence));
    std::visit([&](const auto& each) { add(data, event, each); }, event.data);
    if (context.job == nullptr) return;
    data.object("actor", [&](Members& actor) {
      actor.text("kind", job::to_string(event.actor.kind));
      actor.text("subject", event.actor.subject.view());
    });
    data.object("job", [&](Members& job) { add_job(job, *context.job); });
    if (std::holds_alternative<job::Succeeded>(event.data)) data.json("result", context.result);
  });
  writer.end_object();
  return text;
}

}  // namespace errand::contract
