#pragma once

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/auth/job_credentials.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/crypto/sealer.h"
#include "errand/store/reader.h"

namespace errand::worker {

/// Gives handlers within the server what a job carries of who submitted it. Remote workers get none
/// of it. Thread-safe.
class CredentialStore {
 public:
  /// @param reader, pool  outlive it
  /// @param sealer        under auth::kJobCredentialsLabel
  CredentialStore(const store::Reader& reader, async::BlockingPool& pool,
                  const crypto::Sealer& sealer)
      : reader_(reader), pool_(pool), sealer_(sealer) {}

  /// The job's credentials; empty ones for a job without any. Reads the store on the pool. The
  /// object outlives the call.
  /// @return a retryable error where the store cannot be read now; else one that will not pass:
  ///         kConfigInvalid after a change of the master key, kStoreCorrupt, or kNotFound for
  ///         credentials that were erased
  boost::asio::awaitable<Result<auth::JobCredentials>> load(JobId job) const;

 private:
  const store::Reader& reader_;
  async::BlockingPool& pool_;
  const crypto::Sealer sealer_;
};

}  // namespace errand::worker
