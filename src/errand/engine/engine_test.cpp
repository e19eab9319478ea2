#include "errand/engine/engine.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "errand/engine/testing/bench.h"

namespace errand::engine {
namespace {

using job::JobStatus;
using testing::Bench;
using testing::spec;
using namespace std::chrono_literals;

TEST(Engine, EnqueuesAndStartsInOneCommitWhereAWorkerWaits) {
  Bench bench;
  bench.worker("w-1");
  const LogPosition before = bench.store.last_position();
  const EnqueueJob request = bench.enqueue_request(spec(), R"({"year":2026})");
  const Ticket ticket = bench.submit(request);
  EXPECT_TRUE(bench.round());

  const auto& reply = std::get<JobReply>(*bench.answers.at(ticket));
  EXPECT_EQ(reply.state->status, JobStatus::kRunning);
  EXPECT_EQ(to_number(bench.store.last_position()), to_number(before) + 2);
  const auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].worker, WorkerId("w-1"));
  ASSERT_NE(dispatches[0].input, nullptr);
  EXPECT_EQ(*dispatches[0].input, R"({"year":2026})");
  EXPECT_EQ(dispatches[0].state->token, FencingToken{1});

  ASSERT_TRUE(bench.complete(request.id, FencingToken{1}, R"({"rows":7})").has_value());
  EXPECT_EQ(bench.state(request.id)->status, JobStatus::kSucceeded);
  EXPECT_EQ(bench.store.reader().payload(request.id, store::PayloadKind::kResult).value()->bytes,
            R"({"rows":7})");
  EXPECT_EQ(bench.engine().sizes().leases, 0U);
  EXPECT_EQ(bench.engine().sizes().input_bytes, 0U);
}

/// The sealed text that is stored with a job; nullopt: none.
std::optional<std::string> credentials_of(const Bench& bench, const JobId& id) {
  const auto payload = bench.store.reader().payload(id, store::PayloadKind::kCredentials).value();
  return payload ? std::optional(payload->bytes) : std::nullopt;
}

TEST(Credentials, StandWithTheJobUntilItHasSucceeded) {
  Bench bench;
  bench.worker("w-1", 5);
  EnqueueJob request = bench.enqueue_request();
  request.credentials = "v1.sealed";
  const JobId id = request.id;
  ASSERT_TRUE(bench.ask(request));
  EXPECT_TRUE(bench.state(id)->spec.has_credentials);
  EXPECT_EQ(credentials_of(bench, id), "v1.sealed");
  EXPECT_EQ(bench.engine().sizes().input_bytes, 0U);

  // A failed attempt is repeated with them, a canceled or failed job may be.
  ASSERT_TRUE(bench.ask(bench.command(id, job::Kill{"stop"})));
  EXPECT_EQ(bench.state(id)->status, JobStatus::kCanceled);
  EXPECT_EQ(credentials_of(bench, id), "v1.sealed");
  ASSERT_TRUE(bench.ask(bench.command(id, job::RetryRun{})));
  ASSERT_EQ(bench.state(id)->status, JobStatus::kRunning);
  EXPECT_EQ(credentials_of(bench, id), "v1.sealed");

  bench.submit(bench.command(id, job::Complete{bench.state(id)->token, {.size_bytes = 2}}, "{}"));
  Plan plan = bench.plan();
  EXPECT_EQ(plan.batch.payload_erasures.size(), 1U);
  bench.engine().abandon(plan, {ErrorCode::kUnavailable, "refused"});
  EXPECT_EQ(credentials_of(bench, id), "v1.sealed");
  ASSERT_TRUE(bench.complete(id, bench.state(id)->token));
  EXPECT_EQ(bench.state(id)->status, JobStatus::kSucceeded);
  EXPECT_EQ(credentials_of(bench, id), std::nullopt);
  EXPECT_TRUE(bench.store.reader().payload(id, store::PayloadKind::kInput).value());
}

TEST(Credentials, OfAReplayAreNotStored) {
  Bench bench;
  EnqueueJob first = bench.enqueue_request();
  first.key = IdempotencyKey{.key = "k", .fingerprint = "f"};
  first.credentials = "v1.first";
  ASSERT_TRUE(bench.ask(first));
  EnqueueJob second = bench.enqueue_request();
  second.key = first.key;
  second.credentials = "v1.second";
  EXPECT_TRUE(bench.get<JobReply>(second).replayed);
  EXPECT_EQ(credentials_of(bench, first.id), "v1.first");
  EXPECT_EQ(credentials_of(bench, second.id), std::nullopt);
}

TEST(Credentials, OfADoubleAreNotStored) {
  Bench bench;
  EnqueueJob first = bench.enqueue_request();
  first.spec.unique_key = "u";
  first.unique = Uniqueness{};
  EnqueueJob second = bench.enqueue_request();
  second.spec.unique_key = "u";
  second.unique = Uniqueness{};
  second.credentials = "v1.second";
  ASSERT_TRUE(bench.ask(first));
  EXPECT_TRUE(bench.get<JobReply>(second).replayed);
  EXPECT_EQ(credentials_of(bench, first.id), std::nullopt);
  EXPECT_EQ(credentials_of(bench, second.id), std::nullopt);
  EXPECT_FALSE(bench.state(first.id)->spec.has_credentials);
}

