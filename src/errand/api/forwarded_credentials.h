#pragma once

#include <string>
#include <vector>

#include "errand/api/context.h"
#include "errand/auth/job_credentials.h"
#include "errand/base/result.h"
#include "errand/contract/contract.h"

namespace errand::api {

/// Names, in lower case and each once, of the headers that jobs of some type carry on. Transports
/// keep these of a request, and no others.
std::vector<std::string> forwarded_header_names(const contract::Contract& contract);

/// What a job of `type` carries of the request that submits it: the headers that its handler
/// forwards, as far as they were sent, and the subject. Empty where there are none and the handler
/// does not ask for the subject either.
/// @return kPayloadTooLarge or kBadUserInput, naming the header
Result<auth::JobCredentials> forwarded_credentials(const contract::JobType& type,
                                                   const Context& context);

}  // namespace errand::api
