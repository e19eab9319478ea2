#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/worker/credential_store.h"

namespace errand::worker {

/// The headers that go with the requests of jobs to another server: those that a job carries of
/// who submitted it, and those of a service. Thread-safe.
class JobHeaders {
 public:
  struct Options {
    /// Names in lower case. A service's header of such a name is never sent: a client without
    /// credentials must not get the service's.
    std::vector<std::string> forwarded;
    std::string file;          ///< of the service, read for each request; empty: none
    std::string on_behalf_of;  ///< name of the header with the job's subject; empty: none
  };

  /// `credentials` and `pool` outlive it.
  JobHeaders(Options options, const CredentialStore& credentials, async::BlockingPool& pool);

  /// @return a retryable error where they may be had later: a file that cannot be read, a store
  ///         that is busy; else one that will not pass
  boost::asio::awaitable<Result<net::HttpHeaders>> load(JobId job) const;

 private:
  const Options options_;
  const CredentialStore& credentials_;
  async::BlockingPool& pool_;
};

}  // namespace errand::worker
