#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"

namespace errand::crypto {

/// Encrypts secrets at rest under a key that follows from the master key by a label: what one
/// purpose sealed another cannot open.
///
/// A sealed text is "v1." KEY "." DATA: the id of the master key (8 hexadecimal digits) and, as
/// base64url, 24 random bytes, the ciphertext of AES-256-GCM and its tag of 16 bytes. The first 12
/// random bytes choose the key of this one message, the other 12 are its nonce, so that any number
/// of texts may be sealed under one master key, where plain GCM with random nonces would have to
/// stop at 2^32 (NIST SP 800-38D, 8.3). It tells the length of its content.
///
/// Immutable but for also_open(), hence safe to share between threads as `random` is. Its keys are
/// wiped from memory when it is destroyed.
class Sealer {
 public:
  /// @param label   of the purpose, as for MasterKey::derive()
  /// @param random  fit for keys; outlives this
  Sealer(const MasterKey& key, std::string_view label, Random& random);
  Sealer(const Sealer&) = default;
  Sealer& operator=(const Sealer&) = delete;
  ~Sealer();

  /// Lets open() read what was sealed under an earlier master key. Before it is shared.
  void also_open(const MasterKey& earlier);

  /// @param associated  what the text belongs to, such as a job's id: with another one it does not
  ///                    open. Not secret, and not in the text.
  [[nodiscard]] std::string seal(std::string_view plaintext, std::string_view associated) const;

  /// The plaintext of seal(), the caller's to wipe.
  /// @return kConfigInvalid for a text of a master key that is not known here, naming both;
  ///         kStoreCorrupt for one that was changed, is not ours, or belongs to something else.
  [[nodiscard]] Result<std::string> open(std::string_view text, std::string_view associated) const;

 private:
  struct Key {
    std::string id;
    Digest secret;
  };

  std::string label_;
  std::vector<Key> keys_;  ///< the first one seals
  Random* random_;
};

/// Overwrites a text that held a secret.
void wipe(std::string& text) noexcept;

}  // namespace errand::crypto
