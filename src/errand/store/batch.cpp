#include "errand/store/batch.h"

#include <unordered_set>

#include <fmt/format.h>

#include "errand/base/assert.h"

namespace errand::store {

std::string_view to_string(PayloadKind kind) noexcept {
  switch (kind) {
    case PayloadKind::kInput:
      return "INPUT";
    case PayloadKind::kResult:
      return "RESULT";
    case PayloadKind::kStep:
      return "STEP";
    case PayloadKind::kCredentials:
      return "CREDENTIALS";
  }
  return "";
}

std::size_t Batch::event_count() const noexcept {
  std::size_t count = 0;
  for (const JobWrite& write : jobs) count += write.events.size();
  return count;
}

bool Batch::empty() const noexcept {
  return jobs.empty() && payloads.empty() && payload_erasures.empty() && idempotency.empty() &&
         contracts.empty() && queues.empty() && limits.empty() && rate_uses.empty() &&
         estimates.empty() && records.empty() && forgets.empty();
}

std::optional<Error> check_shape(const Batch& batch, LogPosition last) {
  const auto conflict = [](std::string message) {
    return Error{ErrorCode::kConflict, std::move(message)};
  };
  std::vector<bool> seen(batch.event_count());
  std::unordered_set<JobId> jobs;
  for (const JobWrite& write : batch.jobs) {
    ERRAND_ASSERT(write.after != nullptr);
    const job::JobState& after = *write.after;
    if (!jobs.insert(after.id).second) {
      return conflict(fmt::format("Job {} stands twice in a batch.", after.id.str()));
    }
    if (write.events.empty()) {
      return conflict(fmt::format("Job {} is written without an event.", after.id.str()));
    }
    const bool starts = write.events.front().sequence == Sequence{1};
    if (starts == write.before.has_value()) {
      return conflict(fmt::format("Job {} is new and has a history, or neither.", after.id.str()));
    }
    const job::Event* previous = nullptr;
    for (const job::Event& event : write.events) {
      if (event.job != after.id) return conflict("An event stands with another job.");
      if (previous != nullptr && (to_number(event.sequence) != to_number(previous->sequence) + 1 ||
                                  event.position <= previous->position)) {
        return conflict(fmt::format("Events of job {} leave a gap.", after.id.str()));
      }
      // Unsigned: a position at or below `last` becomes a huge number.
      const std::uint64_t place = to_number(event.position) - to_number(last) - 1;
      if (place >= seen.size() || seen[place]) {
        return conflict(fmt::format("Log position {} does not follow {}, or comes twice.",
                                    to_number(event.position), to_number(last)));
      }
      seen[place] = true;
      previous = &event;
    }
    if (after.last_sequence != previous->sequence || after.last_position != previous->position) {
      return conflict(fmt::format("Snapshot and events of job {} end apart.", after.id.str()));
    }
  }
  return std::nullopt;
}

}  // namespace errand::store
