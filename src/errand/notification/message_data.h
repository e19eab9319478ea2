#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "errand/job/state.h"
#include "errand/notification/notice.h"

namespace errand::notification {

/// What the texts of a message can speak of.
struct MessageFacts {
  const job::JobState& job;
  const MessageRequest& request;
  boost::json::object input;  ///< the job's arguments, sensitive values left out
  boost::json::value result;  ///< null where there is none
  std::string link;           ///< may be empty
  std::string category;
  std::string zone;             ///< of times; empty: UTC
  std::string unsubscribe_url;  ///< may be empty
  Timestamp now{};
};

/// The variables of templates: `job`, `input`, `result`, `progress`, `error`, `recipient` and
/// others (docs/operating/notifications.md).
boost::json::object message_data(const MessageFacts& facts);

/// "3 min 20 s": for people, two units at most.
std::string duration_text(Milliseconds duration);

}  // namespace errand::notification
