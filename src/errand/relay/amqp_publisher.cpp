#include "errand/relay/amqp_publisher.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace errand::relay {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr amqp_channel_t kChannel = 1;
constexpr int kFrameBytes = 131'072;
constexpr int kHeartbeatSeconds = 30;
/// How long a wait may not notice that the relay stops.
constexpr suseconds_t kGlanceUs = 100'000;
constexpr std::uint8_t kPersistent = 2;

std::unexpected<Error> unavailable(std::string text) {
  return fail(ErrorCode::kUnavailable, std::move(text));
}

amqp_bytes_t bytes_of(std::string_view text) {
  return {.len = text.size(), .bytes = const_cast<char*>(text.data())};
}

std::string_view text_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

/// Why the broker closed a channel or the connection; empty for another method.
std::string text_of_close(const amqp_method_t& method) {
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    return fmt::format("{} {}", close->reply_code, text_of(close->reply_text));
  }
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
    return fmt::format("{} {}", close->reply_code, text_of(close->reply_text));
  }
  return {};
}

/// Empty where it went well.
std::string text_of(const amqp_rpc_reply_t& reply) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
      return {};
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
      return amqp_error_string2(reply.library_error);
    case AMQP_RESPONSE_SERVER_EXCEPTION: {
      std::string text = text_of_close(reply.reply);
      return text.empty() ? "the broker answered with another method" : text;
    }
    case AMQP_RESPONSE_NONE:
      break;
  }
  return "the broker did not answer";
}

class AmqpPublisher final : public Publisher {
 public:
  AmqpPublisher(AmqpSettings settings, BrokerAddress address)
      : settings_(std::move(settings)), address_(std::move(address)) {}
  ~AmqpPublisher() override { AmqpPublisher::disconnect(); }

  Result<void> connect(std::stop_token stop) override {
    disconnect();
    if (stop.stop_requested()) return unavailable("The relay stops.");
    if (auto done = open(); !done) return done;
    if (auto done = log_in(); !done) return done;
    if (auto done = find_exchange(); !done) return done;
    amqp_confirm_select(connection_, kChannel);
    if (auto done = last_reply("confirms cannot be switched on"); !done) return done;
    next_tag_ = 1;
    ready_ = true;
    return {};
  }

  [[nodiscard]] bool connected() const override { return ready_; }

  Published publish(std::span<const Message* const> messages, std::stop_token stop) override {
    const SteadyTime deadline = std::chrono::steady_clock::now() + settings_.broker.timeout;
    Wave wave{.messages = messages,
              .first_tag = next_tag_,
              .published = {.confirmed = std::vector<bool>(messages.size(), false)}};
    for (const Message* message : messages) {
      if (auto done = send(*message); !done) {
        // What came before may be confirmed already; it is published again.
        return give_up(std::move(wave), std::move(done.error()));
      }
      ++next_tag_;
    }
    wave.answered.assign(messages.size(), false);
    while (wave.open()) {
      auto done = next_frame(wave, deadline, stop);
      if (!done) return give_up(std::move(wave), std::move(done.error()));
    }
    return std::move(wave.published);
  }

