#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/worker/worker_message.h"

namespace errand::notification {

/// The ways in which a person can be told of something.
enum class ChannelKind : std::uint8_t { kMail, kWebPush, kInbox, kSlack };

/// "MAIL", "WEB_PUSH", "INBOX" or "SLACK".
std::string_view to_string(ChannelKind kind) noexcept;
/// Reads what to_string() writes; nullopt for anything else.
std::optional<ChannelKind> parse_channel_kind(std::string_view text) noexcept;

/// Who is told.
struct Recipient {
  TenantId tenant;
  SubjectId subject;  ///< may be empty, where the address alone says who
  /// A mail address, or the name of a Slack hook; empty where the channel looks it up by the
  /// subject, or needs none.
  std::string address;
  std::string locale;  ///< that the message was rendered for; may be empty
};

/// One message to one recipient over one channel, rendered: what a channel sends is in here alone.
struct Message {
  std::string id;  ///< the same at all attempts and over restarts; 1 .. 64 of A-Z a-z 0-9 - _ .
  Recipient recipient;
  std::string category;
  bool mandatory = false;
  std::string title;  ///< one line: the subject of a mail
  std::string text;
  std::string html;             ///< the same as HTML; may be empty
  std::string link;             ///< what it is about, for people; may be empty
  std::string unsubscribe_url;  ///< of RFC 8058, https; empty: none
  boost::json::object data;     ///< for programs, where the channel has room for it
  Timestamp time;               ///< when it came to be, the same at all attempts
};

/// What became of a message that was sent.
struct Sent {
  std::string provider;   ///< that took it, by its name in the settings
  std::string reference;  ///< there: the Message-ID, or the push service's Location
};

using SendOutcome = std::expected<Sent, worker::Failure>;

/// One way to tell people: takes a message to whoever carries it on. Thread-safe.
///
/// A channel makes one attempt, which may try several providers, and says whether another one can
/// fare better: when that is and how often is the job's business. Each attempt at one Message::id
/// says the same to its receiver, so that one which was carried out twice can be told.
class Channel {
 public:
  virtual ~Channel() = default;

  [[nodiscard]] virtual ChannelKind kind() const = 0;

  /// Makes one attempt to send `message`.
  /// @param timeout  for all of it, providers that fail over included
  virtual boost::asio::awaitable<SendOutcome> send(const Message& message,
                                                   Milliseconds timeout) = 0;
};

}  // namespace errand::notification
