#include "errand/api/webhook_resolvers.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "errand/api/connection.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/typed_resolvers.h"
#include "errand/api/webhook_access.h"
#include "errand/base/time_text.h"
#include "errand/json/parse.h"
#include "errand/notification/webhook_manager.h"
#include "errand/outbound/target_url.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;
using notification::RegisteredWebhook;
using notification::RegisteredWebhookPtr;
using notification::WebhookDataCondition;
using notification::WebhookKey;
using notification::WebhookManager;

namespace {

using EndpointPage = Page<RegisteredWebhook>;

WebhookManager::Caller caller_of(const Context& context) {
  return {.tenant = context.principal->tenant, .subject = context.principal->subject};
}

FieldValue endpoint_value(const Backend& backend, RegisteredWebhookPtr endpoint) {
  return ObjectRef{backend.object_type("WebhookEndpoint"), std::move(endpoint)};
}

asio::awaitable<FieldResult<FieldValue>> endpoints(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const auto manager = webhooks_for(*backend, context, auth::Action::kReadWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(api_error(first.error()));
  auto all = (*manager)->list(tenant);
  EndpointPage page;
  if (const auto after = text_argument(info, "after")) {
    const Result<std::string> name = backend->cursors.read_name_cursor(tenant, *after);
    if (!name) co_return std::unexpected(api_error(name.error()));
    std::erase_if(all, [&](const auto& each) { return each->endpoint.name <= *name; });
    page.has_previous = true;
  }
  page.has_next = all.size() > *first;
  if (page.has_next) all.resize(*first);
  for (RegisteredWebhookPtr& each : all) {
    std::string cursor = backend->cursors.name_cursor(tenant, each->endpoint.name);
    page.edges.push_back({std::move(cursor), std::move(each)});
  }
  co_return ObjectRef{backend->object_type("WebhookEndpointConnection"),
                      std::make_shared<const EndpointPage>(std::move(page))};
}

asio::awaitable<FieldResult<FieldValue>> endpoint(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kReadWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  auto found = (*manager)->find(context.principal->tenant, *text_argument(info, "id"));
  if (!found) co_return FieldValue();
  co_return endpoint_value(*backend, std::move(found));
}

FieldResult<FieldValue> answer(const Backend& backend, Result<RegisteredWebhookPtr> changed) {
  if (!changed) return std::unexpected(api_error(std::move(changed.error())));
  return endpoint_value(backend, *std::move(changed));
}

FieldResult<FieldValue> answer(const Backend& backend, Result<WebhookManager::WithSecret> made) {
  if (!made) return std::unexpected(api_error(std::move(made.error())));
  return FieldValue(
      ObjectRef{backend.object_type("WebhookEndpointWithSecret"),
                std::make_shared<const WebhookManager::WithSecret>(*std::move(made))});
}

asio::awaitable<FieldResult<FieldValue>> create(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  auto change = notification::read_webhook_input(info.argument("input")->get_object());
  if (!change) co_return std::unexpected(api_error(std::move(change.error())));
  co_return answer(*backend, co_await (*manager)->create(caller_of(context), *std::move(change)));
}

asio::awaitable<FieldResult<FieldValue>> update(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  auto change = notification::read_webhook_input(info.argument("input")->get_object());
  if (!change) co_return std::unexpected(api_error(std::move(change.error())));
  co_return answer(*backend,
                   co_await (*manager)->update(caller_of(context), *text_argument(info, "id"),
                                               *std::move(change)));
}

asio::awaitable<FieldResult<FieldValue>> remove(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  auto removed = co_await (*manager)->remove(caller_of(context), *text_argument(info, "id"));
  if (!removed) co_return std::unexpected(api_error(std::move(removed.error())));
  co_return FieldValue((*removed)->endpoint.name);
}

asio::awaitable<FieldResult<FieldValue>> pause(BackendPtr backend, const ResolveInfo& info,
                                               bool paused) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  co_return answer(
      *backend, co_await (*manager)->pause(caller_of(context), *text_argument(info, "id"), paused));
}

asio::awaitable<FieldResult<FieldValue>> rotate(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  const std::chrono::hours grace(info.argument("graceHours")->get_int64());
  if (grace < std::chrono::hours(0) || grace > WebhookManager::kGraceMax) {
    co_return std::unexpected(
        api_error({ErrorCode::kBadUserInput, "\"graceHours\" must lie between 0 and 168."}));
  }
  co_return answer(
      *backend, co_await (*manager)->rotate(caller_of(context), *text_argument(info, "id"), grace));
}

asio::awaitable<FieldResult<FieldValue>> enable(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto manager = webhooks_for(*backend, context, auth::Action::kManageWebhooks);
  if (!manager) co_return std::unexpected(manager.error());
  const bool is_operator = authorize(*backend, context, auth::Action::kAdminister).has_value();
  co_return answer(*backend, co_await (*manager)->enable(caller_of(context),
                                                         *text_argument(info, "id"), is_operator));
}

/// The url, as far as everyone may see it who may see the endpoint: that of the settings is the
/// operator's, and may hold a secret.
std::string shown_url(const RegisteredWebhook& webhook) {
  if (webhook.owner) return webhook.endpoint.url;
  const auto url = outbound::parse_target_url(webhook.endpoint.url);
  return url ? url->origin() : std::string();
}

FieldValue shown_status(const RegisteredWebhook& webhook) {
  const auto status = webhook.status();
  if (status == notification::WebhookStatus::kActive && webhook.state.health.failing()) {
    return FieldValue::text_view("FAILING");
  }
  return FieldValue::text_view(notification::to_string(status));
}

FieldValue texts(const auto& items) {
  FieldValue::List list;
  for (const auto& item : items) {
    if constexpr (requires { item.str(); }) {
      list.emplace_back(item.str());
    } else {
      list.emplace_back(item);
    }
  }
  return FieldValue(std::move(list));
}

void add_endpoint(const BackendPtr& backend, ResolverMap& map) {
  using W = RegisteredWebhook;
  const contract::Names& names = backend->contract->names();
  const auto parts = [backend](const ResolveInfo& info, std::string_view type, const auto& items) {
    FieldValue::List list;
    for (const auto& item : items)
      list.push_back(part_value(info, backend->object_type(type), item));
    return FieldValue(std::move(list));
  };
  TypedResolvers<W>(*backend, map, names.type("WebhookEndpoint"))
      .add("id", [](const W& w, auto&) { return text_value(w.endpoint.name); })
      .add("source",
           [](const W& w, auto&) { return FieldValue::text_view(w.owner ? "API" : "SETTINGS"); })
      .add("url", [](const W& w, auto&) { return FieldValue(shown_url(w)); })
      .add("description", [](const W& w, auto&) { return text_value(w.endpoint.description); })
      .add("eventTypes", [](const W& w, auto&) { return texts(w.endpoint.types); })
      .add("jobTypes", [](const W& w, auto&) { return texts(w.endpoint.job_types); })
      .add("tags", [](const W& w, auto&) { return texts(w.endpoint.tags); })
      .add("data",
           [parts](const W& w, const ResolveInfo& info) {
             return parts(info, "WebhookEndpointDataCondition", w.endpoint.data);
           })
      .add("payload",
           [](const W& w, auto&) {
             return FieldValue::text_view(w.endpoint.full ? "FULL" : "THIN");
           })
      .add("contentType", [](const W& w, auto&) { return text_value(w.endpoint.content_type); })
      .add("headers",
           [](const W& w, auto&) {
             FieldValue::List list;
             for (const auto& [name, value] : w.headers) list.emplace_back(name);
             return FieldValue(std::move(list));
           })
      .add("ordering",
           [](const W& w, auto&) {
             const bool ordered = w.endpoint.ordering == notification::WebhookOrdering::kPerJob;
             return FieldValue::text_view(ordered ? "PER_JOB" : "NONE");
           })
      .add("inFlight", [](const W& w, auto&) { return FieldValue(w.endpoint.concurrency); })
      .add("rate", [](const W& w, auto&) { return FieldValue(w.endpoint.rate); })
      .add("timeout",
           [](const W& w, auto&) { return FieldValue(format_duration(w.endpoint.timeout)); })
      .add("status", [](const W& w, auto&) { return shown_status(w); })
      .add("disabledReason",
           [](const W& w, auto&) {
             return w.state.disabled
                        ? FieldValue::text_view(notification::to_string(*w.state.disabled))
                        : FieldValue();
           })
      .add("disabledAt", [](const W& w, auto&) { return time_value(w.state.disabled_at); })
      .add("failures", [](const W& w, auto&) { return FieldValue(w.state.health.failures); })
      .add("failingSince",
           [](const W& w, auto&) { return time_value(w.state.health.failing_since); })
      .add("lastFailureAt",
           [](const W& w, auto&) { return time_value(w.state.health.last_failure_at); })
      .add("lastFailure",
           [](const W& w, auto&) { return text_or_null(w.state.health.last_failure); })
      .add("lastSuccessAt",
           [](const W& w, auto&) { return time_value(w.state.health.last_success_at); })
      .add("keys",
           [parts](const W& w, const ResolveInfo& info) {
             return parts(info, "WebhookEndpointKey", w.keys);
           })
      .add("createdAt", [](const W& w, auto&) { return time_value(w.created_at); })
      .add("createdBy", [](const W& w, auto&) { return text_or_null(w.created_by.str()); })
      .add("changedAt", [](const W& w, auto&) { return time_value(w.changed_at); });

  TypedResolvers<WebhookKey>(*backend, map, names.type("WebhookEndpointKey"))
      .add("createdAt", [](const WebhookKey& k, auto&) { return time_value(k.created_at); })
      .add("expiresAt", [](const WebhookKey& k, auto&) { return time_value(k.until); })
      .add("publicKey", [](const WebhookKey& k, auto&) {
        return k.signing ? FieldValue(k.signing->public_text()) : FieldValue();
      });

  TypedResolvers<WebhookDataCondition>(*backend, map, names.type("WebhookEndpointDataCondition"))
      .add("path", [](const WebhookDataCondition& c, auto&) { return text_value(c.path); })
      .add("in", [](const WebhookDataCondition& c, auto&) {
        boost::json::array values;
        for (const std::string& text : c.in) values.push_back(json::parse(text).value());
        return FieldValue::json(boost::json::value(std::move(values)));
      });

  using Made = WebhookManager::WithSecret;
  TypedResolvers<Made>(*backend, map, names.type("WebhookEndpointWithSecret"))
      .add("endpoint",
           [backend](const Made& made, auto&) { return endpoint_value(*backend, made.webhook); })
      .add("secret", [](const Made& made, auto&) { return text_value(made.secret); });
}

}  // namespace