TEST(Credentials, CostAJobWithoutAnyNothing) {
  Bench bench;
  bench.worker("w-1", 5);
  const auto job = bench.enqueue();
  bench.submit(bench.command(job->id, job::Complete{FencingToken{1}, {.size_bytes = 2}}, "{}"));
  EXPECT_TRUE(bench.plan().batch.payload_erasures.empty());
}

/// Stands where the store must not be read.
class NoReader final : public store::Reader {
 public:
  Result<job::StatePtr> job(JobId) const override { return read(); }
  Result<std::vector<job::StatePtr>> jobs(const store::JobFilter&,
                                          const store::JobPage&) const override {
    return read();
  }
  Result<std::vector<job::StatePtr>> dead_letters(const store::DeadLetterFilter&,
                                                  const store::DeadLetterPage&) const override {
    return read();
  }
  Result<std::vector<store::FailureGroup>> failures(const store::FailureQuery&) const override {
    return read();
  }
  Result<std::vector<job::Event>> events_of(JobId, Sequence, std::size_t) const override {
    return read();
  }
  Result<std::vector<store::LogEntry>> events_after(LogPosition, const std::optional<TenantId>&,
                                                    std::size_t) const override {
    return read();
  }
  Result<LogPosition> pruned_position(const std::optional<TenantId>&) const override {
    return read();
  }
  Result<std::optional<store::Payload>> payload(JobId, store::PayloadKind,
                                                std::string_view) const override {
    return read();
  }
  Result<std::optional<store::IdempotencyRecord>> idempotency(
      const store::IdempotencyScope&) const override {
    return read();
  }
  Result<std::vector<job::StatePtr>> ready(const store::ReadyLine&,
                                           const std::optional<store::ReadyCursor>&,
                                           std::size_t) const override {
    return read();
  }
  Result<std::vector<job::StatePtr>> ready_of_key(const store::ReadyLine&, std::string_view,
                                                  const std::optional<store::ReadyCursor>&,
                                                  std::size_t) const override {
    return read();
  }
  Result<std::vector<job::StatePtr>> of_unique_key(const TenantId&, const JobTypeName&,
                                                   std::string_view) const override {
    return read();
  }
  Result<std::vector<store::ReadyLine>> ready_lines() const override { return read(); }
  Result<std::vector<store::DueJob>> due(Timestamp, const std::optional<store::DueCursor>&,
                                         std::size_t) const override {
    return read();
  }
  Result<std::vector<job::StatePtr>> leased(const std::optional<JobId>&,
                                            std::size_t) const override {
    return read();
  }
  Result<std::vector<job::StatePtr>> between_attempts(const std::optional<JobId>&,
                                                      std::size_t) const override {
    return read();
  }
  Result<LogPosition> last_position() const override { return read(); }
  Result<std::vector<store::JobCount>> counts(const std::optional<TenantId>&) const override {
    return read();
  }
  Result<std::vector<store::LiveType>> live_types() const override { return read(); }
  Result<std::optional<store::ContractSnapshot>> contract(const JobTypeName&,
                                                          std::string_view) const override {
    return read();
  }
  Result<std::vector<store::QueueSetting>> queue_settings() const override { return read(); }
  Result<std::vector<store::LimitSetting>> limit_settings() const override { return read(); }
  Result<std::vector<store::RateUse>> rate_uses(Timestamp, const std::optional<store::RateUse>&,
                                                std::size_t) const override {
    return read();
  }
  Result<std::vector<store::EstimateDigest>> estimate_digests() const override { return read(); }
  Result<std::optional<store::Record>> record(const store::RecordId&) const override {
    return read();
  }
  Result<std::vector<store::Record>> records(const store::RecordFilter&,
                                             const store::RecordPage&) const override {
    return read();
  }

 private:
  static std::unexpected<Error> read() {
    ADD_FAILURE() << "the store was read";
    return fail(ErrorCode::kUnavailable, "no reader");
  }
};

