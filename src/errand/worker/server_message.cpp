#include "errand/worker/server_message.h"

#include "errand/base/time_text.h"
#include "errand/json/writer.h"

namespace errand::worker {
namespace {

std::string_view to_string(HoldState state) {
  switch (state) {
    case HoldState::kRunning:
      return "RUNNING";
    case HoldState::kCanceling:
      return "CANCELING";
    case HoldState::kLeaseLost:
      return "LEASE_LOST";
    case HoldState::kJobEnded:
      return "JOB_ENDED";
  }
  return "LEASE_LOST";
}

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::kCancel:
      return "CANCEL";
    case StopReason::kDeadline:
      return "DEADLINE";
    case StopReason::kKill:
      return "KILL";
    case StopReason::kTimeout:
      return "TIMEOUT";
    case StopReason::kLeaseLost:
      return "LEASE_LOST";
  }
  return "LEASE_LOST";
}

class MessageWriter {
 public:
  explicit MessageWriter(std::string& out) : json_(out) {}

  void operator()(const Welcome& m) {
    begin("welcome");
    text("workerId", m.worker.view());
    text("server", m.server);
    milliseconds("heartbeatMs", m.heartbeat);
    milliseconds("leaseMs", m.lease);
    integer("messageBytesMax", static_cast<std::int64_t>(m.message_bytes_max));
    if (!m.queues.empty()) names("queues", m.queues);
    names("unknownTypes", m.unknown_types);
    if (!m.features.empty()) texts("features", m.features);
    json_.end_object();
  }

  void operator()(const JobOffer& m) {
    begin("job");
    text("jobId", m.job.str());
    text("token", m.token);
    text("jobType", m.type.view());
    text("queue", m.queue.view());
    text("tenant", m.tenant.view());
    integer("run", m.run);
    integer("attempt", m.attempt);
    integer("maxAttempts", m.max_attempts);
    json_.key("arguments");
    json_.raw(m.arguments_json);
    milliseconds("leaseMs", m.lease);
    milliseconds("timeoutMs", m.timeout);
    if (m.deadline) milliseconds("deadlineMs", *m.deadline);
    integer("priority", m.priority);
    texts("tags", m.tags);
    json_.key("labels");
    json_.begin_object();
    for (const auto& [key, value] : m.labels) text(key, value);
    json_.end_object();
    text("correlationId", m.correlation_id);
    if (!m.traceparent.empty()) text("traceparent", m.traceparent);
    text("createdAt", format_timestamp(m.created_at));
    json_.end_object();
  }

  void operator()(const HeartbeatAck& m) {
    begin("heartbeat_ack");
    json_.key("jobs");
    json_.begin_array();
    for (const HeartbeatAck::Job& job : m.jobs) {
      json_.begin_object();
      text("jobId", job.job.str());
      text("token", job.token);
      text("state", to_string(job.state));
      if (job.state == HoldState::kRunning || job.state == HoldState::kCanceling) {
        milliseconds("leaseMs", job.lease);
      }
      if (job.state == HoldState::kCanceling) {
        text("reason", to_string(job.reason));
        milliseconds("graceMs", job.grace);
      }
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
  }

  void operator()(const CancelNotice& m) {
    begin("cancel");
    text("jobId", m.job.str());
    text("token", m.token);
    text("reason", to_string(m.reason));
    milliseconds("graceMs", m.grace);
    json_.end_object();
  }

  void operator()(const Ack& m) {
    begin("ack");
    if (m.ref) text("ref", *m.ref);
    text("jobId", m.job.str());
    text("token", m.token);
    text("status", m.error ? "REFUSED" : "OK");
    if (m.error) {
      json_.key("error");
      json_.begin_object();
      text("code", errand::to_string(m.error->code));
      text("message", m.error->message);
      json_.key("retryable");
      json_.boolean(is_retryable(m.error->code));
      json_.end_object();
    }
    json_.end_object();
  }

  void operator()(const Draining&) {
    begin("draining");
    json_.end_object();
  }

  void operator()(const DrainNotice& m) {
    begin("drain");
    text("reason", m.reason == DrainReason::kShutdown ? "SHUTDOWN" : "REQUESTED");
    milliseconds("graceMs", m.grace);
    json_.end_object();
  }

  void operator()(const ProtocolErrorNotice& m) {
    begin("error");
    text("code", errand::to_string(m.error.code));
    text("message", m.error.message);
    json_.end_object();
  }

 private:
  void begin(std::string_view type) {
    json_.begin_object();
    text("type", type);
  }
  void text(std::string_view key, std::string_view value) {
    json_.key(key);
    json_.string(value);
  }
  void integer(std::string_view key, std::int64_t value) {
    json_.key(key);
    json_.integer(value);
  }
  /// Durations on the wire are never negative: what is over is 0.
  void milliseconds(std::string_view key, Milliseconds value) {
    integer(key, std::max<std::int64_t>(0, value.count()));
  }
  template <class Names>
  void names(std::string_view key, const Names& list) {
    json_.key(key);
    json_.begin_array();
    for (const auto& name : list) json_.string(name.view());
    json_.end_array();
  }
  void texts(std::string_view key, const std::vector<std::string>& list) {
    json_.key(key);
    json_.begin_array();
    for (const std::string& entry : list) json_.string(entry);
    json_.end_array();
  }

  json::Writer json_;
};

}  // namespace

void append_message(std::string& out, const ServerMessage& message) {
  std::visit(MessageWriter(out), message);
}

std::string to_text(const ServerMessage& message) {
  std::string out;
  append_message(out, message);
  return out;
}

}  // namespace errand::worker
