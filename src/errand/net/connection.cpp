#include "errand/net/connection.h"

#include <array>
#include <ctime>
#include <exception>
#include <tuple>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

#include "errand/base/crash_point.h"
#include "errand/net/accepted_web_socket.h"
#include "errand/net/gzip.h"
#include "errand/telemetry/metric_names.h"

namespace errand::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// How much is taken in of what a client sends before its turn (pipelining); more stays with it.
constexpr std::size_t kReadAheadMax = 16 * 1024;
constexpr std::size_t kReadSize = 8 * 1024;
/// What is read and dropped after the last response, so that a reset does not overtake it.
constexpr std::size_t kLingerBytesMax = 2 << 20;
constexpr Milliseconds kLingerTimeout{2'000};

/// IMF-fixdate (RFC 9110, 5.6.7), made once a second.
std::string_view http_date() {
  static thread_local std::time_t last = 0;
  static thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != last || text.empty()) {
    constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                       kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                       kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
    last = now;
  }
  return text;
}

/// Header values may echo what a peer sent: a line break would end the field.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  const auto append_clean = [&out](std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte >= 0x20 || c == '\t') && byte != 0x7F) out.push_back(c);
    }
  };
  append_clean(name);
  out += ": ";
  append_clean(value);
  out += "\r\n";
}

std::string peer_text(const asio::ip::tcp::socket& socket) {
  error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return "";
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

bool wants_web_socket(const HttpRequest& request) {
  return request.method == "GET" && has_token(request.headers.joined("Upgrade"), "websocket") &&
         has_token(request.headers.joined("Connection"), "upgrade");
}

bool has_body(unsigned status) noexcept { return status >= 200 && status != 204 && status != 304; }

}  // namespace

Connection::Connection(HttpServer::Impl& server, asio::ip::tcp::socket socket)
    : server_(server),
      executor_(socket.get_executor()),
      socket_(std::move(socket)),
      timer_(executor_),
      peer_(peer_text(socket_)),
      // Room for one head and what follows it.
      buffer_(server.options.header_bytes_max + kReadAheadMax + kReadSize),
      deadline_(steady_clock::time_point::max()),
      armed_until_(steady_clock::time_point::max()) {
  error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  socket_.non_blocking(true, ec);
}

Connection::~Connection() = default;

asio::awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  while (co_await serve_request()) {
  }
  if (!web_socket_) co_await close();
  timer_.cancel();
}

/// @return whether another request may follow.
asio::awaitable<bool> Connection::serve_request() {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(server_.options.header_bytes_max));
  parser.body_limit(server_.options.body_bytes_max);

  bool ended = false;
  if (auto refusal = co_await read_head(&parser, &ended)) {
    co_await refuse(std::move(*refusal));
    co_return false;
  }
  if (ended) co_return false;

  HttpRequest request;
  request.peer = peer_;
  if (auto refusal = check_head(parser, request)) {
    co_await refuse(std::move(*refusal));
    co_return false;
  }
  if (wants_web_socket(request)) {
    co_await serve_web_socket(std::move(request));
    co_return false;
  }
  if (auto refusal = co_await read_body(&parser, &ended)) {
    co_await refuse(std::move(*refusal));
    co_return false;
  }
  if (ended) co_return false;
  clear_deadline();
  request.body = std::move(parser.get().body());

  // All that the response needs of the request.
  std::string method = request.method;
  const std::string encodings = request.headers.joined("Accept-Encoding");
  HttpResponse response = co_await answer(std::move(request));
  if (broken_) co_return false;
  compress(response, encodings, server_.options.gzip_bytes_min);
  const bool keep_alive =
      parser.keep_alive() && !response.close && !peer_ended_ && !server_.draining();
  server_.count_request(method, response.status);
  const bool http_1_0 = parser.get().version() < 11;
  co_return co_await write(std::move(method), std::move(response), keep_alive, http_1_0) &&
      keep_alive;
}