TEST(Engine, DoesNotReadTheStoreOnTheHotPath) {
  Bench bench;
  bench.worker("w-1", 100);
  const NoReader no_reader;
  for (int i = 0; i < 200; ++i) {
    auto request = bench.enqueue_request();
    request.spec.deadline = bench.now.wall + 1h;
    const JobId id = request.id;
    for (int part = 0; part < 3; ++part) {
      if (part == 0) bench.submit(std::move(request));
      if (part == 1) {
        bench.submit(bench.command(id, job::ReportProgress{FencingToken{1}, {.completed = 1}}));
        bench.submit(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
      }
      if (part == 2) {
        bench.submit(bench.command(id, job::Complete{FencingToken{1}, {.size_bytes = 2}}, "{}"));
        bench.submit(AddCredits{WorkerId("w-1"), 1});
      }
      bench.advance(1s);
      Plan plan = bench.engine().plan(bench.now, no_reader);
      ASSERT_TRUE(bench.store.commit(plan.batch).has_value());
      bench.engine().apply(plan);
      for (const Answer& answer : plan.answers) ASSERT_TRUE(answer.reply.has_value());
    }
    ASSERT_EQ(bench.state(id)->status, JobStatus::kSucceeded);
  }
}

TEST(Engine, TellsNobodyBeforeTheCommitAndNothingAfterARefusal) {
  Bench bench;
  bench.worker("w-1");
  const auto request = bench.enqueue_request();
  bench.store.fail_next_commit(store::MemoryStore::Fault::kRefuse);
  const Ticket ticket = bench.submit(request);
  bench.round();
  ASSERT_FALSE(bench.answers.at(ticket).has_value());
  EXPECT_EQ(bench.answers.at(ticket).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(bench.dispatches().empty());
  EXPECT_EQ(bench.state(request.id), nullptr);

  // No slot was lost: the same request goes through, and is dispatched.
  ASSERT_TRUE(bench.ask(request).has_value());
  EXPECT_EQ(bench.dispatches().size(), 1U);
}

TEST(Engine, StartsByPriorityThenInOrder) {
  Bench bench;
  std::vector<JobId> expected;
  for (const int priority : {0, 5, 0, -3, 5}) {
    auto s = spec();
    s.priority = priority;
    expected.push_back(bench.enqueue(s)->id);
  }
  expected = {expected[1], expected[4], expected[0], expected[2], expected[3]};
  bench.worker("w-1", 5);
  std::vector<JobId> started;
  for (const auto& dispatch : bench.dispatches()) started.push_back(dispatch.state->id);
  EXPECT_EQ(started, expected);
}

TEST(Engine, GivesAWorkerOnlyWhatItsTenantQueuesAndTypesAllow) {
  Bench bench;
  auto other_tenant = spec();
  other_tenant.tenant = TenantId("globex");
  auto other_queue = spec();
  other_queue.queue = QueueName("imports");
  auto other_type = spec();
  other_type.type = JobTypeName("deleteReport");
  bench.enqueue(other_tenant);
  bench.enqueue(other_queue);
  bench.enqueue(other_type);
  const JobId mine = bench.enqueue()->id;

  RegisterWorker hello;
  hello.id = WorkerId("w-1");
  hello.tenant = TenantId("acme");
  hello.queues = {QueueName("reports")};
  hello.types = {JobTypeName("exportReport")};
  hello.slots = 10;
  bench.submit(hello);
  bench.submit(AddCredits{hello.id, 10});
  bench.settle();
  auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].state->id, mine);

  bench.worker("w-all", 10, std::nullopt);
  EXPECT_EQ(bench.dispatches().size(), 3U);
}

TEST(Engine, ServesTenantsInTurn) {
  Bench bench;
  for (const char* tenant : {"a", "a", "a", "b", "b", "b"}) {
    auto s = spec();
    s.tenant = TenantId(tenant);
    bench.enqueue(s);
  }
  bench.worker("w", 4, std::nullopt);
  std::string order;
  for (const auto& dispatch : bench.dispatches()) order += dispatch.state->spec.tenant.str();
  EXPECT_EQ(order, "abab");
}

TEST(Engine, SpreadsJobsOverWorkersFromPlanToPlan) {
  Bench bench;
  bench.worker("w-1", 10);
  bench.worker("w-2", 10);
  std::string order;
  for (int i = 0; i < 4; ++i) {
    bench.enqueue();
    for (const auto& dispatch : bench.dispatches()) order += dispatch.worker.str().back();
  }
  EXPECT_EQ(order, "1212");
}

TEST(Engine, NeverHandsOutMoreThanTheCredits) {
  Bench bench;
  bench.worker("w-1", 2, std::nullopt, 3);
  for (int i = 0; i < 5; ++i) bench.enqueue();
  EXPECT_EQ(bench.dispatches().size(), 2U);
  bench.get<Done>(AddCredits{WorkerId("w-1"), 100});
  EXPECT_EQ(bench.dispatches().size(), 3U);
  EXPECT_EQ(bench.refusal(AddCredits{WorkerId("nobody"), 1}), ErrorCode::kNotFound);
}

TEST(Lease, LapsesWithoutHeartbeatsAndTheJobStartsAnewAtOnce) {
  Bench bench;
  bench.worker("w-1", 2);
  const JobId id = bench.enqueue()->id;
  bench.dispatches();
  bench.advance(29'999ms);
  bench.settle();
  EXPECT_EQ(bench.state(id)->token, FencingToken{1});
  bench.advance(1ms);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kRunning);
  EXPECT_EQ(bench.state(id)->token, FencingToken{2});
  ASSERT_EQ(bench.notices().size(), 1U);
  const auto again = bench.dispatches();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].input, nullptr);  // to be loaded

  // The first worker comes back too late.
  const auto late = bench.complete(id, FencingToken{1});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kLeaseLost);
  EXPECT_TRUE(bench.complete(id, FencingToken{2}).has_value());
  const auto later = bench.complete(id, FencingToken{1});
  ASSERT_FALSE(later.has_value());
  EXPECT_EQ(later.error().code, ErrorCode::kJobEnded);
}

