#include "errand/outbound/smtp_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <ctime>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/socket.h>

#include "errand/base/assert.h"
#include "errand/outbound/ip_address.h"

namespace errand::outbound {
namespace {

constexpr std::size_t kIdleMax = 8;
/// For the TCP connection, TLS and the greeting.
constexpr Milliseconds kConnectTimeout{30'000};
/// For each reply before the message.
constexpr long kReplySeconds = 60;
/// For the reply to QUIT, which libcurl waits for, after a refusal.
constexpr long kQuitSeconds = 2;
constexpr std::size_t kReplyBytesMax = 512;

/// How far a transmission came: what was asked last.
enum class Stage : std::uint8_t { kGreeting, kLogin, kSender, kRecipient, kData, kMessage };

std::string_view to_string(Stage stage) {
  constexpr std::array<std::string_view, 6> kNames{"greeting",  "login", "sender",
                                                   "recipient", "DATA",  "message"};
  return kNames[static_cast<std::size_t>(stage)];
}

/// While it lives, OpenSSL's writes to a connection that was cut raise no SIGPIPE in this thread.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigset_t pipe = only_pipe();
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  ~NoSigpipe() {
    if (sigismember(&before_, SIGPIPE) == 0) {
      const sigset_t pipe = only_pipe();
      constexpr timespec kAtOnce{};
      sigtimedwait(&pipe, nullptr, &kAtOnce);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  static sigset_t only_pipe() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
  }

  sigset_t before_{};
};

template <class T>
void set(CURL* easy, CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  ERRAND_ASSERT(code == CURLE_OK);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const auto address = IpAddress::parse(host);
  if (!address) return false;
  const std::string text = address->str();
  return text.starts_with("127.") || text == "::1";
}

}  // namespace

/// One handle of libcurl with the connection that it keeps.
class SmtpClient::Session {
 public:
  Session() : easy_(curl_easy_init()) { ERRAND_ASSERT(easy_ != nullptr); }
  ~Session() {
    // libcurl would say QUIT and wait for the reply, for two minutes where the server hangs.
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
        socket != CURL_SOCKET_BAD) {
      ::shutdown(socket, SHUT_RDWR);
    }
    const NoSigpipe no_sigpipe;
    curl_easy_cleanup(easy_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  SmtpResult send(const SmtpServer& server, const Envelope& envelope, Milliseconds timeout,
                  std::stop_token stop) {
    left_ = envelope.message;
    stop_ = std::move(stop);
    ends_at_ = std::chrono::steady_clock::now() + timeout;
    stage_ = Stage::kGreeting;
    reply_.clear();
    leaving_ = false;
    error_.fill('\0');
    curl_easy_reset(easy_);  // keeps the connection
    const bool tls = server.security == SmtpSecurity::kTls;
    const std::string host =
        server.host.contains(':') ? "[" + server.host + "]" : server.host;  // an IPv6 address
    const std::string url =
        fmt::format("{}://{}:{}/{}", tls ? "smtps" : "smtp", host, server.port,
                    server.client_name.empty() ? "localhost" : server.client_name);
    set(easy_, CURLOPT_URL, url.c_str());
    set(easy_, CURLOPT_PROTOCOLS_STR, tls ? "smtps" : "smtp");
    set(easy_, CURLOPT_ERRORBUFFER, error_.data());
    set(easy_, CURLOPT_PROXY, "");
    set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy_, CURLOPT_NOSIGNAL, 1L);
    set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (server.security != SmtpSecurity::kNone) {
      set(easy_, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    }
    if (!server.ca_file.empty()) set(easy_, CURLOPT_CAINFO, server.ca_file.c_str());
    if (!server.user.empty()) {
      set(easy_, CURLOPT_USERNAME, server.user.c_str());
      set(easy_, CURLOPT_PASSWORD, server.password.c_str());
      // What every server has. Others, such as GSSAPI, libcurl would prefer where they are offered.
      set(easy_, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    }
    const std::string from = fmt::format("<{}>", envelope.from);
    const std::string to = fmt::format("<{}>", envelope.to);
    set(easy_, CURLOPT_MAIL_FROM, from.c_str());
    curl_slist* recipients = curl_slist_append(nullptr, to.c_str());
    ERRAND_ASSERT(recipients != nullptr);
    set(easy_, CURLOPT_MAIL_RCPT, recipients);
    set(easy_, CURLOPT_UPLOAD, 1L);
    // For SIZE (RFC 1870).
    set(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(envelope.message.size()));
    set(easy_, CURLOPT_READFUNCTION, &Session::on_read);
    set(easy_, CURLOPT_READDATA, this);
    set(easy_, CURLOPT_NOPROGRESS, 0L);
    set(easy_, CURLOPT_XFERINFOFUNCTION, &Session::on_progress);
    set(easy_, CURLOPT_XFERINFODATA, this);
    set(easy_, CURLOPT_HEADERFUNCTION, &Session::on_reply);
    set(easy_, CURLOPT_HEADERDATA, this);
    set(easy_, CURLOPT_VERBOSE, 1L);  // what has commands handed to on_debug(), and prints nothing
    set(easy_, CURLOPT_DEBUGFUNCTION, &Session::on_debug);
    set(easy_, CURLOPT_DEBUGDATA, this);
    set(easy_, CURLOPT_SERVER_RESPONSE_TIMEOUT, kReplySeconds);
    set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max(timeout, Milliseconds(1)).count()));
    set(easy_, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::min(kConnectTimeout, std::max(timeout, Milliseconds(1))).count()));
    sent_all_ = false;
    const NoSigpipe no_sigpipe;
    const CURLcode code = curl_easy_perform(easy_);
    curl_slist_free_all(recipients);
    return result_of(code, server.host);
  }

