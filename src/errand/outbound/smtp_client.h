#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::outbound {

/// How mail reaches a server, and is kept from others on its way.
enum class SmtpSecurity : std::uint8_t {
  kTls,       ///< from the first byte: port 465 (RFC 8314)
  kStartTls,  ///< STARTTLS, without which nothing is sent: port 587 (RFC 3207)
  kNone,      ///< in the clear: for a relay on the same machine
};

/// A mail server that takes messages for others. A plain value.
struct SmtpServer {
  std::string host;
  std::uint16_t port = 465;
  SmtpSecurity security = SmtpSecurity::kTls;
  std::string user;          ///< empty: no AUTH
  std::string password;      ///< sent over TLS alone, or to loopback
  bool allow_plain = false;  ///< kNone beyond loopback: anyone on the way reads the messages
  std::string ca_file;       ///< certificates to trust instead of the system's; empty: those
  std::string client_name;   ///< of EHLO: this machine's, as others know it; empty: "localhost"
};

/// What became of one message to one recipient.
struct SmtpResult {
  enum class Kind : std::uint8_t {
    kAccepted,       ///< 250 after the message: the server is responsible for it now
    kTransient,      ///< 4yz: later it may be taken
    kPermanent,      ///< 5yz: this message or recipient is never taken
    kMisconfigured,  ///< refused login or sender, no TLS, a certificate that is not to be trusted
    kUnreachable,    ///< nobody answered, before anything was sent
    kAmbiguous,      ///< the message was sent whole, but no reply came: it may have been taken
  };

  Kind kind = Kind::kUnreachable;
  int code = 0;      ///< of the server's last reply; 0: none
  std::string text;  ///< for people; holds no secret
};

/// Sends mail over SMTP (RFC 5321) by libcurl, each message to one recipient, so that a refused one
/// concerns nobody else. Connections are kept and used again.
///
/// A server has a minute for each reply before the message, so that there is time left for another
/// server; the last reply, which RFC 5321, 4.5.3.2 grants ten minutes, may take all that is left of
/// the timeout, since whoever stops waiting for it may send the message twice.
///
/// send() blocks, until its timeout at most: call it on threads of a pool. TLS is 1.2 or newer, and
/// verified. Thread-safe.
class SmtpClient {
 public:
  /// @return kInvalidArgument naming a bad option: no host, a user without TLS beyond loopback
  static Result<std::unique_ptr<SmtpClient>> create(SmtpServer server);
  ~SmtpClient();
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  /// What is sent: the envelope and the message as mail_message() writes it. All must outlive the
  /// call.
  struct Envelope {
    std::string_view from;     ///< address of the return path
    std::string_view to;       ///< address of the recipient
    std::string_view message;  ///< lines end in CRLF
  };

  /// @param timeout  of all of it, the wait for the last reply included; > 0
  /// @param stop     ends it within a second or so
  [[nodiscard]] SmtpResult send(const Envelope& envelope, Milliseconds timeout,
                                std::stop_token stop);

 private:
  class Session;

  explicit SmtpClient(SmtpServer server);

  const SmtpServer server_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;  ///< guarded by mutex_; at most kIdleMax
};

}  // namespace errand::outbound
