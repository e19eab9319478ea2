#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/crypto/sealer.h"

namespace errand::auth {

/// Label of the key that seals what jobs carry (crypto::Sealer).
inline constexpr std::string_view kJobCredentialsLabel = "job-credentials.v1";

/// What a job carries of the request that submitted it, so that the server that is called for it
/// later knows on whose behalf. Stored sealed (store::PayloadKind::kCredentials), never logged,
/// shown or told to workers.
struct JobCredentials {
  /// Headers to send along; names in lower case, each once.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string subject;  ///< who submitted the job; empty where there are no credentials at all

  [[nodiscard]] bool empty() const noexcept { return headers.empty() && subject.empty(); }

  friend bool operator==(const JobCredentials&, const JobCredentials&) = default;
};

/// Longest value of one header, in bytes.
inline constexpr std::size_t kForwardedHeaderBytesMax = 8 << 10;
/// All names and values.
inline constexpr std::size_t kForwardedHeadersBytesMax = 32 << 10;

/// Whether the headers may be kept and sent.
/// @return kPayloadTooLarge over a bound; kBadUserInput for a value with a control character or
///         that is not UTF-8. The message names the header and never its value.
Result<void> check_headers(const JobCredentials& credentials);

/// `credentials`, whose headers passed check_headers(), for the one job.
std::string seal(const crypto::Sealer& sealer, const JobId& job, const JobCredentials& credentials);

/// Reads what seal() gave for the same job.
/// @return what Sealer::open() refuses; kStoreCorrupt for a text that seal() never sealed.
Result<JobCredentials> open(const crypto::Sealer& sealer, const JobId& job, std::string_view text);

}  // namespace errand::auth
