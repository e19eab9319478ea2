#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "errand_worker/errors.h"
#include "errand_worker/job.h"
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// The messages of `errand.worker.v1` (docs/protocol/worker.md): read from and written to JSON
/// text.
namespace errand_worker::internal {

using Milliseconds = std::chrono::milliseconds;

inline constexpr std::string_view kSubprotocol = "errand.worker.v1";
inline constexpr std::size_t kMessagesMax = 1'000;  ///< in one frame or body
inline constexpr int kLevelsMax = 64;               ///< of nesting in a message
inline constexpr Milliseconds kDelayMax{2'592'000'000};
inline constexpr std::string_view kFeatureSteps = "steps";

struct WelcomeMessage {
  std::string worker_id;
  std::string server;
  Milliseconds heartbeat{10'000};
  Milliseconds lease{30'000};
  std::size_t message_bytes_max = 1 << 20;
  std::vector<std::string> unknown_types;
  std::vector<std::string> features;
};

struct JobMessage {
  std::string job_id;
  std::string token;
  std::string job_type;
  std::string queue;
  std::string tenant;
  int run = 1;
  int attempt = 1;
  int max_attempts = 1;
  boost::json::value arguments = boost::json::object();  ///< an object
  Milliseconds timeout{};
  std::optional<Milliseconds> deadline;
  int priority = 0;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::string correlation_id;
  std::optional<std::string> traceparent;
  std::chrono::system_clock::time_point created_at;
  std::map<std::string, boost::json::value> steps;
};

struct HeartbeatAckMessage {
  enum class State { kRunning, kCanceling, kLeaseLost, kJobEnded, kUnknown };
  struct Entry {
    std::string token;
    State state = State::kUnknown;
    StopReason reason = StopReason::kCancel;
    Milliseconds grace{1};
  };
  std::vector<Entry> jobs;
};

struct CancelMessage {
  std::string token;
  StopReason reason = StopReason::kCancel;
  Milliseconds grace{};
};

struct AckMessage {
  struct Error {
    std::string code;
    std::string message;
    bool retryable = false;
  };
  std::optional<std::uint64_t> ref;
  std::string job_id;
  std::string token;
  std::optional<Error> error;  ///< set when the report was refused
};

struct DrainingMessage {};

struct DrainMessage {
  bool requested = false;  ///< an operator drains this worker; false: the server stops
  Milliseconds grace{};
};

struct ErrorMessage {
  std::string code;
  std::string message;
};

/// A later version's message, to be ignored.
struct UnknownMessage {};

using ServerMessage =
    std::variant<WelcomeMessage, JobMessage, HeartbeatAckMessage, CancelMessage, AckMessage,
                 DrainingMessage, DrainMessage, ErrorMessage, UnknownMessage>;

/// Reads a WebSocket message: one message object or an array of them.
/// @throws std::runtime_error that says what is wrong with it.
std::vector<ServerMessage> read_server_messages(std::string_view text);

/// Reads the body of an answer to POST /worker/v1/messages. @throws std::runtime_error
std::vector<ServerMessage> read_messages_response(std::string_view text);

struct HeldJob {
  std::string_view job_id;
  std::string_view token;
};

struct HelloMessage {
  std::vector<std::string> types{};
  int slots = 1;
  std::vector<std::string> queues{};
  std::string name{};
  std::string build{};
  std::string sdk{};
  std::map<std::string, std::string> labels{};
  std::map<std::string, std::vector<std::string>> selectors{};
};

/// What a handler's failure says; texts are cleaned and cut when it is written.
struct Failure {
  bool permanent = false;
  std::string message{};
  std::string code{};                                      ///< left out unless is_error_code()
  boost::json::object details{};                           ///< left out when empty
  std::string remediation{};                               ///< left out when empty
  std::optional<std::chrono::milliseconds> retry_after{};  ///< cut to [0, kDelayMax]
};

std::string write_hello(const HelloMessage& hello);
std::string write_credits(std::size_t add);
std::string write_heartbeat(std::span<const HeldJob> jobs);
/// Empty when there is nothing to say that the protocol would take.
std::string write_progress(HeldJob job, const Progress& progress);
std::string write_complete(HeldJob job, std::uint64_t ref, const boost::json::value& result);
std::string write_fail(HeldJob job, std::uint64_t ref, const Failure& failure);
std::string write_release(HeldJob job, std::uint64_t ref);
std::string write_snooze(HeldJob job, std::uint64_t ref, Milliseconds delay);
std::string write_step(HeldJob job, std::uint64_t ref, std::string_view name,
                       const boost::json::value& result);
std::string write_drain();

/// Takes messages from the front of `messages`, from index `first`, that together make a frame of
/// at most `bytes_max` bytes and kMessagesMax messages, at least one; moves `first` behind them.
/// @return the one message, or an array.
std::string join_frame(std::span<const std::string> messages, std::size_t& first,
                       std::size_t bytes_max);

}  // namespace errand_worker::internal
