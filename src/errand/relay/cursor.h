#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "errand/base/ids.h"
#include "errand/store/batch.h"

namespace errand::relay {

/// How far a relay has come: a record of the store.
struct Cursor {
  LogPosition position{};     ///< all events up to it are confirmed, or not the relay's
  LogPosition whole_after{};  ///< where the relay began: what was deleted up to it was never owed
  std::string lineage;        ///< Store::lineage() when it was written

  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// @return nullopt for what to_json() did not write
std::optional<Cursor> parse_cursor(std::string_view json);

/// Where the cursor of the relay of that name stands.
store::RecordId cursor_id(std::string_view relay);

}  // namespace errand::relay
