#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/crypto/sealer.h"
#include "errand/engine/request.h"
#include "errand/notification/push_subscriptions.h"
#include "errand/outbound/address_guard.h"
#include "errand/runtime/lane.h"
#include "errand/store/reader.h"

namespace errand::notification {

/// Keeps the subscriptions of browsers as records, sealed: whoever has one can push to it. Within a
/// tenant an endpoint is one user's, the last one's who added it. Thread-safe.
class PushSubscriptionBook final : public PushSubscriptions {
 public:
  static constexpr std::size_t kPerUserMax = 20;  ///< the oldest goes
  static constexpr std::string_view kSealerLabel = "push-subscription.v1";

  /// All outlive it.
  PushSubscriptionBook(const store::Reader& reader, async::BlockingPool& pool,
                       const crypto::Sealer& sealer)
      : reader_(reader), pool_(pool), sealer_(sealer) {}

  /// Names the lane. Once, before anything else.
  void attach(runtime::Lane& lane) { lane_ = &lane; }

  boost::asio::awaitable<Result<std::vector<PushSubscription>>> list(TenantId tenant,
                                                                     SubjectId subject) override;
  boost::asio::awaitable<Result<void>> drop(TenantId tenant, SubjectId subject,
                                            std::string id) override;

  /// Adds a browser's, or takes the place of what there is of the same endpoint.
  /// @param subscription  as the browser has it, without an id
  /// @return it with its id; kBadUserInput for what no browser gives
  boost::asio::awaitable<Result<PushSubscription>> add(TenantId tenant, SubjectId subject,
                                                       PushSubscription subscription,
                                                       Timestamp now);

 private:
  struct Kept {
    PushSubscription subscription;
    Timestamp added_at{};
  };
  [[nodiscard]] Result<std::vector<Kept>> read(const TenantId& tenant,
                                               const SubjectId& subject) const;
  /// The record that says whose an endpoint is.
  boost::asio::awaitable<Result<std::optional<store::Record>>> owner(TenantId tenant,
                                                                     std::string id) const;

  const store::Reader& reader_;
  async::BlockingPool& pool_;
  const crypto::Sealer sealer_;
  runtime::Lane* lane_ = nullptr;
};

}  // namespace errand::notification
