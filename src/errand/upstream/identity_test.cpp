#include "errand/upstream/identity.h"

#include <atomic>
#include <mutex>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/net/test_client.h"
#include "errand/outbound/http_client_test_server.h"

namespace errand::upstream {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using outbound::TestServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Asks an upstream that answers what a test says.
class IdentityTest : public testing::Test {
 protected:
  ~IdentityTest() override {
    if (identity_) identity_->stop();
    threads_.join();
  }

  Identity& identity(Identity::Options options = {}) {
    options.url = upstream_.url("/graphql");
    if (options.query.empty()) options.query = "{ viewer { id org { id } } }";
    if (options.subject.empty()) options.subject = "viewer.id";
    identity_ = Identity::create(std::move(options), {}).value();
    return *identity_;
  }

  Result<auth::PrincipalPtr> ask(Identity& identity, net::HttpHeaders headers) {
    return asio::co_spawn(
               threads_.context(),
               identity.identify(std::move(headers), {.traceparent = "t", .request_id = "r"}),
               asio::use_future)
        .get();
  }

  void answer(std::string body, int status = 200) {
    const std::lock_guard lock(mutex_);
    body_ = std::move(body);
    status_ = status;
  }

  /// The code of the refusal after the upstream answers so.
  ErrorCode refusal(std::string body, int status = 200) {
    answer(std::move(body), status);
    const auto asked = ask(identity(), {{"Cookie", "s=1"}});
    EXPECT_FALSE(asked);
    return asked ? ErrorCode::kInternal : asked.error().code;
  }

  std::mutex mutex_;
  std::string body_ = R"({"data":{"viewer":{"id":"u1","org":{"id":7}}}})";
  int status_ = 200;
  std::string seen_;
  std::atomic<int> requests_ = 0;
  TestServer upstream_{[this](TestServer::Connection& connection) {
    while (const auto request = connection.read()) {
      ++requests_;
      const std::lock_guard lock(mutex_);
      seen_ = request->head + request->body;
      connection.answer(body_, "", status_);
    }
  }};
  net::TestThreads threads_;
  std::unique_ptr<Identity> identity_;
};

TEST_F(IdentityTest, MakesAPrincipalOfWhatTheUpstreamSays) {
  Identity& id = identity({.tenant = "viewer.org.id", .scopes = {"jobs:read"}});
  const auto principal = ask(id, {{"Authorization", "Bearer jwt"}, {"X-Other", "1"}});
  ASSERT_TRUE(principal) << principal.error().message;
  EXPECT_EQ((*principal)->subject.view(), "u1");
  EXPECT_EQ((*principal)->tenant.view(), "7");
  EXPECT_TRUE((*principal)->has_scope("jobs:read"));
  EXPECT_FALSE((*principal)->has_scope("jobs:submit"));
  EXPECT_THAT(seen_, AllOf(HasSubstr("\r\nAuthorization: Bearer jwt\r\n"),
                           HasSubstr(R"({"query":"{ viewer { id org { id } } }"})"),
                           Not(HasSubstr("X-Other"))));
}

TEST_F(IdentityTest, KeepsAnAnswerForItsCredentialsAlone) {
  Identity& id = identity();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(id, {{"Cookie", "s=1"}, {"X-Request-Id", "x"}}));
  EXPECT_EQ(requests_, 1);
  answer(R"({"data":{"viewer":{"id":"u2"}}})");
  EXPECT_EQ((*ask(id, {{"Cookie", "s=2"}}))->subject.view(), "u2");
  EXPECT_EQ((*ask(id, {{"Cookie", "s=1"}}))->subject.view(), "u1");
  EXPECT_EQ((*ask(id, {{"Cookie", "s=1"}}))->tenant.view(), "default");
  EXPECT_EQ(requests_, 2);
}

TEST_F(IdentityTest, AsksAgainWhenAnAnswerIsOldOrHadToMakeRoom) {
  Identity& brief = identity({.known_for = 0ms});
  EXPECT_TRUE(ask(brief, {{"Cookie", "s=1"}}));
  EXPECT_TRUE(ask(brief, {{"Cookie", "s=1"}}));
  EXPECT_EQ(requests_, 2);
  Identity& small = identity({.known_max = 1});
  EXPECT_TRUE(ask(small, {{"Cookie", "s=1"}}));
  EXPECT_TRUE(ask(small, {{"Cookie", "s=2"}}));
  EXPECT_TRUE(ask(small, {{"Cookie", "s=1"}}));
  EXPECT_EQ(requests_, 5);
}

TEST_F(IdentityTest, KnowsNobodyWithoutCredentialsAndDoesNotAsk) {
  const auto nobody = ask(identity(), {{"X-Other", "1"}, {"Cookie", ""}});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(requests_, 0);
}

TEST_F(IdentityTest, KnowsNobodyWhomTheUpstreamDoesNot) {
  EXPECT_EQ(refusal(R"({"data":{"viewer":null}})"), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal(R"({"data":{"viewer":null},"errors":[{"message":"log in"}]})"),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal(R"({"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]})"),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal("no", 401), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal("no", 403), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityTest, KnowsNobodyWithoutATenantWhereTenantsAreAskedFor) {
  answer(R"({"data":{"viewer":{"id":"u1","org":null}}})");
  const auto nobody = ask(identity({.tenant = "viewer.org.id"}), {{"Cookie", "s=1"}});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kUnauthenticated);
}

TEST_F(IdentityTest, DoesNotTakeAnUpstreamThatIsUnableForOneThatKnowsNobody) {
  EXPECT_EQ(refusal("oops", 500), ErrorCode::kUnavailable);
  EXPECT_EQ(refusal(R"({"errors":[{"message":"Cannot query field"}]})", 400),
            ErrorCode::kUnavailable);
  EXPECT_EQ(refusal(R"({"data":null,"errors":[{"message":"down"}]})"), ErrorCode::kUnavailable);
  answer("oops", 500);
  Identity& id = identity();
  const auto asked = ask(id, {{"Cookie", "s=1"}});
  ASSERT_FALSE(asked);
  EXPECT_TRUE(asked.error().retry_after);
  answer(R"({"data":{"viewer":{"id":"u1"}}})");
  EXPECT_TRUE(ask(id, {{"Cookie", "s=1"}}));
}

TEST(IdentityCreate, SaysWhatIsWrong) {
  const auto error = [](Identity::Options options) {
    options.url = "http://127.0.0.1:4000/graphql";
    const auto made = Identity::create(std::move(options), {});
    return made ? "" : made.error().message;
  };
  EXPECT_EQ(error({.query = "", .subject = "a"}), "query: it is empty");
  EXPECT_EQ(error({.query = "{a}", .subject = "a..b"}),
            "subject: it is no path of names, such as \"viewer.organization.id\"");
  EXPECT_THAT(error({.query = "{a}", .subject = "a", .tenant = "a.0-"}), HasSubstr("tenant: "));
  EXPECT_THAT(error({.query = "{a}", .subject = "a", .headers = {}}), HasSubstr("headers: "));
}

}  // namespace
}  // namespace errand::upstream
