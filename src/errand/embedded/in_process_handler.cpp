#include "errand/embedded/in_process_handler.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <utility>
#include <variant>

#include "attempt.h"
#include "messages.h"

#include "errand/base/assert.h"
#include "errand/worker/server_message.h"
#include "errand/worker/worker_message.h"

namespace errand::embedded {
namespace {

namespace sdk = errand_worker::internal;

errand_worker::StopReason to_sdk(worker::AttemptStop why) {
  using errand_worker::StopReason;
  switch (why) {
    case worker::AttemptStop::kCancel:
      return StopReason::kCancel;
    case worker::AttemptStop::kDeadline:
      return StopReason::kDeadline;
    case worker::AttemptStop::kTimeout:
      return StopReason::kTimeout;
    case worker::AttemptStop::kKill:
      return StopReason::kKill;
    case worker::AttemptStop::kLeaseLost:
      return StopReason::kLeaseLost;
    case worker::AttemptStop::kShutdown:
      return StopReason::kShutdown;
  }
  return StopReason::kLeaseLost;
}

/// What a message of the SDK's says. It is within the protocol's bounds, as the SDK cuts what is
/// not.
worker::Report read_report(const std::string& text) {
  auto messages = worker::parse_messages(text, text.size());
  if (!messages) throw std::runtime_error(messages.error().message);
  return std::get<worker::Report>(std::move(messages->front()));
}

/// Hands on what the handler tells while it runs.
class Host final : public sdk::AttemptHost {
 public:
  explicit Host(worker::Attempt& attempt) : attempt_(attempt) {}

  void progressed(sdk::Attempt& attempt, bool) override {
    if (const auto text = attempt.take_progress()) {
      attempt_.progress(std::get<worker::Progress>(read_report(*text).what));
    }
  }
  void record_step(sdk::Attempt&, std::string_view, const boost::json::value&) override {
    // The server does not record steps yet.
  }

 private:
  worker::Attempt& attempt_;
};

template <class... F>
struct Overload : F... {
  using F::operator()...;
};

worker::Outcome to_outcome(sdk::Outcome outcome, sdk::HeldJob held) {
  if (outcome.kind == sdk::Outcome::Kind::kComplete) {
    return worker::Complete{.result = std::move(outcome.result)};
  }
  worker::Report report = read_report(
      outcome.kind == sdk::Outcome::Kind::kFail      ? sdk::write_fail(held, 1, outcome.failure)
      : outcome.kind == sdk::Outcome::Kind::kRelease ? sdk::write_release(held, 1)
                                                     : sdk::write_snooze(held, 1, outcome.delay));
  return std::visit(Overload{[](worker::Progress&) -> worker::Outcome { return worker::Release{}; },
                             [](auto& what) -> worker::Outcome { return std::move(what); }},
                    report.what);
}

worker::Outcome call(const errand_worker::Handler& function, worker::Attempt& attempt) {
  auto messages = sdk::read_server_messages(worker::to_text(attempt.offer()));
  ERRAND_ASSERT(messages.size() == 1);
  Host host(attempt);
  const auto own =
      std::make_shared<sdk::Attempt>(std::get<sdk::JobMessage>(std::move(messages.front())), host);
  const std::stop_callback stop(attempt.stop_token(), [&attempt, &own] {
    const auto asked = attempt.stop();
    const auto left = asked->until - std::chrono::steady_clock::now();
    own->stop(to_sdk(asked->why), std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(left)));
  });
  // A kill may follow a cancel, whose grace is over then.
  const std::stop_callback lost(attempt.lost_token(), [&attempt, &own] {
    own->stop(to_sdk(attempt.stop()->why), Milliseconds(0));
  });
  return to_outcome(sdk::run_attempt(function, *own), own->held());
}

}  // namespace

InProcessHandler::InProcessHandler(errand_worker::Handler function, std::size_t threads)
    : function_(std::move(function)), pool_({.threads = threads, .queue_max = threads}) {}

boost::asio::awaitable<worker::Outcome> InProcessHandler::run(worker::AttemptPtr attempt) {
  auto outcome = co_await pool_.run([this, attempt] { return call(function_, *attempt); });
  if (outcome) co_return std::move(*outcome);
  if (is_retryable(outcome.error().code)) co_return worker::Release{};
  throw std::runtime_error(outcome.error().message);
}

}  // namespace errand::embedded
