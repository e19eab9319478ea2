#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/graphql/execution/response_stream.h"

namespace errand::server {

/// A media type with its parameters (RFC 9110, 8.3.1). Type and parameter names are in lower case,
/// quoted values are unquoted.
struct MediaType {
  std::string type;     ///< "application"
  std::string subtype;  ///< "json"
  std::vector<std::pair<std::string, std::string>> parameters;

  [[nodiscard]] bool is(std::string_view full_name) const noexcept;
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const noexcept;
};

/// Reads one media type, such as a Content-Type. nullopt when it is malformed.
std::optional<MediaType> parse_media_type(std::string_view text);

/// One range of an Accept header with its weight.
struct AcceptRange {
  MediaType range;     ///< "*" stands for any type or subtype
  int weight = 1'000;  ///< q in thousandths
  std::size_t at = 0;  ///< place in the list
};

/// Reads an Accept header (RFC 9110, 12.5.1). Malformed elements are left out, as if the client had
/// not sent them.
std::vector<AcceptRange> parse_accept(std::string_view accept);

/// The two media types of GraphQL over HTTP.
enum class GraphqlMediaType : std::uint8_t {
  kJson,             ///< application/json
  kGraphqlResponse,  ///< application/graphql-response+json
};

/// Value of the Content-Type header, with its charset.
std::string_view content_type(GraphqlMediaType type) noexcept;

/// How the responses of a subscription may come.
enum class StreamMediaType : std::uint8_t {
  kEventStream,  ///< text/event-stream: GraphQL over SSE
  kMultipart,    ///< multipart/mixed: Apollo's subscriptionSpec=1.0
};

/// What an Accept header allows, by what a request turns out to ask for.
struct Acceptable {
  /// For one response. nullopt: neither type is acceptable (406).
  std::optional<GraphqlMediaType> single;
  /// For a subscription. nullopt: the client takes no stream.
  std::optional<StreamMediaType> stream;
  /// text/event-stream outranks `single`: then queries and mutations are answered by it too.
  bool event_stream_first = false;
  /// For a query or mutation with `@defer` or `@stream`, in multipart/mixed. kNone where the client
  /// names no format that is known here, or likes one response better.
  graphql::execution::IncrementalFormat incremental = graphql::execution::IncrementalFormat::kNone;
};

/// Reads an Accept header. A type's weight is that of the most specific range which matches it;
/// q=0 excludes it. The heavier type wins; among equals the one that is named comes before one that
/// is only matched, and the one named first before the other. Without a header, or where only
/// wildcards match, one response is application/json.
///
/// A streaming type counts only where it is named, so that neither a wildcard nor a list which ends
/// in such types, as urql sends it for ordinary queries, turns a response into a stream.
/// multipart/mixed without a parameter stands for what clients that write it so read: streams of
/// responses, and increments by deferSpec=20220824.
/// @param accept  the joined header; "" when missing
Acceptable negotiate(std::string_view accept);

}  // namespace errand::server
