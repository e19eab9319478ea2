#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/error.h"
#include "errand/base/ids.h"

/// What the server says to workers (docs/protocol/worker.md). Each struct is one message type of
/// docs/protocol/worker.protocol.mjs.
namespace errand::worker {

struct Welcome {
  WorkerId worker;
  std::string server;
  Milliseconds heartbeat{10'000};
  Milliseconds lease{30'000};
  std::size_t message_bytes_max = 0;
  std::vector<QueueName> queues;  ///< empty: all
  std::vector<JobTypeName> unknown_types;
  std::vector<std::string> features;  ///< what this server can do beyond the first v1
};

struct JobOffer {
  JobId job;
  std::string token;
  JobTypeName type;
  QueueName queue;
  TenantId tenant;
  int run = 1;
  int attempt = 1;
  int max_attempts = 1;
  std::string arguments_json;  ///< one JSON object
  Milliseconds lease{0};
  Milliseconds timeout{0};               ///< left of this attempt
  std::optional<Milliseconds> deadline;  ///< left of the job
  int priority = 0;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::string correlation_id;
  std::string traceparent;  ///< "" when the job is not traced
  Timestamp created_at{};
};

enum class HoldState : std::uint8_t { kRunning, kCanceling, kLeaseLost, kJobEnded };
enum class StopReason : std::uint8_t { kCancel, kDeadline, kKill, kTimeout, kLeaseLost };

struct HeartbeatAck {
  struct Job {
    JobId job;
    std::string token;
    HoldState state = HoldState::kRunning;
    Milliseconds lease{0};                    ///< with kRunning and kCanceling
    StopReason reason = StopReason::kCancel;  ///< with kCanceling
    Milliseconds grace{0};                    ///< with kCanceling
  };
  std::vector<Job> jobs;
};

struct CancelNotice {
  JobId job;
  std::string token;
  StopReason reason = StopReason::kCancel;
  Milliseconds grace{0};
};

struct Ack {
  std::optional<std::string> ref;
  JobId job;
  std::string token;
  std::optional<Error> error;  ///< nullopt: taken
};

struct Draining {};

enum class DrainReason : std::uint8_t { kShutdown, kRequested };

struct DrainNotice {
  DrainReason reason = DrainReason::kShutdown;
  Milliseconds grace{0};
};

struct ProtocolErrorNotice {
  Error error;
};

using ServerMessage = std::variant<Welcome, JobOffer, HeartbeatAck, CancelNotice, Ack, Draining,
                                   DrainNotice, ProtocolErrorNotice>;

/// Appends `message` as one JSON object to `out`.
void append_message(std::string& out, const ServerMessage& message);

/// `message` as one JSON object.
std::string to_text(const ServerMessage& message);

}  // namespace errand::worker
