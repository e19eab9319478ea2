#include "errand/worker/job_headers.h"

#include <algorithm>
#include <utility>

#include "errand/upstream/headers_file.h"

namespace errand::worker {

JobHeaders::JobHeaders(Options options, const CredentialStore& credentials,
                       async::BlockingPool& pool)
    : options_(std::move(options)), credentials_(credentials), pool_(pool) {}

boost::asio::awaitable<Result<net::HttpHeaders>> JobHeaders::load(JobId job) const {
  net::HttpHeaders headers;
  if (!options_.file.empty()) {
    auto read =
        co_await pool_.run([file = options_.file] { return upstream::read_headers_file(file); });
    if (!read) {
      // Somebody is to correct it, or is replacing it in this moment.
      co_return fail(ErrorCode::kUnavailable, read.error().message);
    }
    for (const auto& [name, value] : read->fields()) {
      const bool is_clients = std::ranges::any_of(options_.forwarded, [&](const auto& forwarded) {
        return net::equals_ignoring_case(forwarded, name);
      });
      if (!is_clients) headers.add(name, value);
    }
  }
  if (options_.forwarded.empty() && options_.on_behalf_of.empty()) co_return headers;
  auto carried = co_await credentials_.load(job);
  if (!carried) co_return std::unexpected(carried.error());
  for (const auto& [name, value] : carried->headers) headers.set(name, value);
  if (!options_.on_behalf_of.empty()) {
    // Without it a service's credential would have all its power. Last, so that no client says it.
    if (carried->subject.empty()) {
      co_return fail(ErrorCode::kForbidden, "the job does not say on whose behalf it is to run");
    }
    headers.set(options_.on_behalf_of, carried->subject);
  }
  co_return headers;
}

}  // namespace errand::worker
