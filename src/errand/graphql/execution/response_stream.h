#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace errand::graphql::execution {

/// One element of a response stream: a whole response as JSON text.
struct StreamedResponse {
  std::string body;  ///< {"data":…} with errors and extensions where there are any
  /// The source stream failed: `body` has errors and no data, and nothing follows.
  bool failed = false;
  std::string event_id;  ///< cursor of the source event; may be empty
};

/// The responses of a subscription (spec, MapSourceToResponseEvent), pulled one by one.
///
/// Used on one strand. Destroying it closes the source.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;

  /// Waits for the next response; nullopt at the end. At most one call at a time.
  virtual boost::asio::awaitable<std::optional<StreamedResponse>> next() = 0;

  /// Ends the stream, and a next() that waits. Idempotent.
  virtual void close() = 0;
};

}  // namespace errand::graphql::execution
