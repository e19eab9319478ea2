#include "errand/upstream/incoming_response.h"

#include <utility>

namespace errand::upstream {

namespace asio = boost::asio;

IncomingResponse::IncomingResponse(const asio::any_io_executor& strand, std::size_t buffer_bytes)
    : buffer_bytes_(buffer_bytes), event_(strand), timer_(strand) {}

bool IncomingResponse::on_head(unsigned status, const net::HttpHeaders& headers,
                               std::function<void()> resume) {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return false;
    head_ = Head{.status = status, .headers = headers};
    head_came_ = true;
    resume_ = std::move(resume);
  }
  event_.notify();
  return true;
}

outbound::HttpSink::Take IncomingResponse::on_data(std::string_view piece) {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return Take::kStop;
    if (!data_.empty() && data_.size() + piece.size() > buffer_bytes_) {
      waits_ = true;
      return Take::kWait;
    }
    data_ += piece;
  }
  event_.notify();
  return Take::kTaken;
}

void IncomingResponse::finish(outbound::HttpResult result) {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (!result) error_ = std::move(result.error());
  }
  event_.notify();
}

template <class Ready>
asio::awaitable<IncomingResponse::Wait> IncomingResponse::wait(std::chrono::milliseconds patience,
                                                               Ready ready) {
  const auto is_ready = [&] {
    const std::lock_guard lock(mutex_);
    return ready();
  };
  if (is_ready()) co_return Wait::kReady;
  const std::uint64_t number = ++waits_begun_;
  timer_.expires_after(patience);
  timer_.async_wait([weak = weak_from_this(), number](const boost::system::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self) return;
    self->wait_expired_ = number;
    self->event_.notify();
  });
  while (!is_ready()) {
    if (wait_expired_ == number) co_return Wait::kTimedOut;
    co_await event_.wait();
  }
  timer_.cancel();
  co_return Wait::kReady;
}

asio::awaitable<IncomingResponse::Wait> IncomingResponse::wait_for_head(
    std::chrono::milliseconds patience) {
  return wait(patience, [this] { return head_came_ || ended_; });
}

asio::awaitable<IncomingResponse::Wait> IncomingResponse::wait_for_data(
    std::chrono::milliseconds patience) {
  return wait(patience, [this] { return !data_.empty() || ended_; });
}

asio::awaitable<IncomingResponse::Wait> IncomingResponse::wait_for_end(
    std::chrono::milliseconds patience) {
  return wait(patience, [this] { return ended_; });
}

std::optional<IncomingResponse::Head> IncomingResponse::take_head() {
  const std::lock_guard lock(mutex_);
  return std::exchange(head_, std::nullopt);
}

std::string IncomingResponse::take_data() {
  std::string taken;
  std::function<void()> resume;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(data_);
    if (std::exchange(waits_, false)) resume = resume_;
  }
  if (resume) resume();
  return taken;
}

bool IncomingResponse::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::optional<outbound::HttpError> IncomingResponse::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void IncomingResponse::abandon() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    data_.clear();
  }
  stop_.request_stop();
}

}  // namespace errand::upstream
