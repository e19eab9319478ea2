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
    auto instead = memory_.options.reactor->instead_of(reaction, position);
    if (instead && is_behind(*instead) && !has_bug(DeliberateBug::kCatchUpOvertaken)) {
      catch_up(*std::move(instead), id, position, reaction);
      continue;
    }
    if (++made > memory_.options.reactions_of_change_max) {
      if (instead) {
        catch_up(*std::move(instead), id, position, reaction);
        continue;
      }
      refuse(std::move(reaction), id, position,
             {ErrorCode::kLimitExceeded, "one change of a job asks for too many internal jobs"});
      continue;
    }
    const std::size_t bytes = reaction.input.size() + reaction.credentials.size();
    if (auto enqueued = enqueue(reaction); !enqueued) {
      if (instead) {
        catch_up(*std::move(instead), id, position, reaction);
        continue;
      }
      refuse(std::move(reaction), id, position, std::move(enqueued.error()));
      continue;
    }
    ++scratch_.reactions;
    scratch_.reaction_bytes += bytes;
  }
}

bool Planner::is_behind(const EnqueueJob& instead) const {
  const job::JobSpec& spec = instead.spec;
  if (scratch_.unique.contains({spec.tenant, spec.type, spec.unique_key})) return true;
  const auto live = memory_.counts.find({spec.queue, spec.tenant});
  if (live == memory_.counts.end()) return false;
  return live->second.pending + live->second.waiting + live->second.running > 0;
}

void Planner::catch_up(EnqueueJob instead, const JobId& cause, LogPosition position,
                       const EnqueueJob& reaction) {
  ERRAND_ASSERT(job::is_internal(instead.spec.type) && job::is_internal(instead.spec.queue));
  ERRAND_ASSERT(!instead.spec.unique_key.empty());
  // One that has started may be about to end, and is not to be counted on.
  instead.unique = Uniqueness{.on_conflict = Uniqueness::OnConflict::kReturnExisting,
                              .started = has_bug(DeliberateBug::kCatchUpCountedOn)};
  instead.id = JobId{Uuid::v7(now_.wall, random_)};
  instead.correlation_id = reaction.correlation_id;
  instead.traceparent = reaction.traceparent;
  const std::size_t bytes = instead.input.size();
  const auto made = enqueue(instead, Room::kAlways);
  if (!made) return refuse(std::move(instead), cause, position, made.error());
  if (made->replayed) return;
  ++scratch_.reactions;
  scratch_.reaction_bytes += bytes;
}

void Planner::refuse(EnqueueJob&& request, const JobId& cause, LogPosition position, Error why) {
  scratch_.refused.push_back(
      {.request = std::move(request), .cause = cause, .position = position, .why = std::move(why)});
}

}  // namespace errand::engine
