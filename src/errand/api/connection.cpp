#include "errand/api/connection.h"

#include "errand/api/typed_resolvers.h"

namespace errand::api {

using graphql::execution::FieldValue;

namespace {

FieldValue cursor(const std::string& text) {
  return text.empty() ? FieldValue() : FieldValue::text_view(text);
}

}  // namespace

Result<std::size_t> read_first(const boost::json::value* first, std::size_t by_default) {
  if (first == nullptr || first->is_null()) return by_default;
  const std::int64_t number = first->get_int64();
  if (number < 1 || number > 100) {
    return fail(ErrorCode::kBadUserInput, "\"first\" must lie between 1 and 100.");
  }
  return static_cast<std::size_t>(number);
}

void add_page_info_resolvers(const BackendPtr& backend, graphql::execution::ResolverMap& map) {
  TypedResolvers<PageInfo>(*backend, map, backend->contract->names().type("PageInfo"))
      .add("hasNextPage", [](const PageInfo& p, auto&) { return FieldValue(p.has_next); })
      .add("hasPreviousPage", [](const PageInfo& p, auto&) { return FieldValue(p.has_previous); })
      .add("startCursor", [](const PageInfo& p, auto&) { return cursor(p.start_cursor); })
      .add("endCursor", [](const PageInfo& p, auto&) { return cursor(p.end_cursor); });
}

}  // namespace errand::api
