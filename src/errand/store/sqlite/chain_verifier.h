#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/store/event_chain.h"
#include "errand/store/sqlite/connection.h"

namespace errand::store::sqlite {

/// What a look at the chain of events found.
struct ChainReport {
  std::vector<std::string> faults;  ///< in words; empty if all is well
  bool cut_short = false;           ///< there are more than were asked for
  bool begun = false;               ///< false: no server of this layout has written yet
  std::uint64_t jobs = 0;           ///< looked at
  std::uint64_t events = 0;
  std::uint64_t unchained_events = 0;  ///< from before the chain began: nothing shows their changes
  std::uint64_t checkpoints = 0;
  std::optional<AuditCheckpoint> checkpoint;  ///< the last one
  LogPosition last_position{};
};

struct ChainVerification {
  std::size_t faults_max = 100;         ///< >= 1
  std::optional<AuditCheckpoint> kept;  ///< one that was kept elsewhere, to be found again
};

/// Holds every job's events, the set of all heads and all checkpoints against the keys of `chain`,
/// on `connection`, which should be within a transaction so that all reads see one state.
/// Memory: one job's links. @return what kept it from reading.
Result<ChainReport> verify_chain(Connection& connection, const EventChain& chain,
                                 const ChainVerification& options);

/// The same for a database of this program's layout, beside a server that may have it open.
/// `vfs` as in Options. @return kNotFound, kUnavailable.
Result<ChainReport> verify_chain(const std::filesystem::path& file, const EventChain& chain,
                                 const ChainVerification& options, const std::string& vfs = {});

/// What a look at one job found.
struct JobVerification {
  std::vector<std::string> faults;  ///< in words; empty if all is well
  std::uint64_t events = 0;
  std::uint64_t unchained_events = 0;
  std::uint64_t payloads = 0;  ///< that are there and were looked at
};

/// Holds one job against its chain, its snapshot against its events, and its input and result
/// against their digests. `digest` computes the keyed digest of a payload.
/// Whether the job's last events are all there, only verify_chain() can tell.
/// @return kNotFound: no such file or job; kUnavailable.
Result<JobVerification> verify_job(
    const std::filesystem::path& file, const EventChain& chain,
    const std::function<std::array<std::uint8_t, 32>(std::string_view)>& digest, const JobId& job);

/// The last checkpoint; nullopt before the first. @return as verify_chain().
Result<std::optional<AuditCheckpoint>> last_checkpoint(const std::filesystem::path& file);

/// Begins a new chain under another key, for when the old one is lost: what is there counts as from
/// before the chain, checkpoints are deleted. No server may have the database open.
/// @return kStoreLocked: one has; kNotFound, kUnavailable, kStoreFull.
Result<void> restart_chain(const std::filesystem::path& file);

}  // namespace errand::store::sqlite
