#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// Chooses the type of a GraphQL response: the acceptable one of highest weight, where the most
/// specific range gives a type its weight and q=0 excludes it. Among equals the one that is named
/// comes before one that is only matched, and the one named first before the other. Without a
/// header, or where only wildcards match, it is application/json.
///
/// Streaming types in the list (text/event-stream, multipart/mixed) never turn an ordinary answer
/// into a stream.
/// @param accept  the joined header; "" when missing
/// @return nullopt: neither is acceptable (406).
std::optional<GraphqlMediaType> negotiate(std::string_view accept);

}  // namespace errand::server
