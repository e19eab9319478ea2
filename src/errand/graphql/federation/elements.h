#pragma once

#include <span>
#include <string_view>

namespace errand::graphql::federation {

/// The specification that a subgraph links, without the version.
inline constexpr std::string_view kFederationUrl = "https://specs.apollo.dev/federation";
/// The newest version that is known: v2.14.
inline constexpr int kNewestMinor = 14;

/// One directive or scalar of the federation specification, version 2.
struct Element {
  std::string_view name;  ///< without the at sign
  bool is_directive;
  int since;  ///< minor version that brought it
  /// What follows the directive's name in its definition; `$X` stands for the scalar X as the
  /// subgraph calls it. Empty for scalars.
  std::string_view definition;
};

/// All of them, each once for every version that changed its definition: the last one that is not
/// newer than the linked version holds.
std::span<const Element> elements() noexcept;

/// The definition of `name` that holds in v2.`minor`; nullptr where there is none.
const Element* find_element(std::string_view name, bool is_directive, int minor) noexcept;

}  // namespace errand::graphql::federation
