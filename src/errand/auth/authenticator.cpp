#include "errand/auth/authenticator.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace errand::auth {
namespace {

constexpr std::size_t kTokenBytesMax = 1024;

std::uint64_t bucket(const crypto::Digest& digest) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, digest.data(), sizeof(value));
  return value;
}

bool equal_ignoring_case(std::string_view a, std::string_view lower) noexcept {
  return std::ranges::equal(a, lower, {}, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

}  // namespace

/// Found by eight bytes of the digest, which a guesser cannot steer, then compared in constant
/// time.
struct Authenticator::Table {
  std::unordered_multimap<std::uint64_t, Credential> credentials;
};

Authenticator::Authenticator(const std::vector<Credential>& credentials) { replace(credentials); }

void Authenticator::replace(const std::vector<Credential>& credentials) {
  auto table = std::make_shared<Table>();
  for (const Credential& credential : credentials) {
    table->credentials.emplace(bucket(credential.token_sha256), credential);
  }
  const std::scoped_lock lock(mutex_);
  table_ = std::move(table);
}

std::shared_ptr<const Authenticator::Table> Authenticator::table() const {
  const std::scoped_lock lock(mutex_);
  return table_;
}

Result<PrincipalPtr> Authenticator::authenticate(std::string_view token) const {
  if (!token.empty() && token.size() <= kTokenBytesMax) {
    const crypto::Digest digest = crypto::sha256(token);
    const auto known = table();
    const auto [first, last] = known->credentials.equal_range(bucket(digest));
    for (auto it = first; it != last; ++it) {
      if (crypto::equal_constant_time(it->second.token_sha256, digest)) {
        return it->second.principal;
      }
    }
  }
  return fail(ErrorCode::kUnauthenticated, "the token is not known here");
}

Result<PrincipalPtr> Authenticator::authenticate_header(std::string_view authorization) const {
  const auto trim = [](std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
  };
  const std::string_view value = trim(authorization);
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos || !equal_ignoring_case(value.substr(0, space), "bearer")) {
    return fail(ErrorCode::kUnauthenticated,
                "send a token in the header \"Authorization: Bearer <token>\"");
  }
  return authenticate(trim(value.substr(space)));
}

}  // namespace errand::auth
