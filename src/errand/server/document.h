#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "errand/net/router.h"

namespace errand::server {

/// A public text, the same for everyone as long as the server runs.
struct Document {
  std::string path;  ///< where it is served, below the prefix: "/schemas/events.asyncapi.json"
  std::string content_type;  ///< value of the Content-Type header
  std::string text;
};

/// Serves `documents` to GET below `prefix` ("/schemas/") without authentication, to pages of every
/// origin, with an ETag; a client asks again after an hour. The first is the index, at the prefix
/// itself, which the answer to an unknown path names.
void add_document_routes(net::Router& router, std::string_view prefix,
                         std::vector<Document> documents);

}  // namespace errand::server
