#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/crypto/master_key.h"
#include "errand/crypto/p256.h"
#include "errand/outbound/target_url.h"

namespace errand::notification {

/// The key by which push services know this server. It follows from the master key, so that nothing
/// else has to be kept or backed up: subscriptions are made for this key and die with it.
crypto::P256Key vapid_key(const crypto::MasterKey& master_key);

/// Tells push services who sends (VAPID, RFC 8292). A token is used again for hours, since push
/// services remember those that they have checked. Thread-safe.
class Vapid {
 public:
  /// @param contact  "mailto:ops@example.org" or an https URL: see is_contact()
  Vapid(crypto::P256Key key, std::string contact);

  /// What browsers want as applicationServerKey: 65 bytes as base64url.
  [[nodiscard]] std::string public_key() const;

  /// The value of Authorization for a request to `endpoint`.
  [[nodiscard]] std::string authorization(const outbound::TargetUrl& endpoint, Timestamp now);

  /// Whether push services take `text` as a contact: a mailto: or https: URI of plain characters.
  static bool is_contact(std::string_view text);

 private:
  struct Token {
    std::string text;
    Timestamp renew_at;
  };

  const crypto::P256Key key_;
  const std::string contact_;
  std::mutex mutex_;
  std::map<std::string, Token, std::less<>> tokens_;  ///< by audience; guarded by mutex_
};

}  // namespace errand::notification
