#include "errand/notification/channel.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace errand::notification {
namespace {

constexpr Milliseconds kBeforeTheEnd{10'000};
constexpr Milliseconds kSendMin{1'000};

}  // namespace

boost::asio::awaitable<std::expected<Sent, worker::Outcome>> send_within(
    Channel& channel, const Message& message, const worker::Attempt& attempt) {
  const auto left = std::chrono::duration_cast<Milliseconds>(attempt.ends_at() -
                                                             std::chrono::steady_clock::now());
  auto sent = co_await channel.send(message, std::max(left - kBeforeTheEnd, kSendMin),
                                    attempt.stop_token());
  if (sent) co_return *std::move(sent);
  const auto stop = attempt.stop();
  if (stop && stop->why == worker::AttemptStop::kShutdown) {
    co_return std::unexpected(worker::Release{});
  }
  co_return std::unexpected(worker::Outcome(std::move(sent.error())));
}

}  // namespace errand::notification
