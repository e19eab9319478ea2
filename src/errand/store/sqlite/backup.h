#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "errand/base/ids.h"
#include "errand/base/result.h"

namespace errand::store::sqlite {

/// Told how far a copy is, in bytes. Called some times a second at most.
using CopyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// What was copied.
struct Copied {
  std::uint64_t bytes = 0;
  int layout = 0;  ///< version of the database's layout
  LogPosition last_position{};
  std::uint64_t epoch = 0;  ///< as it stands in the copy
};

/// Copies a database as it is at one moment, also while a server has it open. The copy is one file,
/// is checked whole, and has its name only once it is good.
///
/// A server goes on meanwhile; its write-ahead log grows until the copy is done.
///
/// @return kNotFound: there is no `from`; kConflict: there is `to`; kStoreCorrupt: what was copied
///         is damaged; else as open().
Result<Copied> back_up(const std::filesystem::path& from, const std::filesystem::path& to,
                       const CopyProgress& progress);

struct RestoreOptions {
  bool replace = false;  ///< there may be `to`, which is replaced
};

/// Puts a backup in the place of a database that no server has open. The backup is checked first;
/// until all is well nothing of `to` changes. A new epoch begins, above those of both, so that no
/// writer of the old database can go on, and a new lineage, so that no cursor and no worker's token
/// from after the backup means something else now.
///
/// @return kNotFound: there is no `from`; kStoreLocked: a server has `to`; kConflict: there is `to`
///         and it is not to be replaced; kStoreCorrupt, kStoreTooNew: `from` is no good; else as
///         open().
Result<Copied> restore(const std::filesystem::path& from, const std::filesystem::path& to,
                       const RestoreOptions& options, const CopyProgress& progress);

}  // namespace errand::store::sqlite
