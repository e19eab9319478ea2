#pragma once

#include <span>
#include <string>
#include <string_view>

#include "errand/job/event.h"

namespace errand::contract {

// The one table of what events look like from outside. The GraphQL types of events, the JSON
// Schemas, the AsyncAPI document and the pages of docs/protocol are made from it, and what
// cloud_event.h writes is held against it. Nothing in it is an input or the value of a step, and
// hence nothing that @sensitive covers.

/// One value of an event: a field of its GraphQL type, and a member of a CloudEvent's data.
struct EventField {
  std::string_view name;
  std::string_view type;  ///< of GraphQL, such as "Int!"; nullable: the member may be missing
  std::string_view description;  ///< one sentence, with its full stop
  std::string_view absent = {};  ///< when it is missing or null: "where it named none"
  std::string_view shape =
      {};         ///< name of the JSON Schema where `type` is JSON and says too little
  int since = 1;  ///< first version of the schema that has it
  int until = 0;  ///< last version that has it; 0: the present one does
};

/// `field.description`, and where it says when the value is absent, that: "...; null where ...".
std::string describe(const EventField& field, std::string_view absence);

/// One kind of event: an object type of the status schema, and a type of CloudEvents.
struct EventType {
  std::string_view event;              ///< public name without its prefix: "started"
  std::string_view name;               ///< of the object type, without a prefix: "JobStartedEvent"
  std::string_view description;        ///< one sentence or more
  std::span<const EventField> fields;  ///< its own; those of every event come before them
  int version = 1;                     ///< of the schema of its data
};

/// An object that several events hold, by its name in the status schema.
struct EventPart {
  std::string_view name;  ///< "JobError"
  std::string_view description;
  std::span<const EventField> fields;
};

/// One for each event, in the order of job::EventData's alternatives.
///
/// A field name stands for one type in all of them, so that one operation can select the fields of
/// any of them side by side (GraphQL spec, 5.3.2). None holds an input, a result or another value.
std::span<const EventType, job::kEventNameCount> event_types() noexcept;

/// What the data of every CloudEvent hold before the event's own fields.
std::span<const EventField> event_data_fields() noexcept;

/// What the data of every CloudEvent hold besides where its receiver asks for a full payload.
std::span<const EventField> full_payload_fields() noexcept;

/// The objects that fields name as their type.
std::span<const EventPart> event_parts() noexcept;

/// Fields of the interface JobEvent, which every one of them repeats.
std::string_view event_fields_sdl() noexcept;

/// The SDL of all of them.
std::string event_types_sdl();

}  // namespace errand::contract
