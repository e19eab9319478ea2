#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "errand/auth/credentials.h"
#include "errand/auth/principal.h"
#include "errand/base/result.h"

namespace errand::auth {

/// Tells who stands behind a bearer token. Thread-safe; the credentials can be replaced while it is
/// in use (reload of the file).
class Authenticator {
 public:
  explicit Authenticator(const std::vector<Credential>& credentials);

  /// Lets `credentials` in from now on, and nobody else. Connections that were let in before keep
  /// their principal until they close.
  void replace(const std::vector<Credential>& credentials);

  /// The principal of `token`.
  /// @return kUnauthenticated, with the same text for every reason a token may be wrong.
  [[nodiscard]] Result<PrincipalPtr> authenticate(std::string_view token) const;

  /// The principal of an Authorization field value (RFC 9110, 11.6.2; RFC 6750, 2.1), which must
  /// use the scheme "Bearer"; the scheme's case does not matter.
  /// @return kUnauthenticated; an empty value gets a text that says how to send a token.
  [[nodiscard]] Result<PrincipalPtr> authenticate_header(std::string_view authorization) const;

 private:
  struct Table;
  [[nodiscard]] std::shared_ptr<const Table> table() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_;  ///< guarded by mutex_
};

}  // namespace errand::auth
