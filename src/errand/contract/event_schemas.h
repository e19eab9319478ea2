#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/contract/event_types.h"

namespace errand::contract {

// What programs of others read about events, made from the table of event_types.h. A schema of one
// version, once published, changes only by members that may be missing; tools/event_schemas.mjs
// holds docs/protocol/events against that. Anything else makes the next version of the type, beside
// which the one before goes on being served.

/// JSON Schema (2020-12) of the data of `type` in `version`, 1 to type.version.
boost::json::object data_schema(const EventType& type, int version);

/// JSON Schema (2020-12) of the whole CloudEvent, whose data are those of data_schema().
boost::json::object event_schema(const EventType& type, int version);

/// An AsyncAPI 3.1 document of all events in their present versions, each with an example.
boost::json::object events_asyncapi();

/// A file about events.
struct EventDocument {
  std::string path;  ///< where it is served: "/schemas/events.asyncapi.json"
  std::string_view content_type;
  std::string text;  ///< JSON, indented
};

/// The index "/schemas/" first, then the AsyncAPI document and both schemas of each version of each
/// type. Made anew by each call.
std::vector<EventDocument> event_documents();

}  // namespace errand::contract
