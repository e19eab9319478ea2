#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"
#include "errand/engine/planner.h"
#include "errand/engine/reactor.h"
#include "errand/job/internal_type.h"

namespace errand::engine {

void Planner::react() {
  // What a reaction does to users' jobs, which is nothing, would not be shown.
  for (const JobId& id : std::exchange(scratch_.unseen, {})) react_to(id);
}

void Planner::react_to(const JobId& id) {
  std::vector<EnqueueJob> reactions;
  std::string correlation_id;
  std::string traceparent;
  LogPosition position{};
  {
    Draft& draft = scratch_.drafts.at(id);
    if (draft.shown == draft.events.size()) return;  // it changed twice in one step
    const std::span<const job::Event> events = std::span(draft.events).subspan(draft.shown);
    position = events.front().position;
    memory_.options.reactor->react(
        {.before = draft.shown == 0 ? draft.before.get() : draft.seen.get(),
         .after = *draft.now,
         .events = events},
        reactions);
    draft.shown = draft.events.size();
    // The draft itself goes on changing.
    draft.seen = std::make_shared<const job::JobState>(*draft.now);
    if (reactions.empty()) return;
    correlation_id = draft.now->correlation_id;
    traceparent = draft.now->traceparent;
  }
  if (has_bug(DeliberateBug::kReactionDoubled) && reactions.size() < 2 &&
      to_number(position) % 16 == 0) {
    reactions.push_back(reactions.back());
  }
  std::size_t made = 0;
  for (EnqueueJob& reaction : reactions) {
    ERRAND_ASSERT(job::is_internal(reaction.spec.type) && job::is_internal(reaction.spec.queue));
    reaction.id = JobId{Uuid::v7(now_.wall, random_)};
    if (reaction.correlation_id.empty()) reaction.correlation_id = correlation_id;
    if (reaction.traceparent.empty()) reaction.traceparent = traceparent;
    if (has_bug(DeliberateBug::kReactionLost) && to_number(position) % 16 == 0) continue;
    if (++made > memory_.options.reactions_of_change_max) {
      refuse(std::move(reaction), id, position,
             {ErrorCode::kLimitExceeded, "one change of a job asks for too many internal jobs"});
      continue;
    }
    const std::size_t bytes = reaction.input.size() + reaction.credentials.size();
    if (auto enqueued = enqueue(reaction); !enqueued) {
      refuse(std::move(reaction), id, position, std::move(enqueued.error()));
      continue;
    }
    ++scratch_.reactions;
    scratch_.reaction_bytes += bytes;
  }
}

void Planner::refuse(EnqueueJob&& request, const JobId& cause, LogPosition position, Error why) {
  scratch_.refused.push_back(
      {.request = std::move(request), .cause = cause, .position = position, .why = std::move(why)});
}

}  // namespace errand::engine
