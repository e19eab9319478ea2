#include "network.h"

#include <csignal>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "messages.h"
#include "text.h"
#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace errand_worker::internal {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectTimeout{10};
constexpr std::chrono::seconds kRequestTimeout{10};
constexpr std::chrono::seconds kCloseTimeout{3};
/// Most that is read of the server at once; a frame of 1,000 jobs may be long.
constexpr std::size_t kReadMax = 64 << 20;
/// Frames up to this size are masked and written at once.
constexpr std::size_t kWriteBuffer = 128 << 10;

using Plain = beast::tcp_stream;
using Secure = beast::ssl_stream<beast::tcp_stream>;

/// Close codes after which the same worker would be closed again.
bool is_final(int close_code) {
  return close_code == 4400 || close_code == 4403 || close_code == 4406;
}

std::optional<Refusal> refusal_of(int status, std::string_view body) {
  if (status == 429 || status >= 500 || status < 400) return std::nullopt;
  std::string text = "the server refused the connection";
  if (status == 401) text = "the server does not know this token";
  if (status == 403) text = "the token is not for a worker";
  if (status == 404) text = "there is no Errand server at this address";
  text += " (HTTP " + std::to_string(status);
  const std::string said = clean_text(body, 300);
  return Refusal{status, text + (said.empty() ? ")" : ": " + said + ")")};
}

/// What connections and requests of one worker share.
struct Settings {
  Endpoint endpoint;
  std::string token;
  asio::ssl::context tls{asio::ssl::context::tls_client};
};

template <class Stream>
Stream make_stream(asio::io_context& io, Settings& settings) {
  if constexpr (std::is_same_v<Stream, Secure>) {
    Stream stream(io, settings.tls);
    SSL_set_tlsext_host_name(stream.native_handle(), settings.endpoint.host.c_str());
    stream.set_verify_callback(asio::ssl::host_name_verification(settings.endpoint.host));
    return stream;
  } else {
    return Stream(io);
  }
}

/// Resolves, connects and shakes hands, then calls `done(error, what)`; `what` failed.
/// The owner of `stream` sets its expiry, and `done` keeps the owner alive.
template <class Stream>
void reach(Stream& stream, asio::ip::tcp::resolver& resolver, const Settings& settings,
           std::function<void(error_code, std::string_view)> done) {
  const auto secured = [done](error_code error) { done(error, "the TLS handshake failed"); };
  const auto connected = [&stream, done, secured](error_code error,
                                                  const asio::ip::tcp::endpoint&) {
    if (error) return done(error, "the server cannot be reached");
    error_code ignored;
    beast::get_lowest_layer(stream).socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    if constexpr (std::is_same_v<Stream, Secure>) {
      stream.async_handshake(asio::ssl::stream_base::client, secured);
    } else {
      secured({});
    }
  };
  resolver.async_resolve(
      settings.endpoint.host, settings.endpoint.port,
      [&stream, done, connected](error_code error, asio::ip::tcp::resolver::results_type found) {
        if (error) return done(error, "the server's name is not known");
        beast::get_lowest_layer(stream).async_connect(found, connected);
      });
}

