#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// A mutation of an existing GraphQL server that can be had as a job.
struct JobForm {
  std::string mutation;     ///< its field: "exportReport"
  bool replace = false;     ///< the job takes the field's place, instead of standing beside it
  std::string name{};       ///< of the job's field; empty: "exportReportJob", or the field's own
  std::string selection{};  ///< as in `handler: {graphql: {selection}}`; may be empty
  /// Further arguments of @job, as in SDL: `queue: "reports", timeout: "30m"`.
  std::string job{};

  /// How the job's field is called.
  [[nodiscard]] std::string field() const;

  friend bool operator==(const JobForm&, const JobForm&) = default;
};

/// How the jobs reach that server: see GraphqlHandlerRule.
struct FrontHandler {
  std::string url;
  std::vector<std::string> forward_headers{};
  std::string headers_file{};
  std::string on_behalf_of{};
  std::vector<std::string> transient{};
  std::vector<std::string> permanent{};
};

/// The SDL that stands for an existing server and the job forms of its mutations: `upstream` as it
/// is, and for each form a field with @job, whose handler is that server. Directives that have the
/// name of one of ours are left out: introspection does not show where they apply.
/// @return all that is wrong with the forms, each naming the setting
std::expected<std::string, std::vector<graphql::language::GraphQLError>> front_sdl(
    const graphql::type::Schema& upstream, std::span<const JobForm> forms,
    const FrontHandler& handler);

}  // namespace errand::contract
