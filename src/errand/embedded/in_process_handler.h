#pragma once

#include <cstddef>

#include "errand_worker/handler.h"

#include "errand/async/blocking_pool.h"
#include "errand/worker/attempt.h"

namespace errand::embedded {

/// Runs a handler of the C++ SDK on threads of this process. Thread-safe.
class InProcessHandler final : public worker::Handler {
 public:
  /// @param threads  attempts at once; > 0
  InProcessHandler(errand_worker::Handler function, std::size_t threads);

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  const errand_worker::Handler function_;
  async::BlockingPool pool_;
};

}  // namespace errand::embedded
