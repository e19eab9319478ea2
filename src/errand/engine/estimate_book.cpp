#include "errand/engine/estimate_book.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "errand/job/estimate.h"
#include "errand/job/internal_type.h"

namespace errand::engine {
namespace {

/// Digests that one batch stores at most, so that it stays short: each takes up to 10 KiB.
constexpr std::size_t kWritesMax = 8;

/// Nobody asks how long an internal job will take.
bool counts(const job::JobState& state) { return !job::is_internal(state.spec.type); }

}  // namespace

std::optional<Milliseconds> EstimateBook::follow(std::optional<Attempt>& attempt,
                                                 const job::Event& event) {
  if (std::holds_alternative<job::Started>(event.data)) {
    attempt = Attempt{.started = event.time, .track = {}};
    return std::nullopt;
  }
  if (!attempt) return std::nullopt;
  // The wall clock may have been set back.
  const Milliseconds elapsed = std::max(Milliseconds::zero(), event.time - attempt->started);
  if (const auto* progressed = std::get_if<job::Progressed>(&event.data)) {
    if (const auto done = job::fraction(progressed->progress)) attempt->track.note(*done, elapsed);
  }
  if (std::holds_alternative<job::Succeeded>(event.data)) return elapsed;
  return std::nullopt;
}

EstimateBook::Lessons EstimateBook::learn(store::Batch& batch, Now now) const {
  std::map<EstimateKey, std::shared_ptr<job::TypeHistory>> drafts;
  for (const store::JobWrite& write : batch.jobs) {
    if (write.after->status != job::JobStatus::kSucceeded || !counts(*write.after)) continue;
    std::optional<Attempt> attempt;
    if (const auto it = attempts_.find(write.after->id); it != attempts_.end()) {
      attempt = it->second;
    }
    for (const job::Event& event : write.events) {
      const auto duration = follow(attempt, event);
      if (!duration) continue;
      const EstimateKey key{write.after->spec.tenant, write.after->spec.type};
      auto& draft = drafts[key];
      if (!draft) {
        const auto entry = entries_.find(key);
        draft = entry == entries_.end()
                    ? std::make_shared<job::TypeHistory>()
                    : std::make_shared<job::TypeHistory>(*entry->second.history);
      }
      draft->observe(attempt->track, *duration);
    }
  }

  Lessons lessons;
  std::size_t size = entries_.size();
  for (auto& [key, draft] : drafts) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) ++size;
    if ((entry == entries_.end() || entry->second.due <= now.monotonic) &&
        batch.estimates.size() < kWritesMax) {
      batch.estimates.push_back({key.tenant, key.type, draft->to_json()});
    }
    lessons.learned.emplace(key, std::move(draft));
  }
  for (const auto& [due, key] : unstored_) {
    if (due > now.monotonic || batch.estimates.size() >= kWritesMax) break;
    if (lessons.learned.contains(key)) continue;
    batch.estimates.push_back({key.tenant, key.type, entries_.at(key).history->to_json()});
  }
  for (auto it = by_use_.begin(); it != by_use_.end() && size > types_max_; ++it) {
    const EstimateKey& key = it->second;
    if (lessons.learned.contains(key)) continue;
    std::erase_if(batch.estimates, [&](const store::EstimateDigest& digest) {
      return digest.tenant == key.tenant && digest.type == key.type;
    });
    if (entries_.at(key).stored) batch.estimates.push_back({key.tenant, key.type, {}});
    lessons.forgotten.push_back(key);
    --size;
  }
  return lessons;
}

void EstimateBook::apply(const Lessons& lessons, const store::Batch& batch, Now now) {
  for (const auto& [key, history] : lessons.learned) {
    Entry& entry = entries_[key];
    const bool is_new = entry.history == nullptr;
    entry.history = history;
    if (is_new) entry.due = now.monotonic;
    unstored_.emplace(entry.due, key);
    touch(key, entry);
  }
  for (const EstimateKey& key : lessons.forgotten) drop(key);
  for (const store::EstimateDigest& digest : batch.estimates) {
    if (digest.text.empty()) continue;
    const EstimateKey key{digest.tenant, digest.type};
    Entry& entry = entries_.at(key);
    unstored_.erase({entry.due, key});
    entry.due = now.monotonic + write_interval_;
    entry.stored = true;
  }
  for (const store::JobWrite& write : batch.jobs) {
    if (!counts(*write.after)) continue;
    const JobId& id = write.after->id;
    if (!has_lease(write.after->status)) {
      if (write.before && has_lease(*write.before)) attempts_.erase(id);
      continue;
    }
    std::optional<Attempt> attempt;
    if (const auto it = attempts_.find(id); it != attempts_.end()) attempt = it->second;
    for (const job::Event& event : write.events) (void)follow(attempt, event);
    if (attempt) attempts_.insert_or_assign(id, *attempt);
  }
}

Result<void> EstimateBook::recover(const store::Reader& reader, Now now) {
  entries_.clear();
  by_use_.clear();
  unstored_.clear();
  attempts_.clear();
  auto digests = reader.estimate_digests();
  if (!digests) return std::unexpected(digests.error());
  for (store::EstimateDigest& digest : *digests) {
    // One that this version cannot read is no reason not to start: the next success replaces it.
    auto history = job::TypeHistory::parse(digest.text);
    const EstimateKey key{std::move(digest.tenant), std::move(digest.type)};
    Entry& entry = entries_[key];
    entry.history =
        std::make_shared<const job::TypeHistory>(std::move(history).value_or(job::TypeHistory()));
    entry.due = now.monotonic;
    entry.stored = true;
    touch(key, entry);
  }
  return {};
}

void EstimateBook::resume(const job::JobState& state) {
  if (!state.attempt_started_at || !counts(state)) return;
  Attempt attempt{.started = *state.attempt_started_at, .track = {}};
  if (state.progress && state.progress_at) {
    const Milliseconds elapsed = *state.progress_at - attempt.started;
    const auto done = job::fraction(*state.progress);
    if (done && elapsed >= Milliseconds::zero()) attempt.track = {*done, elapsed};
  }
  attempts_.insert_or_assign(state.id, attempt);
}

std::vector<EstimateChange> EstimateBook::all() const {
  std::vector<EstimateChange> all;
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) all.push_back({key.tenant, key.type, entry.history});
  return all;
}

void EstimateBook::touch(const EstimateKey& key, Entry& entry) {
  by_use_.erase(entry.turn);
  entry.turn = ++turn_;
  by_use_.emplace(entry.turn, key);
}

void EstimateBook::drop(const EstimateKey& key) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  by_use_.erase(it->second.turn);
  unstored_.erase({it->second.due, key});
  entries_.erase(it);
}

}  // namespace errand::engine
