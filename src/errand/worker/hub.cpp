#include "errand/worker/hub.h"

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <utility>
#include <variant>

#include <boost/asio/this_coro.hpp>

#include "errand/async/deadline.h"
#include "errand/base/assert.h"
#include "errand/crypto/encoding.h"
#include "errand/job/internal_type.h"
#include "errand/telemetry/metric_names.h"
#include "errand/telemetry/trace_context.h"
#include "errand/worker/callback_token.h"

namespace errand::worker {
namespace {

/// What a message takes besides its result or its arguments.
constexpr std::size_t kEnvelopeBytes = 64 << 10;
/// Between two tries to give credits where the lane could not take them.
constexpr Milliseconds kRetryCredits{200};

std::string random_prefix(Random& random) {
  std::array<std::uint8_t, 4> bytes{};
  random.fill(bytes);
  return "w-" + crypto::to_hex(bytes) + "-";
}

}  // namespace

Hub::Hub(const Gateway::Options& options, const Gateway::Parts& parts)
    : options_(options),
      authenticator_(parts.authenticator),
      types_(parts.types),
      reader_(parts.reader),
      pool_(parts.pool),
      log_(parts.log),
      reports_(parts.master_key, options.lineage, parts.types, options.result_bytes_max, parts.log,
               parts.metrics),
      tasks_([log = parts.log](std::string_view name, const std::exception_ptr& error) {
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& e) {
          log.error("a task of the worker gateway failed", {{"task", name}, {"reason", e.what()}});
        }
      }),
      hosted_principal_(std::make_shared<const auth::Principal>(
          auth::Principal{.tenant = TenantId("*"),
                          .subject = SubjectId("errand"),
                          .kind = auth::PrincipalKind::kWorker,
                          .scopes = {"worker"},
                          .queues = {},
                          .any_tenant = true})),
      id_prefix_(random_prefix(parts.random)) {
  if (parts.metrics != nullptr) connected_ = parts.metrics->gauge(telemetry::kWorkersConnected);
}

void Hub::attach(runtime::Lane& lane) {
  lane_ = &lane;
  reports_.attach(lane);
}

std::size_t Hub::message_bytes_max() const noexcept {
  return options_.result_bytes_max + kEnvelopeBytes;
}

Result<auth::PrincipalPtr> Hub::authenticate(const net::HttpRequest& request) const {
  auto principal = authenticator_.authenticate_header(request.header("authorization").value_or(""));
  if (!principal) return principal;
  if (const auto allowed = policy_.check(**principal, auth::Action::kWork); !allowed) {
    return std::unexpected(allowed.error());
  }
  return principal;
}

Result<Hub::Reporter> Hub::authenticate_reporter(const net::HttpRequest& request) const {
  const auto held = parse_callback_token(request.bearer_token().value_or(""));
  if (!held) {
    auto principal = authenticate(request);
    if (!principal) return std::unexpected(std::move(principal.error()));
    return Reporter{.principal = *std::move(principal)};
  }
  if (!reports_.number_of(*held, *hosted_principal_)) {
    return fail(ErrorCode::kUnauthenticated, "The callback token is not good.");
  }
  return Reporter{.principal = hosted_principal_, .only = held};
}

void Hub::connect_hosted(const WorkerId& id, std::shared_ptr<Outlet> outlet) {
  {
    const std::scoped_lock lock(mutex_);
    hosted_.push_back(outlet);
  }
  connect(id, std::move(outlet));
}

void Hub::end_hosted(const HeldJob& held) {
  const auto number = reports_.number_of(held, *hosted_principal_);
  if (!number) return;
  std::vector<std::weak_ptr<Outlet>> hosted;
  {
    const std::scoped_lock lock(mutex_);
    hosted = hosted_;
  }
  for (const auto& each : hosted) {
    if (const auto outlet = each.lock()) {
      outlet->stop({.worker = {},
                    .job = held.job,
                    .token = *number,
                    .reason = engine::StopReason::kLeaseLost});
    }
  }
}

