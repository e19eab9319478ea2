#include "errand/outbound/smtp_client.h"

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/outbound/http_client_test_server.h"

namespace errand::outbound {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = SmtpResult::Kind;

/// Speaks SMTP in the clear as a test says; remembers what came.
class SmtpSink {
 public:
  /// Reply to a command, by what that begins with: "RCPT", "." for the end of a message, "220" for
  /// the greeting. One that is empty ends the connection; "-" says nothing more.
  using Replies = std::map<std::string, std::string>;

  explicit SmtpSink(Replies replies = {})
      : replies_(std::move(replies)),
        server_([this](TestServer::Connection& connection) { serve(connection); }) {}

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] int connections() const { return server_.connections(); }
  [[nodiscard]] SmtpServer here() const {
    return {.host = "127.0.0.1", .port = port(), .security = SmtpSecurity::kNone};
  }
  void end_at_second_mail() { one_mail_ = true; }
  void reply(const std::string& command, const std::string& text) {
    const std::lock_guard lock(mutex_);
    replies_[command] = text;
  }
  std::vector<std::string> commands() {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  static bool read_until(int socket, std::string& buffer, std::string_view end) {
    char data[4'096];
    while (!buffer.contains(end)) {
      const ssize_t bytes = ::recv(socket, data, sizeof data, 0);
      if (bytes <= 0) return false;
      buffer.append(data, static_cast<std::size_t>(bytes));
    }
    return true;
  }

  /// False where the connection is to end.
  bool answer(TestServer::Connection& connection, const std::string& command,
              const std::string& otherwise) {
    std::string text = otherwise;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = replies_.find(command); found != replies_.end()) text = found->second;
    }
    if (text == "-") {
      connection.wait_for_end();
      return false;
    }
    return !text.empty() && connection.send(text + "\r\n") && !text.starts_with("421");
  }

  void serve(TestServer::Connection& connection) {
    if (!answer(connection, "220", "220 sink")) return;
    std::string buffer;
    int mails = 0;
    while (read_until(connection.socket(), buffer, "\r\n")) {
      const std::string line = buffer.substr(0, buffer.find("\r\n"));
      buffer.erase(0, line.size() + 2);
      {
        const std::lock_guard lock(mutex_);
        commands_.push_back(line);
      }
      const std::string verb = line.substr(0, 4);
      if (verb == "MAIL" && ++mails == 2 && one_mail_) return;
      if (verb == "DATA") {
        if (!answer(connection, verb, "354 go on")) return;
        const std::lock_guard lock(mutex_);
        if (replies_.contains("DATA")) continue;
      } else {
        if (!answer(connection, verb, verb == "EHLO" ? "250-sink\r\n250 8BITMIME" : "250 ok"))
          return;
        if (verb == "QUIT") return;
        continue;
      }
      if (!read_until(connection.socket(), buffer, "\r\n.\r\n")) return;
      const std::size_t size = buffer.find("\r\n.\r\n") + 2;
      {
        const std::lock_guard lock(mutex_);
        messages_.push_back(buffer.substr(0, size));
      }
      buffer.erase(0, size + 3);
      if (!answer(connection, ".", "250 taken")) return;
    }
  }

  std::atomic<bool> one_mail_ = false;
  std::mutex mutex_;
  Replies replies_;
  std::vector<std::string> commands_;
  std::vector<std::string> messages_;
  TestServer server_;
};

constexpr std::string_view kMail = "Subject: x\r\n\r\n.dot\r\nend\r\n";

SmtpResult send(SmtpClient& client, Milliseconds timeout = 20s) {
  return client.send({.from = "a@example.org", .to = "b@example.org", .message = kMail}, timeout,
                     {});
}

std::unique_ptr<SmtpClient> client_of(SmtpServer server) {
  return SmtpClient::create(std::move(server)).value();
}

SmtpResult result_with(SmtpSink::Replies replies) {
  const SmtpSink sink(std::move(replies));
  return send(*client_of(sink.here()));
}

TEST(SmtpClient, SendsMessagesOverOneConnection) {
  SmtpSink sink;
  const auto client = client_of(sink.here());
  for (int i = 0; i < 3; ++i) {
    const auto result = send(*client);
    EXPECT_EQ(result.kind, Kind::kAccepted) << result.text;
    EXPECT_EQ(result.code, 250);
  }
  EXPECT_EQ(sink.connections(), 1);
  EXPECT_THAT(sink.messages(), ElementsAre("Subject: x\r\n\r\n..dot\r\nend\r\n", testing::_,
                                           testing::_));  // RFC 5321, 4.5.2
  EXPECT_THAT(sink.commands(), testing::Contains("MAIL FROM:<a@example.org>"));
  EXPECT_THAT(sink.commands(), testing::Contains("RCPT TO:<b@example.org>"));
}

