#include "errand/relay/nats_publisher.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <nats/nats.h>
#include <signal.h>

#include "errand/json/parse.h"
#include "errand/relay/topic.h"

namespace errand::relay {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// How long a wait may not notice that the relay stops.
constexpr int kGlanceMs = 100;
constexpr std::string_view kCredentialsMark = "-----BEGIN NATS USER JWT-----";

struct OptionsDeleter {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};
struct ConnectionDeleter {
  void operator()(natsConnection* connection) const { natsConnection_Destroy(connection); }
};
struct SubscriptionDeleter {
  void operator()(natsSubscription* subscription) const { natsSubscription_Destroy(subscription); }
};
struct MessageDeleter {
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};
struct ContextDeleter {
  void operator()(jsCtx* context) const { jsCtx_Destroy(context); }
};
struct StreamInfoDeleter {
  void operator()(jsStreamInfo* info) const { jsStreamInfo_Destroy(info); }
};

using ConnectionPtr = std::unique_ptr<natsConnection, ConnectionDeleter>;
using SubscriptionPtr = std::unique_ptr<natsSubscription, SubscriptionDeleter>;
using MessagePtr = std::unique_ptr<natsMsg, MessageDeleter>;

std::unexpected<Error> unavailable(std::string text) {
  return fail(ErrorCode::kUnavailable, std::move(text));
}

std::string text_of(natsStatus status) {
  natsStatus of_last = NATS_OK;
  const char* last = nats_GetLastError(&of_last);
  if (last != nullptr && of_last == status && *last != '\0') {
    return fmt::format("{} ({})", natsStatus_GetText(status), last);
  }
  return natsStatus_GetText(status);
}

/// The library sets SIGPIPE to be ignored for the whole process, which commands in the sandbox
/// would inherit: it is put back. The library's threads have it blocked, as the caller has.
void open_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction before{};
    sigaction(SIGPIPE, nullptr, &before);
    nats_Open(-1);
    sigaction(SIGPIPE, &before, nullptr);
  });
}

class NatsPublisher final : public Publisher {
 public:
  NatsPublisher(NatsSettings settings, BrokerAddress address)
      : settings_(std::move(settings)), address_(std::move(address)) {}

  Result<void> connect(std::stop_token stop) override {
    disconnect();
    if (stop.stop_requested()) return unavailable("The relay stops.");
    open_library();
    if (auto done = open(); !done) return done;
    if (stop.stop_requested()) return unavailable("The relay stops.");
    if (auto done = find_stream(); !done) return done;
    natsInbox* inbox = nullptr;
    if (const auto status = natsInbox_Create(&inbox); status != NATS_OK) {
      return unavailable(text_of(status));
    }
    inbox_ = inbox;
    natsInbox_Destroy(inbox);
    natsSubscription* replies = nullptr;
    const auto status =
        natsConnection_SubscribeSync(&replies, connection_.get(), (inbox_ + ".*").c_str());
    if (status != NATS_OK) return unavailable(text_of(status));
    replies_.reset(replies);
    return {};
  }

  [[nodiscard]] bool connected() const override {
    return replies_ && !natsConnection_IsClosed(connection_.get());
  }

  Published publish(std::span<const Message* const> messages, std::stop_token stop) override {
    Published published{.confirmed = std::vector<bool>(messages.size(), false)};
    const SteadyTime deadline = std::chrono::steady_clock::now() + settings_.broker.timeout;
    const std::uint64_t first = next_;
    std::size_t sent = 0;
    for (const Message* message : messages) {
      if (auto done = send(*message, next_); !done) {
        published.error = std::move(done.error());
        break;
      }
      ++next_;
      ++sent;
    }
    // What was sent before an error may have been taken: the answers are worth waiting for.
    for (std::size_t answered = 0; answered < sent;) {
      const auto answer = next_answer(deadline, stop);
      if (!answer) {
        published.error = answer.error();
        disconnect();
        return published;
      }
      const std::uint64_t number = number_of(answer->get());
      if (number < first || number >= first + sent) continue;  // of a wait that was given up
      ++answered;
      if (auto taken = read_answer(answer->get()); taken) {
        published.confirmed[number - first] = true;
      } else {
        published.error = std::move(taken.error());
      }
    }
    return published;
  }

  Result<void> keep_alive() override {
    if (!natsConnection_IsClosed(connection_.get())) return {};
    return unavailable("The connection was closed.");
  }

  void disconnect() override {
    replies_.reset();
    connection_.reset();
  }

 private:
  [[nodiscard]] std::int64_t timeout_ms() const { return settings_.broker.timeout.count(); }

