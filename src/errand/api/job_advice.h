#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "errand/base/clock.h"
#include "errand/engine/reply.h"
#include "errand/job/state.h"

/// What the schema tells people about a job beyond its state: plain functions of the snapshot.
namespace errand::api {

/// How long a poller should leave before it asks again; nullopt for an ended job. Short while the
/// job is young or about to change, up to half a minute where nothing will happen soon.
std::optional<Milliseconds> poll_after(const job::JobState& state, Timestamp now);

/// What a person can do or expect now, in sentences without internals.
std::vector<std::string> next_steps(const job::JobState& state);

/// `whyWaiting.message`: the reason in one sentence.
std::string wait_message(const engine::Explanation& explanation);

}  // namespace errand::api
