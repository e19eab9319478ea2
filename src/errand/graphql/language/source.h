#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace errand::graphql::language {

/// A place in a source text as people read it.
struct Location {
  std::uint32_t line = 1;    ///< from 1; CR, LF and CRLF each end one line
  std::uint32_t column = 1;  ///< from 1, in UTF-16 code units, as graphql-js counts (a BOM is one)

  friend bool operator==(const Location&, const Location&) = default;
};

/// A GraphQL text and the name of the file or request that it came from. A plain value; tokens and
/// nodes refer to it by byte offset.
struct Source {
  std::string body;                      ///< UTF-8; at most 4 GiB - 1 (parse() checks)
  std::string name = "GraphQL request";  ///< shown before line and column in errors

  /// Line and column of the byte at `offset`; an offset past the end means the end. Linear in
  /// `offset`: meant for errors, not for every node.
  [[nodiscard]] Location location(std::size_t offset) const noexcept;
};

}  // namespace errand::graphql::language
