#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "errand/async/event.h"
#include "errand/outbound/http_exchange.h"

namespace errand::upstream {

/// A response on its way from HttpClient's thread to a coroutine on a strand, with a bound on what
/// waits in between. One without a body, or that says itself to be short, is handed over whole, so
/// that the coroutine wakes up once.
class IncomingResponse final : public outbound::HttpSink,
                               public std::enable_shared_from_this<IncomingResponse> {
 public:
  struct Head {
    unsigned status = 0;
    net::HttpHeaders headers;
  };

  enum class Wait : std::uint8_t { kReady, kTimedOut };

  /// @param whole_bytes_max  of a body that is short; at most `buffer_bytes`
  IncomingResponse(const boost::asio::any_io_executor& strand, std::size_t buffer_bytes,
                   std::size_t whole_bytes_max);

  // For the client's thread.
  bool on_head(unsigned status, const net::HttpHeaders& headers,
               std::function<void()> resume) override;
  Take on_data(std::string_view piece) override;
  void finish(outbound::HttpResult result);

  // For the coroutine. These return kReady at once where there is what they wait for.
  boost::asio::awaitable<Wait> wait_for_head(std::chrono::milliseconds patience);
  boost::asio::awaitable<Wait> wait_for_data(std::chrono::milliseconds patience);

  /// The head; nullopt where there was none.
  [[nodiscard]] std::optional<Head> take_head();
  /// What has come since. Empty: after wait_for_data(), the end.
  [[nodiscard]] std::string take_data();
  [[nodiscard]] bool ended() const;
  /// Why it ended without success; nullopt where it did, or has not ended.
  [[nodiscard]] std::optional<outbound::HttpError> error() const;

  /// Ends the request; nobody reads on.
  void abandon();
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  template <class Ready>
  boost::asio::awaitable<Wait> wait(std::chrono::milliseconds patience, Ready ready);

  const std::size_t buffer_bytes_;
  const std::size_t whole_bytes_max_;
  async::Event event_;
  std::stop_source stop_;

  mutable std::mutex mutex_;
  std::optional<Head> head_;
  bool whole_ = false;  ///< the end is waited for, not the head
  std::string data_;
  bool waits_ = false;  ///< the client's thread holds a piece back
  bool abandoned_ = false;
  bool ended_ = false;
  std::optional<outbound::HttpError> error_;
  std::function<void()> resume_;

  // The strand's alone.
  boost::asio::steady_timer timer_;
  std::uint64_t waits_begun_ = 0;
  std::uint64_t wait_expired_ = 0;  ///< the number of the last one that did
};

}  // namespace errand::upstream
