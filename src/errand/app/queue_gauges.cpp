#include "errand/app/queue_gauges.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/async/deadline.h"
#include "errand/auth/policy.h"
#include "errand/engine/reply.h"
#include "errand/engine/request.h"
#include "errand/job/internal_type.h"
#include "errand/json/writer.h"
#include "errand/telemetry/metric_names.h"

namespace errand::app {

namespace asio = boost::asio;

namespace {

/// Between two looks at the queues; shorter than Prometheus scrapes.
constexpr Milliseconds kInterval{5'000};

net::HttpResponse refusal(const Error& error) {
  const unsigned status = error.code == ErrorCode::kUnauthenticated ? 401
                          : error.code == ErrorCode::kForbidden     ? 403
                          : error.code == ErrorCode::kNotFound      ? 404
                          : is_retryable(error.code)                ? 503
                                                                    : 400;
  auto response = net::HttpResponse::json(
      status, json::to_text(
                  boost::json::object{{"error", error.message}, {"code", to_string(error.code)}}));
  if (status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

/// Whose jobs the principal may count. @return nullopt: everybody's
Result<std::optional<TenantId>> scope_of(const auth::Principal& principal) {
  const auth::Policy policy;
  if (principal.any_tenant &&
      policy.may(principal, auth::Action::kWork) == auth::Decision::kAllowed) {
    return std::optional<TenantId>();
  }
  if (const auto may = policy.check(principal, auth::Action::kReadQueues); !may) {
    return std::unexpected(may.error());
  }
  return std::optional(principal.tenant);
}

std::string queue_of(const net::HttpRequest& request) {
  const auto parameters = net::parse_query(request.query);
  if (!parameters) return {};
  const auto found = std::ranges::find(
      *parameters, "queue", [](const auto& each) { return std::string_view(each.first); });
  return found == parameters->end() ? std::string() : found->second;
}

asio::awaitable<net::HttpResponse> answer(net::HttpRequest request, runtime::LaneClient lane,
                                          const auth::Authenticator* authenticator) {
  const auto principal =
      authenticator->authenticate_header(request.header("Authorization").value_or(""));
  if (!principal) co_return refusal(principal.error());
  const auto tenant = scope_of(**principal);
  if (!tenant) co_return refusal(tenant.error());
  const QueueName name(queue_of(request));
  if (name.empty()) {
    co_return refusal({ErrorCode::kInvalidArgument, "Name a queue: GET /scaling?queue=default"});
  }
  if (!(*principal)->has_queue(name)) {
    co_return refusal({ErrorCode::kForbidden, "The queue is not one of yours."});
  }
  auto list = co_await lane.execute_as<engine::QueueList>(engine::ListQueues{.tenant = *tenant});
  if (!list) co_return refusal(list.error());
  // A queue without jobs is none that the engine knows.
  engine::QueueList::Queue queue{.queue = name};
  const auto found = std::ranges::find(list->queues, name, &engine::QueueList::Queue::queue);
  if (found != list->queues.end()) queue = std::move(*found);
  auto response = net::HttpResponse::json(
      200, json::to_text(boost::json::object{{"queue", queue.queue.str()},
                                             {"slotsWanted", queue.slots_wanted},
                                             {"pending", queue.pending},
                                             {"waiting", queue.waiting},
                                             {"running", queue.running},
                                             {"workers", queue.workers}}));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

void show(const engine::QueueList& list, telemetry::Metrics& metrics, std::set<QueueName>& shown) {
  std::set<QueueName> gone = shown;
  const auto set = [&](const engine::QueueList::Queue& queue) {
    const std::string_view name = queue.queue.view();
    metrics.gauge(telemetry::kJobs, {"pending", name}).set(static_cast<double>(queue.pending));
    metrics.gauge(telemetry::kJobs, {"waiting", name}).set(static_cast<double>(queue.waiting));
    metrics.gauge(telemetry::kJobs, {"running", name}).set(static_cast<double>(queue.running));
    // Nobody scales what the server does itself.
    if (job::is_internal(queue.queue)) return;
    metrics.gauge(telemetry::kQueueSlotsWanted, {name})
        .set(static_cast<double>(queue.slots_wanted));
  };
  for (const auto& queue : list.queues) {
    set(queue);
    gone.erase(queue.queue);
    shown.insert(queue.queue);
  }
  for (const QueueName& name : gone) set({.queue = name});
}

void show(const engine::WorkerList& list, telemetry::Metrics& metrics) {
  double busy = 0;
  double free = 0;
  for (const auto& worker : list.workers) {
    busy += worker.running;
    free += worker.credits;
  }
  metrics.gauge(telemetry::kWorkerSlots, {"busy"}).set(busy);
  metrics.gauge(telemetry::kWorkerSlots, {"free"}).set(free);
}

}  // namespace

asio::awaitable<void> sample_queues(runtime::LaneClient lane, telemetry::Metrics& metrics) {
  std::array<std::set<QueueName>, 2> shown;  // by kind
  while (true) {
    for (const auto kind : {job::JobKind::kUser, job::JobKind::kInternal}) {
      const auto queues =
          co_await lane.execute_as<engine::QueueList>(engine::ListQueues{.kind = kind});
      if (queues) show(*queues, metrics, shown[static_cast<std::size_t>(kind)]);
    }
    const auto workers = co_await lane.execute_as<engine::WorkerList>(engine::ListWorkers{});
    if (workers) show(*workers, metrics);
    co_await async::sleep_for(kInterval);
  }
}

void add_scaling_route(net::Router& router, runtime::LaneClient lane,
                       const auth::Authenticator& authenticator) {
  router.add(net::Route{.methods = {"GET"},
                        .path = "/scaling",
                        .handler = [lane, &authenticator](net::HttpRequest request) {
                          return answer(std::move(request), lane, &authenticator);
                        }});
}

}  // namespace errand::app