  Result<void> open() {
    natsOptions* made = nullptr;
    if (const auto status = natsOptions_Create(&made); status != NATS_OK) {
      return unavailable(text_of(status));
    }
    const std::unique_ptr<natsOptions, OptionsDeleter> options(made);
    const bool v6 = address_.host.find(':') != std::string::npos;
    const std::string url = fmt::format("{}://{}{}{}:{}", address_.tls ? "tls" : "nats",
                                        v6 ? "[" : "", address_.host, v6 ? "]" : "", address_.port);
    // Whether and when to try again is the relay's to say, not the library's.
    const std::array statuses{natsOptions_SetURL(made, url.c_str()),
                              natsOptions_SetName(made, "errand"),
                              natsOptions_SetTimeout(made, timeout_ms()),
                              natsOptions_SetWriteDeadline(made, timeout_ms()),
                              natsOptions_SetAllowReconnect(made, false),
                              natsOptions_SetIgnoreDiscoveredServers(made, true),
                              natsOptions_SetPingInterval(made, 20'000),
                              natsOptions_SetMaxPingsOut(made, 2)};
    for (const natsStatus status : statuses) {
      if (status != NATS_OK) return unavailable(text_of(status));
    }
    if (address_.tls) {
      const std::string& ca_file = settings_.broker.ca_file;
      auto status = natsOptions_SetSecure(made, true);
      if (status == NATS_OK) {
        status = natsOptions_LoadCATrustedCertificates(
            made, ca_file.empty() ? kSystemCertificates : ca_file.c_str());
      }
      if (status == NATS_OK) {
        status = natsOptions_SetExpectedHostname(made, address_.host.c_str());
      }
      if (status != NATS_OK) return unavailable("TLS cannot be set up: " + text_of(status));
    }
    if (auto done = add_credentials(made); !done) return done;
    natsConnection* connection = nullptr;
    const auto status = natsConnection_Connect(&connection, made);
    if (status != NATS_OK) {
      return unavailable(fmt::format("{}:{} cannot be reached: {}", address_.host, address_.port,
                                     text_of(status)));
    }
    connection_.reset(connection);
    return {};
  }

  /// The file is one that NATS made (a JWT and a seed), or a line USER:PASSWORD.
  Result<void> add_credentials(natsOptions* options) const {
    const std::string& file = settings_.broker.credentials_file;
    if (file.empty()) return {};
    std::ifstream in(file);
    std::string first;
    std::getline(in, first);
    natsStatus status = NATS_OK;
    if (first.starts_with(kCredentialsMark)) {
      status = natsOptions_SetUserCredentialsFromFiles(options, file.c_str(), nullptr);
    } else {
      const auto read = read_user_password(file);
      if (!read) return std::unexpected(read.error());
      status = natsOptions_SetUserInfo(options, read->user.c_str(), read->password.c_str());
    }
    if (status != NATS_OK) {
      return unavailable(fmt::format("the credentials file {} cannot be used: {}", file,
                                     natsStatus_GetText(status)));
    }
    return {};
  }

  Result<void> find_stream() {
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = timeout_ms();
    jsCtx* made = nullptr;
    if (const auto status = natsConnection_JetStream(&made, connection_.get(), &options);
        status != NATS_OK) {
      return unavailable(text_of(status));
    }
    const std::unique_ptr<jsCtx, ContextDeleter> context(made);
    const std::string& stream = settings_.stream;
    jsStreamInfo* info = nullptr;
    jsErrCode code{};
    natsStatus status = js_GetStreamInfo(&info, made, stream.c_str(), nullptr, &code);
    std::unique_ptr<jsStreamInfo, StreamInfoDeleter> found(info);
    if (status == NATS_OK) return {};
    if (status == NATS_NO_RESPONDERS) {
      return unavailable("The server has no JetStream; start nats-server with -js.");
    }
    if (status != NATS_NOT_FOUND) {
      return unavailable(
          fmt::format("The stream {} cannot be asked for: {}", stream, text_of(status)));
    }
    const std::string subjects = settings_.broker.topic + ".>";
    if (!settings_.broker.create) {
      return unavailable(
          fmt::format("There is no stream {0}. Make one that takes {1} (nats stream add {0} "
                      "--subjects \"{1}\"), or set create = true",
                      stream, subjects));
    }
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = stream.c_str();
    std::array<const char*, 1> list{subjects.c_str()};
    config.Subjects = list.data();
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    info = nullptr;
    status = js_AddStream(&info, made, &config, nullptr, &code);
    found.reset(info);
    if (status == NATS_OK) return {};
    return unavailable(fmt::format("The stream {} cannot be made: {}", stream, text_of(status)));
  }

  Result<void> send(const Message& message, std::uint64_t number) {
    const std::int64_t most = natsConnection_GetMaxPayload(connection_.get());
    if (most > 0 && message.body.size() > static_cast<std::uint64_t>(most)) {
      return unavailable(fmt::format(
          "The event {} has {} bytes, more than the server's max_payload of {}; raise that",
          message.id, message.body.size(), most));
    }
    const std::string subject = fmt::format("{}.{}", settings_.broker.topic, message.topic);
    const std::string reply = fmt::format("{}.{}", inbox_, number);
    natsMsg* made = nullptr;
    natsStatus status = natsMsg_Create(&made, subject.c_str(), reply.c_str(), message.body.data(),
                                       static_cast<int>(message.body.size()));
    const MessagePtr owner(made);
    const std::string id = message_id(message);
    const std::array headers{std::pair{"Nats-Msg-Id", id.c_str()},
                             std::pair{"Nats-Expected-Stream", settings_.stream.c_str()},
                             std::pair{"Content-Type", "application/cloudevents+json"}};
    for (const auto& [name, value] : headers) {
      if (status == NATS_OK) status = natsMsgHeader_Set(made, name, value);
    }
    if (status == NATS_OK) status = natsConnection_PublishMsg(connection_.get(), made);
    if (status != NATS_OK) return unavailable(text_of(status));
    return {};
  }

  /// Relays may publish one event to one stream under subjects of their own: the stream is to keep
  /// both.
  [[nodiscard]] std::string message_id(const Message& message) const {
    const std::string& prefix = settings_.broker.topic;
    return prefix == BrokerSettings().topic ? message.id : message.id + '@' + prefix;
  }

  Result<MessagePtr> next_answer(SteadyTime deadline, const std::stop_token& stop) {
    while (true) {
      natsMsg* message = nullptr;
      const auto status = natsSubscription_NextMsg(&message, replies_.get(), kGlanceMs);
      if (status == NATS_OK) return MessagePtr(message);
      if (status != NATS_TIMEOUT) return unavailable("The connection was lost: " + text_of(status));
      if (natsConnection_IsClosed(connection_.get()))
        return unavailable("The connection was lost.");
      if (stop.stop_requested()) return unavailable("The relay stops.");
      if (std::chrono::steady_clock::now() >= deadline) {
        return unavailable("The stream did not acknowledge in time.");
      }
    }
  }

  /// Which message it answers; 0 for none of ours.
  static std::uint64_t number_of(natsMsg* answer) {
    const std::string_view subject = natsMsg_GetSubject(answer);
    const std::string_view text = subject.substr(subject.rfind('.') + 1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : 0;
  }

  /// A PubAck: {"stream": "EVENTS", "seq": 7}, or {"error": {"code": 503, "description": "..."}}.
  Result<void> read_answer(natsMsg* answer) const {
    if (natsMsg_IsNoResponders(answer)) {
      return unavailable(
          fmt::format("No stream takes the subjects {}.>; give them to the stream {}",
                      settings_.broker.topic, settings_.stream));
    }
    const std::string_view text(natsMsg_GetData(answer),
                                static_cast<std::size_t>(natsMsg_GetDataLength(answer)));
    const auto value = json::parse(text);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) return unavailable("The stream's answer cannot be read.");
    if (const auto* error = object->if_contains("error"); error != nullptr) {
      const auto* members = error->if_object();
      const auto* why = members == nullptr ? nullptr : members->if_contains("description");
      return unavailable(fmt::format(
          "The stream {} refused an event: {}", settings_.stream,
          why != nullptr && why->is_string() ? std::string_view(why->get_string()) : "no reason"));
    }
    if (object->if_contains("seq") == nullptr) {
      return unavailable("The stream's answer cannot be read.");
    }
    return {};
  }

  const NatsSettings settings_;
  const BrokerAddress address_;
  ConnectionPtr connection_;
  SubscriptionPtr replies_;
  std::string inbox_;
  std::uint64_t next_ = 1;  ///< number of the next message, by which its answer is known
};

}  // namespace

Result<std::unique_ptr<Publisher>> make_nats_publisher(const NatsSettings& settings) {
  auto address = read_broker_url(settings.broker.url, "nats", "tls", 4222, 4222);
  if (!address) return std::unexpected(address.error());
  if (!address->path.empty()) return fail(ErrorCode::kConfigInvalid, "url has a path");
  return std::make_unique<NatsPublisher>(settings, *std::move(address));
}

bool is_stream_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace errand::relay
