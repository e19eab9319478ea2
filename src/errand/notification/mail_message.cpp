#include "errand/notification/mail_message.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errand/base/utf8.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/notification/user_book.h"

namespace errand::notification {
namespace {

constexpr std::size_t kEncodedLineMax = 76;   // RFC 2045, 6.7
constexpr std::size_t kEncodedWordMax = 75;   // RFC 2047, 2
constexpr std::size_t kPlainHeaderMax = 200;  // lines of 998 characters are the end (RFC 5322)
constexpr std::size_t kUrlMax = 900;
constexpr std::string_view kHex = "0123456789ABCDEF";

struct Header {
  std::string name;
  std::string value;
};

bool is_ascii_line(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void append_quoted(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '=';
  out += kHex[byte >> 4U];
  out += kHex[byte & 0xfU];
}

/// The end of the character of UTF-8 that begins at `at`.
std::size_t character_end(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) ++at;
  return at;
}

/// Unstructured text of a header: as it is, or in encoded words that are folded (RFC 2047, "Q").
std::string header_text(std::string_view text) {
  // What looks like an encoded word is encoded too, so that it is read as it was written; so is
  // what would make a line too long, as encoded words can be folded anywhere.
  if (is_ascii_line(text) && !text.contains("=?") && text.size() <= kPlainHeaderMax) {
    return std::string(text);
  }
  constexpr std::string_view kBegin = "=?UTF-8?Q?";
  std::string out;
  std::string word;
  const auto flush = [&] {
    if (!out.empty()) out += "\r\n ";
    out += std::string(kBegin) + word + "?=";
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = character_end(text, at);
    std::string encoded;
    for (; at < end; ++at) {
      const char c = text[at];
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (c == ' ') {
        encoded += '_';
      } else if (plain) {
        encoded += c;
      } else {
        append_quoted(encoded, c);
      }
    }
    // A character is never parted (RFC 2047, 5).
    if (kBegin.size() + word.size() + encoded.size() + 2 > kEncodedWordMax) flush();
    word += encoded;
  }
  if (!word.empty() || out.empty()) flush();
  return out;
}

std::string mailbox_text(const Mailbox& mailbox) {
  if (mailbox.name.empty()) return mailbox.address;
  const bool atoms = std::ranges::all_of(mailbox.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ';
  });
  if (atoms) return fmt::format("{} <{}>", mailbox.name, mailbox.address);
  if (!is_ascii_line(mailbox.name)) {
    return fmt::format("{} <{}>", header_text(mailbox.name), mailbox.address);
  }
  std::string quoted;
  for (const char c : mailbox.name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("\"{}\" <{}>", quoted, mailbox.address);
}

/// RFC 5322, 3.3: "Tue, 01 Dec 2026 02:09:17 +0000"
std::string date_text(Timestamp time) {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{std::chrono::sys_days(
      std::chrono::duration_cast<std::chrono::days>(days.time_since_epoch()))};
  const std::chrono::weekday weekday{std::chrono::sys_days(
      std::chrono::duration_cast<std::chrono::days>(days.time_since_epoch()))};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time - days).count();
  return fmt::format(
      "{}, {:02} {} {} {:02}:{:02}:{:02} +0000", kDays[weekday.c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), seconds / 3'600, seconds / 60 % 60, seconds % 60);
}

/// Quoted-printable (RFC 2045, 6.7), with ends of lines as CRLF.
std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t line = 0;
  const auto put = [&](std::string_view piece) {
    // The soft break takes the last place.
    if (line + piece.size() > kEncodedLineMax - 1) {
      out += "=\r\n";
      line = 0;
    }
    out += piece;
    line += piece.size();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (c == '\n' || c == '\r') {
      out += "\r\n";
      line = 0;
      continue;
    }
    const bool last = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
    const bool blank_at_end = (c == ' ' || c == '\t') && last;
    if (((c >= 0x20 && c < 0x7f && c != '=') || c == '\t') && !blank_at_end) {
      put({&c, 1});
    } else {
      std::string quoted;
      append_quoted(quoted, c);
      put(quoted);
    }
  }
  if (line > 0) out += "\r\n";
  return out;
}

std::string part(std::string_view type, std::string_view text) {
  return fmt::format(
      "Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}",
      type, quoted_printable(text));
}

/// Canonical form "relaxed" of a header (RFC 6376, 3.4.2).
std::string relaxed_header(const Header& header) {
  std::string out;
  for (const char c : header.name) {
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  out += ':';
  bool blank = false;
  bool begun = false;
  for (const char c : header.value) {
    if (c == '\r' || c == '\n') continue;
    if (c == ' ' || c == '\t') {
      blank = true;
      continue;
    }
    if (blank && begun) out += ' ';
    blank = false;
    begun = true;
    out += c;
  }
  return out;
}

/// Canonical form "relaxed" of a body (RFC 6376, 3.4.4).
std::string relaxed_body(std::string_view body) {
  std::string out;
  std::size_t empty_lines = 0;
  while (!body.empty()) {
    const std::size_t end = body.find("\r\n");
    std::string_view line = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 2);
    std::string reduced;
    bool blank = false;
    for (const char c : line) {
      if (c == ' ' || c == '\t') {
        blank = true;
        continue;
      }
      if (blank) reduced += ' ';
      blank = false;
      reduced += c;
    }
    if (reduced.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) out += "\r\n";
    out += reduced + "\r\n";
  }
  return out;
}

/// The value of DKIM-Signature over `headers`, all of which are signed, and those of `kOversigned`
/// once more, so that none can be added.
std::string dkim_value(const std::vector<Header>& headers, std::string_view body, Timestamp date,
                       const DkimKey& dkim) {
  constexpr std::array kOversigned{"from", "to", "subject", "list-unsubscribe",
                                   "list-unsubscribe-post"};
  std::string names;
  std::string to_sign;
  for (const Header& header : headers) {
    const std::string relaxed = relaxed_header(header);
    names += (names.empty() ? "" : ":") + relaxed.substr(0, relaxed.find(':'));
    to_sign += relaxed + "\r\n";
  }
  for (const char* name : kOversigned) names += std::string(":") + name;
  const bool rsa = dkim.key.kind() == crypto::SigningKey::Kind::kRsa;
  std::string value = fmt::format(
      "v=1; a={}-sha256; c=relaxed/relaxed; d={}; s={};\r\n t={};\r\n h={};\r\n bh={};\r\n b=",
      rsa ? "rsa" : "ed25519", dkim.domain, dkim.selector,
      std::chrono::duration_cast<std::chrono::seconds>(date.time_since_epoch()).count(), names,
      crypto::to_base64(crypto::sha256(relaxed_body(body))));
  to_sign += relaxed_header({"DKIM-Signature", value});
  const std::string signature = crypto::to_base64(dkim.key.sign_sha256(to_sign));
  // Folded, as long lines are not for everybody.
  for (std::size_t at = 0; at < signature.size(); at += 70) {
    value += (at == 0 ? "" : "\r\n ") + signature.substr(at, 70);
  }
  return value;
}

std::string domain_of(std::string_view address) {
  return std::string(address.substr(address.find('@') + 1));
}

}  // namespace

