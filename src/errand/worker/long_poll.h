#pragma once

#include <boost/asio/awaitable.hpp>

#include "errand/net/http_message.h"
#include "errand/worker/hub.h"

namespace errand::worker {

/// Answers POST /worker/v1/poll: waits for jobs as a worker that is there for this request alone.
boost::asio::awaitable<net::HttpResponse> answer_poll(Hub& hub, net::HttpRequest request);

/// Answers POST /worker/v1/messages: heartbeats and reports.
boost::asio::awaitable<net::HttpResponse> answer_messages(Hub& hub, net::HttpRequest request);

/// The response for an error: its status, and a body {"error": {"code", "message", "retryable"}}.
net::HttpResponse error_response(const Error& error);

}  // namespace errand::worker
