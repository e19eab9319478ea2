#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/simulated_store.h"

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/engine/engine.h"
#include "errand/engine/reactor.h"
#include "errand/job/payload.h"
#include "errand/job/state.h"
#include "errand/job/status.h"
#include "errand/store/batch.h"

namespace errand::simulation {

/// How the commit of a batch ended.
enum class Ending : std::uint8_t {
  kTold,            ///< committed, applied, answered
  kRefused,         ///< nothing was written
  kUnknownLost,     ///< unknown, and not there
  kUnknownWritten,  ///< unknown, and there
  kCrashBefore,     ///< decided, and not written
  kCrashWithin,     ///< while it was written
  kCrashAfter,      ///< written, and not applied
  kCrashUntold,     ///< applied, and nobody told
};
inline constexpr std::size_t kEndingCount = 8;

/// A change of a job's status; `from` is none for a new job.
struct Move {
  std::optional<job::JobStatus> from;
  job::JobStatus to{};

  friend auto operator<=>(const Move&, const Move&) = default;
};

/// Refers to a payload, by a digest that stands in for the keyed one.
job::PayloadRef ref_to(const std::string& text);

/// Makes an internal job of every fourth event or so, as the event's hash says, and names the event
/// in it.
class EventReactor final : public engine::Reactor {
 public:
  /// An event of a user's job.
  using Cause = std::pair<JobId, Sequence>;

  /// @param catches_up  what finds no room is left to a job that follows the log
  EventReactor(bool keeps, bool catches_up) : keeps_(keeps), catches_up_(catches_up) {}

  static bool chooses(const job::Event& event);
  /// The event that an internal job names; nullopt: none.
  static std::optional<Cause> cause_of(const job::JobSpec& spec);

  void react(const engine::JobChange& change, std::vector<engine::EnqueueJob>& reactions) override;
  std::optional<engine::EnqueueJob> instead_of(const engine::EnqueueJob& reaction,
                                               LogPosition position) override;
  /// Where the log is to be followed from; nullopt: the job does not follow it.
  static std::optional<LogPosition> follows_from(const job::JobSpec& spec);
  void on_refused(std::vector<engine::RefusedReaction> refused) override;

  std::vector<Cause> refused;  ///< as the engine told
  bool shown_internal = false;
  bool shown_apart = false;  ///< what it was shown did not go on from what it had been

 private:
  bool keeps_;  ///< ended jobs, for as long as their retention is by default
  bool catches_up_;
};

/// What happened in a simulation, for the summary of many.
struct Tally {
  std::uint64_t operations = 0;
  std::uint64_t jobs = 0;
  std::uint64_t dispatches = 0;
  std::uint64_t crashes = 0;
  std::uint64_t unknown_outcomes = 0;
  std::uint64_t refused_commits = 0;
  std::uint64_t stale_reports_refused = 0;
  std::uint64_t limits_met = 0;  ///< starts that took the last place of a limit
  std::uint64_t pruned = 0;
  std::uint64_t reactions = 0;  ///< internal jobs made by events
  std::uint64_t reactions_refused = 0;
  std::uint64_t executions_again = 0;  ///< dispatches of a job beyond its first
  std::array<std::uint64_t, job::kJobStatusCount> ended_in{};
  std::map<Move, std::array<std::uint64_t, kEndingCount>> moves;  ///< by ending

  Tally& operator+=(const Tally& other);
};

/// Engine, store, clients and workers in one thread on a virtual clock, all out of one seed:
/// crashes and power losses before, within and after each commit, a full and a failing disk,
/// commits of unknown outcome, workers that die, fall silent, repeat themselves and come back too
/// late, clocks that jump. Three seeds of four have the SQLite store on a simulated disk, the
/// others the memory store. One of three keeps ended jobs for a short time only and prunes them.
///
/// Keeps what was acknowledged outside the system and holds the system against it (DESIGN.md,
/// section 11): I1 to I6, I10, I11 and I13, the order within FIFO keys, and that each event which
/// the reactor chose has its one internal job, in its commit.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation();

  /// Runs `operations` random steps, then lets faults cease and every job end.
  /// @return what was violated; empty if nothing was.
  std::string run(int operations);

  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  struct Held {
    JobId job;
    FencingToken token{};
    TenantId tenant;
  };
  struct Worker {
    TenantId tenant;
    bool any_tenant = false;
    bool hosted = false;  ///< part of the server: runs internal jobs alone
    std::vector<Held> holds;
    std::uint32_t free = 0;  ///< slots without a credit given
  };
  /// Why a ticket was sent, for judging its answer.
  struct Asked {
    enum class What : std::uint8_t { kEnqueue, kReport, kCommand, kWorkers, kOther };
    What what = What::kOther;
    JobId job;
    std::string key;
    bool completes = false;
    bool is_unique = false;
    FencingToken token{};
    std::string result;
  };

  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool chance(std::uint64_t in) { return below(in) == 0; }

