#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/utf8.h"
#include "errand/crypto/encoding.h"
#include "errand/crypto/web_push_encryption.h"
#include "errand/json/parse.h"
#include "errand/notification/chat_channel.h"
#include "errand/notification/web_push_channel.h"
#include "errand/outbound/http_client_test_server.h"

namespace errand::notification {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using outbound::TestServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using worker::FailureKind;

/// RFC 8291, appendix A.
constexpr const char* kReceiver =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
constexpr const char* kAuth = "BTBZMqHH6r4Tts7J_aSIgg";

class Subscriptions final : public PushSubscriptions {
 public:
  asio::awaitable<Result<std::vector<PushSubscription>>> list(TenantId /*tenant*/,
                                                              SubjectId /*subject*/) override {
    co_return all;
  }
  asio::awaitable<Result<void>> drop(TenantId /*tenant*/, SubjectId /*subject*/,
                                     std::string id) override {
    dropped.push_back(id);
    std::erase_if(all, [&](const PushSubscription& each) { return each.id == id; });
    co_return Result<void>{};
  }

  std::vector<PushSubscription> all;
  std::vector<std::string> dropped;
};

/// A server that answers /STATUS by that status, and remembers what came.
class ChannelsTest : public testing::Test {
 protected:
  ChannelsTest()
      : server_([this](TestServer::Connection& connection) {
          while (const auto request = connection.read()) {
            {
              const std::lock_guard lock(mutex_);
              requests_.push_back(*request);
            }
            const unsigned status =
                static_cast<unsigned>(std::atoi(request->head.c_str() + sizeof("POST /") - 1));
            connection.answer(status == 200 ? "ok" : "no_service",
                              status == 429   ? "Retry-After: 7\r\n"
                              : status == 201 ? "Location: /message/1\r\n"
                                              : "",
                              static_cast<int>(status));
          }
        }),
        work_(asio::make_work_guard(context_)),
        thread_([this] { context_.run(); }) {
    const auto guard = outbound::AddressGuard::create(
        {.allow = {"127.0.0.1"}, .ports = {server_.port(), 1}, .allow_http = true});
    client_ = outbound::HttpClient::create(
                  {}, std::make_shared<const outbound::AddressGuard>(*guard), nullptr)
                  .value();
  }
  ~ChannelsTest() override {
    client_->stop();
    work_.reset();
    thread_.join();
  }

  SendOutcome send(Channel& channel, const Message& message) {
    return asio::co_spawn(context_, channel.send(message, 20s, {}), asio::use_future).get();
  }
  std::vector<TestServer::Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  std::mutex mutex_;
  std::vector<TestServer::Request> requests_;
  TestServer server_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<outbound::HttpClient> client_;
};

Message message() {
  return {.id = "m1",
          .recipient = {.tenant = TenantId("acme"), .subject = SubjectId("user:anna")},
          .category = "jobs",
          .title = "It is done",
          .text = "All is well.",
          .link = "https://app.example/jobs/1"};
}

class WebPushTest : public ChannelsTest {
 protected:
  WebPushTest() {
    channel_ = WebPushChannel::create({.contact = "mailto:ops@example.org"},
                                      crypto::P256Key::generate(random_),
                                      {.client = *client_,
                                       .subscriptions = subscriptions_,
                                       .clock = clock_,
                                       .random = random_},
                                      telemetry::Log())
                   .value();
  }
  void subscribe(const std::string& path) {
    subscriptions_.all.push_back(
        {.id = path, .endpoint = server_.url("/" + path), .p256dh = kReceiver, .auth = kAuth});
  }

  Subscriptions subscriptions_;
  std::shared_ptr<WebPushChannel> channel_;
};

TEST_F(WebPushTest, PostsToEachBrowserAndIsSentWhenOneTookIt) {
  subscribe("500");
  subscribe("201");
  subscribe("410");
  subscribe("404");
  const auto sent = send(*channel_, message());
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->provider, "127.0.0.1");
  EXPECT_EQ(sent->reference, "/message/1");
  EXPECT_THAT(subscriptions_.dropped, ElementsAre("410", "404"));
  const auto got = requests();
  ASSERT_EQ(got.size(), 4U);
  for (const auto& request : got) {
    EXPECT_THAT(request.head, HasSubstr("\r\nContent-Encoding: aes128gcm\r\n"));
    EXPECT_THAT(request.head, HasSubstr("\r\nTTL: 86400\r\n"));
    EXPECT_THAT(request.head, HasSubstr("\r\nUrgency: normal\r\n"));
    EXPECT_THAT(request.head, HasSubstr("\r\nAuthorization: vapid t=ey"));
    EXPECT_THAT(request.body, Not(HasSubstr("All is well")));
  }
  EXPECT_NE(got[0].body, got[1].body);  // a key of its own
}

