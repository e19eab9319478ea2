#include "errand/app/upstream_schema.h"

#include <chrono>
#include <span>
#include <utility>

#include "errand/app/schema_files.h"
#include "errand/contract/front_schema.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/upstream/headers_file.h"
#include "errand/upstream/introspect.h"

namespace errand::app {
namespace {

/// How long a server that does not answer yet is waited for; it may be starting, too.
constexpr std::chrono::seconds kStartTimeout{30};

Result<graphql::language::Source> read_source(const Config::Upstream& config,
                                              OutboundRequests& requests,
                                              const telemetry::Log& log) {
  if (!config.schema.empty()) {
    auto body = read_text_file(config.schema, ErrorCode::kSchemaInvalid);
    if (!body) return std::unexpected(body.error());
    return graphql::language::Source{.body = *std::move(body), .name = config.schema};
  }
  upstream::IntrospectionRequest request{
      .url = config.url,
      .headers = {},
      .guard = requests.guard_for(config.url),
      .deadline = std::chrono::steady_clock::now() + kStartTimeout};
  if (!config.headers_file.empty()) {
    auto headers = upstream::read_headers_file(config.headers_file);
    if (!headers) {
      return fail(headers.error().code, "upstream.headers_file: " + headers.error().message);
    }
    request.headers = *std::move(headers);
  }
  auto sdl = upstream::introspect(request, requests.client(), log);
  if (!sdl) return std::unexpected(sdl.error());
  return graphql::language::Source{.body = *std::move(sdl), .name = "schema of " + config.url};
}

}  // namespace

Result<UpstreamSchema> load_upstream_schema(const Config::Upstream& config,
                                            OutboundRequests& requests, const telemetry::Log& log) {
  const auto source = read_source(config, requests, log);
  if (!source) return std::unexpected(source.error());
  auto schema = graphql::type::build_schema(std::span(&*source, 1));
  if (!schema) return schema_refused(schema.error());
  auto sdl = contract::front_sdl(**schema, config.jobs,
                                 {.url = config.url,
                                  .forward_headers = config.forward_headers,
                                  .headers_file = config.headers_file,
                                  .on_behalf_of = config.on_behalf_of,
                                  .transient = config.transient,
                                  .permanent = config.permanent});
  if (!sdl) return schema_refused(sdl.error());
  return UpstreamSchema{.schema = *std::move(schema), .sdl = *std::move(sdl)};
}

}  // namespace errand::app
