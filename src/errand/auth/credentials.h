#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "errand/auth/principal.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"

namespace errand::auth {

/// One token that opens the door, by its digest: the token itself is stored nowhere. Tokens hold at
/// least 128 random bits, so a plain SHA-256 needs no salt and no stretching.
struct Credential {
  crypto::Digest token_sha256{};
  PrincipalPtr principal;
};

/// Reads a credentials file:
///
///     [[credential]]
///     token_sha256 = "9f86d08…"              # of the whole token: printf %s TOKEN | sha256sum
///     subject      = "service:billing"       # unique within the tenant
///     tenant       = "acme"                  # "*" for a worker that serves every tenant
///     scopes       = ["jobs:submit", "jobs:read", "reports:write"]
///     queues       = ["reports"]             # optional; left out: every queue
///
/// Names are 1 to 128 characters of letters, digits and . _ : @ / -.
///
/// @return kConfigInvalid, its message saying file, line, key and remedy: for a file that cannot be
///         read or that others than its owner may write or read, for broken TOML, an unknown key, a
///         key that is missing or of a wrong type, a token that is listed twice.
Result<std::vector<Credential>> load_credentials(const std::filesystem::path& file);

/// load_credentials() on a text; `name` stands for the file in errors.
Result<std::vector<Credential>> parse_credentials(std::string_view text, std::string_view name);

/// What tokens that Errand makes begin with.
inline constexpr std::string_view kTokenPrefix = "ert_";

/// `prefix` and 43 random characters (256 bits) of base64url.
std::string generate_token(std::string_view prefix, Random& random);

/// The tokens of development mode, which binds loopback only.
struct DevelopmentTokens {
  std::string client;  ///< every scope, tenant "default", subject "dev:client"
  std::string worker;  ///< scope "worker", tenant "default", subject "dev:worker"
};

/// The tokens that belong to `master_key`: the same after a restart, so that a worker that
/// reconnects needs no new one.
DevelopmentTokens development_tokens(const crypto::MasterKey& master_key);

/// The credentials that let `tokens` in.
std::vector<Credential> development_credentials(const DevelopmentTokens& tokens);

}  // namespace errand::auth
