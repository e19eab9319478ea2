#include "errand/worker/wire_token.h"

#include <charconv>
#include <cstdint>
#include <span>

#include "errand/crypto/encoding.h"

namespace errand::worker {
namespace {

constexpr std::size_t kSignatureBytes = 16;

/// Unambiguous: the job has 36 characters, the number no colon.
std::string signed_text(const JobId& job, std::uint64_t number, std::string_view holder) {
  return job.str() + ":" + std::to_string(number) + ":" + std::string(holder);
}

}  // namespace

std::string WireTokens::make(const JobId& job, FencingToken number, std::string_view holder) const {
  const auto digest = key_.sign(signed_text(job, to_number(number), holder));
  return std::to_string(to_number(number)) + "." +
         crypto::to_base64url(std::span(digest).first(kSignatureBytes));
}

std::optional<FencingToken> WireTokens::check(const JobId& job, std::string_view token,
                                              std::string_view holder) const {
  const std::size_t dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + dot, number);
  if (error != std::errc() || end != token.data() + dot) return std::nullopt;
  const auto signature = crypto::from_base64url(token.substr(dot + 1));
  if (!signature || signature->size() != kSignatureBytes) return std::nullopt;
  // Written anew rather than taken from the token: "07" and "7" must not both pass.
  const std::string text = signed_text(job, number, holder);
  if (token.substr(0, dot) != std::to_string(number)) return std::nullopt;
  if (!key_.verify(crypto::as_bytes(text), *signature)) return std::nullopt;
  return FencingToken{number};
}

}  // namespace errand::worker
