#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/base/ids.h"
#include "errand/base/result.h"

namespace errand::notification {

/// Where one browser of a person takes Web Push messages, as its PushSubscription says.
struct PushSubscription {
  std::string id;        ///< ours; unique among those of its subject at least
  std::string endpoint;  ///< URL at the push service; whoever knows it may push there: a secret
  std::string p256dh;    ///< the browser's public key: 65 bytes as base64url, without padding
  std::string auth;      ///< 16 bytes as base64url, without padding: a secret
};

/// Keeps the subscriptions. Thread-safe.
class PushSubscriptions {
 public:
  virtual ~PushSubscriptions() = default;

  /// Those of one person, in an order that does not change between calls; bounded.
  virtual boost::asio::awaitable<Result<std::vector<PushSubscription>>> list(TenantId tenant,
                                                                             SubjectId subject) = 0;

  /// Forgets one, which its push service no longer knows. That it was not there is no error.
  virtual boost::asio::awaitable<Result<void>> drop(TenantId tenant, SubjectId subject,
                                                    std::string id) = 0;
};

}  // namespace errand::notification
