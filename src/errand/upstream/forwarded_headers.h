#pragma once

#include <string>
#include <string_view>

#include "errand/net/http_message.h"

namespace errand::upstream {

/// What a forwarded request says of its cause, where the client's own headers do not.
struct Cause {
  std::string traceparent;
  std::string request_id;
};

/// The headers that `request` has at the upstream: the client's, without those of its connection
/// (RFC 9110, 7.6.1; also the ones that Connection names), of its Host and of its framing. Added
/// are X-Forwarded-For (the client behind those that are there), X-Forwarded-Proto and
/// X-Forwarded-Host (unless a proxy before this server said them), and `cause` where the client
/// says none.
net::HttpHeaders request_headers(const net::HttpRequest& request, const Cause& cause);

/// The same for the WebSocket that is opened on behalf of a client's, whose upgrade `request` is:
/// the headers of the handshake itself are left out too.
net::HttpHeaders upgrade_headers(const net::HttpRequest& request, const Cause& cause);

/// The headers that a client gets of an upstream's response: without those of the connection and of
/// the framing, which HttpServer writes.
net::HttpHeaders response_headers(const net::HttpHeaders& headers);

/// `target` with a client's query string behind its own. What a URL may not hold as it is, such as
/// the braces of a query that was not encoded, is percent-encoded.
std::string with_query(std::string target, std::string_view query);

}  // namespace errand::upstream
