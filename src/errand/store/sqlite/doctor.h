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

#include "errand/base/result.h"
#include "errand/store/event_chain.h"

namespace errand::store::sqlite {

/// One thing that is wrong with a database, and what to do about it.
struct Finding {
  std::string what;
  std::string remedy;
};

struct Examination {
  std::vector<Finding> findings;
  bool cut_short = false;  ///< there are more than were asked for
  int layout = 0;          ///< version of the database's layout
  std::uint64_t jobs = 0;  ///< looked at
  std::uint64_t events = 0;
  std::uint64_t payloads = 0;  ///< whose digest was checked
};

struct ExaminationOptions {
  std::size_t findings_max = 100;  ///< >= 1
  /// The keyed digest of a payload; without it digests are compared with the snapshots only.
  std::function<std::array<std::uint8_t, 32>(std::string_view bytes)> digest = {};
  /// The keys of the chain of events; without them it is not looked at.
  std::optional<EventChain> chain = {};
};

/// Examines a database as it is at one moment, beside a server that may have it open: SQLite's own
/// check, the layout, audit(), columns against snapshots, orphans, digests, the chain of events.
/// Writes nothing.
/// @return what kept it from looking: kNotFound, kUnavailable.
Result<Examination> examine(const std::filesystem::path& file, const ExaminationOptions& options);

}  // namespace errand::store::sqlite