asio::awaitable<Connection::Read> Connection::read_more() {
  if (peer_ended_) co_return Read::kEnd;
  const auto space = buffer_.prepare(std::min(kReadSize, buffer_.max_size() - buffer_.size()));
  const auto [ec, bytes] = co_await socket_.async_read_some(space, kTuple);
  if (timed_out_) co_return Read::kTimeout;
  if (ec == asio::error::eof) {
    peer_ended_ = true;
    co_return Read::kEnd;
  }
  if (ec) {
    broken_ = true;
    co_return Read::kBroken;
  }
  buffer_.commit(bytes);
  co_return Read::kData;
}

/// Reads up to the end of the head. `ended`: the connection is over and nobody waits for an answer.
asio::awaitable<std::optional<Connection::Refusal>> Connection::read_head(Parser* parser,
                                                                          bool* ended) {
  *ended = false;
  bool started = buffer_.size() > 0;
  set_deadline(started ? server_.options.header_timeout : server_.options.idle_timeout);
  while (true) {
    // Empty lines before a request are ignored (RFC 9112, 2.2).
    while (!parser->got_some() && buffer_.size() > 0 &&
           (*static_cast<const char*>(buffer_.data().data()) == '\r' ||
            *static_cast<const char*>(buffer_.data().data()) == '\n')) {
      buffer_.consume(1);
    }
    if (buffer_.size() > 0) {
      error_code ec;
      buffer_.consume(parser->put(buffer_.data(), ec));
      if (parser->is_header_done()) co_return std::nullopt;
      if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
        if (parser->get().target().empty()) {  // the first line has no end yet
          co_return Refusal{414, fmt::format("The request's target is longer than {} bytes.",
                                             server_.options.header_bytes_max)};
        }
        co_return Refusal{431, fmt::format("The request's head is longer than {} bytes.",
                                           server_.options.header_bytes_max)};
      }
      if (ec == http::error::body_limit) {
        co_return Refusal{413, fmt::format("The request's body is longer than {} bytes.",
                                           server_.options.body_bytes_max)};
      }
      if (ec == http::error::bad_version) {
        co_return Refusal{505, "Only HTTP/1.1 and HTTP/1.0 are served here."};
      }
      if (ec && ec != http::error::need_more) {
        co_return Refusal{400, fmt::format("This is not an HTTP request: {}.", ec.message())};
      }
    }
    if (!started && server_.draining()) {
      linger_ = false;
      *ended = true;
      co_return std::nullopt;
    }
    idle_ = !started;
    const Read outcome = co_await read_more();
    idle_ = false;
    switch (outcome) {
      case Read::kData:
        if (!started) {
          started = true;
          set_deadline(server_.options.header_timeout);
        }
        break;
      case Read::kTimeout:
        if (!started) {
          linger_ = false;
          *ended = true;
          co_return std::nullopt;
        }
        co_return Refusal{408, "The request's head did not come in time."};
      case Read::kEnd:
        if (!started) {
          *ended = true;
          co_return std::nullopt;
        }
        co_return Refusal{400, "The connection ended within the request's head."};
      case Read::kBroken:
        *ended = true;
        co_return std::nullopt;
    }
  }
}

std::optional<Connection::Refusal> Connection::check_head(const Parser& parser,
                                                          HttpRequest& request) const {
  const auto& head = parser.get();
  std::size_t fields = 0;
  for (const auto& field : head) {
    if (++fields > server_.options.header_fields_max) {
      return Refusal{431, fmt::format("The request has more than {} header fields.",
                                      server_.options.header_fields_max)};
    }
    request.headers.add({field.name_string().data(), field.name_string().size()},
                        {field.value().data(), field.value().size()});
  }
  const std::size_t hosts = request.headers.count("Host");
  if (hosts > 1 || (hosts == 0 && head.version() >= 11)) {
    return Refusal{400, "An HTTP/1.1 request has exactly one Host field (RFC 9112, 3.2)."};
  }
  request.method.assign(head.method_string().data(), head.method_string().size());
  std::string_view target(head.target().data(), head.target().size());
  // Absolute form (RFC 9112, 3.2.2): the authority is ours, whatever it says.
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const std::size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  if (!target.starts_with('/') && target != "*") {
    return Refusal{400, "The request's target is not a path."};
  }
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  return std::nullopt;
}

