#include "errand/notification/vapid.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json/object.hpp>
#include <openssl/crypto.h>

#include "errand/crypto/encoding.h"
#include "errand/json/writer.h"

namespace errand::notification {
namespace {

/// RFC 8292, 2 allows 24 hours; half of it bears clocks that differ.
constexpr auto kTokenLife = std::chrono::hours(12);
constexpr auto kTokenUse = std::chrono::hours(6);
/// There are a handful of push services. More origins than that are somebody's game.
constexpr std::size_t kTokensMax = 256;

/// The origin as RFC 6454, 6.1 writes it: without a port that is the scheme's own.
std::string audience(const outbound::TargetUrl& endpoint) {
  const bool usual = endpoint.port == (endpoint.scheme == "https" ? 443 : 80);
  const bool v6 = endpoint.host.contains(':');
  return endpoint.scheme + "://" + (v6 ? "[" + endpoint.host + "]" : endpoint.host) +
         (usual ? "" : ":" + std::to_string(endpoint.port));
}

}  // namespace

crypto::P256Key vapid_key(const crypto::MasterKey& master_key) {
  for (int i = 1;; ++i) {
    // All but one of 2^32 numbers are keys.
    crypto::Digest scalar = master_key.derive("vapid.v1." + std::to_string(i));
    auto key = crypto::P256Key::from_scalar(scalar);
    OPENSSL_cleanse(scalar.data(), scalar.size());
    if (key) return *std::move(key);
  }
}

Vapid::Vapid(crypto::P256Key key, std::string contact)
    : key_(std::move(key)), contact_(std::move(contact)) {}

std::string Vapid::public_key() const { return crypto::to_base64url(key_.public_key()); }

std::string Vapid::authorization(const outbound::TargetUrl& endpoint, Timestamp now) {
  const std::string whom = audience(endpoint);
  const std::lock_guard lock(mutex_);
  auto found = tokens_.find(whom);
  // A clock that was set back makes no token of the future.
  if (found == tokens_.end() || now >= found->second.renew_at ||
      now < found->second.renew_at - kTokenUse) {
    if (tokens_.size() >= kTokensMax) tokens_.clear();
    const auto expires =
        std::chrono::floor<std::chrono::seconds>(now + kTokenLife).time_since_epoch().count();
    const std::string head = json::to_text(boost::json::object{{"typ", "JWT"}, {"alg", "ES256"}});
    const std::string claims =
        json::to_text(boost::json::object{{"aud", whom}, {"exp", expires}, {"sub", contact_}});
    std::string token = crypto::to_base64url(crypto::as_bytes(head)) + "." +
                        crypto::to_base64url(crypto::as_bytes(claims));
    token += "." + crypto::to_base64url(key_.sign(crypto::as_bytes(token)));
    found = tokens_.insert_or_assign(whom, Token{std::move(token), now + kTokenUse}).first;
  }
  return "vapid t=" + found->second.text + ", k=" + public_key();
}

bool Vapid::is_contact(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain || text.size() > 254) return false;
  if (text.starts_with("https://")) return text.size() > 8;
  return text.starts_with("mailto:") && text.substr(7).find('@') != std::string_view::npos;
}

}  // namespace errand::notification