/// Two workers with a job each, the first of whom falls silent while the second goes on.
struct SilentWorker : ::testing::Test {
  void SetUp() override {
    bench.worker("w-1", 2);
    bench.worker("w-2", 2);
    held = bench.enqueue()->id;
    const JobId other = bench.enqueue()->id;
    ASSERT_EQ(worker_of_next(), "w-1");
    ASSERT_TRUE(bench.complete(other, FencingToken{1}).has_value());
    bench.advance(20s);
    beat("w-2");
    bench.advance(10s);
    bench.settle();
  }

  void beat(std::string_view worker) { bench.get<HeartbeatReply>(Heartbeat{WorkerId(worker), {}}); }

  /// Of the first job that was handed out since.
  std::string worker_of_next() {
    const auto dispatches = bench.dispatches();
    return dispatches.empty() ? "nobody" : dispatches.front().worker.str();
  }

  Bench bench;
  JobId held;
};

TEST_F(SilentWorker, GetsNoJobWhileAnotherHasRoom) {
  // It would be its turn.
  EXPECT_EQ(bench.state(held)->token, FencingToken{2});
  EXPECT_EQ(worker_of_next(), "w-2");
  bench.get<Done>(AddCredits{WorkerId("w-2"), 1});
  bench.enqueue();
  EXPECT_EQ(worker_of_next(), "w-2");
}

TEST_F(SilentWorker, GetsThoseThatNobodyElseHasRoomFor) {
  bench.dispatches();
  bench.enqueue();
  EXPECT_EQ(worker_of_next(), "w-1");
}

TEST_F(SilentWorker, TakesItsTurnAgainOnceItIsHeard) {
  bench.dispatches();
  beat("w-1");
  bench.get<Done>(AddCredits{WorkerId("w-2"), 2});
  bench.enqueue();
  EXPECT_EQ(worker_of_next(), "w-1");
}

TEST(Lease, LostByAWorkerThatIsHeardKeepsItsTurn) {
  Bench bench;
  bench.worker("w-1", 2);
  bench.worker("w-2", 1);
  const JobId id = bench.enqueue()->id;
  bench.enqueue();
  bench.advance(29s);
  bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {}});  // has forgotten its job
  bench.dispatches();
  bench.get<Done>(AddCredits{WorkerId("w-2"), 1});
  bench.advance(1s);
  bench.settle();
  EXPECT_EQ(bench.state(id)->worker, WorkerId("w-1"));
}

TEST(Lease, IsExtendedByHeartbeatsThatWriteNothing) {
  Bench bench;
  bench.worker("w-1");
  const JobId id = bench.enqueue()->id;
  const LogPosition position = bench.store.last_position();
  for (int i = 0; i < 10; ++i) {
    bench.advance(20s);
    const auto reply =
        bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
    ASSERT_EQ(reply.holds.size(), 1U);
    EXPECT_EQ(reply.holds[0].state, HoldState::kRunning);
    EXPECT_EQ(reply.holds[0].lease, 30s);
  }
  EXPECT_EQ(bench.store.last_position(), position);
  const auto stale = bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {{id, FencingToken{7}}}});
  EXPECT_EQ(stale.holds[0].state, HoldState::kLeaseLost);
  ASSERT_TRUE(bench.complete(id, FencingToken{1}).has_value());
  const auto ended = bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
  EXPECT_EQ(ended.holds[0].state, HoldState::kJobEnded);
}

TEST(Lease, DoesNotLapseWhileAHeartbeatWaitsInLine) {
  Bench bench({.batch_requests_max = 1});
  bench.worker("w-1", 2);
  const JobId id = bench.enqueue()->id;
  bench.advance(35s);  // the lane stood still; what came meanwhile waits
  for (int i = 0; i < 5; ++i) bench.submit(ListWorkers{});
  bench.submit(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
  bench.settle();
  EXPECT_EQ(bench.state(id)->token, FencingToken{1});
  // Not for ever, or a flood of requests would keep a dead worker's jobs.
  bench.advance(60s);
  for (int i = 0; i < 5; ++i) bench.submit(ListWorkers{});
  bench.round();
  EXPECT_EQ(bench.state(id)->lost_leases_in_run, 1U);
}

TEST(Lease, OutlivesTheConnectionOfItsWorker) {
  Bench bench;
  bench.worker("w-1", 3);
  const JobId id = bench.enqueue()->id;
  bench.get<Done>(UnregisterWorker{WorkerId("w-1")});
  bench.enqueue();
  EXPECT_EQ(bench.engine().sizes().workers, 0U);
  bench.advance(10s);
  bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-2"), {{id, FencingToken{1}}}});
  bench.get<JobReply>(bench.command(id, job::RequestCancel{}));
  const auto notices = bench.notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].worker, WorkerId("w-2"));
  EXPECT_TRUE(bench.complete(id, FencingToken{1}).has_value());
}