TEST(SmtpClient, TellsWhoseFaultARefusalIs) {
  // Between the server and us: another server may take the message.
  for (const char* command : {"220", "EHLO", "MAIL"}) {
    // After a refused EHLO comes HELO.
    const auto result = result_with({{command, "554 5.7.1 not from you"}, {"HELO", "554 no"}});
    EXPECT_EQ(result.kind, Kind::kMisconfigured) << command << " " << result.text;
  }
  EXPECT_EQ(result_with({{"RCPT", "530 5.7.0 log in first"}}).kind, Kind::kMisconfigured);
  // The recipient's or the message's.
  for (const char* command : {"RCPT", "DATA", "."}) {
    const auto result = result_with({{command, "550 5.1.1 no such user"}});
    EXPECT_EQ(result.kind, Kind::kPermanent) << command << " " << result.text;
    EXPECT_EQ(result.code, 550);
    EXPECT_THAT(result.text, HasSubstr("550 5.1.1 no such user"));
  }
  EXPECT_EQ(result_with({{"MAIL", "552 too large"}}).kind, Kind::kPermanent);
}

TEST(SmtpClient, TellsWhatMayPass) {
  for (const char* command : {"220", "MAIL", "RCPT", "DATA", "."}) {
    const auto busy = result_with({{command, "451 4.3.0 later"}});
    EXPECT_EQ(busy.kind, Kind::kTransient) << command << " " << busy.text;
    const auto shutting_down = result_with({{command, "421 going down"}});
    EXPECT_EQ(shutting_down.kind, Kind::kTransient) << command << " " << shutting_down.text;
  }
  for (const char* command : {"MAIL", "RCPT", "DATA"}) {
    const auto cut = result_with({{command, ""}});
    EXPECT_EQ(cut.kind, Kind::kTransient) << command << " " << cut.text;
  }
  EXPECT_EQ(result_with({{"220", ""}}).kind, Kind::kUnreachable);
  EXPECT_EQ(
      send(*client_of({.host = "127.0.0.1", .port = 1, .security = SmtpSecurity::kNone})).kind,
      Kind::kUnreachable);
}

TEST(SmtpClient, AMessageWithoutAReplyMayHaveBeenTaken) {
  EXPECT_EQ(result_with({{".", ""}}).kind, Kind::kAmbiguous);
  const SmtpSink silent({{".", "-"}});
  const auto client = client_of(silent.here());
  // A machine that is slow enough does not come so far in that time.
  SmtpResult unanswered;
  for (Milliseconds patience = 1s; patience < 1min; patience *= 2) {
    unanswered = send(*client, patience);
    if (unanswered.kind == Kind::kAmbiguous) break;
  }
  EXPECT_EQ(unanswered.kind, Kind::kAmbiguous);
  // Before that it was surely not.
  for (const char* command : {"220", "MAIL", "RCPT", "DATA"}) {
    const SmtpSink sink({{command, "-"}});
    const auto result = send(*client_of(sink.here()), 500ms);
    EXPECT_TRUE(result.kind == Kind::kTransient || result.kind == Kind::kUnreachable) << command;
  }
}

TEST(SmtpClient, AConnectionThatEndedMeanwhileIsReplaced) {
  // Each connection ends, without a word, at its second MAIL.
  SmtpSink sink;
  sink.end_at_second_mail();
  const auto client = client_of(sink.here());
  for (int i = 0; i < 3; ++i) {
    const auto result = send(*client);
    EXPECT_EQ(result.kind, Kind::kAccepted) << result.text;
  }
  EXPECT_EQ(sink.connections(), 3);
  EXPECT_EQ(sink.messages().size(), 3U);
}

TEST(SmtpClient, AStopEndsItSoon) {
  SmtpSink sink({{"RCPT", "-"}});
  const auto client = client_of(sink.here());
  std::stop_source stop;
  auto result = std::async(std::launch::async, [&] {
    return client->send({.from = "a@example.org", .to = "b@example.org", .message = kMail}, 60s,
                        stop.get_token());
  });
  while (sink.commands().size() < 3) std::this_thread::yield();  // EHLO, MAIL, RCPT
  stop.request_stop();
  EXPECT_EQ(result.wait_for(20s), std::future_status::ready);
  EXPECT_NE(result.get().kind, Kind::kAccepted);
}