  /// Whether its connection is good for another message.
  [[nodiscard]] bool reusable() const { return reusable_; }
  /// Whether the server said nothing at all to the last message.
  [[nodiscard]] bool was_silent() const { return reply_.empty() && stage_ <= Stage::kSender; }

 private:
  static std::size_t on_read(char* data, std::size_t one, std::size_t count, void* self) {
    auto& session = *static_cast<Session*>(self);
    const std::size_t bytes = std::min(one * count, session.left_.size());
    std::copy_n(session.left_.data(), bytes, data);
    session.left_.remove_prefix(bytes);
    if (session.left_.empty() && !session.sent_all_) {
      session.sent_all_ = true;
      session.stage_ = Stage::kMessage;
      const auto left = std::chrono::ceil<std::chrono::seconds>(session.ends_at_ -
                                                                std::chrono::steady_clock::now());
      session.wait_for_replies(std::max<long>(left.count(), 1));
    }
    return bytes;
  }

  /// A line of a reply.
  static std::size_t on_reply(char* data, std::size_t /*one*/, std::size_t bytes, void* self) {
    auto& session = *static_cast<Session*>(self);
    std::string_view line(data, bytes);
    if (session.leaving_) return bytes;
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    session.reply_.assign(line.substr(0, kReplyBytesMax));
    for (char& c : session.reply_) {
      if (c < 0x20 || c >= 0x7f) c = '?';
    }
    if (session.stage_ >= Stage::kSender && line.size() > 3 && line[0] >= '4') {
      session.wait_for_replies(kQuitSeconds);
    }
    return bytes;
  }

  static int on_debug(CURL* /*easy*/, curl_infotype type, char* data, std::size_t bytes,
                      void* self) {
    if (type != CURLINFO_HEADER_OUT) return 0;
    auto& session = *static_cast<Session*>(self);
    const std::string_view command(data, bytes);
    if (command.starts_with("QUIT")) session.leaving_ = true;
    for (const auto& [begin, stage] :
         {std::pair{"AUTH ", Stage::kLogin}, std::pair{"MAIL FROM:", Stage::kSender},
          std::pair{"RCPT TO:", Stage::kRecipient}, std::pair{"DATA", Stage::kData}}) {
      if (command.starts_with(begin)) session.stage_ = stage;
    }
    return 0;
  }

  void wait_for_replies(long seconds) { set(easy_, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds); }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Session*>(self)->stop_.stop_requested() ? 1 : 0;
  }