void add_webhook_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const graphql::type::ObjectType* query = backend->schema().query_type();
  const graphql::type::ObjectType* mutation = backend->schema().mutation_type();
  add_root_field(backend, map, query, "webhookEndpoints", endpoints);
  add_root_field(backend, map, query, "webhookEndpoint", endpoint);
  add_root_field(backend, map, mutation, "createWebhookEndpoint", create);
  add_root_field(backend, map, mutation, "updateWebhookEndpoint", update);
  add_root_field(backend, map, mutation, "deleteWebhookEndpoint", remove);
  add_root_field(
      backend, map, mutation, "pauseWebhookEndpoint",
      [](BackendPtr b, const ResolveInfo& info) { return pause(std::move(b), info, true); });
  add_root_field(
      backend, map, mutation, "resumeWebhookEndpoint",
      [](BackendPtr b, const ResolveInfo& info) { return pause(std::move(b), info, false); });
  add_root_field(backend, map, mutation, "rotateWebhookSecret", rotate);
  add_root_field(backend, map, mutation, "enableWebhookEndpoint", enable);
  add_endpoint(backend, map);
  add_connection_resolvers<EndpointPage>(
      backend, map, "WebhookEndpoint",
      [backend](const RegisteredWebhookPtr& each) { return endpoint_value(*backend, each); });
}

}  // namespace errand::api
