#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "errand/async/blocking_pool.h"
#include "errand/net/router.h"
#include "errand/notification/unsubscribe_link.h"
#include "errand/notification/user_book.h"
#include "errand/runtime/lane_client.h"

namespace errand::app {

/// What the pages work with. All outlive the router.
struct UnsubscribePages {
  const notification::UnsubscribeLinks& links;
  const notification::UserBook& users;
  async::BlockingPool& pool;
  runtime::LaneClient lane;
  /// The name of a category for people.
  std::function<std::string(std::string_view category)> title;
};

/// Serves notification::UnsubscribeLinks::kPath, without authentication: who has a link may use it.
///
/// GET asks with one button and changes nothing, as programs follow links in mails too. POST with
/// `List-Unsubscribe=One-Click` unsubscribes, as mail programs and the button do (RFC 8058): no
/// redirect, no cookie, and again is no error. POST with `undo=1` takes it back.
void add_unsubscribe_pages(net::Router& router, UnsubscribePages pages);

}  // namespace errand::app
