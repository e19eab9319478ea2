#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace errand::job {

/// What a worker asks of a job's labels: for each name, the job's label has one of the values;
/// without values, the job has no such label.
using Selectors = std::map<std::string, std::vector<std::string>>;

/// The labels of a job that decide which workers may have it, as one text: those of `names` that it
/// has, in order of name. Jobs of one line have the same. Empty where it has none of them.
std::string route_of(const std::map<std::string, std::string>& labels,
                     std::span<const std::string> names);

/// Whether a worker with these selectors may have jobs of that route (route_of()).
bool selects(const Selectors& selectors, std::string_view route);

}  // namespace errand::job
