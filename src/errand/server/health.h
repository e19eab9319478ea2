#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/net/router.h"

namespace errand::server {

/// State of one part that the server needs to take requests.
struct HealthCheck {
  std::string name;  ///< "store", "lane"
  bool ok = true;
  std::string reason;  ///< why not, for people; no secrets: anyone may read it
};

/// `/healthz` says that the process lives: restart it when this fails. `/readyz` says whether it
/// should get requests: 200 or 503, with every check and its reason as JSON. Thread-safe.
class Health {
 public:
  using Checks = std::function<std::vector<HealthCheck>()>;

  /// @param checks  called for each /readyz, must be quick; may be empty
  explicit Health(Checks checks) : checks_(std::move(checks)) {}

  void add_routes(net::Router& router);

  /// From now on not ready: the server is about to stop.
  void drain() noexcept { draining_ = true; }

 private:
  [[nodiscard]] net::HttpResponse ready() const;

  Checks checks_;
  std::atomic<bool> draining_ = false;
};

}  // namespace errand::server
