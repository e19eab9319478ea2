#pragma once

#include <cstddef>
#include <vector>

namespace errand::codegen {

/// The strongly connected components of a graph, each after those that it has edges to (Tarjan,
/// 1972); what is in one ascends. Uses no stack of calls, so that long chains are safe.
/// @param edges  by node: the nodes that it refers to, each < edges.size()
std::vector<std::vector<std::size_t>> strong_components(
    const std::vector<std::vector<std::size_t>>& edges);

}  // namespace errand::codegen
