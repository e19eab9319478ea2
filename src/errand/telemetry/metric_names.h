#pragma once

#include "errand/telemetry/metrics.h"

/// Every metric of the server: names, help and labels. Base units, `_total` for counters; labels
/// have few values (no ids, users or addresses).
namespace errand::telemetry {

inline constexpr CounterDescription kJobsEnqueued{
    "errand_jobs_enqueued_total", "Jobs accepted durably.", {"type", "queue"}};
inline constexpr CounterDescription kJobsEnded{
    "errand_jobs_ended_total", "Jobs that reached a terminal status.", {"type", "queue", "status"}};
inline constexpr CounterDescription kJobsPruned{
    "errand_jobs_pruned_total", "Ended jobs deleted after their retention.", {}};
inline constexpr CounterDescription kJobAttempts{"errand_job_attempts_total",
                                                 "Attempts that ended, by outcome.",
                                                 {"type", "queue", "outcome", "error_type"}};
inline constexpr HistogramDescription kJobDuration{
    "errand_job_duration_seconds",
    "Time from a job's enqueueing to its end.",
    {"type", "queue"},
    {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400}};
inline constexpr HistogramDescription kJobQueueWait{
    "errand_job_queue_wait_seconds",
    "Time from a job becoming ready to the start of its attempt.",
    {"type", "queue"},
    {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800}};
inline constexpr GaugeDescription kJobs{
    "errand_jobs", "Jobs that have not ended: pending, waiting, running.", {"state", "queue"}};
inline constexpr GaugeDescription kQueueSlotsWanted{
    "errand_queue_slots_wanted",
    "Slots of workers that a queue could use: its jobs that are ready or running, within its "
    "concurrency limit. For autoscalers.",
    {"queue"}};
inline constexpr GaugeDescription kQueueOldestAge{
    "errand_queue_oldest_age_seconds", "Age of the oldest job that is ready to start.", {"queue"}};
inline constexpr GaugeDescription kWorkerSlots{
    "errand_worker_slots", "Slots of connected workers: busy, free.", {"state"}};
inline constexpr GaugeDescription kWorkersConnected{
    "errand_workers_connected", "Connected workers.", {}};
inline constexpr CounterDescription kRelayPublished{
    "errand_relay_published_total", "Events that a broker confirmed.", {"relay"}};
inline constexpr CounterDescription kRelayFailures{
    "errand_relay_failures_total",
    "Attempts to publish after which some events were left, to be published again.",
    {"relay"}};
inline constexpr CounterDescription kRelayMissed{
    "errand_relay_missed_total",
    "Positions of the log whose events were deleted before they were relayed.",
    {"relay"}};
inline constexpr CounterDescription kRelayUnroutable{
    "errand_relay_unroutable_total",
    "Events that the broker had no queue for, and that were passed over.",
    {"relay"}};
inline constexpr GaugeDescription kRelayLag{"errand_relay_lag_positions",
                                            "Positions of the log that a relay has not passed yet.",
                                            {"relay"}};
inline constexpr GaugeDescription kRelayConnected{
    "errand_relay_connected", "Whether a relay is connected to its broker: 1 or 0.", {"relay"}};
inline constexpr CounterDescription kWebhookDeliveriesRefused{
    "errand_webhook_deliveries_refused_total",
    "Events that an endpoint does not get, because not even a catch-up could be made for them.",
    {"queue"}};
inline constexpr CounterDescription kWebhookCatchUps{
    "errand_webhook_catch_ups_total",
    "Times that the events of a webhook endpoint were left to the log, as too many waited for it, "
    "and that it had caught up with them: begun, ended.",
    {"endpoint", "change"}};
inline constexpr CounterDescription kWebhookEndpointChanges{
    "errand_webhook_endpoint_changes_total",
    "Webhook endpoints that began to fail, have recovered, or were disabled.",
    {"change"}};
inline constexpr CounterDescription kNotifications{
    "errand_notifications_total",
    "Messages of notifications by what became of them: SENT, SUPPRESSED, GATHERED, FAILED "
    "attempts.",
    {"channel", "outcome"}};
inline constexpr CounterDescription kMailTransmissions{
    "errand_mail_transmissions_total",
    "Mails handed to a server, by what it said; AMBIGUOUS ones may have been taken.",
    {"provider", "outcome"}};
inline constexpr CounterDescription kNoticesRefused{
    "errand_notices_refused_total",
    "Milestones that nobody is told of, because too many wait to be told already.",
    {}};
inline constexpr CounterDescription kLeasesLost{
    "errand_leases_lost_total", "Attempts whose worker stopped reporting.", {}};
inline constexpr CounterDescription kStaleReports{
    "errand_stale_reports_total", "Worker reports refused because their lease was gone.", {}};

inline constexpr HistogramDescription kCommitDuration{
    "errand_commit_duration_seconds",
    "Time of one durable commit of the store.",
    {},
    {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5}};
inline constexpr HistogramDescription kCommitCommands{
    "errand_commit_commands",
    "Commands in one commit.",
    {},
    {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000}};

inline constexpr HistogramDescription kGraphqlRequestDuration{
    "errand_graphql_request_duration_seconds",
    "Time of one GraphQL operation; of a subscription, until its first event.",
    {"operation_type"},
    {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}};
inline constexpr CounterDescription kGraphqlRejected{
    "errand_graphql_rejected_total",
    "GraphQL requests that a limit refused or cut short.",
    {"limit"}};
inline constexpr CounterDescription kGraphqlLimitWarnings{
    "errand_graphql_limit_warnings_total",
    "Limits that GraphQL requests exceeded and that let them pass (limits.mode = \"warn\").",
    {"limit"}};
inline constexpr CounterDescription kGraphqlDocumentCache{
    "errand_graphql_document_cache_lookups_total",
    "Lookups of documents in the cache of parsed ones, by result (hit, miss).",
    {"result"}};
inline constexpr CounterDescription kGraphqlDocumentCacheEvictions{
    "errand_graphql_document_cache_evictions_total", "Documents that had to make room.", {}};
inline constexpr GaugeDescription kGraphqlDocumentCacheDocuments{
    "errand_graphql_document_cache_documents", "Documents in the cache.", {}};
inline constexpr GaugeDescription kGraphqlDocumentCacheBytes{
    "errand_graphql_document_cache_bytes", "Memory of the documents in the cache.", {}};
inline constexpr GaugeDescription kSubscriptions{
    "errand_subscriptions", "Open GraphQL subscriptions.", {"transport"}};

inline constexpr CounterDescription kHttpRequests{
    "errand_http_requests_total", "HTTP requests answered.", {"method", "code"}};
inline constexpr GaugeDescription kHttpConnections{
    "errand_http_connections", "Open connections, WebSockets included.", {}};
inline constexpr CounterDescription kHttpConnectionsRefused{
    "errand_http_connections_refused_total", "Connections over the limit.", {}};

inline constexpr CounterDescription kOutboundRequests{
    "errand_outbound_requests_total",
    "HTTP requests sent to targets, by class of status or what failed.",
    {"outcome"}};
inline constexpr HistogramDescription kOutboundRequestDuration{
    "errand_outbound_request_duration_seconds",
    "Time from an HTTP request to a target being asked for to its response or failure.",
    {},
    {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}};
inline constexpr GaugeDescription kOutboundRequestsInFlight{
    "errand_outbound_requests_in_flight", "HTTP requests to targets under way.", {}};
inline constexpr GaugeDescription kOutboundRequestsWaiting{
    "errand_outbound_requests_waiting", "HTTP requests to targets that wait for their turn.", {}};

inline constexpr CounterDescription kUpstreamRequests{
    "errand_upstream_requests_total",
    "HTTP requests passed on to the upstream, by class of status or what failed.",
    {"outcome"}};
inline constexpr HistogramDescription kUpstreamRequestDuration{
    "errand_upstream_request_duration_seconds",
    "Time from an HTTP request being passed on to the head of its response, or its failure.",
    {},
    {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}};
inline constexpr CounterDescription kUpstreamOperations{
    "errand_upstream_operations_total",
    "Operations of WebSockets passed on to the upstream, by outcome (completed, error, stopped, "
    "refused, failed).",
    {"outcome"}};
inline constexpr GaugeDescription kUpstreamWebSockets{
    "errand_upstream_websockets", "Open WebSockets to the upstream.", {}};

inline constexpr GaugeDescription kBuildInfo{
    "errand_build_info", "Always 1; the labels tell the build.", {"version"}};
inline constexpr GaugeDescription kStartTime{
    "process_start_time_seconds", "Start of the process, in seconds since the Unix epoch.", {}};

}  // namespace errand::telemetry
