#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"

namespace errand::graphql::request {

/// A document that the operator vouches for.
struct TrustedDocument {
  std::string id;    ///< what clients name it by: mostly the hash of the text
  std::string text;  ///< executable definitions
};

/// Reads a manifest of trusted documents as build tools write it, in one of two forms of JSON:
/// Apollo's (`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id",
/// "body", ...}]}`), or a map of id to text (Relay, GraphQL Code Generator).
/// @return the documents in order; kConfigInvalid saying what is wrong and where. The texts are not
///         looked at: Service::trust() does.
Result<std::vector<TrustedDocument>> parse_trusted_documents(std::string_view json);

}  // namespace errand::graphql::request
