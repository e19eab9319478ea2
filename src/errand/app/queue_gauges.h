#pragma once

#include <boost/asio/awaitable.hpp>

#include "errand/auth/authenticator.h"
#include "errand/net/router.h"
#include "errand/runtime/lane_client.h"
#include "errand/telemetry/metrics.h"

namespace errand::app {

/// Keeps the gauges of queues and workers' slots up to date, every few seconds, until cancelled.
boost::asio::awaitable<void> sample_queues(runtime::LaneClient lane, telemetry::Metrics& metrics);

/// Adds `GET /scaling?queue=NAME`, for autoscalers such as KEDA's metrics-api: the queue's figures
/// at this moment as flat JSON, {"queue", "slotsWanted", "pending", "waiting", "running",
/// "workers"}. A credential with the scope `queues:read` sees its tenant, a worker's for all
/// tenants sees them all. All parts outlive the router.
void add_scaling_route(net::Router& router, runtime::LaneClient lane,
                       const auth::Authenticator& authenticator);

}  // namespace errand::app
