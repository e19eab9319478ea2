#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/graphql/execution/request_memory.h"

namespace errand::graphql::request {

using execution::RequestMemory;

/// What a client sends, whatever the transport (GraphQL over HTTP, "Request Parameters").
struct RequestParameters {
  std::string query;                       ///< empty where the document is named by a hash or an id
  std::optional<std::string> document_id;  ///< `documentId`, of a trusted document
  std::optional<std::string> operation_name;
  RequestMemory memory;  ///< of the objects below
  boost::json::object variables;
  boost::json::object extensions;
};

/// Reads parameters from a JSON object: the body of a POST, or the payload of a WebSocket
/// `subscribe`. Unknown members are ignored, null counts as absent. `query` may be absent where
/// `documentId` (persisted documents) or `extensions.persistedQuery` is there.
/// @param memory  where `json` was made; goes to the parameters, with what they take of `json`,
///                unless there is an error
/// @return kInvalidArgument saying which member is missing or has the wrong type.
Result<RequestParameters> parse_request_parameters(boost::json::value&& json,
                                                   RequestMemory&& memory);
/// The same from a part of a larger text: the parameters get a copy, in memory of their own.
Result<RequestParameters> parse_request_parameters(const boost::json::value& json);

}  // namespace errand::graphql::request
