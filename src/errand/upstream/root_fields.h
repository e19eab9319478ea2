#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "errand/base/error.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/schema.h"

namespace errand::upstream {

/// Who answers an operation.
enum class Side : std::uint8_t {
  kLocal,     ///< this server
  kUpstream,  ///< the server behind it
  kMixed,     ///< both would have to: refused
};

/// The root fields that this server answers itself; all others are the upstream's, also those that
/// nobody knows: it may have grown since its schema was read, or has an error of its own to give.
///
/// Immutable, hence safe to share between threads.
class RootFields {
 public:
  struct Options {
    /// Longer documents are not looked into and go to the upstream. Above the limit that holds for
    /// operations of this server.
    std::size_t tokens_max = 20'000;
  };

  /// Names of the local fields, by OperationType.
  using Names = std::array<std::unordered_set<std::string>, 3>;

  explicit RootFields(Names local) : RootFields(std::move(local), Options()) {}
  RootFields(Names local, Options options) : local_(std::move(local)), options_(options) {}

  /// Those of `served` that `upstream` has not, and the mutations `replaced`, which the upstream
  /// has but is not to be asked for.
  static RootFields between(const graphql::type::Schema& served,
                            const graphql::type::Schema& upstream,
                            std::span<const std::string> replaced, Options options);

  struct Route {
    Side side = Side::kUpstream;
    graphql::language::OperationType operation = graphql::language::OperationType::kQuery;
    std::vector<std::string> local;     ///< names of the local root fields
    std::vector<std::string> upstream;  ///< names of the others
  };

  /// Who answers the operation `operation_name` of `document`, with the fields of its fragments,
  /// and whether or not `@skip` and `@include` leave them out. `__schema` and `__type` are local:
  /// they tell the schema that is served here. `__typename` counts for neither side; an operation
  /// of nothing else, as probes have it, is the upstream's. So is what does not parse, or has no
  /// such operation, and its error too.
  [[nodiscard]] Route route(std::string_view document,
                            std::optional<std::string_view> operation_name) const;

 private:
  [[nodiscard]] bool is_local(graphql::language::OperationType operation,
                              std::string_view field) const;

  Names local_;
  Options options_;
};

/// What the client of a mixed operation is told.
Error mixed_error(const RootFields::Route& route);

}  // namespace errand::upstream
