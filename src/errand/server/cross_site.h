#pragma once

#include <string>
#include <vector>

#include "errand/net/http_message.h"

namespace errand::server {

/// Defence against cross-site request forgery: a page of another site can make a browser send only
/// what the Fetch standard calls simple without asking first (a preflight). Whatever else a request
/// carries shows that it came from a page that was allowed to send it, or from no browser.
struct CrossSiteRule {
  bool enabled = true;
  /// Each of them is proof. The first is ours, the others are what clients of other servers send.
  std::vector<std::string> headers{"x-errand-preflight", "apollo-require-preflight",
                                   "x-apollo-operation-name", "graphql-require-preflight"};
};

/// Whether `request` could not have come from another site's page unasked: it has one of the rule's
/// headers, a bearer token, or a Content-Type that is not simple. A browser adds `Authorization` of
/// other schemes by itself, so that these prove nothing.
bool passes(const CrossSiteRule& rule, const net::HttpRequest& request);

}  // namespace errand::server