TEST_F(WebPushTest, ATokenAndATopicAreUsedAgain) {
  subscribe("201");
  ASSERT_TRUE(send(*channel_, message()));
  ASSERT_TRUE(send(*channel_, message()));
  const auto got = requests();
  const auto header = [](const TestServer::Request& request, const std::string& name) {
    const auto at = request.head.find("\r\n" + name + ": ");
    return request.head.substr(at, request.head.find("\r\n", at + 2) - at);
  };
  EXPECT_EQ(header(got[0], "Authorization"), header(got[1], "Authorization"));
  EXPECT_EQ(header(got[0], "Topic"), header(got[1], "Topic"));
  EXPECT_EQ(header(got[0], "Topic").size(), sizeof("\r\nTopic: ") - 1 + 32);
}

TEST_F(WebPushTest, TellsWhetherAnotherAttemptMayFareBetter) {
  const auto failure_of = [&](std::initializer_list<const char*> paths) {
    subscriptions_.all.clear();
    for (const char* path : paths) subscribe(path);
    return send(*channel_, message()).error();
  };
  auto failure = failure_of({"403", "429"});
  EXPECT_EQ(failure.kind, FailureKind::kTransient);
  EXPECT_EQ(failure.retry_after, 7s);
  EXPECT_EQ(failure_of({"500"}).kind, FailureKind::kTransient);
  failure = failure_of({"403"});
  EXPECT_EQ(failure.kind, FailureKind::kPermanent);
  EXPECT_EQ(failure.code, "PUSH_CONFIGURATION");
  EXPECT_EQ(failure_of({"413"}).code, "PUSH_TOO_LARGE");
  EXPECT_EQ(failure_of({}).code, kNoRecipient);
  EXPECT_EQ(failure_of({"410"}).code, kNoRecipient);
  EXPECT_EQ(failure_of({}).kind, FailureKind::kPermanent);
}

TEST_F(WebPushTest, ABrowserWithBadKeysOrAnInternalEndpointHoldsUpNoOther) {
  subscribe("201");
  PushSubscription bad = subscriptions_.all.front();
  bad.id = "bad";
  bad.p256dh = "AAAA";
  subscriptions_.all.insert(subscriptions_.all.begin(), bad);
  bad.id = "internal";
  bad.p256dh = kReceiver;
  bad.endpoint = "https://169.254.169.254/latest";
  subscriptions_.all.insert(subscriptions_.all.begin(), bad);
  EXPECT_TRUE(send(*channel_, message()));
  EXPECT_EQ(requests().size(), 1U);
  subscriptions_.all.pop_back();
  const auto failure = send(*channel_, message()).error();
  EXPECT_EQ(failure.kind, FailureKind::kPermanent);
  EXPECT_THAT(failure.message, HasSubstr("169.254.169.254"));
}

TEST(WebPushChannel, RefusesAContactThatReachesNobody) {
  for (const char* contact : {"", "ops@example.org", "mailto:ops", "http://example.org",
                              "mailto:a@example.org\r\nX: y", "https://"}) {
    EXPECT_FALSE(Vapid::is_contact(contact)) << contact;
  }
  EXPECT_TRUE(Vapid::is_contact("mailto:ops@example.org"));
  EXPECT_TRUE(Vapid::is_contact("https://example.org/contact"));
}

