#pragma once

#include <boost/asio/awaitable.hpp>

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver.h"

namespace errand::api {

/// Whether the source object of a Job's field, a job::JobState in either case, is the job as it was
/// at a moment gone by. What is only true of now is then left out.
bool is_past(const graphql::execution::SourceObject& source);

/// `Job.at`: the job at a moment gone by, folded from its history. Null where it did not exist yet,
/// or was deleted in the meantime. Reads the history page by page, up to
/// ApiOptions::history_events_max events and the end of the request's time.
boost::asio::awaitable<graphql::execution::FieldResult<graphql::execution::FieldValue>> job_at(
    BackendPtr backend, const graphql::execution::ResolveInfo& info);

}  // namespace errand::api