TEST(Timeout, FailsTheAttemptHoweverLivelyTheWorker) {
  Bench bench;
  bench.worker("w-1", 2);
  auto s = spec();
  s.timeout = 40s;
  const JobId id = bench.enqueue(s)->id;
  bench.advance(25s);
  bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
  bench.advance(15s);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kRetrying);
  EXPECT_EQ(bench.state(id)->last_failure->code, "TIMEOUT");
  const auto notices = bench.notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].reason, StopReason::kTimeout);
}

TEST(Retry, WaitsOutItsBackoffThenGivesUp) {
  Bench bench;
  bench.worker("w-1", 10);
  auto s = spec();
  s.retry = {.max_attempts = 3, .initial_interval = 10s, .max_interval = 60s};
  const JobId id = bench.enqueue(s)->id;
  for (std::uint64_t attempt = 1; attempt <= 3; ++attempt) {
    const FencingToken token{attempt};
    ASSERT_EQ(bench.state(id)->token, token);
    bench.get<JobReply>(bench.command(
        id, job::FailAttempt{.token = token, .error = {.code = "BUSY", .message = "busy"}}));
    if (attempt == 3) break;
    EXPECT_EQ(bench.state(id)->status, JobStatus::kRetrying);
    const auto explained = bench.get<Explanation>(ExplainJob{id, std::nullopt});
    EXPECT_EQ(explained.kind, WaitKind::kRetryBackoff);
    EXPECT_EQ(explained.until, bench.state(id)->due_at);
    bench.advance(60s);
    bench.settle();
  }
  EXPECT_EQ(bench.state(id)->status, JobStatus::kFailed);
  EXPECT_TRUE(bench.state(id)->dead_letter);

  const auto retried = bench.get<JobReply>(bench.command(id, job::RetryRun{}));
  EXPECT_EQ(retried.state->run, 2U);
  EXPECT_EQ(bench.state(id)->status, JobStatus::kRunning);
  EXPECT_EQ(bench.state(id)->attempt, 4U);
}

/// A job that failed for good, and the worker's slot free again.
JobId dead_letter(Bench& bench) {
  const JobId id = bench.enqueue(spec())->id;
  bench.get<JobReply>(bench.command(
      id, job::FailAttempt{
              .token = bench.state(id)->token, .permanent = true, .error = {.code = "BROKEN"}}));
  EXPECT_TRUE(bench.state(id)->dead_letter);
  return id;
}

TEST(RequeueDeadLetter, DispatchesTheEditedInputInTheBatchThatStoresIt) {
  Bench bench;
  bench.worker("w-1", 10);
  const JobId id = dead_letter(bench);
  (void)bench.dispatches();

  const std::string edited = R"({"year":2027})";
  const job::PayloadRef ref{.digest = {7}, .size_bytes = edited.size()};
  auto request = bench.command(id, job::RequeueDeadLetter{ref});
  request.input = edited;
  const auto reply = bench.get<JobReply>(std::move(request));
  EXPECT_EQ(reply.state->status, JobStatus::kRunning);
  EXPECT_EQ(reply.state->spec.input, ref);
  const auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  ASSERT_NE(dispatches[0].input, nullptr);
  EXPECT_EQ(*dispatches[0].input, edited);
  const auto stored = bench.store.reader().payload(id, store::PayloadKind::kInput).value();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->bytes, edited);
  EXPECT_EQ(stored->digest, ref.digest);
}

TEST(RequeueDeadLetter, WritesNothingWhereItIsRefused) {
  Bench bench;
  bench.worker("w-1", 10);
  const JobId id = dead_letter(bench);
  bench.get<JobReply>(bench.command(id, job::Discard{}));
  const LogPosition before = bench.store.last_position();
  const auto input = bench.store.reader().payload(id, store::PayloadKind::kInput).value();
  for (const job::Command& command :
       {job::Command(job::RequeueDeadLetter{job::PayloadRef{.size_bytes = 2}}),
        job::Command(job::Discard{})}) {
    auto request = bench.command(id, command);
    if (command.index() == static_cast<std::size_t>(job::CommandKind::kRequeueDeadLetter)) {
      request.input = "{}";
    }
    EXPECT_EQ(bench.refusal(std::move(request)), ErrorCode::kJobNotDeadLetter);
  }
  EXPECT_EQ(bench.store.last_position(), before);
  EXPECT_EQ(bench.store.reader().payload(id, store::PayloadKind::kInput).value(), input);
}

TEST(Schedule, StartsAJobWhenItsTimeHasCome) {
  Bench bench;
  bench.worker("w-1");
  auto s = spec();
  s.scheduled_for = bench.now.wall + 1h;
  const JobId id = bench.enqueue(s)->id;
  EXPECT_EQ(bench.get<Explanation>(ExplainJob{id, std::nullopt}).kind, WaitKind::kScheduled);
  EXPECT_GT(bench.engine().next_wakeup(bench.now).value(), 0ms);
  bench.advance(1h - 1ms);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kScheduled);
  bench.advance(1ms);
  EXPECT_EQ(bench.engine().next_wakeup(bench.now), 0ms);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kRunning);
}

