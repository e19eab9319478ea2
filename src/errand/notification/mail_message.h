#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/crypto/signing_key.h"

namespace errand::notification {

/// A mailbox: "Errand <errand@example.org>".
struct Mailbox {
  std::string name;  ///< for people; may be empty
  std::string address;

  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};

/// "a@example.org" or "Name <a@example.org>".
/// @return nullopt for what is none
std::optional<Mailbox> parse_mailbox(std::string_view text);

/// A key that a domain publishes (DKIM, RFC 6376).
struct DkimKey {
  std::string domain;
  std::string selector;
  crypto::SigningKey key;
};

/// A mail as it is sent. A plain value.
struct Mail {
  std::string id;  ///< left part of the Message-ID, the same whenever it is sent again
  Mailbox from;
  Mailbox to;
  std::string subject;          ///< UTF-8
  std::string text;             ///< UTF-8
  std::string html;             ///< UTF-8; empty: none
  std::string unsubscribe_url;  ///< empty: none
  Timestamp date{};
};

/// The Message-ID of a mail: "<id@domain of its sender>".
std::string message_id(const Mail& mail);

/// Writes `mail` as RFC 5322 wants it, with lines that end in CRLF: headers (RFC 2047 where they
/// are not ASCII), plain text and HTML as multipart/alternative in quoted-printable (RFC 2045),
/// marked as made by a program (RFC 3834), with a one-click link to unsubscribe (RFC 8058). Equal
/// mails give equal bytes. We compose the bytes ourselves, rather than libcurl, since DKIM signs
/// them.
///
/// @param dkim  signs it; null: nothing does
/// @return kInvalidArgument for a control character in a header, or an address that is none
Result<std::string> write_mail(const Mail& mail, const DkimKey* dkim);

}  // namespace errand::notification