  [[nodiscard]] SmtpResult result_of(CURLcode code, const std::string& host) {
    using Kind = SmtpResult::Kind;
    long reply = 0;
    (void)curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &reply);
    SmtpResult result{.code = static_cast<int>(reply)};
    reusable_ = code == CURLE_OK;
    if (code == CURLE_OK) {
      result.kind = Kind::kAccepted;
      return result;
    }
    const std::string why = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
    if (reply >= 400) {
      result.text = fmt::format("{}, {}: {}", host, to_string(stage_), reply_);
    } else {
      result.text = fmt::format("{}, {}: {}", host, to_string(stage_), why);
    }
    switch (code) {
      case CURLE_USE_SSL_FAILED:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_SSL_CERTPROBLEM:
        result.kind = Kind::kMisconfigured;
        result.text = fmt::format("{}: no secure connection: {}", host, why);
        return result;
      case CURLE_LOGIN_DENIED:
        // 454 is a server that cannot check passwords now (RFC 4954, 4.7.1).
        result.kind = reply >= 400 && reply < 500 ? Kind::kTransient : Kind::kMisconfigured;
        return result;
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_CONNECT:
        result.kind = Kind::kUnreachable;
        return result;
      default:
        break;
    }
    // 354 asked for the message; anything from 400 on refused what was asked last.
    if (reply >= 500) {
      // Only what is said of the recipient or of the message is theirs; the rest is between the
      // server and us. 552 is a message that is too large.
      const bool login = reply == 530 || reply == 534 || reply == 535 || reply == 538;
      const bool ours = login || (stage_ < Stage::kRecipient && reply != 552);
      result.kind = ours ? Kind::kMisconfigured : Kind::kPermanent;
    } else if (reply >= 400) {
      result.kind = Kind::kTransient;
    } else if (sent_all_) {
      result.kind = Kind::kAmbiguous;
    } else {
      result.kind = reply == 0 ? Kind::kUnreachable : Kind::kTransient;
    }
    return result;
  }

  CURL* const easy_;
  std::string_view left_;  ///< of the message
  std::stop_token stop_;
  std::chrono::steady_clock::time_point ends_at_;
  Stage stage_ = Stage::kGreeting;
  std::string reply_;  ///< the server's last line before QUIT, for people
  bool leaving_ = false;
  bool sent_all_ = false;
  bool reusable_ = false;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

Result<std::unique_ptr<SmtpClient>> SmtpClient::create(SmtpServer server) {
  const auto invalid = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  if (server.host.empty()) return invalid("host is empty; name the mail server");
  if (server.port == 0) return invalid("port is 0; write 465, or 587 with security = \"starttls\"");
  const auto plain = [](const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  };
  if (!plain(server.host) || !plain(server.client_name)) {
    return invalid("host and client_name are names of machines");
  }
  if (server.security == SmtpSecurity::kNone && !is_loopback(server.host)) {
    if (!server.user.empty()) {
      return invalid(
          "the password would cross the network in the clear; write security = \"tls\" "
          "or \"starttls\"");
    }
    if (!server.allow_plain) {
      return invalid(
          "messages would cross the network in the clear; write security = \"tls\" or "
          "\"starttls\", or allow_plain = true where nobody else is on the way");
    }
  }
  static const CURLcode kGlobal = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kGlobal != CURLE_OK) return fail(ErrorCode::kInternal, "libcurl cannot be used");
  return std::unique_ptr<SmtpClient>(new SmtpClient(std::move(server)));
}

SmtpClient::SmtpClient(SmtpServer server) : server_(std::move(server)) {}
SmtpClient::~SmtpClient() = default;

SmtpResult SmtpClient::send(const Envelope& envelope, Milliseconds timeout, std::stop_token stop) {
  std::unique_ptr<Session> session;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      session = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  const bool used = session != nullptr;
  if (!used) session = std::make_unique<Session>();
  const auto ends_at = std::chrono::steady_clock::now() + timeout;
  SmtpResult result = session->send(server_, envelope, timeout, stop);
  if (used && !session->reusable() && session->was_silent() && !stop.stop_requested()) {
    // The server ended a kept connection in the moment of being used again; nothing was asked.
    const auto left =
        std::chrono::duration_cast<Milliseconds>(ends_at - std::chrono::steady_clock::now());
    session = std::make_unique<Session>();
    if (left > Milliseconds::zero()) result = session->send(server_, envelope, left, stop);
  }
  if (session->reusable()) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kIdleMax) idle_.push_back(std::move(session));
  }
  return result;
}

}  // namespace errand::outbound