TEST(SmtpClient, AServerThatDoesNotSayGoodbyeHoldsUpNothing) {
  SmtpSink sink({{"QUIT", "-"}});
  auto client = client_of(sink.here());
  ASSERT_EQ(send(*client).kind, Kind::kAccepted);
  const auto begin = std::chrono::steady_clock::now();
  client.reset();
  // After a refusal too.
  sink.reply("RCPT", "550 no");
  client = client_of(sink.here());
  EXPECT_EQ(send(*client).kind, Kind::kPermanent);
  client.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);  // libcurl's own patience is 2 min
}

TEST(SmtpClient, NothingGoesOutWithoutTheTlsThatWasAskedFor) {
  SmtpSink sink;  // offers no STARTTLS, as somebody on the way would have it
  SmtpServer server = sink.here();
  server.security = SmtpSecurity::kStartTls;
  server.user = "anna";
  server.password = "secret";
  auto result = send(*client_of(server));
  EXPECT_EQ(result.kind, Kind::kMisconfigured);
  EXPECT_THAT(sink.commands(), testing::Each(testing::AnyOf(testing::StartsWith("EHLO"), "QUIT")));
  // One that says STARTTLS and speaks no TLS.
  SmtpSink liar({{"EHLO", "250-sink\r\n250 STARTTLS"}, {"STAR", "220 go on"}});
  server.port = liar.port();
  result = send(*client_of(server), 3s);
  EXPECT_NE(result.kind, Kind::kAccepted);
  for (const std::string& command : liar.commands()) EXPECT_THAT(command, Not(HasSubstr("MAIL")));
  // Implicit TLS to a server that speaks first.
  server.port = sink.port();
  server.security = SmtpSecurity::kTls;
  result = send(*client_of(server));
  EXPECT_EQ(result.kind, Kind::kMisconfigured) << result.text;
}

TEST(SmtpClient, LogsInByPlainOrLoginAlone) {
  SmtpSink sink({{"EHLO", "250-sink\r\n250 AUTH GSSAPI CRAM-MD5 PLAIN LOGIN"},
                 {"AUTH", "334 "},
                 {"AGFu", "235 welcome"}});
  SmtpServer server = sink.here();
  server.user = "anna";
  server.password = "secret";
  const auto accepted = send(*client_of(server));
  EXPECT_EQ(accepted.kind, Kind::kAccepted) << accepted.text;
  EXPECT_THAT(sink.commands(), testing::IsSupersetOf({"AUTH PLAIN", "AGFubmEAc2VjcmV0"}));
  sink.reply("AGFu", "535 5.7.8 wrong");
  const auto refused = send(*client_of(server));
  EXPECT_EQ(refused.kind, Kind::kMisconfigured);
  EXPECT_THAT(refused.text, Not(HasSubstr("secret")));
  sink.reply("AGFu", "454 4.7.0 the directory is away");
  EXPECT_EQ(send(*client_of(server)).kind, Kind::kTransient);
}

TEST(SmtpClient, RefusesServersThatWouldTellSecrets) {
  const auto refusal = [](const SmtpServer& server) {
    const auto client = SmtpClient::create(server);
    return client ? "" : client.error().message;
  };
  SmtpServer server{.host = "mail.example.org", .port = 25, .security = SmtpSecurity::kNone};
  EXPECT_THAT(refusal(server), HasSubstr("allow_plain"));
  server.allow_plain = true;
  EXPECT_EQ(refusal(server), "");
  server.user = "anna";
  EXPECT_THAT(refusal(server), HasSubstr("password"));
  server.security = SmtpSecurity::kStartTls;
  EXPECT_EQ(refusal(server), "");
  EXPECT_NE(refusal({.host = ""}), "");
  EXPECT_NE(refusal({.host = "a\r\nb"}), "");
  EXPECT_NE(refusal({.host = "a/b"}), "");
}

TEST(SmtpClient, WhatAServerSaysIsPlainText) {
  const auto result = result_with({{"RCPT", "550 no\x1b[31m \xff user"}});
  EXPECT_THAT(result.text, HasSubstr("550 no?[31m ? user"));
}

}  // namespace
}  // namespace errand::outbound
