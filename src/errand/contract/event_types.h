#pragma once

#include <span>
#include <string>
#include <string_view>

#include "errand/job/event.h"

namespace errand::contract {

/// The object type of the status schema that shows one kind of event.
struct EventType {
  std::string_view event;        ///< public name of the event without its prefix: "started"
  std::string_view name;         ///< of the object type, without a prefix: "JobStartedEvent"
  std::string_view description;  ///< one sentence or more
  std::string_view fields;       ///< SDL of its own fields; the interface's come before them
};

/// One for each event, in the order of job::EventData's alternatives.
///
/// A field name stands for one type in all of them, so that one operation can select the fields of
/// any of them side by side (GraphQL spec, 5.3.2). None holds an input, a result or another value.
std::span<const EventType, job::kEventNameCount> event_types() noexcept;

/// Fields of the interface JobEvent, which every one of them repeats.
std::string_view event_fields_sdl() noexcept;

/// The SDL of all of them.
std::string event_types_sdl();

}  // namespace errand::contract