template <class Stream>
class SocketConnection : public Connection,
                         public std::enable_shared_from_this<SocketConnection<Stream>> {
 public:
  SocketConnection(asio::io_context& io, Settings& settings, ConnectionEvents& events)
      : settings_(settings),
        events_(events),
        resolver_(io),
        socket_(make_stream<Stream>(io, settings)),
        close_timer_(io) {}

  void start() {
    // The expiry does not cover the resolver: a name server that is silent is given up here.
    close_timer_.expires_after(kConnectTimeout);
    close_timer_.async_wait([self = this->shared_from_this()](error_code error) {
      if (!error) self->fail("the server does not answer");
    });
    beast::get_lowest_layer(socket_).expires_never();
    reach(socket_.next_layer(), resolver_, settings_,
          [self = this->shared_from_this()](error_code error, std::string_view what) {
            if (error) return self->fail(std::string(what) + ": " + error.message());
            self->upgrade();
          });
  }

  void send(std::string text) override {
    outgoing_ = std::move(text);
    socket_.async_write(asio::buffer(outgoing_),
                        [self = this->shared_from_this()](error_code error, std::size_t) {
                          if (error) return self->fail("writing failed: " + error.message());
                          if (!self->closed_) self->events_.sent(*self);
                        });
  }

  void close() override {
    if (closed_ || closing_) return;
    closing_ = true;
    close_timer_.expires_after(kCloseTimeout);
    close_timer_.async_wait([self = this->shared_from_this()](error_code error) {
      if (!error) self->fail("the server did not answer the close");
    });
    if (!open_) return fail("closed while connecting");
    socket_.async_close(websocket::close_code::normal,
                        [self = this->shared_from_this()](error_code) { self->fail("closed"); });
  }

  void terminate(std::string why) override { fail(why); }

  Clock::time_point last_heard() const override { return last_heard_; }

 private:
  void upgrade() {
    socket_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(http::field::authorization, "Bearer " + settings_.token);
      request.set(http::field::sec_websocket_protocol, kSubprotocol);
    }));
    socket_.read_message_max(kReadMax);
    socket_.write_buffer_bytes(kWriteBuffer);
    socket_.auto_fragment(false);
    socket_.text(true);
    socket_.control_callback([this](websocket::frame_type, beast::string_view) { heard(); });
    socket_.async_handshake(
        answer_, settings_.endpoint.authority, settings_.endpoint.socket_path,
        [self = this->shared_from_this()](error_code error) { self->upgraded(error); });
  }

  void upgraded(error_code error) {
    if (closed_) return;
    if (error == websocket::error::upgrade_declined) {
      const int status = answer_.result_int();
      return fail("HTTP " + std::to_string(status), refusal_of(status, answer_.body()));
    }
    if (error) return fail("the WebSocket handshake failed: " + error.message());
    const auto chosen = answer_[http::field::sec_websocket_protocol];
    if (chosen != kSubprotocol) {
      return fail(
          "another subprotocol",
          Refusal{4406, "the server does not speak " + std::string(kSubprotocol) +
                            (chosen.empty() ? std::string() : ", but " + clean_text(chosen, 100))});
    }
    close_timer_.cancel();
    open_ = true;
    heard();
    events_.opened(*this);
    read();
  }

  void read() {
    socket_.async_read(buffer_, [self = this->shared_from_this()](error_code error, std::size_t) {
      self->have_read(error);
    });
  }

  void have_read(error_code error) {
    if (closed_) return;
    if (error) {
      if (closing_) return;  // close() ends it
      const int code = socket_.reason().code;
      if (error != websocket::error::closed || code == 0) return fail(error.message());
      const std::string said = socket_.reason().reason.c_str();
      const std::string why = said.empty() ? "closed with " + std::to_string(code) : said;
      return fail(why, is_final(code) ? std::optional(Refusal{code, why}) : std::nullopt);
    }
    heard();
    if (socket_.got_text()) {
      const auto data = buffer_.cdata();
      events_.received(*this, {static_cast<const char*>(data.data()), data.size()});
    }
    buffer_.consume(buffer_.size());
    if (!closed_ && !closing_) read();
  }

  void heard() { last_heard_ = Clock::now(); }

  /// The end, whatever the cause.
  void fail(const std::string& why, const std::optional<Refusal>& refusal = std::nullopt) {
    if (closed_) return;
    closed_ = true;
    close_timer_.cancel();
    resolver_.cancel();
    beast::get_lowest_layer(socket_).close();
    // Not from within close(), whose caller is not done.
    asio::post(socket_.get_executor(), [self = this->shared_from_this(), why, refusal] {
      self->events_.closed(*self, why, refusal);
    });
  }

  Settings& settings_;
  ConnectionEvents& events_;
  asio::ip::tcp::resolver resolver_;
  websocket::stream<Stream, false> socket_;
  asio::steady_timer close_timer_;
  websocket::response_type answer_;
  beast::flat_buffer buffer_;
  std::string outgoing_;
  Clock::time_point last_heard_ = Clock::now();
  bool open_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

/// One POST on a connection of its own.
template <class Stream>
class Request : public std::enable_shared_from_this<Request<Stream>> {
 public:
  using Done = std::function<void(int status, std::string text)>;

