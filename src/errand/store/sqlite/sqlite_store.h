#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "errand/base/result.h"
#include "errand/store/event_chain.h"
#include "errand/store/store.h"
#include "errand/telemetry/log.h"

namespace errand::store::sqlite {

struct Options {
  std::filesystem::path file;  ///< made if it is missing; its folder must exist and be writable
  std::size_t readers = 4;     ///< connections for reads; > 0
  /// Length of the write-ahead log at which a checkpoint begins; > 0. The log stays within a small
  /// multiple of it as long as no read takes seconds.
  std::size_t checkpoint_bytes = 16UL << 20;
  /// SQLite's file system, for tests; empty: the default. Another one is not locked, as `file`
  /// names nothing on the real one.
  std::string vfs;
  /// Checkpoints run on the thread that commits, before a commit, so that one thread does all: for
  /// the simulation.
  bool checkpoint_in_commit = false;
  /// Links events, so that changes made without the master key show; empty: none are linked, and a
  /// database that has links is refused.
  std::optional<EventChain> chain = {};
  telemetry::Log log = {};  ///< takes failed checkpoints of the log and the checkpoints of days
};

/// Opens a database as its one writer, and brings it to this program's layout.
///
/// WAL with synchronous=FULL: a commit returns after its fsync. One connection writes, a small pool
/// reads beside it, and a thread of its own runs the checkpoints, so that they stay off the hot
/// path. The database can be read with the sqlite3 shell at any time; see the views job_overview
/// and job_history.
///
/// @return kStoreLocked: another server has it; kStoreTooNew: a newer errand wrote it;
///         kStoreCorrupt: damaged, or no database of ours; kConfigInvalid: its chain has another
///         master key; kStoreReadOnly, kStoreFull, kUnavailable.
Result<std::unique_ptr<Store>> open(Options options);

/// Opens an existing database for reading alone, beside a server that may be running.
/// @return kNotFound if there is no such file; else as open().
Result<std::unique_ptr<Reader>> open_reader(const std::filesystem::path& file);

}  // namespace errand::store::sqlite
