#pragma once

#include <expected>
#include <stop_token>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/contract/notify_rule.h"
#include "errand/worker/attempt.h"
#include "errand/worker/worker_message.h"

namespace errand::notification {

using contract::Milestone;
using contract::NotifyChannel;

/// Whom a message is for. Has one of subject, address and hook; a contact's address comes beside
/// its subject.
struct Recipient {
  TenantId tenant;
  SubjectId subject;    ///< a user; empty: none
  std::string address;  ///< of mail; empty: the subject's contact tells
  std::string hook;     ///< names a chat's webhook of the settings; empty: none

  friend bool operator==(const Recipient&, const Recipient&) = default;
};

/// What is sent, in the channel's form. A plain value.
struct Message {
  std::string id;  ///< names it, the same at each attempt and after restarts: [a-z0-9-]
  Recipient recipient;
  std::string category;
  bool mandatory = false;
  std::string title;            ///< one line
  std::string text;             ///< plain; of a chat: escaped as it wants it
  std::string html;             ///< of mail; empty: none
  std::string link;             ///< where more is to be seen; empty: nowhere
  std::string unsubscribe_url;  ///< RFC 8058; empty: it cannot be unsubscribed from
  boost::json::object data;     ///< for programs: job, type, milestone
  Timestamp time{};             ///< when it came to be, the same at each attempt
};

/// It was taken.
struct Sent {
  std::string provider;   ///< that took it; empty where there is but one
  std::string reference;  ///< as which it is known there, such as a Message-ID; may be empty
};

/// A message was sent, or not: then the failure says whether another attempt may fare better. Code
/// kNoRecipient tells that nobody is to be reached there.
using SendOutcome = std::expected<Sent, worker::Failure>;
inline constexpr const char* kNoRecipient = "NO_RECIPIENT";

/// One way to tell people something. Thread-safe.
class Channel {
 public:
  virtual ~Channel() = default;

  /// Sends one message, on the executor of the awaiting coroutine, which it must not block.
  /// @param timeout  it ends by then, having sent it or not; > 0
  /// @param stop     ends it soon, as a failure that may pass
  virtual boost::asio::awaitable<SendOutcome> send(const Message& message, Milliseconds timeout,
                                                   std::stop_token stop) = 0;
};

/// Sends within what is left of an attempt, and some time before its end, so that the outcome still
/// counts. A message that the server's own end breaks off is released: it costs no attempt.
boost::asio::awaitable<std::expected<Sent, worker::Outcome>> send_within(
    Channel& channel, const Message& message, const worker::Attempt& attempt);

}  // namespace errand::notification