  Result<void> keep_alive() override {
    // Reads what came, and sends a heartbeat where one is due.
    const timeval none{.tv_sec = 0, .tv_usec = 0};
    while (true) {
      amqp_frame_t frame;
      amqp_maybe_release_buffers(connection_);
      const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &none);
      if (status == AMQP_STATUS_TIMEOUT) return {};
      if (status != AMQP_STATUS_OK) return unavailable(amqp_error_string2(status));
      if (frame.frame_type == AMQP_FRAME_METHOD) {
        if (std::string why = text_of_close(frame.payload.method); !why.empty()) {
          return unavailable(std::move(why));
        }
      }
    }
  }

  void disconnect() override {
    ready_ = false;
    if (connection_ == nullptr) return;
    {
      const std::lock_guard lock(mutex_);
      // Without a farewell, which would wait for the broker's, and so would TLS.
      if (descriptor_ >= 0) {
        ::shutdown(descriptor_, SHUT_RDWR);
        ::close(descriptor_);
      }
      descriptor_ = -1;
    }
    amqp_destroy_connection(connection_);
    connection_ = nullptr;
  }

  void interrupt() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
  }

 private:
  /// Messages that are under way.
  struct Wave {
    std::span<const Message* const> messages;
    std::uint64_t first_tag;
    Published published;
    std::vector<bool> answered = {};      ///< the broker has said yes or no
    std::set<std::string> returned = {};  ///< ids
    bool returning = false;               ///< what comes next is a returned message

    [[nodiscard]] bool open() const { return std::ranges::find(answered, false) != answered.end(); }
  };

  [[nodiscard]] timeval timeout() const {
    const auto ms = settings_.broker.timeout.count();
    return {.tv_sec = ms / 1'000, .tv_usec = (ms % 1'000) * 1'000};
  }

  Published give_up(Wave wave, Error error) {
    disconnect();
    wave.published.error = std::move(error);
    return std::move(wave.published);
  }

  Result<void> open() {
    connection_ = amqp_new_connection();
    if (connection_ == nullptr) return unavailable("There is no memory for a connection.");
    amqp_socket_t* socket =
        address_.tls ? amqp_ssl_socket_new(connection_) : amqp_tcp_socket_new(connection_);
    if (socket == nullptr) return unavailable("There is no memory for a connection.");
    if (address_.tls) {
      const std::string& ca_file = settings_.broker.ca_file;
      amqp_ssl_socket_set_verify_peer(socket, 1);
      amqp_ssl_socket_set_verify_hostname(socket, 1);
      const int status = amqp_ssl_socket_set_cacert(
          socket, ca_file.empty() ? kSystemCertificates : ca_file.c_str());
      if (status != AMQP_STATUS_OK) {
        return unavailable(fmt::format("TLS cannot be set up: {}", amqp_error_string2(status)));
      }
    }
    const timeval limit = timeout();
    const int status =
        amqp_socket_open_noblock(socket, address_.host.c_str(), address_.port, &limit);
    if (status != AMQP_STATUS_OK) {
      return unavailable(fmt::format("{}:{} cannot be reached: {}", address_.host, address_.port,
                                     amqp_error_string2(status)));
    }
    const int descriptor = amqp_get_sockfd(connection_);
    // The library writes without a deadline: a broker that reads no more ends the connection so.
    const auto patience = static_cast<unsigned>(settings_.broker.timeout.count());
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    const std::lock_guard lock(mutex_);
    descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (descriptor_ < 0) {
      return unavailable(
          fmt::format("The connection cannot be used: {}", std::generic_category().message(errno)));
    }
    if (interrupted_) return unavailable("The relay stops.");
    return {};
  }

  Result<void> log_in() {
    UserPassword credentials{.user = "guest", .password = "guest"};
    if (!settings_.broker.credentials_file.empty()) {
      auto read = read_user_password(settings_.broker.credentials_file);
      if (!read) return std::unexpected(read.error());
      credentials = *std::move(read);
    }
    const timeval limit = timeout();
    amqp_set_handshake_timeout(connection_, &limit);
    amqp_set_rpc_timeout(connection_, &limit);
    const std::string vhost = address_.path.empty() ? "/" : address_.path;
    const auto reply =
        amqp_login(connection_, vhost.c_str(), 0, kFrameBytes, kHeartbeatSeconds,
                   AMQP_SASL_METHOD_PLAIN, credentials.user.c_str(), credentials.password.c_str());
    if (std::string why = text_of(reply); !why.empty()) {
      return unavailable(fmt::format("The broker refused the login to vhost {}: {}", vhost, why));
    }
    amqp_channel_open(connection_, kChannel);
    return last_reply("no channel could be opened");
  }

  Result<void> find_exchange() {
    const std::string& exchange = settings_.exchange;
    const bool create = settings_.broker.create;
    amqp_exchange_declare(connection_, kChannel, bytes_of(exchange), bytes_of("topic"),
                          /*passive=*/create ? 0 : 1, /*durable=*/1, /*auto_delete=*/0,
                          /*internal=*/0, amqp_empty_table);
    return last_reply(
        create ? fmt::format("the exchange {} cannot be made", exchange)
               : fmt::format("the exchange {} cannot be used; declare it as a durable topic "
                             "exchange, or set create = true",
                             exchange));
  }

  Result<void> last_reply(std::string_view what) {
    std::string why = text_of(amqp_get_rpc_reply(connection_));
    if (why.empty()) return {};
    return unavailable(fmt::format("{}: {}", what, why));
  }

  Result<void> send(const Message& message) {
    const std::string key = fmt::format("{}.{}", settings_.broker.topic, message.topic);
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                        AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG;
    properties.content_type = bytes_of("application/cloudevents+json");
    properties.delivery_mode = kPersistent;
    properties.message_id = bytes_of(message.id);
    properties.type = bytes_of(message.type);
    properties.app_id = bytes_of("errand");
    const int status =
        amqp_basic_publish(connection_, kChannel, bytes_of(settings_.exchange), bytes_of(key),
                           /*mandatory=*/1, /*immediate=*/0, &properties, bytes_of(message.body));
    if (status == AMQP_STATUS_OK) return {};
    return unavailable(fmt::format("The connection was lost: {}", amqp_error_string2(status)));
  }

  /// Takes what the broker says next.
  Result<void> next_frame(Wave& wave, SteadyTime deadline, const std::stop_token& stop) {
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection_);
    const timeval glance{.tv_sec = 0, .tv_usec = kGlanceUs};
    const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &glance);
    if (status == AMQP_STATUS_TIMEOUT) {
      if (stop.stop_requested()) return unavailable("The relay stops.");
      if (std::chrono::steady_clock::now() < deadline) return {};
      return unavailable("The broker did not confirm in time.");
    }
    if (status != AMQP_STATUS_OK) {
      return unavailable(fmt::format("The connection was lost: {}", amqp_error_string2(status)));
    }
    if (frame.frame_type == AMQP_FRAME_HEADER && wave.returning) {
      wave.returning = false;
      const auto* properties =
          static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
      if ((properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0) {
        wave.returned.emplace(text_of(properties->message_id));
      }
      return {};
    }
    if (frame.frame_type != AMQP_FRAME_METHOD) return {};
    const amqp_method_t& method = frame.payload.method;
    if (std::string why = text_of_close(method); !why.empty()) {
      return unavailable(fmt::format("The broker closed the connection: {}", why));
    }
    if (method.id == AMQP_BASIC_RETURN_METHOD) {
      wave.returning = true;
    } else if (method.id == AMQP_BASIC_ACK_METHOD) {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      answer(wave, ack->delivery_tag, ack->multiple != 0, true);
    } else if (method.id == AMQP_BASIC_NACK_METHOD) {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      answer(wave, nack->delivery_tag, nack->multiple != 0, false);
    }
    return {};
  }

  /// A message that is returned is acknowledged too, after its return.
  void answer(Wave& wave, std::uint64_t tag, bool multiple, bool taken) const {
    for (std::size_t i = 0; i < wave.messages.size(); ++i) {
      const std::uint64_t of_it = wave.first_tag + i;
      if (wave.answered[i] || of_it > tag || (of_it != tag && !multiple)) continue;
      wave.answered[i] = true;
      Published& published = wave.published;
      if (!taken) {
        published.error = {
            ErrorCode::kUnavailable,
            fmt::format("A queue of the exchange {} refused an event.", settings_.exchange)};
      } else if (!wave.returned.contains(wave.messages[i]->id)) {
        published.confirmed[i] = true;
      } else if (settings_.unroutable == Unroutable::kSkip) {
        published.confirmed[i] = true;
        ++published.unroutable;
      } else {
        published.error = {
            ErrorCode::kUnavailable,
            fmt::format("No queue is bound to the exchange {} for {}.{}; bind one, or set "
                        "unroutable = \"skip\"",
                        settings_.exchange, settings_.broker.topic, wave.messages[i]->topic)};
      }
    }
  }

  const AmqpSettings settings_;
  const BrokerAddress address_;
  amqp_connection_state_t connection_ = nullptr;
  bool ready_ = false;
  std::uint64_t next_tag_ = 1;
  std::mutex mutex_;  ///< guards what follows
  /// A duplicate of the connection's: the library may close its own at any time, after which the
  /// number may be another's.
  int descriptor_ = -1;
  bool interrupted_ = false;
};

}  // namespace

Result<std::unique_ptr<Publisher>> make_amqp_publisher(const AmqpSettings& settings) {
  auto address = read_broker_url(settings.broker.url, "amqp", "amqps", 5672, 5671);
  if (!address) return std::unexpected(address.error());
  return std::make_unique<AmqpPublisher>(settings, *std::move(address));
}

}  // namespace errand::relay
