#include "errand/worker/credential_store.h"

#include <utility>

namespace errand::worker {
namespace {

/// The sealed text; empty for a job without credentials.
Result<std::string> read(const store::Reader& reader, JobId id) {
  auto payload = reader.payload(id, store::PayloadKind::kCredentials);
  if (!payload) return std::unexpected(std::move(payload.error()));
  if (*payload) return std::move((*payload)->bytes);
  // To call without them would be to call as someone else.
  const auto state = reader.job(id);
  if (!state) return std::unexpected(state.error());
  if (*state != nullptr && (*state)->spec.has_credentials) {
    return fail(ErrorCode::kNotFound,
                "The credentials with which the job was submitted have been erased. Submit it "
                "anew.");
  }
  return std::string();
}

}  // namespace

boost::asio::awaitable<Result<auth::JobCredentials>> CredentialStore::load(JobId job) const {
  auto sealed = co_await pool_.run([&reader = reader_, job] { return read(reader, job); });
  if (!sealed) co_return std::unexpected(std::move(sealed.error()));
  if (sealed->empty()) co_return auth::JobCredentials();
  auto credentials = auth::open(sealer_, job, *sealed);
  if (!credentials) {
    Error& error = credentials.error();
    error.message = "The credentials with which the job was submitted cannot be read. " +
                    error.message + " Or submit the job anew.";
    co_return std::unexpected(std::move(error));
  }
  co_return std::move(*credentials);
}

}  // namespace errand::worker
