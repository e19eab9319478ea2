#include "errand/notification/mail_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::notification {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;
using testing::Not;

Mail mail() {
  return {.id = "0192-a",
          .from = {.name = "Errand", .address = "errand@example.org"},
          .to = {.address = "anna@example.org"},
          .subject = "It is done",
          .text = "All is well.\n",
          .date = Timestamp(std::chrono::milliseconds(1'796'090'957'123))};
}

std::string written(const Mail& each) {
  const auto text = write_mail(each, nullptr);
  EXPECT_TRUE(text) << text.error().message;
  return text.value_or("");
}

void expect_good_lines(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find("\r\n", begin);
    ASSERT_NE(end, std::string_view::npos);
    EXPECT_LE(end - begin, 998U);
    EXPECT_FALSE(text.substr(begin, end - begin).contains('\n'));
    EXPECT_FALSE(text.substr(begin, end - begin).contains('\r'));
    begin = end + 2;
  }
}

TEST(MailMessage, HasTheHeadersOfAMailThatAProgramSends) {
  Mail each = mail();
  each.unsubscribe_url = "https://errand.example/u/1";
  const std::string text = written(each);
  for (const char* line :
       {"Date: Tue, 01 Dec 2026 02:09:17 +0000\r\n", "From: Errand <errand@example.org>\r\n",
        "To: anna@example.org\r\n", "Subject: It is done\r\n",
        "Message-ID: <0192-a@example.org>\r\n", "MIME-Version: 1.0\r\n",
        "Auto-Submitted: auto-generated\r\n", "List-Unsubscribe: <https://errand.example/u/1>\r\n",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(text, written(each));
  EXPECT_THAT(written(mail()), Not(HasSubstr("List-Unsubscribe")));
}

TEST(MailMessage, RefusesWhatWouldAddAHeader) {
  for (const std::string_view bad :
       {"a\r\nBcc: x@example.org"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "a\x7f"sv}) {
    Mail each = mail();
    each.subject = bad;
    EXPECT_FALSE(write_mail(each, nullptr));
    each = mail();
    each.from.name = bad;
    EXPECT_FALSE(write_mail(each, nullptr));
    each = mail();
    each.to.name = bad;
    EXPECT_FALSE(write_mail(each, nullptr));
    each = mail();
    each.to.address = std::string(bad) + "@example.org";
    EXPECT_FALSE(write_mail(each, nullptr));
    each = mail();
    each.unsubscribe_url = "https://x/" + std::string(bad);
    EXPECT_FALSE(write_mail(each, nullptr));
  }
  for (const char* url : {"https://x/>", "https://x/ y", "https://x/<"}) {
    Mail each = mail();
    each.unsubscribe_url = url;
    EXPECT_FALSE(write_mail(each, nullptr)) << url;
  }
}

TEST(MailMessage, RefusesRecipientsThatAreNoAddresses) {
  for (const char* address :
       {"", "anna", "@example.org", "anna@", "anna@@example.org", "anna@example..org",
        "an na@example.org", "<anna@example.org>", "a@example.org,b@example.org", "ä@example.org",
        "anna@exämple.org", ".a@example.org", "a..b@example.org", "\"a b\"@example.org",
        "a@[127.0.0.1]", "a@example.org\r\nRCPT TO:<b@example.org>"}) {
    Mail each = mail();
    each.to.address = address;
    EXPECT_FALSE(write_mail(each, nullptr)) << address;
  }
  for (const char* address : {"a@localhost", "anna+x@mail.example.org", "o'neil@example.org"}) {
    Mail each = mail();
    each.to.address = address;
    EXPECT_TRUE(write_mail(each, nullptr)) << address;
  }
}

TEST(MailMessage, KeepsLinesShortAndAscii) {
  for (const std::string_view piece :
       {"x"sv, "ä"sv, "=?UTF-8?"sv, "😀"sv, " x"sv, "\t"sv, "="sv, "."sv}) {
    Mail each = mail();
    each.subject.clear();
    while (each.subject.size() < 3'000) each.subject += piece == "\t" ? "y" : piece;
    each.text.clear();
    while (each.text.size() < 5'000) each.text += piece;
    each.html = each.text;
    const std::string text = written(each);
    expect_good_lines(text);
    for (const char c : text)
      EXPECT_TRUE(c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7f) || c == '\t');
  }
  for (const char* text : {"", "\n", "\r", "a\rb\nc\r\nd", "no end", "trailing \n", "trailing\t"}) {
    Mail each = mail();
    each.text = text;
    expect_good_lines(written(each));
    each.html = text;
    expect_good_lines(written(each));
  }
}

TEST(MailMessage, RefusesTextThatIsNotUtf8) {
  for (std::string Mail::* part : {&Mail::subject, &Mail::text, &Mail::html}) {
    Mail each = mail();
    each.*part = "\xff";
    EXPECT_FALSE(write_mail(each, nullptr));
  }
}

TEST(MailMessage, ReadsMailboxes) {
  EXPECT_EQ(parse_mailbox("a@example.org")->address, "a@example.org");
  EXPECT_EQ(parse_mailbox("A B <a@example.org>")->name, "A B");
  EXPECT_EQ(parse_mailbox("\"A, B\" <a@example.org>")->name, "A, B");
  for (const char* text : {"", "A B", "A <a>", "<a@example.org", "A\n <a@example.org>"}) {
    EXPECT_FALSE(parse_mailbox(text)) << text;
  }
  Mail each = mail();
  each.from.name = "A, \"B\"";
  EXPECT_THAT(written(each), HasSubstr("From: \"A, \\\"B\\\"\" <errand@example.org>\r\n"));
  each.from.name = "Österreich";
  EXPECT_THAT(written(each),
              HasSubstr("From: =?UTF-8?Q?=C3=96sterreich?= <errand@example.org>\r\n"));
}

}  // namespace
}  // namespace errand::notification
