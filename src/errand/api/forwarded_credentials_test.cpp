#include "errand/api/forwarded_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"

namespace errand::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Server;

using Headers = std::vector<std::pair<std::string, std::string>>;

class ForwardedCredentialsTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Context> with(Headers headers) {
    auto context = Server::context();
    context->forwarded_headers = std::move(headers);
    return context;
  }

  JobId submit(const std::string& mutation, const std::shared_ptr<Context>& as) {
    const auto data = server_.data("mutation { job: " + mutation + " { id } }", as);
    return *JobId::parse(std::string(data.at("job").at("id").as_string()));
  }

  std::optional<std::string> sealed(const JobId& id) {
    const auto payload =
        server_.store.reader().payload(id, store::PayloadKind::kCredentials).value();
    return payload ? std::optional(payload->bytes) : std::nullopt;
  }

  auth::JobCredentials opened(const JobId& id) {
    return auth::open(server_.backend->credential_sealer, id, sealed(id).value_or("")).value();
  }

  Server server_;
};

TEST_F(ForwardedCredentialsTest, NamesTheHeadersThatSomeTypeAsksFor) {
  EXPECT_THAT(forwarded_header_names(*server_.contract),
              ElementsAre("authorization", "cookie", "x-team"));
}

TEST_F(ForwardedCredentialsTest, StandSealedWithTheJobUntilItHasSucceeded) {
  const auto as = with({{"authorization", "Bearer secret-7"}, {"cookie", "of another type"}});
  const JobId id = submit("transfer(amount: 1)", as);
  ASSERT_TRUE(sealed(id));
  EXPECT_THAT(*sealed(id), Not(HasSubstr("secret-7")));
  EXPECT_EQ(opened(id), (auth::JobCredentials{.headers = {{"authorization", "Bearer secret-7"}},
                                              .subject = "user:anna"}));

  // None of it is in the job, its events or its input.
  const auto state = server_.store.reader().job(id).value();
  EXPECT_TRUE(state->spec.has_credentials);
  const auto seen = server_.execute("{ job(id: \"" + id.str() +
                                    "\") { id status subject labels { name } events(first: 9) { "
                                    "edges { node { __typename } } } } }");
  EXPECT_THAT(json::to_text(seen), Not(HasSubstr("secret-7")));
  EXPECT_EQ(server_.store.reader().payload(id, store::PayloadKind::kInput).value()->bytes,
            R"({"amount":1})");

  server_.add_worker();
  ASSERT_TRUE(server_.complete(*server_.await_dispatch().state, "5"));
  EXPECT_EQ(sealed(id), std::nullopt);
}

TEST_F(ForwardedCredentialsTest, AreOfTheSubjectAloneWhereNoHeaderWasSent) {
  EXPECT_EQ(opened(submit("transfer(amount: 1)", with({}))),
            (auth::JobCredentials{.headers = {}, .subject = "user:anna"}));
}

TEST_F(ForwardedCredentialsTest, AreNoneWhereNothingIsAskedFor) {
  const auto as = with({{"authorization", "Bearer t"}});
  EXPECT_EQ(sealed(submit("exportReport(input: {format: CSV})", as)), std::nullopt);
  EXPECT_EQ(sealed(submit("lookUp(name: \"a\")", with({}))), std::nullopt);
  EXPECT_EQ(opened(submit("lookUp(name: \"a\")", as)).headers,
            (Headers{{"authorization", "Bearer t"}}));
}

TEST_F(ForwardedCredentialsTest, DoNotMakeAReplayAnotherRequest) {
  const std::string mutation = "transfer(amount: 1, options: {idempotencyKey: \"k\"})";
  const JobId id = submit(mutation, with({{"authorization", "Bearer first"}}));
  const auto before = sealed(id);
  EXPECT_EQ(submit(mutation, with({{"authorization", "Bearer second"}})), id);
  EXPECT_EQ(sealed(id), before);
}

TEST_F(ForwardedCredentialsTest, AreRefusedByNameWhereTheyCannotBeKept) {
  const auto refusal = [&](std::string value) {
    const auto response = server_.execute("mutation { transfer(amount: 1) { id } }",
                                          with({{"x-team", std::move(value)}}));
    return json::to_text(response.at("errors"));
  };
  EXPECT_THAT(refusal("xxx\nHost: other"), HasSubstr("BAD_USER_INPUT"));
  EXPECT_THAT(refusal("xxx\nHost: other"), HasSubstr("x-team"));
  EXPECT_THAT(refusal("xxx\nHost: other"), Not(HasSubstr("xxx")));
  EXPECT_THAT(refusal(std::string(8'193, 'x')), HasSubstr("PAYLOAD_TOO_LARGE"));
  EXPECT_EQ(server_.store.last_position(), LogPosition{});
  // Also where the client only asks whether it could.
  const auto asked =
      server_.execute("mutation { transfer(amount: 1, options: {validateOnly: true}) { id } }",
                      with({{"x-team", "\n"}}));
  EXPECT_THAT(json::to_text(asked), HasSubstr("BAD_USER_INPUT"));
}

}  // namespace
}  // namespace errand::api