asio::awaitable<std::optional<Connection::Refusal>> Connection::read_body(Parser* parser,
                                                                          bool* ended) {
  *ended = false;
  if (parser->is_done()) co_return std::nullopt;
  set_deadline(server_.options.body_timeout);
  const auto expect = parser->get()[http::field::expect];
  if (!expect.empty()) {
    if (!equals_ignoring_case({expect.data(), expect.size()}, "100-continue")) {
      co_return Refusal{417, "Only the expectation 100-continue can be met."};
    }
    if (buffer_.size() == 0) {
      const bool written = co_await write_buffers("HTTP/1.1 100 Continue\r\n\r\n", {});
      if (!written) {
        *ended = true;
        co_return std::nullopt;
      }
      set_deadline(server_.options.body_timeout);
    }
  }
  parser->eager(true);
  while (!parser->is_done()) {
    if (buffer_.size() > 0) {
      error_code ec;
      buffer_.consume(parser->put(buffer_.data(), ec));
      if (ec == http::error::body_limit) {
        co_return Refusal{413, fmt::format("The request's body is longer than {} bytes.",
                                           server_.options.body_bytes_max)};
      }
      if (ec && ec != http::error::need_more) {
        co_return Refusal{400, fmt::format("The request's body is malformed: {}.", ec.message())};
      }
      if (parser->is_done()) break;
      if (buffer_.size() == buffer_.max_size()) {
        co_return Refusal{400, "The request's body is malformed: a chunk's head is too long."};
      }
    }
    switch (co_await read_more()) {
      case Read::kData:
        break;
      case Read::kTimeout:
        co_return Refusal{408, "The request's body did not come in time."};
      case Read::kEnd:
        co_return Refusal{400, "The connection ended within the request's body."};
      case Read::kBroken:
        *ended = true;
        co_return std::nullopt;
    }
  }
  co_return std::nullopt;
}

asio::awaitable<HttpResponse> Connection::answer(HttpRequest request) {
  const bool half_close_cancels = server_.handler.half_close_cancels(request);
  start_watch(half_close_cancels);
  HttpResponse response;
  if (!broken_) {
    handler_runs_ = true;
    auto [error, answered] =
        co_await asio::co_spawn(executor_, server_.handler.handle(std::move(request)),
                                asio::bind_cancellation_slot(handler_cancellation_.slot(), kTuple));
    handler_runs_ = false;
    if (!error) {
      response = std::move(answered);
    } else if (!broken_) {
      log_failure("request handler failed", error);
      response = server_.handler.refuse(500, "The server failed on this request; see its log.");
    }
  }
  stop_watch();
  co_return response;
}

void Connection::log_failure(std::string_view message, const std::exception_ptr& error) {
  std::string what;
  try {
    std::rethrow_exception(error);
  } catch (const BrokenBody& e) {
    server_.log.warn_limited("response broke off", {{"reason", e.what()}, {"peer", peer_}});
    return;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "not a std::exception";
  }
  server_.log.error(message, {{"error", what}, {"peer", peer_}});
}

asio::awaitable<bool> Connection::write(std::string method, HttpResponse response, bool keep_alive,
                                        bool http_1_0) {
  std::string head;
  head.reserve(256);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  for (const auto& [name, value] : response.headers.fields()) append_field(head, name, value);
  if (!response.headers.find("Date")) append_field(head, "Date", http_date());

  if (response.stream) {
    // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    if (!http_1_0) append_field(head, "Transfer-Encoding", "chunked");
    if (!keep_alive || http_1_0) append_field(head, "Connection", "close");
    head += "\r\n";
    const bool chunked = !http_1_0;
    if (method == "HEAD") co_return co_await write_buffers(head, {});
    const bool written = co_await write_stream(std::move(response), std::move(head), chunked);
    co_return written&& chunked;
  }

  const std::string_view body =
      response.static_body.empty() ? std::string_view(response.body) : response.static_body;
  if (has_body(response.status)) {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", body.size());
  }
  if (!response.headers.find("Connection")) {
    if (!keep_alive) {
      append_field(head, "Connection", "close");
    } else if (http_1_0) {
      append_field(head, "Connection", "keep-alive");
    }
  }
  head += "\r\n";
  const bool with_body = method != "HEAD" && has_body(response.status);
  co_return co_await write_buffers(head, with_body ? body : std::string_view());
}

