#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "errand/api/backend.h"
#include "errand/api/field_values.h"
#include "errand/api/typed_resolvers.h"
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
  /// Where the next page begins, if not after the last edge: of a list that was looked through only
  /// so far. Empty: after the last edge.
  std::string end_cursor = {};
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
  if (!page.end_cursor.empty()) info.end_cursor = page.end_cursor;
  return info;
}

void add_page_info_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map);

/// Adds the resolvers of a connection and of its edges, whose source is a `PageType`: a Page, or
/// what derives from one.
/// @param name  of both without their endings: "Job" for JobConnection and JobEdge
/// @param node  from a std::shared_ptr<const Item> to a FieldValue
template <class PageType, class Node>
void add_connection_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map,
                              const std::string& name, Node node) {
  using Edge = typename PageType::Edge;
  using graphql::execution::FieldValue;
  using graphql::execution::ResolveInfo;
  const contract::Names& names = backend->contract->names();
  const auto* edge_type = backend->object_type(name + "Edge");
  TypedResolvers<PageType>(*backend, map, names.type(name + "Connection"))
      .add("edges",
           [edge_type](const PageType& page, const ResolveInfo& info) {
             FieldValue::List list;
             for (const Edge& edge : page.edges) list.push_back(part_value(info, edge_type, edge));
             return FieldValue(std::move(list));
           })
      .add("nodes",
           [node](const PageType& page, auto&) {
             FieldValue::List list;
             for (const Edge& edge : page.edges) list.push_back(node(edge.node));
             return FieldValue(std::move(list));
           })
      .add("pageInfo", [backend](const PageType& page, auto&) {
        return FieldValue(graphql::execution::ObjectRef{
            backend->object_type("PageInfo"), std::make_shared<const PageInfo>(page_info(page))});
      });
  TypedResolvers<Edge>(*backend, map, names.type(name + "Edge"))
      .add("cursor", [](const Edge& e, auto&) { return FieldValue::text_view(e.cursor); })
      .add("node", [node](const Edge& e, auto&) { return node(e.node); });
}

}  // namespace errand::api
