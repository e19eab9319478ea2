#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "errand/graphql/execution/field_error.h"
#include "errand/graphql/execution/field_value.h"
#include "errand/graphql/execution/resolver.h"

namespace errand::graphql::execution {

/// One event of a source stream (spec, 6.2.3).
struct SourceEvent {
  FieldValue value;  ///< value of the subscription's root field
  std::string id;    ///< cursor to resume after, for transports that carry one (SSE); may be empty
};

/// A row of events that its reader pulls. The reader decides the pace; what happens to a slow one
/// (coalesce, re-read from the log) is the stream's own business, in bounded memory.
///
/// Used on one strand. Destroying it releases whatever it holds.
class SourceStream {
 public:
  virtual ~SourceStream() = default;

  /// Waits for the next event; nullopt at the end. After an error or the end there is nothing more.
  /// At most one call at a time.
  virtual boost::asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() = 0;

  /// Ends the stream. A next() that waits returns nullopt soon. Idempotent.
  virtual void close() = 0;
};

/// Opens the source stream of a subscription's root field (spec, ResolveFieldEventStream).
using StreamResolver =
    std::function<boost::asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>>(
        const ResolveInfo&)>;

}  // namespace errand::graphql::execution
