#include "errand/server/front_routing.h"

#include <string_view>
#include <utility>

#include "errand/json/parse.h"
#include "errand/server/media_type.h"

namespace errand::server {

using graphql::request::parse_request_parameters;
using graphql::request::RequestParameters;
using graphql::request::Service;
using upstream::RootFields;
using upstream::Side;

namespace {

/// Those of the query string that say which operation it is.
RequestParameters parameters_of_query(const net::HttpRequest& request, std::size_t depth_max) {
  RequestParameters parameters;
  auto query = net::parse_query(request.query).value_or(net::QueryParameters());
  for (auto& [name, value] : query) {
    if (value.empty()) continue;
    if (name == "query") {
      parameters.query = std::move(value);
    } else if (name == "operationName") {
      parameters.operation_name = std::move(value);
    } else if (name == "documentId") {
      parameters.document_id = std::move(value);
    } else if (name == "extensions") {
      const auto json = json::parse(value, {.depth_max = depth_max});
      if (json && json->is_object()) parameters.extensions = json->get_object();
    }
  }
  return parameters;
}

FrontRoute route_value(const boost::json::value& value, const RootFields& root_fields,
                       Service& service) {
  const auto parameters = parse_request_parameters(value);
  return parameters ? route_parameters(*parameters, root_fields, service) : FrontRoute();
}

FrontRoute route_batch(const boost::json::array& batch, const RootFields& root_fields,
                       Service& service) {
  bool any_local = false;
  bool any_upstream = batch.empty();
  for (const boost::json::value& item : batch) {
    FrontRoute route = route_value(item, root_fields, service);
    if (route.side == Side::kMixed) return route;
    (route.side == Side::kLocal ? any_local : any_upstream) = true;
  }
  if (!any_local) return {};
  if (!any_upstream) return {.side = Side::kLocal, .error = std::nullopt};
  return {.side = Side::kMixed,
          .error = Error{.code = ErrorCode::kMixedOperation,
                         .message = "One batch cannot be answered by two servers: some of its "
                                    "operations are the job server's, some those of the server "
                                    "behind it. Send them as two requests."}};
}

bool is_plain_json(const net::HttpRequest& request) {
  const auto type = parse_media_type(request.header("Content-Type").value_or(""));
  if (!type || !type->is("application/json")) return false;
  const auto coding = request.header("Content-Encoding");
  return !coding || net::equals_ignoring_case(*coding, "identity");
}

}  // namespace

FrontRoute route_parameters(const RequestParameters& parameters, const RootFields& root_fields,
                            Service& service) {
  std::string_view text = parameters.query;
  const auto named = service.find_named(parameters);  // keeps the text
  if (named) text = named->text();
  if (text.empty()) return {};
  const RootFields::Route route = root_fields.route(text, parameters.operation_name);
  FrontRoute out{.side = route.side, .error = std::nullopt};
  if (route.side == Side::kMixed) out.error = upstream::mixed_error(route);
  return out;
}

FrontRoute route_request(const net::HttpRequest& request, const RootFields& root_fields,
                         Service& service, std::size_t body_depth_max) {
  if (request.method == "GET" || request.method == "HEAD") {
    return route_parameters(parameters_of_query(request, body_depth_max), root_fields, service);
  }
  if (request.method != "POST" || !is_plain_json(request)) return {};
  const auto body = json::parse(
      request.body, {.bytes_max = request.body.size() + 1, .depth_max = body_depth_max});
  if (!body) return {};
  if (const auto* batch = body->if_array()) return route_batch(*batch, root_fields, service);
  return route_value(*body, root_fields, service);
}

}  // namespace errand::server