Result<engine::RegisterWorker> Hub::registration(const Hello& hello,
                                                 const auth::Principal& principal) {
  for (const QueueName& queue : hello.queues) {
    const auto allowed = policy_.check(principal, auth::Action::kWork, {.queue = &queue});
    if (!allowed) return std::unexpected(allowed.error());
  }
  engine::RegisterWorker result{.id = make_worker_id(),
                                .tenant = std::nullopt,
                                .queues = hello.queues.empty() ? principal.queues : hello.queues,
                                .types = {},
                                .build = hello.build,
                                .slots = hello.slots,
                                .subject = principal.subject,
                                .selectors = hello.selectors,
                                .name = hello.name,
                                .sdk = hello.sdk,
                                .labels = hello.labels};
  std::ranges::remove_copy_if(hello.types, std::back_inserter(result.types),
                              [this](const JobTypeName& type) {
                                // An internal one stays, as one that nobody knows.
                                return types_.hosted(type) && !job::is_internal(type);
                              });
  if (auto fits = check_selectors(hello, result.types); !fits) return std::unexpected(fits.error());
  if (result.types.empty()) {
    return fail(ErrorCode::kForbidden,
                "the server runs " + hello.types.front().str() +
                    " itself: its @job has a handler that is no worker. A command is left to "
                    "workers by a server with sandbox.run_by = \"worker\"");
  }
  if (!principal.any_tenant) result.tenant = principal.tenant;
  return result;
}

Result<void> Hub::check_selectors(const Hello& hello, const std::vector<JobTypeName>& types) const {
  for (const auto& [label, values] : hello.selectors) {
    for (const JobTypeName& type : types) {
      if (!types_.knows(type) || types_.routes_by(type, label)) continue;
      return fail(ErrorCode::kForbidden,
                  "selectors: jobs of " + type.str() + " are not parted by the label \"" + label +
                      "\"; write @job(routeBy: [\"" + label +
                      "\"]) in the schema, or leave the type to another worker");
    }
  }
  return {};
}

WorkerId Hub::make_worker_id() {
  return WorkerId(id_prefix_ + std::to_string(next_id_.fetch_add(1)));
}

void Hub::add_credits(boost::asio::any_io_executor executor, WorkerId worker,
                      std::uint32_t credits) {
  lane_->submit(engine::AddCredits{.worker = worker, .credits = credits},
                [this, executor, worker, credits](const Result<engine::Reply>& reply) {
                  if (reply || !is_retryable(reply.error().code)) return;
                  tasks_.spawn(executor, "give credits again",
                               add_credits_later(*this, worker, credits));
                });
}

boost::asio::awaitable<void> Hub::add_credits_later(Hub& hub, WorkerId worker,
                                                    std::uint32_t credits) {
  co_await async::sleep_for(kRetryCredits);
  const auto executor = co_await boost::asio::this_coro::executor;
  if (hub.find(worker) != nullptr) hub.add_credits(executor, worker, credits);
}

std::vector<JobTypeName> Hub::unknown_types(const Hello& hello) const {
  std::vector<JobTypeName> unknown;
  for (const JobTypeName& type : hello.types) {
    if (!types_.knows(type) || types_.hosted(type) || job::is_internal(type))
      unknown.push_back(type);
  }
  return unknown;
}

void Hub::connect(const WorkerId& id, std::shared_ptr<Outlet> outlet) {
  const std::scoped_lock lock(mutex_);
  outlets_[id] = std::move(outlet);
  connected_.set(static_cast<double>(outlets_.size()));
}

void Hub::disconnect(const WorkerId& id) {
  {
    const std::scoped_lock lock(mutex_);
    if (outlets_.erase(id) == 0) return;
    connected_.set(static_cast<double>(outlets_.size()));
  }
  lane_->submit(engine::UnregisterWorker{id}, [](const Result<engine::Reply>&) {});
}

std::shared_ptr<Outlet> Hub::find(const WorkerId& id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = outlets_.find(id);
  return found == outlets_.end() ? nullptr : found->second;
}

std::size_t Hub::workers() const {
  const std::scoped_lock lock(mutex_);
  return outlets_.size();
}