  Request(asio::io_context& io, Settings& settings, std::string body, Done done)
      : settings_(settings),
        resolver_(io),
        stream_(make_stream<Stream>(io, settings)),
        deadline_(io),
        done_(std::move(done)) {
    request_.method(http::verb::post);
    request_.target(settings.endpoint.messages_path);
    request_.version(11);
    request_.set(http::field::host, settings.endpoint.authority);
    request_.set(http::field::authorization, "Bearer " + settings.token);
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::connection, "close");
    request_.body() = std::move(body);
    request_.prepare_payload();
    answer_.body_limit(kReadMax);
  }

  void start() {
    beast::get_lowest_layer(stream_).expires_never();
    deadline_.expires_after(kRequestTimeout);
    deadline_.async_wait([self = this->shared_from_this()](error_code error) {
      if (!error) self->finish(0, "the server does not answer");
    });
    reach(stream_, resolver_, settings_,
          [self = this->shared_from_this()](error_code error, std::string_view what) {
            if (error) return self->finish(0, std::string(what) + ": " + error.message());
            self->write();
          });
  }

 private:
  void write() {
    http::async_write(stream_, request_,
                      [self = this->shared_from_this()](error_code error, std::size_t) {
                        if (error) return self->finish(0, "writing failed: " + error.message());
                        self->read();
                      });
  }

  void read() {
    http::async_read(stream_, buffer_, answer_,
                     [self = this->shared_from_this()](error_code error, std::size_t) {
                       if (error) return self->finish(0, "reading failed: " + error.message());
                       self->finish(self->answer_.get().result_int(),
                                    std::move(self->answer_.get().body()));
                     });
  }

  void finish(int status, std::string text) {
    if (!done_) return;
    deadline_.cancel();
    resolver_.cancel();
    beast::get_lowest_layer(stream_).close();
    std::exchange(done_, nullptr)(status, std::move(text));
  }

  Settings& settings_;
  asio::ip::tcp::resolver resolver_;
  Stream stream_;
  asio::steady_timer deadline_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> answer_;
  beast::flat_buffer buffer_;
  Done done_;
};

class AsioTimer : public Timer {
 public:
  AsioTimer(asio::io_context& io, std::function<void()> fire)
      : timer_(io), fire_(std::move(fire)) {}

  void start(std::chrono::milliseconds delay) override {
    timer_.expires_after(delay);
    timer_.async_wait([this, started = ++started_](error_code error) {
      // A callback that is queued already cannot be taken back.
      if (!error && started == started_) fire_();
    });
  }

  void cancel() override {
    ++started_;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  std::function<void()> fire_;
  unsigned started_ = 0;
};

}  // namespace

struct Network::Parts {
  Settings settings;  // outlives what `io` still holds when it ends
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::optional<asio::signal_set> signals;
};

Network::Network(Endpoint endpoint, std::string token, const std::string& ca_file)
    : parts_(std::make_unique<Parts>()) {
  parts_->settings.endpoint = std::move(endpoint);
  parts_->settings.token = std::move(token);
  if (!parts_->settings.endpoint.tls) return;
  asio::ssl::context& tls = parts_->settings.tls;
  tls.set_verify_mode(asio::ssl::verify_peer);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  error_code error;
  if (ca_file.empty()) {
    tls.set_default_verify_paths(error);
  } else {
    tls.load_verify_file(ca_file, error);
  }
  if (error) throw std::invalid_argument("ca_file: " + ca_file + ": " + error.message());
}

Network::~Network() = default;

void Network::run() {
  parts_->io.run();
  parts_->signals.reset();
}

void Network::stop() { parts_->io.stop(); }

void Network::post(std::function<void()> function) { asio::post(parts_->io, std::move(function)); }

std::shared_ptr<Connection> Network::connect(ConnectionEvents& events) {
  const auto begin = [&]<class Stream>(std::type_identity<Stream>) -> std::shared_ptr<Connection> {
    auto connection =
        std::make_shared<SocketConnection<Stream>>(parts_->io, parts_->settings, events);
    connection->start();
    return connection;
  };
  if (parts_->settings.endpoint.tls) return begin(std::type_identity<Secure>());
  return begin(std::type_identity<Plain>());
}

std::unique_ptr<Timer> Network::timer(std::function<void()> fire) {
  return std::make_unique<AsioTimer>(parts_->io, std::move(fire));
}

void Network::post_messages(std::string body,
                            std::function<void(int status, std::string text)> done) {
  const auto begin = [&]<class Stream>(std::type_identity<Stream>) {
    std::make_shared<Request<Stream>>(parts_->io, parts_->settings, std::move(body),
                                      std::move(done))
        ->start();
  };
  if (parts_->settings.endpoint.tls) return begin(std::type_identity<Secure>());
  return begin(std::type_identity<Plain>());
}

void Network::on_signal(std::function<void(int number)> caught) {
  parts_->signals.emplace(parts_->io, SIGTERM, SIGINT);
  parts_->signals->async_wait([this, caught = std::move(caught)](error_code error, int number) {
    if (error) return;
    parts_->signals.reset();
    caught(number);
  });
}

}  // namespace errand_worker::internal