asio::awaitable<bool> Connection::write_buffers(std::string_view head, std::string_view body) {
  set_deadline(server_.options.write_timeout);
  const std::array buffers = {asio::buffer(head), asio::buffer(body)};
  crash_point(CrashPoint::kBeforeResponse);
  const auto [ec, bytes] = co_await asio::async_write(socket_, buffers, kTuple);
  static_cast<void>(bytes);
  clear_deadline();
  if (ec || timed_out_) {
    if (timed_out_) {
      server_.log.warn_limited("client takes its response too slowly", {{"peer", peer_}});
    }
    broken_ = true;
    co_return false;
  }
  crash_point(CrashPoint::kAfterResponse);
  co_return true;
}

/// Sends each piece as one chunk, one after the other.
class Connection::ChunkWriter final : public BodyWriter {
 public:
  ChunkWriter(Connection& connection, bool chunked)
      : connection_(connection),
        chunked_(chunked),
        turn_(connection.executor_, steady_clock::time_point::max()) {}

  asio::awaitable<bool> write(std::string piece) override {
    while (writing_) {
      // Ended by the writer before, or by the cancellation of the one who waits.
      co_await turn_.async_wait(kTuple);
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        throw boost::system::system_error(asio::error::operation_aborted);
      }
    }
    if (connection_.broken_) co_return false;
    if (piece.empty()) co_return true;  // an empty chunk would end the body
    std::string head;
    if (chunked_) {
      head = fmt::format("{:x}\r\n", piece.size());
      piece += "\r\n";
    }
    writing_ = true;
    const bool written = co_await connection_.write_buffers(head, piece);
    writing_ = false;
    turn_.cancel();
    co_return written;
  }

 private:
  Connection& connection_;
  const bool chunked_;
  bool writing_ = false;
  asio::steady_timer turn_;  ///< cancelled whenever a piece is out
};

asio::awaitable<bool> Connection::write_stream(HttpResponse response, std::string head,
                                               bool chunked) {
  if (response.endless && server_.draining()) {
    broken_ = true;
    co_return false;
  }
  // The head goes out before the first piece: its reader waits for it.
  const bool flushed = co_await write_buffers(head, {});
  if (!flushed) co_return false;
  if (response.endless && server_.draining()) {  // since the head began to go out
    broken_ = true;
    co_return false;
  }
  ChunkWriter writer(*this, chunked);
  start_watch(true);
  std::exception_ptr error;
  if (!broken_) {
    handler_runs_ = true;
    endless_stream_runs_ = response.endless;
    std::tie(error) =
        co_await asio::co_spawn(executor_, response.stream(writer),
                                asio::bind_cancellation_slot(handler_cancellation_.slot(), kTuple));
    endless_stream_runs_ = false;
    handler_runs_ = false;
  }
  stop_watch();
  // A body that broke off must not look whole: no last chunk.
  if (error || broken_) {
    if (!broken_) log_failure("response stream failed", error);
    broken_ = true;
    co_return false;
  }
  if (!chunked) co_return true;
  co_return co_await write_buffers("0\r\n\r\n", {});
}

asio::awaitable<void> Connection::refuse(Refusal refusal) {
  server_.log.warn_limited("request refused",
                           {{"status", refusal.status}, {"reason", refusal.text}, {"peer", peer_}});
  server_.count_request("OTHER", refusal.status);
  timed_out_ = false;
  HttpResponse response = server_.handler.refuse(refusal.status, std::move(refusal.text));
  co_await write("GET", std::move(response), false, false);
}

asio::awaitable<void> Connection::serve_web_socket(HttpRequest request) {
  clear_deadline();
  if (buffer_.size() > 0) {
    co_await refuse({400, "A WebSocket client waits for the handshake's answer."});
    co_return;
  }
  auto decision = server_.handler.upgrade(request);
  if (auto* response = std::get_if<HttpResponse>(&decision)) {
    server_.count_request("GET", response->status);
    co_await write("GET", std::move(*response), false, false);
    co_return;
  }
  server_.count_request("GET", 101);
  web_socket_ = make_web_socket(std::move(socket_), std::move(std::get<WebSocketAccept>(decision)),
                                server_.log);
  if (server_.draining()) web_socket_->close({1001, "The server is shutting down."});
  co_await web_socket_->serve(std::move(request));
}