TEST(Deadline, ExpiresAJobThatWaitsAndNothingStartsAfterIt) {
  Bench bench;
  auto s = spec();
  s.deadline = bench.now.wall + 1min;
  const JobId id = bench.enqueue(s)->id;
  bench.advance(1min);
  bench.worker("w-1");
  EXPECT_EQ(bench.state(id)->status, JobStatus::kExpired);
  EXPECT_TRUE(bench.dispatches().empty());
}

TEST(Deadline, AsksARunningJobToStopAndEndsItAfterTheGrace) {
  Bench bench;
  bench.worker("w-1");
  auto s = spec();
  s.deadline = bench.now.wall + 10s;
  const JobId id = bench.enqueue(s)->id;
  EXPECT_EQ(bench.dispatches().at(0).deadline, 10s);
  bench.advance(10s);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kCanceling);
  const auto notices = bench.notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].reason, StopReason::kDeadline);
  EXPECT_EQ(notices[0].grace, 30s);
  bench.advance(15s);
  const auto beat = bench.get<HeartbeatReply>(Heartbeat{WorkerId("w-1"), {{id, FencingToken{1}}}});
  EXPECT_EQ(beat.holds[0].state, HoldState::kCanceling);
  EXPECT_EQ(beat.holds[0].grace, 15s);
  bench.advance(15s);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kExpired);
}

TEST(QueueTimeout, ExpiresAJobThatNobodyStarts) {
  Bench bench;
  auto s = spec();
  s.queue_timeout = 30s;
  const JobId id = bench.enqueue(s)->id;
  bench.advance(30s);
  bench.settle();
  EXPECT_EQ(bench.state(id)->status, JobStatus::kExpired);
  EXPECT_EQ(bench.state(id)->error->code, "QUEUE_TIMEOUT");
}

TEST(Cancel, TellsTheWorkerAndTakesWhatComesFirst) {
  Bench bench;
  bench.worker("w-1", 2);
  const JobId stops = bench.enqueue()->id;
  const JobId completes = bench.enqueue()->id;
  const JobId waits = bench.enqueue()->id;
  for (const JobId& id : {stops, completes, waits}) {
    bench.get<JobReply>(bench.command(id, job::RequestCancel{"enough"}));
  }
  EXPECT_EQ(bench.notices().size(), 2U);
  EXPECT_EQ(bench.state(waits)->status, JobStatus::kCanceled);
  bench.get<JobReply>(bench.command(
      stops, job::FailAttempt{.token = FencingToken{1}, .error = {.code = "CANCELED"}}));
  EXPECT_EQ(bench.state(stops)->status, JobStatus::kCanceled);
  ASSERT_TRUE(bench.complete(completes, FencingToken{1}).has_value());
  EXPECT_EQ(bench.state(completes)->status, JobStatus::kSucceeded);
}

TEST(Cancel, OfAnotherTenantsJobFindsNothing) {
  Bench bench;
  const JobId id = bench.enqueue()->id;
  CommandJob request = bench.command(id, job::RequestCancel{});
  request.tenant = TenantId("globex");
  EXPECT_EQ(bench.refusal(request), ErrorCode::kNotFound);
  EXPECT_EQ(bench.refusal(ExplainJob{id, TenantId("globex")}), ErrorCode::kNotFound);
  EXPECT_EQ(bench.state(id)->status, JobStatus::kPending);
}

TEST(Kill, EndsARunningJobAtOnceAndTellsItsWorker) {
  Bench bench;
  bench.worker("w-1");
  const JobId id = bench.enqueue()->id;
  bench.get<JobReply>(bench.command(id, job::Kill{"runaway"}));
  EXPECT_EQ(bench.state(id)->status, JobStatus::kCanceled);
  const auto notices = bench.notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].reason, StopReason::kKill);
  EXPECT_EQ(bench.engine().sizes().leases, 0U);
}

