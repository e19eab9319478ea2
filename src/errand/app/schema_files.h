#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "errand/base/result.h"
#include "errand/contract/contract.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/source.h"

namespace errand::app {

/// Reads a file of at most 16 MiB of UTF-8.
/// @return `code` naming the file and why it cannot be read.
Result<std::string> read_text_file(const std::string& name, ErrorCode code);

/// Reads SDL files, each at most 16 MiB of UTF-8.
/// @return kSchemaInvalid naming the file and why it cannot be read.
Result<std::vector<graphql::language::Source>> read_schema_files(
    std::span<const std::string> files);

/// kSchemaInvalid with every error, one `file:line:column: message` a line.
std::unexpected<Error> schema_refused(const std::vector<graphql::language::GraphQLError>& errors);

/// Builds the contract.
/// @return kSchemaInvalid with every error found: schema_refused()
Result<std::shared_ptr<const contract::Contract>> build_contract(
    std::span<const graphql::language::Source> sources, const contract::ContractOptions& options);

/// Reads the files and builds the contract.
Result<std::shared_ptr<const contract::Contract>> load_contract(
    std::span<const std::string> files, const contract::ContractOptions& options);

}  // namespace errand::app
