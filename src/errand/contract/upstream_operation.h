#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Name of the source that holds the types of results that are less than their upstream's.
inline constexpr std::string_view kUpstreamResultsSourceName = "results of upstream mutations";

/// The mutation that a job of `handler: {graphql: ...}` runs on another server, and the type of
/// what comes back.
///
/// A stored result cannot be asked anew, so that fields that were not selected are gone, and so are
/// arguments. Where all of a type is selected, it stays what it is, and clients see one type for
/// one thing. Where not, the result gets types of its own, which have what is selected: of Report
/// in ExportReportJob the type ExportReportJobReport.
struct UpstreamOperation {
  /// "mutation exportReport($input: In!) { exportReport(input: $input) { id } }": one variable for
  /// each argument, of its name. Abstract types are asked for __typename.
  std::string document;
  std::string type_name;  ///< the result's named type; "ExportReportJobReport"
  std::string sdl;        ///< of the types that the schema does not have yet; may be empty
  /// What `__typename` says there, to what it is called here; only where that differs.
  std::map<std::string, std::string> type_names;
};

struct UpstreamOperationOptions {
  std::string_view mutation;  ///< the field's name there
  /// A selection set with its braces, and fragments after it where it spreads any; it may use the
  /// arguments of the mutation as variables. Empty: all leaf fields without required arguments down
  /// to the third level, without going in circles.
  std::string_view selection;
  std::string_view prefix;     ///< of new types' names: "ExportReportJob"
  graphql::type::Place place;  ///< of the selection, or of what lacks it, for errors
};

/// Plans what the job type of `field` asks for. Errors go to `errors`, then nullopt.
std::optional<UpstreamOperation> plan_upstream_operation(
    const graphql::type::Schema& schema, const graphql::type::FieldDefinition& field,
    const UpstreamOperationOptions& options, SchemaErrors& errors);

}  // namespace errand::contract
