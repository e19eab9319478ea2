#include "errand/server/graphql_http_request.h"

#include <string>
#include <string_view>
#include <utility>

#include "errand/base/utf8.h"
#include "errand/graphql/language/lexer.h"
#include "errand/json/parse.h"
#include "errand/server/media_type.h"

namespace errand::server {

using graphql::request::parse_request_parameters;
using graphql::request::RequestMemory;
using graphql::request::Service;

namespace {

using Read = std::expected<GraphqlHttpRequest, GraphqlHttpRefusal>;

std::unexpected<GraphqlHttpRefusal> refuse(RequestFault fault, std::string text) {
  return std::unexpected(GraphqlHttpRefusal{fault, {ErrorCode::kInvalidArgument, std::move(text)}});
}

/// The header that mends a refusal, for its text.
std::string proof(const CrossSiteRule& rule) {
  return rule.headers.empty() ? "Authorization: Bearer" : rule.headers.front();
}

/// Refuses a body that is not JSON in UTF-8 by what its headers say. The simple content types fall
/// here too, so that another site's page cannot send a POST unasked.
std::expected<void, GraphqlHttpRefusal> check_content_type(const net::HttpRequest& request) {
  const auto refuse_type = [](std::string text) {
    return refuse(RequestFault::kContentType, std::move(text));
  };
  const auto header = request.header("Content-Type");
  if (!header) return refuse_type("Content-Type is missing; send application/json.");
  const auto type = parse_media_type(*header);
  if (!type || !type->is("application/json")) {
    return refuse_type("Only application/json is read here; this is another Content-Type.");
  }
  if (const auto charset = type->parameter("charset");
      charset && !net::equals_ignoring_case(*charset, "utf-8") &&
      !net::equals_ignoring_case(*charset, "utf8")) {
    return refuse_type("The body must be UTF-8.");
  }
  if (const auto encoding = request.header("Content-Encoding");
      encoding && !net::equals_ignoring_case(*encoding, "identity")) {
    return refuse_type("Compressed bodies are not read here; send it without Content-Encoding.");
  }
  return {};
}

/// Offset of the first byte that is not UTF-8; the text's length when all are.
std::size_t first_invalid_byte(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = decode_utf8(text.substr(at)).length;
    if (length == 0) break;
    at += length;
  }
  return at;
}

/// Tokens of `document`, as far as it can be read.
std::size_t count_tokens(std::string_view document) {
  using graphql::language::TokenKind;
  graphql::language::Arena arena;
  graphql::language::Lexer lexer(document, arena);
  std::size_t count = 0;
  for (auto token = lexer.next();
       token.kind != TokenKind::kEndOfFile && token.kind != TokenKind::kInvalid;
       token = lexer.next()) {
    ++count;
  }
  return count;
}

Read read_batch(const boost::json::array& array, const GraphqlHttpReadOptions& options) {
  if (options.batch_max == 0) {
    return refuse(RequestFault::kParametersInvalid,
                  "Batches are not served here; send one request at a time.");
  }
  if (array.empty()) return refuse(RequestFault::kParametersInvalid, "The batch is empty.");
  if (array.size() > options.batch_max) {
    return refuse(RequestFault::kParametersInvalid,
                  "The batch has " + std::to_string(array.size()) +
                      " requests; this server allows " + std::to_string(options.batch_max) + ".");
  }
  GraphqlHttpRequest out;
  out.batch = true;
  out.allowed = Service::Allowed::kQueriesAndMutations;
  std::size_t tokens = 0;
  for (const boost::json::value& item : array) {
    if (item.is_array()) {
      return refuse(RequestFault::kParametersInvalid, "A batch cannot hold another batch.");
    }
    out.items.push_back(parse_request_parameters(item));
    if (out.items.back()) tokens += count_tokens(out.items.back()->query);
  }
  if (options.batch_tokens_max != 0 && tokens > options.batch_tokens_max) {
    return std::unexpected(GraphqlHttpRefusal{
        RequestFault::kParametersInvalid,
        {ErrorCode::kMaxTokensLimit, "The documents of the batch have " + std::to_string(tokens) +
                                         " tokens together; this server allows " +
                                         std::to_string(options.batch_tokens_max) + "."}});
  }
  return out;
}

/// A request of its own, made in `memory`: its fault refuses it.
Read read_single(boost::json::value json, RequestMemory& memory, Service::Allowed allowed) {
  auto parameters = parse_request_parameters(std::move(json), std::move(memory));
  if (!parameters) {
    return std::unexpected(
        GraphqlHttpRefusal{RequestFault::kParametersInvalid, std::move(parameters.error())});
  }
  GraphqlHttpRequest out;
  out.items.push_back(std::move(*parameters));
  out.allowed = allowed;
  return out;
}

Read read_post(const net::HttpRequest& request, const GraphqlHttpReadOptions& options) {
  if (auto checked = check_content_type(request); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  auto memory = RequestMemory::make();
  auto body = json::parse(
      request.body, {.bytes_max = request.body.size() + 1, .depth_max = options.body_depth_max},
      memory.storage());
  if (!body) {
    const std::size_t at = first_invalid_byte(request.body);
    if (at < request.body.size()) {
      return refuse(RequestFault::kBodyMalformed,
                    "The body is not UTF-8: byte " + std::to_string(at + 1) + " is invalid.");
    }
    return refuse(RequestFault::kBodyMalformed, "The body is not JSON: " + body.error().message);
  }
  if (const auto* array = body->if_array()) return read_batch(*array, options);
  return read_single(*std::move(body), memory, Service::Allowed::kQueriesAndMutations);
}

Read read_get(const net::HttpRequest& request, const GraphqlHttpReadOptions& options) {
  const auto query = net::parse_query(request.query);
  if (!query) {
    return refuse(RequestFault::kBodyMalformed, "The query string is not percent-encoded UTF-8.");
  }
  auto memory = RequestMemory::make();
  boost::json::object object(memory.storage());
  for (const auto& [name, value] : *query) {
    if (name != "query" && name != "documentId" && name != "operationName" && name != "variables" &&
        name != "extensions") {
      continue;
    }
    if (object.contains(name)) {
      return refuse(RequestFault::kParametersInvalid,
                    "The parameter \"" + name + "\" is there twice.");
    }
    if (value.empty()) {
      object.emplace(name, nullptr);  // counts as absent
    } else if (name == "variables" || name == "extensions") {
      auto json = json::parse(value, {.depth_max = options.body_depth_max}, memory.storage());
      if (!json) {
        return refuse(RequestFault::kBodyMalformed,
                      "\"" + name + "\" is not JSON: " + json.error().message);
      }
      object.emplace(name, std::move(*json));
    } else {
      object.emplace(name, value);
    }
  }
  return read_single(std::move(object), memory, Service::Allowed::kQueries);
}

}  // namespace

std::expected<GraphqlHttpRequest, GraphqlHttpRefusal> read_graphql_request(
    const net::HttpRequest& request, const GraphqlHttpReadOptions& options) {
  if (request.method == "POST") return read_post(request, options);
  if (!passes(options.cross_site, request)) {
    return refuse(RequestFault::kCrossSite,
                  "A page of another site could have sent this GET. Add the header " +
                      proof(options.cross_site) + ", or send a POST with application/json.");
  }
  return read_get(request, options);
}

}  // namespace errand::server
