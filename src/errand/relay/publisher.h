#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "errand/base/error.h"
#include "errand/base/result.h"
#include "errand/relay/message.h"

namespace errand::relay {

/// What a broker said of some messages.
struct Published {
  std::vector<bool> confirmed;      ///< one for each message: the broker has it, durably
  std::uint64_t unroutable = 0;     ///< of the confirmed: nobody wanted it, as the settings allow
  std::optional<Error> error = {};  ///< why not all are confirmed
};

/// A connection to a broker.
///
/// Blocks, each call no longer than a few times the timeout of its settings, and belongs to one
/// thread; interrupt() alone is thread-safe. Retries nothing: who calls it decides.
class Publisher {
 public:
  virtual ~Publisher() = default;

  /// Connects where that is not so, and sees that what it publishes to is there.
  /// @return kUnavailable saying what is wrong and what to do
  virtual Result<void> connect(std::stop_token stop) = 0;

  /// Whether the connection stands, as far as is known.
  [[nodiscard]] virtual bool connected() const = 0;

  /// Publishes `messages` and waits for what the broker says of each. Messages of one call may
  /// arrive in any order, so no two of them are of one job. After an error of the connection it is
  /// closed.
  virtual Published publish(std::span<const Message* const> messages, std::stop_token stop) = 0;

  /// Answers what the broker asks while nothing is published. Called every second.
  /// @return the error that ended the connection
  virtual Result<void> keep_alive() = 0;

  virtual void disconnect() = 0;

  /// Lets a call that blocks end soon. Thread-safe.
  virtual void interrupt() {}
};

}  // namespace errand::relay
