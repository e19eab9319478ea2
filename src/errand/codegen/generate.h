#pragma once

#include <string>
#include <vector>

#include "errand/base/result.h"
#include "errand/codegen/options.h"
#include "errand/contract/contract.h"

namespace errand::codegen {

/// The whole text of one source file with the types of `contract`'s jobs. The same input gives the
/// same text, whatever the time or machine.
/// @return kInvalidArgument for options that do not go with the schema, naming what to do.
Result<std::string> generate(const contract::Contract& contract, const Options& options);

/// A document of a client, by its job's type, with all that is ever selected of the result.
struct ClientDocument {
  std::string job_type;
  std::string text;
};

/// What a generated client asks of a server, for checks against its limits. Empty without one.
/// @return what generate() refuses.
Result<std::vector<ClientDocument>> client_documents(const contract::Contract& contract,
                                                     const Options& options);

}  // namespace errand::codegen
