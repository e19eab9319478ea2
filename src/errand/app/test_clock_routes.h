#pragma once

#include "errand/app/test_clock.h"
#include "errand/auth/authenticator.h"
#include "errand/net/router.h"
#include "errand/runtime/lane.h"

namespace errand::app {

/// Adds `/test/clock`: GET shows the clock, POST puts it forward and answers once nothing is due
/// any more at the new time. Both need a client's or a worker's token. All parts outlive the
/// router.
void add_test_clock_routes(net::Router& router, TestClock& clock, runtime::Lane& lane,
                           const auth::Authenticator& authenticator);

}  // namespace errand::app
