#pragma once

#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::job {

// The stored form of events and snapshots: compact JSON with camelCase names; times are whole
// milliseconds since the Unix epoch and their names end in "Ms", digests are hexadecimal. Members
// that hold their default are left out; unknown members are ignored, so that the next version can
// add some. Reading back gives an equal value.

/// Appends the data of an event as one JSON object. Its name stands elsewhere: event_name().
void append_event_data(std::string& out, const EventData& data);
std::string event_data_to_json(const EventData& data);

/// Reads what append_event_data() wrote for the event called `name` ("dev.errand.job.ready").
/// @return kStoreCorrupt for an unknown name or a text that is not such an object.
Result<EventData> event_data_from_json(std::string_view name, std::string_view text);

/// Appends a whole snapshot as one JSON object.
void append_state(std::string& out, const JobState& state);
std::string state_to_json(const JobState& state);

/// Reads what append_state() wrote. @return kStoreCorrupt for anything else.
Result<JobState> state_from_json(std::string_view text);

/// Appends a whole event, header and name included, as one JSON object.
void append_event(std::string& out, const Event& event);
std::string event_to_json(const Event& event);

/// Reads what append_event() wrote. @return kStoreCorrupt for anything else.
Result<Event> event_from_json(std::string_view text);

}  // namespace errand::job
