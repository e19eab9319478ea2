#include "errand/worker/credential_store.h"

#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "errand/base/random.h"
#include "errand/job/event.h"
#include "errand/job/evolve.h"
#include "errand/job/state.h"
#include "errand/store/memory_store.h"

namespace errand::worker {
namespace {

namespace asio = boost::asio;

class CredentialStoreTest : public testing::Test {
 protected:
  /// A new job; with that sealed text where it is not empty.
  JobId add_job(bool has_credentials, const std::string& sealed = "") {
    const JobId id{Uuid::v7(Timestamp{}, random_)};
    job::JobSpec spec;
    spec.tenant = TenantId("acme");
    spec.subject = SubjectId("user:anna");
    spec.type = JobTypeName("transfer");
    spec.queue = QueueName("bank");
    spec.has_credentials = has_credentials;
    job::Event event;
    event.job = id;
    event.position = LogPosition{to_number(store_.last_position()) + 1};
    event.sequence = Sequence{1};
    event.data = job::Enqueued{spec};
    auto state = job::fold({&event, 1});
    EXPECT_TRUE(state);
    store::Batch batch{.id = Uuid::v7(Timestamp{}, random_), .epoch = store_.epoch()};
    batch.jobs.push_back({.before = std::nullopt,
                          .after = std::make_shared<const job::JobState>(*state),
                          .events = {event}});
    if (!sealed.empty()) {
      batch.payloads.push_back({id, spec.tenant, store::PayloadKind::kCredentials, "", sealed, {}});
    }
    EXPECT_TRUE(store_.commit(batch));
    return id;
  }

  JobId add_job_with(const auth::JobCredentials& credentials) {
    const JobId id = add_job(true);
    store::Batch batch{.id = Uuid::v7(Timestamp{}, random_), .epoch = store_.epoch()};
    batch.payloads.push_back({id,
                              TenantId("acme"),
                              store::PayloadKind::kCredentials,
                              "",
                              auth::seal(sealer_, id, credentials),
                              {}});
    EXPECT_TRUE(store_.commit(batch));
    return id;
  }

  Result<auth::JobCredentials> load(const crypto::Sealer& sealer, JobId id) {
    asio::io_context context;
    async::BlockingPool pool{{.threads = 1}};
    const CredentialStore credentials(store_.reader(), pool, sealer);
    auto loaded = asio::co_spawn(context, credentials.load(id), asio::use_future);
    context.run();
    pool.stop();  // its thread may still be about to leave the context
    return loaded.get();
  }

  SystemRandom random_;
  const crypto::MasterKey key_ = crypto::MasterKey::generate(random_);
  const crypto::Sealer sealer_{key_, auth::kJobCredentialsLabel, random_};
  store::MemoryStore store_;
};

TEST_F(CredentialStoreTest, GivesWhatTheJobCarries) {
  const auth::JobCredentials credentials{.headers = {{"authorization", "Bearer t"}},
                                         .subject = "user:anna"};
  const JobId id = add_job_with(credentials);
  EXPECT_EQ(load(sealer_, id).value(), credentials);
}

TEST_F(CredentialStoreTest, GivesEmptyOnesForAJobWithoutAny) {
  EXPECT_TRUE(load(sealer_, add_job(false)).value().empty());
}

TEST_F(CredentialStoreTest, SaysThatTheMasterKeyChanged) {
  const JobId id = add_job_with({.headers = {}, .subject = "user:anna"});
  const crypto::Sealer other(crypto::MasterKey::generate(random_), auth::kJobCredentialsLabel,
                             random_);
  const auto refused = load(other, id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfigInvalid);
  EXPECT_FALSE(is_retryable(refused.error().code));
  EXPECT_NE(refused.error().message.find(key_.id()), std::string::npos);
}

TEST_F(CredentialStoreTest, GivesNoJobTheCredentialsOfAnother) {
  const JobId first = add_job(false);
  const JobId second =
      add_job(true, auth::seal(sealer_, first, {.headers = {}, .subject = "user:root"}));
  const auto refused = load(sealer_, second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kStoreCorrupt);
}

TEST_F(CredentialStoreTest, NeverTakesErasedCredentialsForNone) {
  const auto refused = load(sealer_, add_job(true));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_NE(refused.error().message.find("erased"), std::string::npos);
}

}  // namespace
}  // namespace errand::worker
