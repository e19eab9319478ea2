#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>

#include <boost/asio/awaitable.hpp>

#include "errand/auth/principal.h"
#include "errand/base/ids.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"
#include "errand/engine/reply.h"
#include "errand/runtime/lane.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/job_types.h"
#include "errand/worker/server_message.h"
#include "errand/worker/wire_token.h"
#include "errand/worker/worker_message.h"

namespace errand::worker {

/// Turns what workers report into requests to the lane, and its replies into messages: the rules
/// that WebSocket and long poll share. Thread-safe.
class Reports {
 public:
  Reports(const crypto::MasterKey& master_key, std::string_view lineage, const JobTypes& types,
          std::size_t result_bytes_max, telemetry::Log log, telemetry::Metrics* metrics);

  /// Before anything else. The lane outlives all use.
  void attach(runtime::Lane& lane) { lane_ = &lane; }

  /// Who reports.
  struct Sender {
    auth::PrincipalPtr principal;
    WorkerId worker;  ///< empty: over HTTP
  };

  /// The type of a job whose offer this process does not remember: after a reconnect, a restart, or
  /// over HTTP.
  /// @return kLeaseLost for a token that is not good, so that a job that belongs to another tenant
  ///         looks like one that is over.
  boost::asio::awaitable<Result<JobTypeName>> type_of(const HeldJob& held, Sender sender);

  /// Hands a report to the lane. `done` is called once, on the lane's thread or the caller's, with
  /// the ack. The order of calls is the order of effect.
  /// @param type  of the job; needed for Complete alone
  void submit(Report report, const Sender& sender, const JobTypeName& type,
              std::move_only_function<void(Ack)> done);

  /// Hands a heartbeat to the lane. `done` as in submit(). A job that could not be asked for is
  /// missing in the answer.
  void submit(Heartbeat heartbeat, const Sender& sender,
              std::move_only_function<void(HeartbeatAck)> done);

  /// Gives a job back that could not be handed to its worker.
  void release(const engine::Dispatch& dispatch, std::string reason);

  /// The offer of a dispatch, but for its arguments where they are not in memory.
  [[nodiscard]] JobOffer offer(const engine::Dispatch& dispatch,
                               const auth::Principal& principal) const;

  /// The number in a token that `principal` shows; nullopt for one that is not good.
  [[nodiscard]] std::optional<FencingToken> number_of(const HeldJob& held,
                                                      const auth::Principal& principal) const {
    return tokens_.check(held.job, held.token, principal.tenant.view());
  }

  /// The token under which `principal` holds a job.
  [[nodiscard]] std::string token(const JobId& job, FencingToken number,
                                  const auth::Principal& principal) const {
    return tokens_.make(job, number, principal.tenant.view());
  }

 private:
  /// The command for a report; where a result does not fit, a failure, with what to tell the
  /// worker.
  struct Decided {
    job::Command command;
    std::string result;
    std::optional<Error> refusal;
  };
  [[nodiscard]] Decided decide(const Report& report, FencingToken token,
                               const JobTypeName& type) const;

  WireTokens tokens_;
  crypto::HmacKey payload_key_;
  const JobTypes& types_;
  std::size_t result_bytes_max_;
  telemetry::Log log_;
  telemetry::Counter stale_reports_;
  runtime::Lane* lane_ = nullptr;
};

}  // namespace errand::worker
