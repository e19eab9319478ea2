#pragma once

#include <cstdint>

#include "errand/base/clock.h"
#include "errand/net/http_message.h"
#include "errand/server/result_delivery.h"
#include "errand/telemetry/metrics.h"

namespace errand::server {

/// How a streamed HTTP response is written.
enum class StreamForm : std::uint8_t {
  /// text/event-stream: GraphQL over SSE, distinct connections mode. A request error is a result.
  kEventStream,
  /// multipart/mixed; subscriptionSpec=1.0: parts `{"payload":…}`, `{}` as heartbeat, and
  /// `{"payload":null,"errors":[…]}` for a source that failed.
  kSubscriptionParts,
  kDraftIncrements,     ///< multipart/mixed; incrementalSpec=v0.2: the stream's elements as parts
  k20220824Increments,  ///< multipart/mixed; deferSpec=20220824: the same in the older format
};

struct StreamResponseOptions {
  StreamForm form = StreamForm::kEventStream;
  /// Between two signs of life, so that proxies do not close a stream on which nothing happens. The
  /// parts of an incremental response know none.
  Milliseconds heartbeat{10'000};
  telemetry::Metrics* metrics = nullptr;  ///< may be null; else outlives the response
};

/// The head of an event stream, without its body.
net::HttpResponse event_stream_response();

/// A response of status 200 that sends what comes of `operation` until its end. The operation is
/// dropped when the client leaves. A stream of subscription results ends when the server stops.
net::HttpResponse stream_response(StartedOperation operation, StreamResponseOptions options);

}  // namespace errand::server