TEST(WebPushPayload, LosesItsDataFirstAndThenItsEnd) {
  Message whole = message();
  whole.data = {{"job", "1"}};
  auto payload = json::parse(web_push_payload(whole)).value();
  EXPECT_EQ(payload.at("data").at("job"), "1");
  EXPECT_EQ(payload.at("body"), "All is well.");
  EXPECT_EQ(payload.at("url").as_string(), whole.link);

  whole.data["more"] = std::string(4'000, 'x');
  payload = json::parse(web_push_payload(whole)).value();
  EXPECT_FALSE(payload.as_object().contains("data"));
  EXPECT_EQ(payload.at("body"), "All is well.");

  for (const std::string_view piece : {"x", "ä", "\x01", "\"", "😀"}) {
    for (std::string* part : {&whole.text, &whole.title, &whole.link}) {
      Message long_one = message();
      std::string& text = part == &whole.text    ? long_one.text
                          : part == &whole.title ? long_one.title
                                                 : long_one.link;
      text.clear();
      while (text.size() < 9'000) text += piece;
      const std::string written = web_push_payload(long_one);
      EXPECT_LE(written.size(), crypto::kWebPushPlaintextMax);
      EXPECT_TRUE(is_valid_utf8(written));
      const auto read = json::parse(written);
      ASSERT_TRUE(read);
      if (part != &whole.link) EXPECT_GT(written.size(), 3'900U) << piece;
    }
  }
}

class ChatTest : public ChannelsTest {
 protected:
  ChatTest() {
    std::string name = testing::TempDir() + "/errand-chat-XXXXXX";
    folder_ = mkdtemp(name.data());
    for (const char* path : {"200", "403", "404", "429", "500"}) {
      std::ofstream(folder_ / path) << server_.url("/" + std::string(path)) << "\n";
      hooks_.push_back({.name = path, .url_file = folder_ / path});
    }
  }
  ~ChatTest() override { std::filesystem::remove_all(folder_); }

  ChatChannel::Means means() { return {.client = *client_, .pool = pool_, .clock = clock_}; }
  static Message to(const std::string& hook) {
    Message made = message();
    made.recipient = {.tenant = TenantId("acme"), .hook = hook};
    return made;
  }

  std::filesystem::path folder_;
  std::vector<ChatHook> hooks_;
  async::BlockingPool pool_{{.threads = 1}};
};

TEST_F(ChatTest, PostsTextAndBlocks) {
  const auto channel = ChatChannel::create(hooks_, means()).value();
  Message told = to("200");
  told.title = "a < b & c";
  told.text = "*done* &lt;b&gt;";
  const auto sent = send(*channel, told);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->provider, "200");
  const auto body = json::parse(requests().front().body).value();
  EXPECT_EQ(body.at("text"), "a &lt; b &amp; c\n*done* &lt;b&gt;");
  EXPECT_EQ(body.at("blocks").at(0).at("text").at("text"), "a < b & c");  // plain_text
  EXPECT_EQ(body.at("blocks").at(1).at("text").at("text"), "*done* &lt;b&gt;");
}

TEST_F(ChatTest, KeepsWithinTheLimits) {
  Message told = to("200");
  told.title = std::string(5'000, '&');
  told.text.clear();
  while (told.text.size() < 60'000) told.text += "&amp;";
  const auto body = json::parse(chat_payload(told)).value();
  EXPECT_LE(body.at("text").as_string().size(), 40'000U);
  EXPECT_LE(body.at("blocks").at(0).at("text").at("text").as_string().size(), 150U);
  const std::string section(body.at("blocks").at(1).at("text").at("text").as_string());
  EXPECT_LE(section.size(), 3'000U);
  EXPECT_THAT(section, testing::EndsWith("&amp;…"));
}

TEST_F(ChatTest, TellsWhetherAnotherAttemptMayFareBetter) {
  const auto channel = ChatChannel::create(hooks_, means()).value();
  const auto waiting = send(*channel, to("429")).error();
  EXPECT_EQ(waiting.kind, FailureKind::kTransient);
  EXPECT_EQ(waiting.retry_after, 7s);
  EXPECT_EQ(send(*channel, to("500")).error().kind, FailureKind::kTransient);
  const auto gone = send(*channel, to("404")).error();
  EXPECT_EQ(gone.kind, FailureKind::kPermanent);
  EXPECT_EQ(gone.details->at("body"), "no_service");
  EXPECT_TRUE(gone.remediation);
  EXPECT_EQ(send(*channel, to("nowhere")).error().code, kNoRecipient);
}

TEST_F(ChatTest, LeavesASickHookAlone) {
  const auto channel = ChatChannel::create(hooks_, means()).value();
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(send(*channel, to("500")));
  EXPECT_EQ(requests().size(), 10U);
  EXPECT_GT(send(*channel, to("500")).error().retry_after, 0ms);
  EXPECT_TRUE(send(*channel, to("200")));
}

TEST_F(ChatTest, ReadsTheAddressForEachMessageAndNeverTellsIt) {
  const auto channel = ChatChannel::create(hooks_, means()).value();
  std::ofstream(folder_ / "500") << server_.url("/200/secret") << "\n";
  EXPECT_TRUE(send(*channel, to("500")));
  std::ofstream(folder_ / "500") << "https://127.0.0.1:1/secret\n";
  const auto failure = send(*channel, to("500")).error();
  EXPECT_EQ(failure.kind, FailureKind::kTransient);
  EXPECT_THAT(failure.message, Not(HasSubstr("secret")));
  std::filesystem::remove(folder_ / "500");
  EXPECT_EQ(send(*channel, to("500")).error().code, "CHAT_NOT_READY");
}

TEST_F(ChatTest, ABadFileStopsTheStart) {
  std::ofstream(folder_ / "empty") << "\n";
  std::ofstream(folder_ / "other") << "ftp://example.org/\n";
  for (const char* name : {"missing", "empty", "other"}) {
    const auto made = ChatChannel::create({{.name = "ops", .url_file = folder_ / name}}, means());
    ASSERT_FALSE(made) << name;
    EXPECT_THAT(made.error().message, testing::StartsWith("ops: "));
  }
}

}  // namespace
}  // namespace errand::notification