std::optional<Mailbox> parse_mailbox(std::string_view text) {
  const auto open = text.rfind('<');
  Mailbox mailbox;
  if (open == std::string_view::npos) {
    mailbox.address = text;
  } else {
    if (!text.ends_with('>')) return std::nullopt;
    mailbox.address = text.substr(open + 1, text.size() - open - 2);
    std::string_view name = text.substr(0, open);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) {
      name = name.substr(1, name.size() - 2);
    }
    mailbox.name = name;
  }
  if (!is_mail_address(mailbox.address) || has_control(mailbox.name)) return std::nullopt;
  return mailbox;
}

std::string message_id(const Mail& mail) {
  return fmt::format("<{}@{}>", mail.id, domain_of(mail.from.address));
}

Result<std::string> write_mail(const Mail& mail, const DkimKey* dkim) {
  const auto invalid = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  for (const Mailbox* box : {&mail.from, &mail.to}) {
    if (!is_mail_address(box->address)) {
      return invalid("\"" + box->address + "\" is no address that mail can be sent to.");
    }
    if (has_control(box->name) || !is_valid_utf8(box->name)) {
      return invalid("The name beside an address holds control characters.");
    }
  }
  if (has_control(mail.subject) || !is_valid_utf8(mail.subject)) {
    return invalid("The subject holds control characters, such as the end of a line.");
  }
  if (!is_ascii_line(mail.unsubscribe_url) ||
      mail.unsubscribe_url.find_first_of("<> ") != std::string::npos ||
      mail.unsubscribe_url.size() > kUrlMax) {
    return invalid("The link to unsubscribe is no URL, or longer than 900 characters.");
  }
  if (!is_valid_utf8(mail.text) || !is_valid_utf8(mail.html)) {
    return invalid("The text is not UTF-8.");
  }
  std::vector<Header> headers{
      {"Date", date_text(mail.date)},   {"From", mailbox_text(mail.from)},
      {"To", mailbox_text(mail.to)},    {"Subject", header_text(mail.subject)},
      {"Message-ID", message_id(mail)}, {"Auto-Submitted", "auto-generated"},
      {"MIME-Version", "1.0"}};
  if (!mail.unsubscribe_url.empty()) {
    headers.push_back({"List-Unsubscribe", "<" + mail.unsubscribe_url + ">"});
    // One click goes over HTTPS alone (RFC 8058, 3.1).
    if (mail.unsubscribe_url.starts_with("https://")) {
      headers.push_back({"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"});
    }
  }
  std::string body;
  if (mail.html.empty()) {
    headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
    headers.push_back({"Content-Transfer-Encoding", "quoted-printable"});
    body = quoted_printable(mail.text);
  } else {
    // Quoted-printable holds no "=_", so that the boundary is in no part (RFC 2045, 6.7).
    const std::string boundary = "=_" + mail.id;
    headers.push_back({"Content-Type", "multipart/alternative;\r\n boundary=\"" + boundary + "\""});
    body = fmt::format("--{0}\r\n{1}--{0}\r\n{2}--{0}--\r\n", boundary,
                       part("text/plain", mail.text), part("text/html", mail.html));
  }
  std::string message;
  if (dkim != nullptr) {
    message += "DKIM-Signature: " + dkim_value(headers, body, mail.date, *dkim) + "\r\n";
  }
  for (const Header& header : headers) message += header.name + ": " + header.value + "\r\n";
  return message + "\r\n" + body;
}

}  // namespace errand::notification
