#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>

#include "errand/base/ids.h"
#include "errand/worker/server_message.h"
#include "errand/worker/worker_message.h"

namespace errand::worker {

/// The engine ends an attempt that is over, by its stop. What a handler bounds by the attempt's end
/// itself it bounds so much later, for the case that the stop does not come: where it was first,
/// its report would cross the timeout and be refused as stale.
inline constexpr Milliseconds kBehindTheEngine{10'000};

/// Why an attempt that runs within the server is to stop.
enum class AttemptStop : std::uint8_t {
  kCancel,
  kDeadline,
  kTimeout,
  kKill,
  kLeaseLost,
  kShutdown
};

/// Nothing to report: whoever goes on with the attempt does it.
struct LeftElsewhere {};

/// What became of an attempt.
using Outcome = std::variant<Complete, Failure, Release, Snooze, LeftElsewhere>;

/// One attempt of a job that runs within the server's process, as its Handler sees it. Thread-safe.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  /// Hands progress on; calls `done` once it may have the next.
  using ReportProgress = std::function<void(Progress, std::move_only_function<void()> done)>;

  Attempt(JobOffer offer, FencingToken number, ReportProgress report);

  [[nodiscard]] const JobOffer& offer() const noexcept { return offer_; }
  [[nodiscard]] FencingToken number() const noexcept { return number_; }

  /// Says how far it has come. Cheap: one report is under way at a time, and of those that come
  /// meanwhile the last one counts. Nothing once stop() is final.
  void progress(Progress progress);
  /// The handler is done: progress() says nothing more.
  /// @return what it said last, where that is not known to have arrived: it goes before the outcome
  [[nodiscard]] std::optional<Progress> end_progress();

  /// Asked to stop from here on, for whatever reason. Callbacks run on the thread that asks, and
  /// must be quick.
  [[nodiscard]] std::stop_token stop_token() const { return source_.get_token(); }

  /// Why it is to stop, and until when an outcome is still taken. In the order in which a handler
  /// would see it: a kill that follows a cancel outranks it.
  struct Stop {
    AttemptStop why = AttemptStop::kCancel;
    /// Over at once where `why` is kTimeout, kKill or kLeaseLost.
    std::chrono::steady_clock::time_point until;
  };
  [[nodiscard]] std::optional<Stop> stop() const;

  /// Whether no outcome is taken any more.
  [[nodiscard]] bool lost() const;

  /// Requested once lost() is true, which may come after stop_token(): a kill during the grace of a
  /// cancel.
  [[nodiscard]] std::stop_token lost_token() const { return lost_.get_token(); }

  /// From here on someone else goes on with it and reports, who is not to be waited for at the
  /// server's end: the lease outlives that.
  void leave_elsewhere() noexcept { elsewhere_.store(true); }
  [[nodiscard]] bool is_elsewhere() const noexcept { return elsewhere_.load(); }

  /// When the attempt's timeout or the job's deadline ends it, whichever comes first.
  [[nodiscard]] std::chrono::steady_clock::time_point ends_at() const noexcept { return ends_at_; }

  /// Asks it to stop. `grace` says how long its outcome is taken; zero: not any more.
  void request_stop(AttemptStop why, Milliseconds grace);

 private:
  void send(Progress progress);
  void sent();

  const JobOffer offer_;
  const FencingToken number_;
  const ReportProgress report_;
  const std::chrono::steady_clock::time_point ends_at_;
  std::stop_source source_;
  std::atomic<bool> elsewhere_ = false;
  std::stop_source lost_;
  mutable std::mutex mutex_;
  std::optional<Stop> stop_;  ///< guarded by mutex_, as the rest
  bool reporting_ = false;    ///< a report of progress is under way
  bool waits_ = false;        ///< last_progress_ came meanwhile
  bool ended_ = false;
  Progress last_progress_;
};

using AttemptPtr = std::shared_ptr<Attempt>;

/// Runs attempts within the server's process: one way to run jobs, such as push. Thread-safe.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Runs one attempt to its end, on the executor of the awaiting coroutine, which it must not
  /// block. Ends soon after the attempt is asked to stop. What it throws counts as a transient
  /// failure.
  virtual boost::asio::awaitable<Outcome> run(AttemptPtr attempt) = 0;
};

}  // namespace errand::worker