  void step();
  void send(engine::Request request, Asked asked);
  void enqueue();
  void command_some_job();
  void work(Worker& worker, const WorkerId& id, bool healthy);
  void report(const WorkerId& id, const Held& held, bool healthy);
  void beat(const WorkerId& id, Worker& worker);
  void connect_worker();
  void connect_hosted_worker();
  [[nodiscard]] std::size_t hosted_workers() const;
  void round();
  void start_engine();
  void recover();
  void restart();
  void take(engine::Plan& plan);
  /// The moves that `batch` makes, from what is stored before it.
  std::vector<Move> moves_of(const store::Batch& batch);
  void note(const std::vector<Move>& moves, Ending ending);
  void judge(const engine::Answer& answer);
  void judge_stored();
  /// Follows the log to its end and holds each start in it against the limits.
  void follow_log();
  void judge_event(const job::JobState& before, const job::Event& event);
  void judge_alone(const job::JobSpec& spec, const JobId& id);
  void judge_start(const job::JobState& state, Timestamp at);
  /// Holds internal jobs against the events that cause them.
  void judge_reaction(const job::JobSpec& spec, const JobId& id);
  /// A plan was applied: what is not made by now was refused, and told.
  void judge_reactions_told();
  /// Holds what a job that follows the log went through against what is left to such jobs.
  void judge_catch_up(const job::JobState& follower, const job::Event& event);
  void judge_left();
  engine::RegisterWorker hello_of(const WorkerId& id, const Worker& worker) const;
  /// Whether a job that is PENDING might start, as far as limits go.
  [[nodiscard]] bool limits_allow(const job::JobState& state) const;
  /// Lets the engine come to rest, and holds it against what could start then.
  void judge_rest();
  [[nodiscard]] std::optional<std::uint64_t> value_of(const engine::Limit& limit) const;
  static std::string rate_key(const engine::Limit& limit, const job::JobSpec& spec);
  /// Places of a limit on concurrency that jobs beside `state` take.
  [[nodiscard]] std::uint64_t taken(const engine::Limit& limit, const job::JobState& state) const;
  void prune();
  /// Whether the job may be missing: its retention was over when something was pruned.
  [[nodiscard]] bool may_be_pruned(const JobId& id) const { return expired_.contains(id); }
  void advance(Milliseconds by);
  void violated(const std::string& what);
  job::StatePtr stored(const JobId& id);

  SeededRandom random_;
  EventReactor reactor_;
  const bool catches_up_;      ///< what finds no room is left to jobs that follow the log
  bool reactions_fit_ = true;  ///< their queue has room for all
  engine::Options options_;
  Now now_;
  std::unique_ptr<SimulatedStore> store_;
  std::optional<engine::Engine> engine_;
  Tally tally_;
  std::string violation_;
  bool faults_ = true;
  bool prunes_ = false;

  std::uint64_t next_ticket_ = 0;
  std::map<engine::Ticket, Asked> asked_;
  std::map<WorkerId, Worker> workers_;
  std::uint64_t next_worker_ = 0;
  /// Jobs as they were last written, to save reading them.
  std::map<JobId, job::StatePtr> written_;
  std::vector<Held> left_behind_;  ///< by workers that died: reports may still come

  // The oracle's memory: what the system has promised.
  std::vector<JobId> acknowledged_;
  std::vector<JobId> made_;  ///< internal jobs, as the log tells of them
  std::map<std::string, JobId> keys_;
  std::set<JobId> expired_;  ///< when something was pruned
  std::map<JobId, FencingToken> last_dispatch_;
  std::map<JobId, std::string> accepted_result_;

  // What the log says so far, and the limits that held before its last batch.
  LogPosition followed_{};
  std::map<JobId, job::JobState> followed_jobs_;
  std::map<std::string, store::LimitSetting> settings_;
  std::set<EventReactor::Cause> owed_;  ///< chosen events without their internal job yet
  /// Chosen events that are left to jobs that follow the log: whose they are, and where.
  std::map<EventReactor::Cause, std::pair<TenantId, LogPosition>> left_;
  std::set<EventReactor::Cause> reacted_;  ///< those that have it
  struct StartTime {
    Timestamp wall;
    MonotonicTime monotonic;
  };
  std::map<std::string, std::vector<StartTime>> starts_;  ///< by rate limit
  bool clock_was_set_ = false;
  std::map<JobId, MonotonicTime> started_;    ///< last start
  MonotonicTime recovered_;                   ///< last recovery of the engine
  std::optional<engine::WorkerList> listed_;  ///< as the engine told last
};

}  // namespace errand::simulation
