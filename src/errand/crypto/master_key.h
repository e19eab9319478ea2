#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"

namespace errand::crypto {

/// Label of the key that digests payloads (job::PayloadRef): whoever writes an input or a result
/// signs its bytes with `master_key.hmac_key(kPayloadDigestLabel)`.
inline constexpr std::string_view kPayloadDigestLabel = "payload-digest.v1";

/// The one secret of an installation, from which every other key is derived by a label: the wire
/// tokens of attempts, the digests of payloads, the fingerprints of idempotency keys.
///
/// Never used as a key itself. Wiped from memory when destroyed. Immutable, hence safe to share
/// between threads.
class MasterKey {
 public:
  /// Reads the key from `file`: one line "errand-master-key-v1 <43 characters of base64url>".
  /// @return kConfigInvalid, its message naming the file and the remedy, when the file cannot be
  ///         read, is not ours, or can be read or written by anyone but its owner.
  static Result<MasterKey> load(const std::filesystem::path& file);

  /// As load(), but makes a new key first if there is no such file. The file appears whole and
  /// synced, with mode 0600, or not at all; of two processes that create it at once, both get the
  /// one key that stands in the file afterwards.
  static Result<MasterKey> load_or_create(const std::filesystem::path& file, Random& random);

  /// A new key that is written nowhere, for tests and in-memory servers.
  static MasterKey generate(Random& random);

  explicit MasterKey(const Digest& secret);
  MasterKey(const MasterKey&) = default;
  MasterKey& operator=(const MasterKey&) = default;
  MasterKey(MasterKey&&) = default;
  MasterKey& operator=(MasterKey&&) = default;
  ~MasterKey();

  /// Names the key without telling it: 8 hexadecimal digits, the same for the same key.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

  /// The key for one purpose: HKDF-SHA-256 with `label` as info. Different labels give independent
  /// keys.
  [[nodiscard]] Digest derive(std::string_view label) const;

  /// derive(), ready for signing.
  [[nodiscard]] HmacKey hmac_key(std::string_view label) const;

  /// The same for what holds within one `lineage` of a store alone; for the empty one it is
  /// hmac_key(label).
  [[nodiscard]] HmacKey hmac_key(std::string_view label, std::string_view lineage) const;

 private:
  Digest secret_;
  std::string id_;
};

}  // namespace errand::crypto
