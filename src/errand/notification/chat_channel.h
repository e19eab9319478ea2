#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/notification/channel.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/http_client.h"

namespace errand::notification {

/// Where messages of one chat room are posted to: an incoming webhook as Slack has them, which
/// Mattermost, Rocket.Chat, Discord (its /slack form) and others take too.
struct ChatHook {
  std::string name;      ///< as Recipient::hook says
  std::string url_file;  ///< its first line is the URL, which is a secret; read for each message
};

/// A value as the mark-up of Slack and its like wants it: "&", "<" and ">" escaped.
std::string chat_escape(std::string_view text);

/// What is posted of `message`: {"text", "blocks"} as JSON.
std::string chat_payload(const Message& message);

/// Posts messages to chat rooms. While a hook fails again and again it is left alone for a while.
/// Thread-safe.
class ChatChannel final : public Channel {
 public:
  /// All outlive the channel.
  struct Means {
    outbound::HttpClient& client;
    async::BlockingPool& pool;
    const Clock& clock;
  };

  /// Reads the files once, so that a start tells what is wrong with them.
  /// @return kInvalidArgument naming the hook
  static Result<std::shared_ptr<ChatChannel>> create(const std::vector<ChatHook>& hooks,
                                                     const Means& means);

  boost::asio::awaitable<SendOutcome> send(const Message& message, Milliseconds timeout,
                                           std::stop_token stop) override;

 private:
  struct Hook {
    std::string url_file;
    outbound::CircuitBreaker breaker;  ///< guarded by mutex_
  };

  explicit ChatChannel(const Means& means) : means_(means) {}

  const Means means_;
  std::mutex mutex_;
  std::map<std::string, Hook, std::less<>> hooks_;
};

}  // namespace errand::notification
