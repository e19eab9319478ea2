#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/engine/limit.h"
#include "errand/job/state.h"
#include "errand/store/batch.h"

namespace errand::engine {

/// Starts of the last while, for one key of a rate limit.
///
/// Exact up to one part in 64 of the limit's time, and never too many: starts are counted in slices
/// of that length, and each counts until the whole slice is one time old. So at most `value` starts
/// lie in any stretch of that time, and a key costs at most 65 numbers.
class RateWindow {
 public:
  /// When starts at `now` cease to count.
  static Timestamp end_of(Timestamp now, Milliseconds per);

  /// Counts `starts` up to `until`.
  void add(Timestamp until, std::uint64_t starts);
  /// Starts that still count at `now`. A clock that was set back does not lengthen them.
  std::uint64_t used(Timestamp now, Milliseconds per);
  /// Starts that count up to exactly `until`.
  [[nodiscard]] std::uint64_t at(Timestamp until) const;
  /// When fewer than `value` starts count, after used() was called; `now` if they do already.
  [[nodiscard]] Timestamp opens(Timestamp now, std::uint64_t value) const;

 private:
  std::deque<std::pair<Timestamp, std::uint64_t>> slices_;  ///< by their ends
  std::uint64_t used_ = 0;
};

/// All limits with what they count. Part of the engine's Memory: changes by what was committed
/// alone; what a plan adds stands in its LimitChanges. Not thread-safe.
class LimitBook {
 public:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  struct Entry {
    Limit declared;
    std::string id;                              ///< empty: withdrawn
    std::optional<store::LimitSetting> setting;  ///< an operator's
    std::uint64_t value = kUnlimited;            ///< as it holds now
    Milliseconds per{1'000};                     ///< as it holds now

    [[nodiscard]] bool holds() const { return value != kUnlimited; }
  };

  /// What a plan changes of the counts.
  struct Changes {
    struct Change {
      std::int64_t running = 0;
      std::uint64_t starts = 0;
    };
    std::map<std::pair<std::size_t, std::string>, Change> of;  ///< by index of the limit, and key
  };

  /// What keeps a job from starting.
  struct Obstacle {
    const Entry* limit = nullptr;
    bool by_input = false;           ///< holds back the jobs of its limit_key alone
    std::optional<Timestamp> until;  ///< of a rate: when it lets one start
  };

  /// @param limits  each id once; those without a value are there to be set
  explicit LimitBook(std::span<const Limit> limits);

  /// Adds a limit, or gives the one of its id another value and time. Where it is new and counts by
  /// input there must be no live job of its type; where it counts running jobs, recount() follows.
  void declare(const Limit& limit);
  /// Forgets the limits of a type. Their places are used again once the present plan is over.
  void withdraw(const JobTypeName& type);

  /// Forgets counts and settings.
  void clear();

  /// An operator's setting, on the limit that exists. @return whether there is one of this id.
  bool set(const store::LimitSetting& setting);
  /// Starts that were counted before a restart.
  void restore(const store::RateUse& use);
  /// Counts anew who runs, for limits that did not count so far: `each` calls with every job that
  /// has a lease.
  template <class Each>
  void recount(Each each) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].declared.kind == LimitKind::kConcurrency &&
          entries_[i].declared.by_input.empty())
        running_[i].clear();
    }
    each([this](const job::JobState& state) { count_coarse(state, 1); });
  }

  /// The places that a job takes.
  struct Taken {
    bool lease = false;  ///< of limits without an input
    bool key = false;    ///< of those by input
  };
  static Taken taken(const job::JobState* state);

  /// A job that was `before` (null: it is new, or found at a restart) is now `after`.
  void settle(const job::JobState* before, const job::JobState& after);
  /// The same for a plan, and whether the job starts.
  void note(Changes& changes, Taken before, const job::JobState& after, bool starts) const;
  /// What the plan's starts add, as it is to be stored.
  std::vector<store::RateUse> rate_uses(const Changes& changes, Timestamp now);
  /// The plan is true.
  void apply(const Changes& changes, Timestamp now);

  /// The first limit that keeps `state`, which is PENDING, from starting at `now`.
  std::optional<Obstacle> obstacle(const job::JobState& state, const Changes* changes,
                                   Timestamp now);

  /// How many jobs of a limit_key may start at `now`, by committed counts.
  struct KeyRoom {
    std::uint64_t places = kUnlimited;  ///< of limits on concurrency, for jobs that do not hold it
    std::uint64_t starts = kUnlimited;  ///< of rates, for all
  };
  KeyRoom room_of_key(const JobTypeName& type, const TenantId& tenant, const std::string& limit_key,
                      Timestamp now);
  /// When a rate lets another job of the key start; nullopt if no rate is in its way.
  std::optional<Timestamp> key_opens(const JobTypeName& type, const TenantId& tenant,
                                     const std::string& limit_key, Timestamp now);

  /// The length that a queue may have; nullopt: none is set.
  [[nodiscard]] std::optional<std::uint64_t> length_of(const QueueName& queue) const;

  /// How many jobs of a queue may run at once, all types and tenants; nullopt: no such limit holds.
  [[nodiscard]] std::optional<std::uint64_t> concurrency_of(const QueueName& queue) const;

  [[nodiscard]] const Entry* find(std::string_view id) const;
  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }
  /// Whether a limit by input counts jobs of this type.
  [[nodiscard]] bool counts_keys(const JobTypeName& type) const;

 private:
  [[nodiscard]] const std::vector<std::size_t>& of_type(const JobTypeName& type) const;
  [[nodiscard]] const std::vector<std::size_t>& of_queue(const QueueName& queue) const;
  /// Calls `each(index, entry)` for the limits that count jobs of `spec`.
  template <class Each>
  void for_each(const job::JobSpec& spec, Each each) const {
    for (const std::size_t i : of_queue(spec.queue)) each(i, entries_[i]);
    for (const std::size_t i : of_type(spec.type)) each(i, entries_[i]);
  }
  void count_coarse(const job::JobState& state, std::int64_t by);
  void count(std::size_t index, const std::string& key, std::int64_t by);
  std::uint64_t running(std::size_t index, const std::string& key) const;
  std::uint64_t used(std::size_t index, const std::string& key, Timestamp now);

  void add(const Limit& limit);
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view id) const;

  std::vector<Entry> entries_;
  std::vector<std::size_t> free_;   ///< places of entries that were withdrawn
  std::vector<std::size_t> freed_;  ///< the same, which a plan may still speak of
  std::unordered_map<QueueName, std::vector<std::size_t>> by_queue_;
  std::unordered_map<JobTypeName, std::vector<std::size_t>> by_type_;
  std::unordered_map<QueueName, std::size_t> lengths_;
  std::map<std::string, std::size_t, std::less<>> by_id_;
  std::vector<std::unordered_map<std::string, std::uint64_t>> running_;  ///< by index
  struct Rates {
    std::unordered_map<std::string, RateWindow> of;
    std::size_t sweep_at = 1'024;  ///< windows from which on those that count nothing are dropped
  };
  std::vector<Rates> rates_;  ///< by index
};

}  // namespace errand::engine
