#include "errand/upstream/incoming_response.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace errand::upstream {

namespace asio = boost::asio;

namespace {

std::optional<std::size_t> content_length(const net::HttpHeaders& headers) {
  const auto text = headers.find("Content-Length");
  if (!text) return std::nullopt;
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return length;
}

}  // namespace

IncomingResponse::IncomingResponse(const asio::any_io_executor& strand, std::size_t buffer_bytes,
                                   std::size_t whole_bytes_max)
    : buffer_bytes_(buffer_bytes),
      whole_bytes_max_(std::min(whole_bytes_max, buffer_bytes)),
      event_(strand),
      timer_(strand) {}

bool IncomingResponse::on_head(unsigned status, const net::HttpHeaders& headers,
                               std::function<void()> resume) {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return false;
    head_ = Head{.status = status, .headers = headers};
    resume_ = std::move(resume);
    const auto length = content_length(headers);
    whole_ = status == 204 || status == 304 || (length && *length <= whole_bytes_max_);
    if (whole_) return true;
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
    if (whole_) return Take::kTaken;
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
  return wait(patience, [this] { return ended_ || (head_ && !whole_); });
}

asio::awaitable<IncomingResponse::Wait> IncomingResponse::wait_for_data(
    std::chrono::milliseconds patience) {
  return wait(patience, [this] { return !data_.empty() || ended_; });
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
