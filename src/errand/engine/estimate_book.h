#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/engine/engine.h"
#include "errand/job/state.h"
#include "errand/job/type_history.h"
#include "errand/store/batch.h"
#include "errand/store/reader.h"

namespace errand::engine {

/// Whose history it is: no tenant's estimates show another tenant's jobs (I13).
struct EstimateKey {
  TenantId tenant;
  JobTypeName type;

  friend auto operator<=>(const EstimateKey&, const EstimateKey&) = default;
};

/// The histories of job types, from what is committed. Bounded: the key that learned nothing for
/// longest goes first. What a success teaches is stored with its batch, but each key at most once
/// in an interval, so that a restart loses the last interval of a busy type and nothing of others.
/// Not thread-safe.
class EstimateBook {
 public:
  EstimateBook(std::size_t types_max, Milliseconds write_interval)
      : types_max_(types_max), write_interval_(write_interval) {}

  /// What a batch makes of the histories, once it is committed.
  struct Lessons {
    std::map<EstimateKey, job::TypeHistoryPtr> learned;
    std::vector<EstimateKey> forgotten;  ///< none of `learned`
  };

  /// Reads the events of `batch` and adds the digests that it is to store.
  [[nodiscard]] Lessons learn(store::Batch& batch, Now now) const;
  /// `batch`, from which `lessons` come, is committed.
  void apply(const Lessons& lessons, const store::Batch& batch, Now now);

  /// Forgets all and reads the stored histories. Then resume() is due for each job with a lease.
  Result<void> recover(const store::Reader& reader, Now now);
  void resume(const job::JobState& state);

  /// All histories.
  [[nodiscard]] std::vector<EstimateChange> all() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  /// A running attempt.
  struct Attempt {
    Timestamp started;
    job::ProgressTrack track;
  };
  struct Entry {
    job::TypeHistoryPtr history;
    MonotonicTime due;  ///< may be stored from then on
    bool stored = false;
    std::uint64_t turn = 0;  ///< its place in by_use_
  };

  /// Carries `attempt` over an event. @return how long it took, if it has succeeded with it.
  static std::optional<Milliseconds> follow(std::optional<Attempt>& attempt,
                                            const job::Event& event);
  void touch(const EstimateKey& key, Entry& entry);
  void drop(const EstimateKey& key);

  const std::size_t types_max_;
  const Milliseconds write_interval_;
  std::map<EstimateKey, Entry> entries_;
  std::map<std::uint64_t, EstimateKey> by_use_;  ///< the one used last at the end
  std::uint64_t turn_ = 0;
  std::set<std::pair<MonotonicTime, EstimateKey>> unstored_;  ///< by when they are due
  std::unordered_map<JobId, Attempt> attempts_;               ///< of jobs with a lease
};

}  // namespace errand::engine
