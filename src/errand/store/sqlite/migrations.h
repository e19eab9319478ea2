#pragma once

#include <span>

#include "errand/base/result.h"
#include "errand/store/sqlite/connection.h"

namespace errand::store::sqlite {

/// One numbered step of the database's layout: SQL that leads from the version before to `version`.
struct Migration {
  int version;
  const char* sql;
};

/// All migrations, version 1 first, growing.
std::span<const Migration> migrations() noexcept;

/// The layout that this program writes.
int current_version() noexcept;

/// Marks a file as an Errand database: "ERND" in `PRAGMA application_id`.
inline constexpr int kApplicationId = 0x45524e44;

/// Checks that the file is ours and not of a newer program.
/// @return its version, 0 for a file without any table; kStoreTooNew, kStoreCorrupt or
///         kUnavailable.
Result<int> read_version(Connection& connection);

/// Brings the database to current_version(), each step in its own transaction.
Result<void> migrate(Connection& connection);

}  // namespace errand::store::sqlite
