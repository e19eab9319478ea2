#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "errand/graphql/execution/incremental_format.h"

namespace errand::graphql::execution {

class OperationExecution;
class SourceStream;

/// One element of a response stream: a whole response as JSON text, or a part of an incremental
/// one.
struct StreamedResponse {
  std::string body;  ///< {"data":…} with errors and extensions where there are any
  /// The source stream failed: `body` has errors and no data, and nothing follows.
  bool failed = false;
  std::string event_id;  ///< cursor of the source event; may be empty
};

/// The responses of a subscription (spec, MapSourceToResponseEvent), or the parts of one
/// incremental response, pulled one by one.
///
/// Used on one strand. Destroying it closes the source.
class ResponseStream {
 public:
  enum class Kind : std::uint8_t {
    kSubscription,  ///< each element is a response of its own
    kIncremental,   ///< the first element is the initial result; each has `hasNext`
  };

  virtual ~ResponseStream() = default;

  [[nodiscard]] virtual Kind kind() const noexcept { return Kind::kSubscription; }

  /// Waits for the next response; nullopt at the end. At most one call at a time.
  virtual boost::asio::awaitable<std::optional<StreamedResponse>> next() = 0;

  /// Ends the stream, and a next() that waits. Idempotent.
  virtual void close() = 0;
};

/// MapSourceToResponseEvent() (spec, 6.2.3): executes the subscription's selection set for each
/// event of `source`, one at a time, as the reader pulls.
std::unique_ptr<ResponseStream> map_source_to_response(
    std::unique_ptr<OperationExecution> execution, std::unique_ptr<SourceStream> source);

}  // namespace errand::graphql::execution
