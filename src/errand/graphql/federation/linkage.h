#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "errand/graphql/language/document.h"
#include "errand/graphql/type/definitions.h"

namespace errand::graphql::federation {

/// Takes what is wrong with a subgraph's schema.
using Report = std::function<void(const type::Place& place, std::string message)>;

/// How a subgraph's schema links the federation specification with @link: the version, and what
/// each of its elements is called there. A value type.
/// https://specs.apollo.dev/link/v1.0 and https://specs.apollo.dev/federation/v2.14
class Linkage {
 public:
  /// Reads the @link of the federation specification from a schema's documents.
  /// @return nullopt where there is none, or `report` was called.
  static std::optional<Linkage> read(std::span<const language::Document> documents,
                                     const Report& report);

  /// For a schema that links nothing, as in federation 1: every directive has its own name, and
  /// link_sdl() writes the @link.
  static Linkage unlinked();

  /// Whether the schema itself has the @link.
  [[nodiscard]] bool is_written() const noexcept { return is_written_; }
  /// Of the linked version, v2.`minor`.
  [[nodiscard]] int minor() const noexcept { return minor_; }

  /// What the schema calls a directive: "key" -> "key", "myKey" or "federation__key".
  [[nodiscard]] std::string directive(std::string_view name) const;
  /// What the schema calls a scalar: "FieldSet" -> "federation__FieldSet".
  [[nodiscard]] std::string scalar(std::string_view name) const;
  /// The directive that the schema calls `local`, by its own name; empty where it is none of
  /// federation's.
  [[nodiscard]] std::string_view directive_called(std::string_view local) const;

  /// Definitions of what the schema may use: @link with its types, the directives and scalars.
  /// @param is_wanted  asked for each, by what the schema calls it ("key", "federation__FieldSet",
  ///                   "link"); says no where the schema has a definition of its own
  [[nodiscard]] std::string definitions_sdl(
      const std::function<bool(std::string_view local)>& is_wanted) const;

  /// The @link of a schema that is_written() nowhere, with the imports of `directives` (own names),
  /// of the lowest version from v2.`minor_min` on that has them all.
  static std::string link_sdl(const std::set<std::string_view>& directives, int minor_min);

 private:
  int minor_ = 0;
  bool is_written_ = false;
  std::string name_space_ = "federation";
  /// Own name with at sign to the name in the schema without it; scalars without the sign.
  std::map<std::string, std::string, std::less<>> imports_;

  friend class LinkReader;
};

}  // namespace errand::graphql::federation
