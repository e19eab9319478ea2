#include "errand/codegen/strong_components.h"

#include <algorithm>

namespace errand::codegen {

std::vector<std::vector<std::size_t>> strong_components(
    const std::vector<std::vector<std::size_t>>& edges) {
  struct Node {
    std::size_t order = 0;  ///< of discovery, from 1; 0: not found yet
    std::size_t low = 0;    ///< the earliest open node that can be reached
    std::size_t next_edge = 0;
    bool open = false;
  };
  std::vector<Node> nodes(edges.size());
  std::vector<std::size_t> calls;
  std::vector<std::size_t> open;
  std::vector<std::vector<std::size_t>> components;
  std::size_t found = 0;
  const auto enter = [&](std::size_t at) {
    nodes[at].order = nodes[at].low = ++found;
    nodes[at].open = true;
    open.push_back(at);
    calls.push_back(at);
  };
  for (std::size_t root = 0; root < edges.size(); ++root) {
    if (nodes[root].order == 0) enter(root);
    while (!calls.empty()) {
      const auto at = calls.back();
      auto& node = nodes[at];
      if (node.next_edge < edges[at].size()) {
        const auto to = edges[at][node.next_edge++];
        if (nodes[to].order == 0) {
          enter(to);
        } else if (nodes[to].open) {
          node.low = std::min(node.low, nodes[to].order);
        }
        continue;
      }
      calls.pop_back();
      if (!calls.empty()) nodes[calls.back()].low = std::min(nodes[calls.back()].low, node.low);
      if (node.low != node.order) continue;
      std::vector<std::size_t> component;
      std::size_t member;
      do {
        member = open.back();
        open.pop_back();
        nodes[member].open = false;
        component.push_back(member);
      } while (member != at);
      std::ranges::sort(component);
      components.push_back(std::move(component));
    }
  }
  return components;
}

}  // namespace errand::codegen