TEST(Command, ThatBelongsToTheEngineIsRefused) {
  Bench bench;
  const JobId id = bench.enqueue()->id;
  EXPECT_EQ(bench.refusal(bench.command(id, job::Start{})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(bench.refusal(bench.command(id, job::LoseLease{})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(bench.refusal(bench.command(JobId{}, job::RequestCancel{})), ErrorCode::kNotFound);
}

TEST(Progress, IsCoalescedAndTheLastBeforeTheEndIsKept) {
  Bench bench;
  bench.worker("w-1");
  const JobId id = bench.enqueue()->id;
  const auto report = [&](double completed) {
    bench.get<JobReply>(bench.command(
        id, job::ReportProgress{FencingToken{1}, {.completed = completed, .total = 100}}));
  };
  for (int i = 1; i <= 50; ++i) report(i);
  EXPECT_EQ(bench.state(id)->progress->completed, 1);
  bench.advance(250ms);
  bench.settle();
  EXPECT_EQ(bench.state(id)->progress->completed, 50);
  EXPECT_EQ(to_number(bench.state(id)->last_sequence), 4U);
  report(77);
  ASSERT_TRUE(bench.complete(id, FencingToken{1}).has_value());
  EXPECT_EQ(bench.state(id)->progress->completed, 77);
  EXPECT_EQ(to_number(bench.state(id)->last_sequence), 6U);
}

TEST(Progress, TheSecondOfOneBatchIsNotHeldForEver) {
  Bench bench;
  bench.worker("w-1");
  const JobId id = bench.enqueue()->id;
  for (const double completed : {1.0, 2.0}) {
    bench.submit(bench.command(
        id, job::ReportProgress{FencingToken{1}, {.completed = completed, .total = 100}}));
  }
  bench.settle();
  bench.advance(250ms);
  bench.settle();
  EXPECT_EQ(bench.state(id)->progress->completed, 2);
}

TEST(Pause, HoldsAQueueDurablyUntilItIsResumed) {
  Bench bench;
  bench.get<Done>(PauseQueue{QueueName("reports"), TenantId(), true, SubjectId("op")});
  bench.worker("w-1");
  const JobId id = bench.enqueue()->id;
  EXPECT_EQ(bench.get<Explanation>(ExplainJob{id, std::nullopt}).kind, WaitKind::kQueuePaused);
  bench.crash();
  bench.worker("w-1");
  EXPECT_EQ(bench.state(id)->status, JobStatus::kPending);
  bench.get<Done>(PauseQueue{QueueName("reports"), TenantId(), false, SubjectId("op")});
  EXPECT_EQ(bench.state(id)->status, JobStatus::kRunning);
}

TEST(QueueLimit, RefusesAtTheMutationUntilThereIsRoomAgain) {
  Bench bench({.queue_length_max = 3});
  JobId last;
  for (int i = 0; i < 3; ++i) last = bench.enqueue()->id;
  EXPECT_EQ(bench.refusal(bench.enqueue_request()), ErrorCode::kQueueFull);
  auto elsewhere = spec();
  elsewhere.queue = QueueName("imports");
  bench.enqueue(elsewhere);
  bench.get<JobReply>(bench.command(last, job::RequestCancel{}));
  bench.enqueue();
  bench.crash();
  EXPECT_EQ(bench.refusal(bench.enqueue_request()), ErrorCode::kQueueFull);
}

TEST(Explain, SaysWhetherAWorkerIsMissingOrHowManyGoFirst) {
  Bench bench;
  const JobId first = bench.enqueue()->id;
  const JobId second = bench.enqueue()->id;
  auto explained = bench.get<Explanation>(ExplainJob{second, std::nullopt});
  EXPECT_EQ(explained.kind, WaitKind::kNoWorker);
  EXPECT_EQ(explained.workers, 0U);
  EXPECT_EQ(explained.place, 1U);
  bench.worker("w-1");
  EXPECT_EQ(bench.get<Explanation>(ExplainJob{first, std::nullopt}).kind, WaitKind::kNone);
  explained = bench.get<Explanation>(ExplainJob{second, std::nullopt});
  EXPECT_EQ(explained.kind, WaitKind::kPlaceInLine);
  EXPECT_EQ(explained.place, 0U);

  RegisterWorker hosted;  // of the server's own, which takes nothing of users
  hosted.id = WorkerId("w-2");
  hosted.types = {JobTypeName("errand.delivery")};
  hosted.slots = 1;
  bench.submit(std::move(hosted));
  bench.settle();

  const auto queues = bench.get<QueueList>(ListQueues{});
  ASSERT_EQ(queues.queues.size(), 1U);
  EXPECT_EQ(queues.queues[0].pending, 1U);
  EXPECT_EQ(queues.queues[0].running, 1U);
  EXPECT_EQ(queues.queues[0].workers, 1U);
  EXPECT_EQ(bench.get<WorkerList>(ListWorkers{}).workers.at(0).running, 1U);
}

TEST(Memory, HoldsTheHeadOfALongQueueAndReadsOnAsItShrinks) {
  Bench bench({.batch_requests_max = 100, .line_head_max = 64, .timers_max = 64});
  std::vector<JobId> ids;
  for (int i = 0; i < 5'000; ++i) {
    auto request = bench.enqueue_request();
    if (i % 2 == 0) request.spec.deadline = bench.now.wall + 24h;
    ids.push_back(request.id);
    bench.submit(std::move(request));
  }
  bench.settle();
  EXPECT_EQ(bench.engine().sizes().head_jobs, 64U);
  EXPECT_LE(bench.engine().sizes().timers, 64U);

  bench.worker("w-1", 1, std::nullopt, 10'000);
  std::vector<JobId> started;
  const auto collect = [&] {
    for (const auto& dispatch : bench.dispatches()) started.push_back(dispatch.state->id);
  };
  collect();
  while (started.size() < ids.size()) {
    const std::size_t expected = std::min(ids.size(), started.size() + 777);
    bench.get<Done>(AddCredits{WorkerId("w-1"), 777});
    collect();
    ASSERT_EQ(started.size(), expected);
    EXPECT_LE(bench.engine().sizes().head_jobs, 64U);
  }
  EXPECT_EQ(started, ids);
}

TEST(Memory, ReadsOnInStepsThatCommitsNeedNotWaitFor) {
  Bench bench;
  for (int i = 0; i < 3'000; ++i) bench.submit(bench.enqueue_request());
  bench.settle();
  EXPECT_EQ(bench.engine().sizes().head_jobs, 1'024U);
  bench.worker("w-1", 512);
  EXPECT_EQ(bench.dispatches().size(), 512U);
  for (int i = 0; i < 200; ++i) {
    bench.get<Done>(AddCredits{WorkerId("w-1"), 1});
    EXPECT_EQ(bench.dispatches().size(), 1U);
    EXPECT_LE(bench.engine().sizes().head_jobs, 512U + 64U);
  }
}

TEST(Memory, SharesItsRoomWithLinesThatComeLater) {
  Bench bench({.head_jobs_max = 64, .line_head_max = 64});
  std::vector<JobId> ids;
  for (int type = 0; type < 7; ++type) {
    for (int i = 0; i < 100; ++i) {
      auto request = bench.enqueue_request();
      request.spec.type = JobTypeName("type" + std::to_string(type));
      ids.push_back(request.id);
      bench.submit(std::move(request));
    }
    bench.settle();
    bench.enqueue();
    EXPECT_LE(bench.engine().sizes().head_jobs, 64U + 2U);
  }
  bench.worker("w-1", 1'000);
  std::vector<JobId> started;
  for (const auto& dispatch : bench.dispatches()) {
    if (dispatch.state->spec.type != spec().type) started.push_back(dispatch.state->id);
  }
  std::ranges::sort(ids);
  std::ranges::sort(started);
  EXPECT_EQ(started, ids);
}

TEST(Memory, FiresEveryTimerOfALongRowInOrder) {
  Bench bench({.batch_requests_max = 100, .timers_max = 16});
  std::vector<JobId> ids;
  for (int i = 0; i < 1'000; ++i) {
    auto request = bench.enqueue_request();
    request.spec.scheduled_for = bench.now.wall + 1s * (1 + (i * 7) % 1'000);
    ids.push_back(request.id);
    bench.submit(std::move(request));
  }
  bench.settle();
  EXPECT_LE(bench.engine().sizes().timers, 16U);
  bench.advance(500s);
  bench.settle();
  for (const JobId& id : ids) {
    const auto state = bench.state(id);
    EXPECT_EQ(state->status == JobStatus::kPending, *state->spec.scheduled_for <= bench.now.wall);
  }
  bench.advance(501s);
  bench.settle();
  for (const JobId& id : ids) EXPECT_EQ(bench.state(id)->status, JobStatus::kPending);
}

TEST(Memory, BoundsTheInputsThatRideAlong) {
  Bench bench({.input_bytes_max = 100});
  for (int i = 0; i < 5; ++i) bench.ask(bench.enqueue_request(spec(), std::string(40, ' ')));
  EXPECT_EQ(bench.engine().sizes().input_bytes, 80U);
  bench.worker("w", 5);
  int with_input = 0;
  for (const auto& dispatch : bench.dispatches()) with_input += dispatch.input ? 1 : 0;
  EXPECT_EQ(with_input, 2);
  EXPECT_EQ(bench.engine().sizes().input_bytes, 0U);
}

TEST(Engine, ForgetsAnEndedJobAndRefusesItsKeyFromThenOn) {
  Bench bench;
  auto request = bench.enqueue_request();
  request.key = IdempotencyKey{.key = "k", .fingerprint = "f"};
  const JobId id = request.id;
  bench.get<JobReply>(request);
  EXPECT_EQ(bench.refusal(ForgetJob{id, {}}), ErrorCode::kJobNotEnded);
  EXPECT_EQ(bench.refusal(ForgetJob{id, TenantId("globex")}), ErrorCode::kNotFound);

  // All in one plan: what comes after it finds no job, and the key says why.
  auto again = bench.enqueue_request();
  again.key = request.key;
  bench.submit(bench.command(id, job::Kill{}));
  const Ticket forget = bench.submit(ForgetJob{id, TenantId("acme")});
  const Ticket retry = bench.submit(bench.command(id, job::RetryRun{}));
  const Ticket replay = bench.submit(again);
  bench.settle();
  EXPECT_TRUE(bench.answers.at(forget));
  EXPECT_EQ(bench.answers.at(retry).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(bench.answers.at(replay).error().code, ErrorCode::kJobForgotten);
  EXPECT_EQ(bench.store.reader().job(id).value(), nullptr);
  EXPECT_EQ(bench.refusal(ForgetJob{id, {}}), ErrorCode::kNotFound);

  again.id = JobId{Uuid::v7(bench.now.wall, bench.random)};
  EXPECT_EQ(bench.refusal(again), ErrorCode::kJobForgotten);
  bench.crash();
  EXPECT_EQ(bench.refusal(again), ErrorCode::kJobForgotten);
  bench.advance(25h);
  EXPECT_FALSE(bench.get<JobReply>(again).replayed) << "the key has expired";
}

}  // namespace
}  // namespace errand::engine