void Hub::deliver(std::vector<engine::Action> actions) {
  // By outlet, in the order of their first job. A notice may be about a job before it.
  std::vector<std::pair<std::shared_ptr<Outlet>, std::vector<engine::Dispatch>>> started;
  const auto offer = [&] {
    for (auto& [outlet, dispatches] : std::exchange(started, {})) {
      outlet->offer(std::move(dispatches));
    }
  };
  for (engine::Action& action : actions) {
    if (auto* notice = std::get_if<engine::StopNotice>(&action)) {
      offer();
      if (const auto outlet = find(notice->worker)) outlet->stop(std::move(*notice));
      continue;
    }
    if (const auto* notice = std::get_if<engine::DrainNotice>(&action)) {
      offer();
      if (const auto outlet = find(notice->worker)) {
        outlet->drain(DrainReason::kRequested, Milliseconds(0));
      }
      continue;
    }
    auto& dispatch = std::get<engine::Dispatch>(action);
    const auto outlet = find(dispatch.worker);
    if (outlet == nullptr) {
      reports_.release(dispatch, "its worker has gone");
      continue;
    }
    const job::JobSpec& spec = dispatch.state->spec;
    if (policy_.may(outlet->principal(), auth::Action::kWork,
                    {.tenant = &spec.tenant, .queue = &spec.queue}) != auth::Decision::kAllowed) {
      log_.error("a job was kept from a worker that may not have it",
                 {{"job_id", dispatch.state->id}, {"worker_id", dispatch.worker}});
      reports_.release(dispatch, "its worker may not have it");
      continue;
    }
    auto known = std::ranges::find(started, outlet, &decltype(started)::value_type::first);
    if (known == started.end()) known = started.insert(known, {outlet, {}});
    known->second.push_back(std::move(dispatch));
  }
  offer();
}

void Hub::drain(Milliseconds grace) {
  draining_.store(true);
  std::vector<std::shared_ptr<Outlet>> outlets;
  {
    const std::scoped_lock lock(mutex_);
    outlets.reserve(outlets_.size());
    for (const auto& [id, outlet] : outlets_) outlets.push_back(outlet);
  }
  for (const auto& outlet : outlets) outlet->drain(DrainReason::kShutdown, grace);
}

boost::asio::awaitable<Result<JobOffer>> Hub::load_offer(engine::Dispatch dispatch,
                                                         auth::PrincipalPtr principal) {
  JobOffer offer = reports_.offer(dispatch, *principal);
  if (dispatch.input) co_return offer;
  auto payload = co_await pool_.run([&reader = reader_, id = offer.job] {
    return reader.payload(id, store::PayloadKind::kInput);
  });
  if (!payload) co_return std::unexpected(std::move(payload.error()));
  if (!payload->has_value()) {
    co_return fail(ErrorCode::kNotFound, "the job's input has been erased");
  }
  offer.arguments_json = std::move((*payload)->bytes);
  co_return offer;
}

void Hub::return_job(const engine::Dispatch& dispatch, const Error& why) {
  if (is_retryable(why.code)) {
    reports_.release(dispatch, why.message);
    return;
  }
  log_.error("a job could not be handed to a worker",
             {{"job_id", dispatch.state->id}, {"code", why.code}, {"reason", why.message}});
  lane_->submit(
      engine::CommandJob{
          .id = dispatch.state->id,
          .command = job::FailAttempt{.token = dispatch.state->token,
                                      .permanent = true,
                                      .error = {.code = std::string(to_string(why.code)),
                                                .message = why.message,
                                                .details = "",
                                                .remediation = ""}},
          .actor = {},
          .traceparent = "",
          .tenant = std::nullopt,
          .result = "",
          .worker = dispatch.worker},
      [](const Result<engine::Reply>&) {});
}

void Hub::log_offer(const engine::Dispatch& dispatch, const WorkerId& worker) const {
  if (!log_.enabled(telemetry::LogLevel::kDebug)) return;
  const job::JobState& state = *dispatch.state;
  const auto trace = telemetry::TraceContext::parse(state.traceparent);
  log_.debug("job given to a worker", {{"job_id", state.id},
                                       {"type", state.spec.type},
                                       {"attempt", state.attempt},
                                       {"worker_id", worker},
                                       {"correlation_id", state.correlation_id},
                                       {"trace_id", trace ? trace->trace_id_text() : ""}});
}

}  // namespace errand::worker