asio::awaitable<void> Connection::close() {
  error_code ec;
  if (linger_ && !broken_ && !peer_ended_) {
    // Closing with unread bytes would reset the connection, and the client lose the last response.
    socket_.shutdown(asio::socket_base::shutdown_send, ec);
    timed_out_ = false;
    set_deadline(kLingerTimeout);
    std::size_t dropped = 0;
    while (!ec && !timed_out_ && dropped < kLingerBytesMax) {
      buffer_.clear();
      const auto [error, bytes] =
          co_await socket_.async_read_some(buffer_.prepare(kReadSize), kTuple);
      ec = error;
      dropped += bytes;
    }
    clear_deadline();
  }
  socket_.close(ec);
}

void Connection::drain() {
  if (web_socket_) {
    web_socket_->close({1001, "The server is shutting down."});
  } else if (idle_) {
    socket_.cancel();
    timed_out_ = true;  // ends the wait for a next request, silently
  } else if (endless_stream_runs_) {
    give_up();
  }
}

void Connection::abort() {
  if (web_socket_) {
    web_socket_->abort();
    return;
  }
  error_code ec;
  socket_.close(ec);
  give_up();
}

void Connection::give_up() {
  broken_ = true;
  if (!handler_runs_) return;
  if (endless_stream_runs_) {
    error_code ignored;
    socket_.cancel(ignored);  // a piece under way, which its writer may not let be cancelled
  }
  handler_cancellation_.emit(asio::cancellation_type::terminal);
}

void Connection::set_deadline(Milliseconds timeout) {
  deadline_ = steady_clock::now() + timeout;
  // A later deadline needs no new timer: the old one fires, sees it and waits on. So a busy
  // connection hardly ever touches the timer.
  if (deadline_ < armed_until_) arm_timer();
}

void Connection::clear_deadline() { deadline_ = steady_clock::time_point::max(); }

void Connection::arm_timer() {
  armed_until_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](const error_code& ec) {
    if (ec) return;  // armed anew, or the end
    const auto self = weak.lock();
    if (!self) return;
    self->armed_until_ = steady_clock::time_point::max();
    if (self->deadline_ == steady_clock::time_point::max()) return;
    if (steady_clock::now() < self->deadline_) {
      self->arm_timer();
      return;
    }
    if (self->handler_runs_ && !self->half_close_cancels_) {
      self->give_up();  // the grace of a half-closed client is over
      return;
    }
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Connection::start_watch(bool half_close_cancels) {
  ++watch_;
  half_close_cancels_ = half_close_cancels;
  if (!peer_ended_) {
    watch();
  } else if (!half_close_cancels) {
    set_deadline(server_.options.half_close_grace);
  }
}

void Connection::stop_watch() {
  ++watch_;
  clear_deadline();
  error_code ec;
  if (socket_.is_open()) socket_.cancel(ec);
}

void Connection::watch() {
  socket_.async_wait(asio::socket_base::wait_read,
                     [self = shared_from_this(), watch = watch_](const error_code& ec) {
                       if (ec || self->watch_ != watch) return;
                       self->on_readable();
                     });
}

void Connection::on_readable() {
  error_code ec;
  const auto space = buffer_.prepare(kReadSize);
  const std::size_t bytes = socket_.read_some(space, ec);
  if (!ec) {
    buffer_.commit(bytes);
    if (buffer_.size() < kReadAheadMax) watch();
    return;
  }
  if (ec == asio::error::would_block || ec == asio::error::try_again) {
    watch();
    return;
  }
  if (ec == asio::error::eof) {
    peer_ended_ = true;
    if (!half_close_cancels_) {
      // A client that closed its connection cannot be told from one that merely sends no more
      // until something is sent to it.
      set_deadline(server_.options.half_close_grace);
      return;
    }
  }
  give_up();
}

}  // namespace errand::net
