#pragma once

#include <string>
#include <string_view>

#include "errand/base/ids.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::contract {

/// Names the event everywhere outside: "<job>-<sequence>", which never changes.
std::string event_id(const job::Event& event);

/// Where schemas are when the server has no public address: a name, which need not lead anywhere.
inline constexpr std::string_view kSchemaOrigin = "https://errand.dev";

/// What a CloudEvent says beside its event.
struct CloudEventContext {
  /// Under which others reach the server, without a slash at its end: "https://jobs.example.com".
  /// Empty: the events' source is "urn:errand", and their schemas are named under kSchemaOrigin.
  std::string_view base_url;
  TenantId tenant;
  JobTypeName job_type;
  /// The job right after the event, for a full payload; null: a thin one, which says what happened
  /// and no more.
  const job::JobState* job = nullptr;
  /// For a full payload of a succeeded event: the result as JSON text, as far as the receiver may
  /// see it. Empty: none.
  std::string_view result;
};

/// The event as a CloudEvent 1.0 in structured mode (JSON event format 1.0.2), which is a payload
/// of Standard Webhooks 1.0.0 as well: `type`, `timestamp` and `data` are members of the one
/// object.
///
/// The same arguments give the same bytes, so that a repeated delivery says the same. Never holds
/// an input or the value of a step. What the members mean, and which are there, is in
/// event_schemas.h.
std::string to_cloud_event(const job::Event& event, const CloudEventContext& context);

/// Path at which the server has the schema of the data of `type` ("dev.errand.job.started"):
/// "/schemas/dev.errand.job.started/1.json".
std::string data_schema_path(std::string_view type, int version);

/// The same for the whole event: "/schemas/dev.errand.job.started/1.event.json".
std::string event_schema_path(std::string_view type, int version);

}  // namespace errand::contract
