#include "benchmarks/http_load.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace errand::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;

std::unexpected<Error> system_error(const char* what) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

struct Answer {
  int status = 0;
  std::size_t body = 0;  ///< where it begins
  std::size_t end = 0;   ///< where the answer ends
};

/// The answer at the front of `text`; nullopt if it is not whole yet.
Result<std::optional<Answer>> parse_answer(std::string_view text) {
  const std::size_t header_end = text.find("\r\n\r\n");
  if (header_end == std::string_view::npos) return std::optional<Answer>();
  Answer answer;
  if (text.size() < 12 ||
      std::from_chars(text.data() + 9, text.data() + 12, answer.status).ec != std::errc()) {
    return fail(ErrorCode::kProtocolError, "an answer without a status");
  }
  std::size_t length = 0;
  const std::string_view header = text.substr(0, header_end + 2);
  for (std::size_t at = header.find("\r\n"); at + 2 < header.size();) {
    const std::size_t begin = at + 2;
    at = header.find("\r\n", begin);
    const std::string_view line = header.substr(begin, at - begin);
    constexpr std::string_view kName = "content-length:";
    if (line.size() <= kName.size()) continue;
    bool same = true;
    for (std::size_t i = 0; same && i < kName.size(); ++i)
      same = (line[i] | 0x20) == (kName[i] | 0x20);
    if (!same) continue;
    const char* digits = line.data() + kName.size();
    const char* end = line.data() + line.size();
    while (digits != end && *digits == ' ') ++digits;
    if (std::from_chars(digits, end, length).ec != std::errc()) {
      return fail(ErrorCode::kProtocolError, "an answer with a bad Content-Length");
    }
  }
  answer.body = header_end + 4;
  answer.end = answer.body + length;
  if (text.size() < answer.end) return std::optional<Answer>();
  return std::optional(answer);
}

class Connection {
 public:
  Connection() = default;
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> open(std::uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return system_error("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      return system_error("connect");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return {};
  }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] Clock::time_point sent_at() const { return sent_at_; }
  std::string& request() { return request_; }

  /// Requests are small and one at a time: they fit into the socket's buffer, so a blocking send
  /// does not block.
  Result<void> send() {
    sent_at_ = Clock::now();
    busy_ = true;
    std::string_view rest = request_;
    while (!rest.empty()) {
      const ssize_t n = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n < 0) return system_error("send");
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  /// Reads what is there; the answer, when it is whole.
  Result<std::optional<Answer>> receive() {
    std::array<char, 16'384> chunk;
    const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Answer>();
    if (n < 0) return system_error("recv");
    if (n == 0) return fail(ErrorCode::kUnavailable, "the server closed a connection");
    received_.append(chunk.data(), static_cast<std::size_t>(n));
    return parse_answer(received_);
  }

  [[nodiscard]] std::string_view body(const Answer& answer) const {
    return std::string_view(received_).substr(answer.body, answer.end - answer.body);
  }
  void finish(const Answer& answer) {
    received_.erase(0, answer.end);
    busy_ = false;
  }

 private:
  int fd_ = -1;
  bool busy_ = false;
  Clock::time_point sent_at_;
  std::string request_;
  std::string received_;
};

}  // namespace

HttpLoad::HttpLoad() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
HttpLoad::~HttpLoad() { ::close(wake_fd_); }

void HttpLoad::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof(one));
}

Result<HttpLoad::Outcome> HttpLoad::run(const Options& options) {
  struct Epoll {
    int fd = ::epoll_create1(EPOLL_CLOEXEC);
    ~Epoll() { ::close(fd); }
  } epoll;
  if (epoll.fd < 0) return system_error("epoll_create1");
  std::vector<std::unique_ptr<Connection>> connections;
  const auto watch = [&](int fd, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    return ::epoll_ctl(epoll.fd, EPOLL_CTL_ADD, fd, &event) == 0;
  };
  for (int i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<Connection>());
    if (auto opened = connections.back()->open(options.port); !opened)
      return std::unexpected(opened.error());
    if (!watch(connections.back()->fd(), connections.size() - 1)) return system_error("epoll_ctl");
  }
  constexpr std::uint64_t kWake = ~std::uint64_t{0};
  if (!watch(wake_fd_, kWake)) return system_error("epoll_ctl");

  Outcome outcome;
  std::vector<std::size_t> idle;
  std::size_t under_way = 0;
  const auto begin = Clock::now();
  auto end = begin + options.how_long;
  const auto send_next = [&](std::size_t index) -> Result<void> {
    Connection& connection = *connections[index];
    connection.request().clear();
    if (!options.next(connection.request())) {
      idle.push_back(index);
      return {};
    }
    ++under_way;
    return connection.send();
  };

  for (std::size_t i = 0; i < connections.size(); ++i) {
    if (auto sent = send_next(i); !sent) return std::unexpected(sent.error());
  }
  std::array<epoll_event, 128> events;
  auto now = begin;
  while (now < end || under_way > 0) {
    const int wait_ms = now < end ? 10 : 1'000;
    const int count =
        ::epoll_wait(epoll.fd, events.data(), static_cast<int>(events.size()), wait_ms);
    if (count < 0 && errno != EINTR) return system_error("epoll_wait");
    now = Clock::now();
    if (now < end && options.finished && options.finished()) end = now;
    if (now > end + std::chrono::seconds(10))
      return fail(ErrorCode::kDeadlineExceeded, "the server does not answer");
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      if (tag == kWake) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const ssize_t n = ::read(wake_fd_, &ignored, sizeof(ignored));
        continue;
      }
      Connection& connection = *connections[tag];
      auto received = connection.receive();
      if (!received) return std::unexpected(received.error());
      if (!*received) continue;
      now = Clock::now();
      if (auto taken = options.done((*received)->status, connection.body(**received)); !taken) {
        return std::unexpected(taken.error());
      }
      connection.finish(**received);
      --under_way;
      if (now < end) {
        ++outcome.answers;
        outcome.latencies.push_back(now - connection.sent_at());
        if (auto sent = send_next(tag); !sent) return std::unexpected(sent.error());
      }
    }
    if (now < end && !idle.empty()) {
      std::vector<std::size_t> waiting;
      waiting.swap(idle);
      for (const std::size_t index : waiting) {
        if (auto sent = send_next(index); !sent) return std::unexpected(sent.error());
      }
    }
  }
  outcome.seconds = std::chrono::duration<double>(end - begin).count();
  return outcome;
}

std::string http_request(std::string_view path, std::string_view token, std::string_view body) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n", body.empty() ? "GET" : "POST", path);
  if (!token.empty()) text += fmt::format("Authorization: Bearer {}\r\n", token);
  if (!body.empty())
    text += fmt::format(
        "Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {}\r\n",
        body.size());
  text += "\r\n";
  text += body;
  return text;
}

}  // namespace errand::benchmarks
