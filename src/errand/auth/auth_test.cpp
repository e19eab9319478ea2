#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "errand/auth/authenticator.h"
#include "errand/auth/credentials.h"
#include "errand/auth/policy.h"
#include "errand/crypto/encoding.h"

namespace errand::auth {
namespace {

using testing::HasSubstr;

std::string hash(std::string_view token) { return crypto::to_hex(crypto::sha256(token)); }

std::string entry(std::string_view token, std::string_view rest) {
  return "[[credential]]\ntoken_sha256 = \"" + hash(token) + "\"\n" + std::string(rest) + "\n";
}

std::string error_of(std::string_view text) {
  const auto result = parse_credentials(text, "c.toml");
  return result ? "no error" : result.error().message;
}

TEST(Credentials, GiveEachTokenItsPrincipal) {
  const auto read = parse_credentials(
      entry("a",
            "subject = \"user:anna\"\ntenant = \"acme\"\nscopes = [\"jobs:submit\"]\n"
            "queues = [\"reports\"]") +
          entry("b", "subject = \"w\"\ntenant = \"*\"\nscopes = [\"worker\"]") +
          entry("c", "subject = \"op\"\ntenant = \"acme\"\nscopes = [\"jobs:*\", \"admin\"]"),
      "c.toml");
  ASSERT_TRUE(read) << read.error().message;
  const Authenticator doors(*read);
  const Principal anna{.tenant = TenantId("acme"),
                       .subject = SubjectId("user:anna"),
                       .kind = PrincipalKind::kClient,
                       .scopes = {"jobs:submit"},
                       .queues = {QueueName("reports")}};
  EXPECT_EQ(*doors.authenticate("a").value(), anna);
  EXPECT_TRUE(doors.authenticate("b").value()->any_tenant);
  EXPECT_EQ(doors.authenticate("b").value()->kind, PrincipalKind::kWorker);
  EXPECT_EQ(doors.authenticate("c").value()->kind, PrincipalKind::kOperator);
  EXPECT_EQ(doors.authenticate("d").error().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(doors.authenticate(""));
  EXPECT_FALSE(doors.authenticate(std::string(100'000, 'a')));
}

TEST(Credentials, NameLineKeyAndRemedyOfWhatIsWrong) {
  const std::string good = "subject = \"s\"\ntenant = \"t\"\nscopes = [\"worker\"]";
  EXPECT_THAT(error_of(entry("a", "scope = [\"x\"]")),
              testing::AllOf(HasSubstr("c.toml:3:"), HasSubstr("unknown key \"scope\""),
                             HasSubstr("scopes")));
  EXPECT_THAT(error_of("[[credential]]\ntoken_sha256 = \"secret\"\n" + good),
              testing::AllOf(HasSubstr("c.toml:2:"), HasSubstr("sha256sum")));
  EXPECT_THAT(error_of("[[credential]]\n" + good), HasSubstr("token_sha256 is missing"));
  EXPECT_THAT(error_of(entry("a", "subject = 5\ntenant = \"t\"\nscopes = [\"worker\"]")),
              testing::AllOf(HasSubstr("c.toml:3:"), HasSubstr("subject must be a string")));
  EXPECT_THAT(error_of(entry("a", "subject = \"a b\"\ntenant = \"t\"\nscopes = [\"worker\"]")),
              HasSubstr("subject must be 1 to 128"));
  EXPECT_THAT(error_of(entry("a", "subject = \"s\"\ntenant = \"t\"")),
              HasSubstr("scopes is missing"));
  EXPECT_THAT(error_of(entry("a", "subject = \"s\"\ntenant = \"t\"\nscopes = \"worker\"")),
              HasSubstr("list of strings"));
  EXPECT_THAT(error_of(entry("a", good + "\nqueues = []")), HasSubstr("leave it out"));
  EXPECT_THAT(error_of(entry("a", "subject = \"s\"\ntenant = \"*\"\nscopes = [\"*\"]")),
              HasSubstr("tenant \"*\" goes with"));
  EXPECT_THAT(error_of(entry("a", good) + entry("a", good)), HasSubstr("second time"));
  EXPECT_THAT(error_of("[credential]\n" + good), HasSubstr("two pairs of brackets"));
  EXPECT_THAT(error_of("tokens = 1"), HasSubstr("unknown key \"tokens\""));
  EXPECT_THAT(error_of("a = [1,"), HasSubstr("c.toml:1:"));
  EXPECT_THAT(error_of(""), HasSubstr("nobody could get in"));
}

TEST(Credentials, AreNotReadFromAFileThatEveryoneMayRead) {
  std::string pattern = (std::filesystem::temp_directory_path() / "errand-auth-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const auto file = folder / "credentials.toml";
  std::ofstream(file) << entry("a", "subject = \"s\"\ntenant = \"t\"\nscopes = [\"jobs:read\"]");
  ::chmod(file.c_str(), 0644);
  EXPECT_THAT(load_credentials(file).error().message, HasSubstr("chmod 600"));
  ::chmod(file.c_str(), 0640);
  EXPECT_TRUE(load_credentials(file));
  EXPECT_FALSE(load_credentials(folder));
  EXPECT_THAT(load_credentials(folder / "none").error().message, HasSubstr("--credentials"));
  std::filesystem::remove_all(folder);
}

TEST(Authenticator, ReadsTheBearerHeader) {
  const Authenticator doors(development_credentials({.client = "abc", .worker = "w"}));
  EXPECT_TRUE(doors.authenticate_header("Bearer abc"));
  EXPECT_TRUE(doors.authenticate_header("bearer   abc "));
  for (const char* bad :
       {"", "abc", "Basic abc", "Bearer", "Bearer ", "Bearer abd", "Bearer abc x"}) {
    EXPECT_EQ(doors.authenticate_header(bad).error().code, ErrorCode::kUnauthenticated) << bad;
  }
}

TEST(Authenticator, ForgetsWhoIsNoLongerListed) {
  Authenticator doors(development_credentials({.client = "old", .worker = "w"}));
  doors.replace(development_credentials({.client = "new", .worker = "w"}));
  EXPECT_FALSE(doors.authenticate("old"));
  EXPECT_TRUE(doors.authenticate("new"));
}

TEST(DevelopmentTokens, StayTheSameForOneMasterKey) {
  SeededRandom random(3);
  const auto key = crypto::MasterKey::generate(random);
  const auto tokens = development_tokens(key);
  EXPECT_THAT(tokens.client, testing::StartsWith("ert_dev_client_"));
  EXPECT_NE(tokens.client.substr(15), tokens.worker.substr(15));
  EXPECT_EQ(development_tokens(key).worker, tokens.worker);
  EXPECT_NE(development_tokens(crypto::MasterKey::generate(random)).worker, tokens.worker);
  EXPECT_NE(generate_token("ert_", random), generate_token("ert_", random));
}

Principal principal(std::vector<std::string> scopes, const char* tenant = "acme") {
  return {.tenant = TenantId(tenant),
          .subject = SubjectId("s"),
          .scopes = std::move(scopes),
          .queues = {}};
}

TEST(Policy, AllowsExactlyTheActionOfTheScope) {
  const Policy policy;
  for (std::size_t a = 0; a < kActionCount; ++a) {
    const auto holder = principal({std::string(required_scope(static_cast<Action>(a)))});
    for (std::size_t b = 0; b < kActionCount; ++b) {
      EXPECT_EQ(policy.may(holder, static_cast<Action>(b)),
                a == b ? Decision::kAllowed : Decision::kForbidden)
          << to_string(static_cast<Action>(a)) << " " << to_string(static_cast<Action>(b));
    }
  }
}

TEST(Policy, HidesAnotherTenantsObjectsWhateverTheScopes) {
  const Policy policy;
  const TenantId other("globex");
  const auto all = principal({"*"});
  for (std::size_t a = 0; a < kActionCount; ++a) {
    EXPECT_EQ(policy.may(all, static_cast<Action>(a), {.tenant = &other}), Decision::kHidden);
    EXPECT_EQ(policy.may(all, static_cast<Action>(a)), Decision::kAllowed);
  }
  const auto denied = policy.check(all, Action::kReadJob, {.tenant = &other}, "no such job");
  EXPECT_EQ(denied.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(denied.error().message, "no such job");
}

TEST(Policy, LetsAWorkerForAllTenantsWorkAndNothingElse) {
  const Policy policy;
  const TenantId other("globex");
  auto worker = principal({"worker"}, "*");
  worker.any_tenant = true;
  EXPECT_EQ(policy.may(worker, Action::kWork, {.tenant = &other}), Decision::kAllowed);
  EXPECT_EQ(policy.may(worker, Action::kReadJob, {.tenant = &other}), Decision::kHidden);
  EXPECT_EQ(policy.may(worker, Action::kReadQueues), Decision::kForbidden);
}

TEST(Policy, AsksForTheScopesOfTheFieldAndForTheQueue) {
  const Policy policy;
  const std::vector<std::string> needed{"reports:write"};
  const QueueName reports("reports");
  auto who = principal({"jobs:submit"});
  EXPECT_THAT(policy.check(who, Action::kSubmitJob, {.scopes = needed}).error().message,
              HasSubstr("reports:write"));
  who.scopes.emplace_back("reports:*");
  EXPECT_TRUE(policy.check(who, Action::kSubmitJob, {.queue = &reports, .scopes = needed}));
  who.queues = {QueueName("mail")};
  EXPECT_THAT(policy.check(who, Action::kSubmitJob, {.queue = &reports}).error().message,
              HasSubstr("\"reports\""));
  who.scopes.emplace_back("jobs:read");
  EXPECT_TRUE(policy.check(who, Action::kReadJob, {.queue = &reports}));
}

}  // namespace
}  // namespace errand::auth
