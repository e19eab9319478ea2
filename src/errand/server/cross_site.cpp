#include "errand/server/cross_site.h"

#include <algorithm>

#include "errand/server/media_type.h"

namespace errand::server {

namespace {

/// CORS-safelisted values of Content-Type (Fetch, 2.2.2). A value that cannot be read counts as
/// one: what a browser makes of it is not known.
bool is_simple(std::string_view content_type) {
  const auto type = parse_media_type(content_type);
  return !type || type->is("text/plain") || type->is("multipart/form-data") ||
         type->is("application/x-www-form-urlencoded");
}

}  // namespace

bool passes(const CrossSiteRule& rule, const net::HttpRequest& request) {
  if (!rule.enabled || request.bearer_token()) return true;
  if (const auto type = request.header("Content-Type"); type && !is_simple(*type)) return true;
  return std::ranges::any_of(
      rule.headers, [&](const std::string& name) { return request.header(name).has_value(); });
}

}  // namespace errand::server
