#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"

namespace errand::store {

/// Place of an event in its job's chain: HMAC over the event and the link before it. All zeros
/// before the first event.
using ChainLink = crypto::Digest;

/// What a link covers: an event as it stands in its row, texts byte for byte, so that a later
/// version that would write it otherwise still verifies it.
struct ChainedEvent {
  std::string_view job;
  std::string_view tenant;
  std::uint64_t sequence = 0;
  std::uint64_t position = 0;
  std::int64_t time_ms = 0;
  std::string_view type;
  std::string_view actor_kind;
  std::string_view actor;
  std::string_view traceparent;
  std::string_view correlation_id;
  std::string_view data;  ///< JSON
};

/// Statement, signed once a day, of what the log was at a moment. Kept outside of the database it
/// shows that a later database is not an older one.
struct AuditCheckpoint {
  std::uint64_t number = 0;  ///< from 1 without gaps
  Timestamp time;            ///< of the last commit that it covers
  LogPosition position{};    ///< of the last event that it covers
  std::uint64_t jobs = 0;    ///< in the chain
  std::string heads;         ///< digest of the set of their last links, hexadecimal
  std::string previous;      ///< signature of the checkpoint before; empty for the first
  std::string signature;     ///< hexadecimal

  friend bool operator==(const AuditCheckpoint&, const AuditCheckpoint&) = default;
};

/// One line of JSON.
std::string to_json(const AuditCheckpoint& checkpoint);
/// Reads what to_json() wrote. @return kInvalidArgument for anything else.
Result<AuditCheckpoint> checkpoint_from_json(std::string_view text);

/// What the chain knows of a whole store. It stands in the store under a seal.
struct ChainState {
  /// Digest of the set of all heads: XOR of EventChain::element() over the jobs.
  crypto::Digest heads{};
  std::uint64_t jobs = 0;
  LogPosition last_position{};
  Timestamp time;            ///< of the last commit
  std::string checkpoint;    ///< signature of the last one; empty: none
  std::uint64_t number = 0;  ///< of the last checkpoint

  /// Takes an element in that is not in, or out that is.
  void toggle(const crypto::Digest& element) noexcept;

  friend bool operator==(const ChainState&, const ChainState&) = default;
};

/// What stands in the store of a ChainState's secret part.
struct ChainSeal {
  crypto::Digest heads{};  ///< masked
  crypto::Digest tag{};
};

/// The keys of the chain of events, by which changes and deletions show that were not made by a
/// server with the master key (DESIGN 6).
///
/// - Each event of a job has a link: HMAC-SHA-256 over the link before it and its row.
/// - The set of all heads, the last links of the jobs, has a digest, so that a job that is missing,
///   or lost its last events, shows: MSet-XOR-Hash of D. Clarke et al., "Incremental Multiset Hash
///   Functions and Their Application to Memory Integrity Checking" (ASIACRYPT 2003). It is kept up
///   with each commit at a constant cost, and the removals of retention with it. Its elements stay
///   secret, as the scheme wants: the digest is stored masked, by a pad that the tag gives, which
///   is the synthetic one of RFC 5297 (section 2.6) with HMAC in the place of AES.
/// - A checkpoint a day is signed, and names the one before it.
///
/// Whoever puts a whole older copy in the place of a database passes all of this; a checkpoint that
/// was kept elsewhere shows it.
///
/// Immutable, hence safe to share between threads; cheap to copy.
class EventChain {
 public:
  explicit EventChain(const crypto::MasterKey& key);

  [[nodiscard]] ChainLink next(const ChainLink& before, const ChainedEvent& event) const;

  /// What a job adds to the digest of heads.
  [[nodiscard]] crypto::Digest element(std::string_view job, std::uint64_t sequence,
                                       const ChainLink& head) const;

  [[nodiscard]] ChainSeal seal(const ChainState& state) const;

  /// Finds ChainState::heads again; `state` has all other members.
  /// @return nullopt: not sealed with this key, or changed since.
  [[nodiscard]] std::optional<crypto::Digest> open(const ChainSeal& seal,
                                                   const ChainState& state) const;

  /// The next checkpoint, over `state`.
  [[nodiscard]] AuditCheckpoint checkpoint(const ChainState& state) const;

  /// Whether the signature fits.
  [[nodiscard]] bool verify(const AuditCheckpoint& checkpoint) const;

 private:
  [[nodiscard]] std::string sign(const AuditCheckpoint& checkpoint) const;
  [[nodiscard]] crypto::Digest tag(const ChainState& state) const;
  void mask(crypto::Digest& heads, const crypto::Digest& tag) const;

  crypto::HmacKey links_;
  crypto::HmacKey elements_;
  crypto::HmacKey tags_;
  crypto::HmacKey masks_;
  crypto::HmacKey heads_;
  crypto::HmacKey checkpoints_;
};

}  // namespace errand::store
