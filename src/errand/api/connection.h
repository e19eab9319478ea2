#pragma once

#include <memory>
#include <string>
#include <vector>

#include "errand/api/backend.h"
#include "errand/base/result.h"
#include "errand/graphql/execution/field_value.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// One page of a list, as Relay's cursor connections show it.
template <class Item>
struct Page {
  struct Edge {
    std::string cursor;
    std::shared_ptr<const Item> node;
  };
  std::vector<Edge> edges;
  bool has_next = false;
  bool has_previous = false;
};

/// Reads the argument `first`: 1 to 100.
/// @return kBadUserInput for anything else; `by_default` where it is absent or null.
Result<std::size_t> read_first(const boost::json::value* first, std::size_t by_default = 20);

/// Where a page lies: source of PageInfo.
struct PageInfo {
  bool has_next = false;
  bool has_previous = false;
  std::string start_cursor;  ///< empty on an empty page
  std::string end_cursor;
};

template <class Item>
PageInfo page_info(const Page<Item>& page) {
  PageInfo info{page.has_next, page.has_previous, {}, {}};
  if (!page.edges.empty()) {
    info.start_cursor = page.edges.front().cursor;
    info.end_cursor = page.edges.back().cursor;
  }
  return info;
}

void add_page_info_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

}  // namespace errand::api
