#pragma once

#include <cstddef>
#include <string>

#include "errand/job/event.h"

namespace errand::contract {

/// A made-up event of each kind, for examples in documents and for trying out a receiver. All are
/// of one job, "exportReport" of the tenant "acme"; every member that may be missing is there.
///
/// @param kind  index of the alternative of job::EventData, below job::kEventNameCount
job::Event sample_event(std::size_t kind);

/// sample_event() as a thin CloudEvent of a server at "https://jobs.example.com".
std::string sample_cloud_event(std::size_t kind);

}  // namespace errand::contract
