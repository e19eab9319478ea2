#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "errand/base/ids.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"

namespace errand::worker {

/// Makes and checks the token that a worker gets with a job and shows with each report: the fencing
/// number and 16 bytes of its HMAC with job and holder, as "17.q83vEjRWeJCrze8SNFZ4kA".
///
/// The HMAC keeps a worker from reporting for a job, or under a number, that it was never given;
/// the engine then compares the number. `holder` is the tenant of the worker's credential ("*" for
/// all): a token that leaked is of no use to another tenant's worker. Tokens outlive a restart of
/// the server, as they hang on the master key and the store's lineage alone. Immutable, hence safe
/// to share.
class WireTokens {
 public:
  /// @param lineage  of the store: fencing numbers come again when a backup is put in its place
  explicit WireTokens(const crypto::MasterKey& master_key, std::string_view lineage = {})
      : key_(master_key.hmac_key("worker-token.v1", lineage)) {}

  [[nodiscard]] std::string make(const JobId& job, FencingToken number,
                                 std::string_view holder) const;

  /// The number within `token`; nullopt unless it was made for that job and holder.
  [[nodiscard]] std::optional<FencingToken> check(const JobId& job, std::string_view token,
                                                  std::string_view holder) const;

 private:
  crypto::HmacKey key_;
};

}  // namespace errand::worker
