#include "errand/api/limit_resolvers.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/typed_resolvers.h"
#include "errand/base/time_text.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

/// A limit as one viewer may see it.
struct LimitView {
  engine::LimitList::Entry entry;
  bool shows_operator = false;  ///< limits hold for all tenants, their operators are of one
};

FieldValue view_of(const Backend& backend, const Context& context, engine::LimitList::Entry entry) {
  LimitView view{.entry = std::move(entry)};
  view.shows_operator = authorize(backend, context, auth::Action::kManageLimits).has_value();
  return ObjectRef{backend.object_type("LimitInfo"),
                   std::make_shared<const LimitView>(std::move(view))};
}

asio::awaitable<FieldResult<FieldValue>> limits(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadQueues);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const boost::json::value* argument = info.argument("all");
  const bool all = argument != nullptr && argument->is_bool() && argument->get_bool();
  auto reply = co_await backend->lane.execute_as<engine::LimitList>(engine::ListLimits{});
  if (!reply) co_return std::unexpected(api_error(std::move(reply.error())));
  FieldValue::List list;
  for (engine::LimitList::Entry& entry : reply->limits) {
    if (all || entry.value) list.push_back(view_of(*backend, context, std::move(entry)));
  }
  co_return FieldValue(std::move(list));
}

asio::awaitable<FieldResult<FieldValue>> change_limit(BackendPtr backend, const ResolveInfo& info,
                                                      engine::SetLimit request) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kManageLimits);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  request.limit = *text_argument(info, "id");
  request.by = context.principal->subject;
  auto reply = co_await backend->lane.execute_as<engine::LimitList>(std::move(request));
  if (!reply) {
    Error error = std::move(reply.error());
    if (error.code == ErrorCode::kInvalidArgument) error.code = ErrorCode::kBadUserInput;
    co_return std::unexpected(api_error(std::move(error)));
  }
  co_return view_of(*backend, context, std::move(reply->limits.front()));
}

asio::awaitable<FieldResult<FieldValue>> set_limit(BackendPtr backend, const ResolveInfo& info) {
  engine::SetLimit request;
  const boost::json::value* value = info.argument("value");
  // What is below 1 goes on as 0, which the engine refuses with its reason.
  request.value = value->is_int64() && value->get_int64() > 0
                      ? static_cast<std::uint64_t>(value->get_int64())
                      : 0;
  if (const auto text = text_argument(info, "per")) {
    if (const auto per = parse_duration(*text)) request.per = *per;
  }
  return change_limit(std::move(backend), info, std::move(request));
}

asio::awaitable<FieldResult<FieldValue>> reset_limit(BackendPtr backend, const ResolveInfo& info) {
  return change_limit(std::move(backend), info, {});
}

FieldValue number_or_null(const std::optional<std::uint64_t>& number) {
  return number ? FieldValue(*number) : FieldValue();
}

}  // namespace

void add_limit_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  const graphql::type::ObjectType* query = backend->schema().query_type();
  const graphql::type::ObjectType* mutation = backend->schema().mutation_type();
  add_root_field(backend, map, query, "limits", limits);
  add_root_field(backend, map, mutation, "setLimit", set_limit);
  add_root_field(backend, map, mutation, "resetLimit", reset_limit);

  using View = LimitView;
  TypedResolvers<View>(*backend, map, names.type("LimitInfo"))
      .add("id", [](const View& v, auto&) { return FieldValue(v.entry.declared.id()); })
      .add("kind",
           [](const View& v, auto&) {
             return FieldValue::text_view(engine::to_string(v.entry.declared.kind));
           })
      .add("queue", [](const View& v, auto&) { return text_or_null(v.entry.declared.queue.str()); })
      .add("type", [](const View& v, auto&) { return text_or_null(v.entry.declared.type.str()); })
      .add("key",
           [](const View& v, auto&) {
             const engine::Limit& limit = v.entry.declared;
             if (!limit.by_input.empty()) return FieldValue(limit.by_input);
             return limit.by_tenant ? FieldValue::text_view("tenant") : FieldValue();
           })
      .add("value", [](const View& v, auto&) { return number_or_null(v.entry.value); })
      .add("per",
           [](const View& v, auto&) {
             if (v.entry.declared.kind != engine::LimitKind::kRate) return FieldValue();
             return FieldValue(format_duration(v.entry.per));
           })
      .add("declaredValue",
           [](const View& v, auto&) { return number_or_null(v.entry.declared.value); })
      .add("changedAt",
           [](const View& v, auto&) {
             return v.entry.setting ? time_value(v.entry.setting->changed_at) : FieldValue();
           })
      .add("changedBy",
           [](const View& v, auto&) {
             if (!v.entry.setting || !v.shows_operator) return FieldValue();
             return text_or_null(v.entry.setting->changed_by.str());
           })
      .add("fifo", [](const View& v, auto&) { return FieldValue(v.entry.declared.fifo); });
}

}  // namespace errand::api
