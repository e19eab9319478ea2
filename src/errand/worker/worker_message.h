#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"

/// What workers say (docs/protocol/worker.md). Each struct is one message type of
/// docs/protocol/worker.protocol.mjs; values of the bounds stand there.
namespace errand::worker {

/// What a worker offers: the first message of a WebSocket, the body of each poll.
struct Hello {
  std::vector<JobTypeName> types;
  std::vector<QueueName> queues;  ///< empty: all that the credential allows
  std::uint32_t slots = 0;
  std::string name;  ///< "" when not given, as the rest
  std::string build;
  std::string sdk;
  std::map<std::string, std::string> labels;  ///< the worker's own, for people
  /// Which jobs it takes: a job's label of that name has one of the values; none: the job does not
  /// have that label. All entries must hold.
  std::map<std::string, std::vector<std::string>> selectors;
};

struct Credits {
  std::uint32_t add = 0;
};

/// A job as a worker names it. The token is not checked yet.
struct HeldJob {
  JobId job;
  std::string token;
};

struct Heartbeat {
  std::vector<HeldJob> jobs;
};

struct Progress {
  std::optional<double> completed;
  std::optional<double> total;
  std::optional<std::string> stage;
  std::optional<std::string> message;
};

struct Complete {
  boost::json::value result;
};

enum class FailureKind : std::uint8_t { kTransient, kPermanent };

struct Failure {
  FailureKind kind = FailureKind::kTransient;
  std::string code;  ///< "" when not given
  std::string message;
  std::optional<boost::json::object> details;
  std::optional<std::string> remediation;
  std::optional<Milliseconds> retry_after;
};

struct Release {};

struct Snooze {
  Milliseconds delay{0};
  /// Of handlers within the server: stands in the job's history. Workers that connect give none.
  std::string reason = {};
};

/// One of the messages about a single job.
struct Report {
  HeldJob held;
  std::optional<std::string> ref;  ///< chosen by the worker, repeated in the ack
  std::variant<Progress, Complete, Failure, Release, Snooze> what;
};

struct Drain {};

using WorkerMessage = std::variant<Hello, Credits, Heartbeat, Report, Drain>;

/// Nesting of arrays and objects in a message at most.
inline constexpr std::size_t kMessageDepthMax = 64;
/// Messages in one array at most.
inline constexpr std::size_t kBatchMax = 1'000;

/// Reads a WebSocket message: one message object or an array of 1 to kBatchMax of them. Members
/// that are not known are ignored, types that are not known are refused, as are those behind a
/// feature that this server does not have.
/// @return kProtocolError saying where ("[2].jobs[0].token") and what was expected.
Result<std::vector<WorkerMessage>> parse_messages(std::string_view text, std::size_t bytes_max);

/// Reads a report that comes without job and token, as programs that the server itself calls write
/// it: the members of a message of that type ("progress", "fail", ...). Errors as parse_messages().
Result<decltype(Report::what)> parse_report(std::string_view type,
                                            const boost::json::object& members);

/// What POST /worker/v1/poll carries.
struct PollRequest {
  Hello hello;
  Milliseconds wait{20'000};  ///< at most 60 s
};

/// Reads the body of a poll. Errors as parse_messages().
Result<PollRequest> parse_poll(std::string_view text, std::size_t bytes_max);

/// Reads the body of POST /worker/v1/messages: {"messages": [...]}, one message, or an array of
/// them; heartbeats and reports only. Errors as parse_messages().
Result<std::vector<WorkerMessage>> parse_posted_messages(std::string_view text,
                                                         std::size_t bytes_max);

}  // namespace errand::worker
