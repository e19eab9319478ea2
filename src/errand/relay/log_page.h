#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/relay/cursor.h"
#include "errand/relay/message.h"
#include "errand/store/reader.h"

namespace errand::relay {

/// Which part of the log to read.
struct PageQuery {
  LogPosition after{};        ///< exclusive
  LogPosition whole_after{};  ///< Cursor::whole_after
  Filter filter;
  std::string base_url;          ///< contract::CloudEventContext::base_url
  std::size_t events_max = 256;  ///< > 0
  std::size_t bytes_max =
      4UL << 20;  ///< of the messages' bodies: the page ends with the one that reaches it
};

/// A part of the log.
struct Page {
  std::vector<Message> messages;  ///< of the events that pass the filter, in the log's order
  LogPosition end{};              ///< of its last event; `after` where the log ends there
  LogPosition last{};             ///< of the log's last event when it was read
  /// Positions in it whose events were deleted before they were read, and may have been of jobs
  /// that pass the filter: nobody can tell any more.
  std::uint64_t missing = 0;
};

/// Reads a page. May block on the disk.
Result<Page> read_page(const store::Reader& reader, const PageQuery& query);

}  // namespace errand::relay
