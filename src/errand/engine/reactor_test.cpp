#include "errand/engine/reactor.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "errand/engine/testing/bench.h"

namespace errand::engine {
namespace {

using job::JobStatus;
using testing::Bench;
using testing::spec;
using namespace std::chrono_literals;

const JobTypeName kWebhook("errand.webhook");

EnqueueJob delivery(const job::JobState& of, std::string input = R"({"event":1})") {
  EnqueueJob request;
  request.spec.tenant = of.spec.tenant;
  request.spec.type = kWebhook;
  request.spec.queue = QueueName("errand.webhook");
  request.spec.input.size_bytes = input.size();
  request.input = std::move(input);
  return request;
}

/// Asks for one internal job where `wants` says so, and writes down what it is shown.
class Recorder : public Reactor {
 public:
  struct Shown {
    JobId job;
    std::optional<JobStatus> before;
    JobStatus after{};
    std::vector<std::string> events;

    friend bool operator==(const Shown&, const Shown&) = default;
  };

  void react(const JobChange& change, std::vector<EnqueueJob>& reactions) override {
    Shown& seen = shown.emplace_back();
    seen.job = change.after.id;
    if (change.before) seen.before = change.before->status;
    seen.after = change.after.status;
    for (const job::Event& event : change.events) {
      seen.events.emplace_back(job::event_name(event.data));
      for (int i = 0; i < wanted(event); ++i) reactions.push_back(delivery(change.after));
    }
  }

  void on_refused(std::vector<RefusedReaction> them) override {
    for (RefusedReaction& each : them) refused.push_back(std::move(each));
  }

  std::vector<Shown> shown;
  std::vector<RefusedReaction> refused;
  std::function<int(const job::Event&)> wanted = [](const job::Event& event) {
    return std::holds_alternative<job::Enqueued>(event.data) ? 1 : 0;
  };
};

Options with(Recorder& recorder) {
  Options options;
  options.reactor = &recorder;
  return options;
}

std::vector<job::StatePtr> internal_jobs(const Bench& bench) {
  store::JobFilter filter;
  filter.tenant = TenantId("acme");
  filter.kind = job::JobKind::kInternal;
  return bench.store.reader()
      .jobs(filter, {.order = store::JobOrder::kOldestFirst, .limit = 100'000})
      .value();
}

void host(Bench& bench, std::string_view id, std::vector<JobTypeName> types) {
  RegisterWorker hello;
  hello.id = WorkerId(id);
  hello.types = std::move(types);
  hello.slots = 100;
  hello.way = WorkerWay::kInProcess;
  bench.submit(std::move(hello));
  bench.submit(AddCredits{WorkerId(id), 100});
  bench.settle();
}

TEST(Reactor, MakesInternalJobsInTheCommitOfTheirCause) {
  Recorder recorder;
  Bench bench(with(recorder));
  EnqueueJob request = bench.enqueue_request();
  request.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const Ticket ticket = bench.submit(request);
  Plan plan = bench.plan();
  ASSERT_EQ(plan.batch.jobs.size(), 2U);
  ASSERT_EQ(plan.answers.size(), 1U) << "nobody waits for what the reactor asked for";
  EXPECT_EQ(std::get<JobReply>(*plan.answers[0].reply).state->id, request.id);
  EXPECT_EQ(plan.answers[0].ticket, ticket);
  const job::JobState& made = *plan.batch.jobs[1].after;
  EXPECT_EQ(made.spec.type, kWebhook);
  EXPECT_EQ(made.status, JobStatus::kPending);
  EXPECT_EQ(made.correlation_id, "c-1") << "that of its cause";
  EXPECT_EQ(made.traceparent, request.traceparent);
  EXPECT_EQ(plan.batch.jobs[1].events[0].actor.kind, job::ActorKind::kSystem);
  ASSERT_TRUE(bench.store.commit(plan.batch));
  bench.engine().apply(plan);
  EXPECT_EQ(bench.store.reader().payload(made.id, store::PayloadKind::kInput).value()->bytes,
            R"({"event":1})");
}

TEST(Reactor, IsShownEachStepOfAUsersJobAndNothingOfAnInternalOne) {
  Recorder recorder;
  Bench bench(with(recorder));
  bench.worker("w-1");
  host(bench, "hosted", {kWebhook});
  const JobId id = bench.enqueue()->id;
  ASSERT_TRUE(bench.complete(id, FencingToken{1}).has_value());
  EXPECT_EQ(bench.state(id)->status, JobStatus::kSucceeded);
  const auto jobs = internal_jobs(bench);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0]->status, JobStatus::kRunning) << "the server itself has taken it";
  ASSERT_TRUE(bench.complete(jobs[0]->id, FencingToken{1}).has_value());

  using Shown = Recorder::Shown;
  const std::vector<Shown> expected = {
      {id, std::nullopt, JobStatus::kPending, {"dev.errand.job.enqueued"}},
      {id, JobStatus::kPending, JobStatus::kRunning, {"dev.errand.job.started"}},
      {id, JobStatus::kRunning, JobStatus::kSucceeded, {"dev.errand.job.succeeded"}},
  };
  EXPECT_EQ(recorder.shown, expected);
}

TEST(Reactor, IsShownWhatTimersDo) {
  Recorder recorder;
  Bench bench(with(recorder));
  bench.worker("w-1");
  recorder.wanted = [](const job::Event& event) {
    return std::holds_alternative<job::AttemptFailed>(event.data) ? 1 : 0;
  };
  const JobId id = bench.enqueue()->id;
  bench.advance(30s);
  bench.settle();
  EXPECT_EQ(internal_jobs(bench).size(), 1U);
  const auto lost = std::ranges::find_if(recorder.shown, [](const Recorder::Shown& shown) {
    return shown.events.front() == "dev.errand.job.attempt_failed";
  });
  ASSERT_NE(lost, recorder.shown.end());
  EXPECT_EQ(lost->job, id);
  EXPECT_EQ(lost->before, JobStatus::kRunning);
}

TEST(Reactor, LeavesNothingOfARefusedBatchAndReactsAnew) {
  Recorder recorder;
  Bench bench(with(recorder));
  bench.store.fail_next_commit(store::MemoryStore::Fault::kRefuse);
  EXPECT_FALSE(bench.ask(bench.enqueue_request()).has_value());
  EXPECT_TRUE(internal_jobs(bench).empty());
  const JobId id = bench.enqueue()->id;
  EXPECT_EQ(internal_jobs(bench).size(), 1U);
  EXPECT_NE(bench.state(id), nullptr);

  // What a timer did comes again with the next plan, and so does what it causes.
  recorder.wanted = [](const job::Event& event) {
    return std::holds_alternative<job::Expired>(event.data) ? 1 : 0;
  };
  job::JobSpec s = spec();
  s.queue_timeout = 1s;
  const JobId late = bench.enqueue(s)->id;
  bench.advance(1s);
  bench.store.fail_next_commit(store::MemoryStore::Fault::kRefuse);
  bench.round();
  EXPECT_EQ(internal_jobs(bench).size(), 1U);
  bench.advance(1s);
  bench.settle();
  EXPECT_EQ(bench.state(late)->status, JobStatus::kExpired);
  EXPECT_EQ(internal_jobs(bench).size(), 2U);
}

TEST(Reactor, MakesNothingTwiceOverACrash) {
  Recorder recorder;
  Bench bench(with(recorder));
  bench.enqueue();
  EXPECT_EQ(internal_jobs(bench).size(), 1U);
  bench.crash();
  bench.settle();
  host(bench, "hosted", {kWebhook});
  const auto jobs = internal_jobs(bench);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0]->status, JobStatus::kRunning);
}

TEST(Reactor, IsToldOfWhatFoundNoRoomWhileTheUsersJobIsMade) {
  Recorder recorder;
  Options options = with(recorder);
  options.limits.push_back({.kind = LimitKind::kLength,
                            .queue = QueueName("errand.webhook"),
                            .by_input = {},
                            .value = 1});
  Bench bench(options);
  bench.enqueue();
  EXPECT_TRUE(recorder.refused.empty());

  // Of a batch that was refused there is nothing to tell.
  bench.store.fail_next_commit(store::MemoryStore::Fault::kRefuse);
  EXPECT_FALSE(bench.ask(bench.enqueue_request()).has_value());
  EXPECT_TRUE(recorder.refused.empty());

  const JobId second = bench.enqueue()->id;
  EXPECT_EQ(internal_jobs(bench).size(), 1U);
  ASSERT_EQ(recorder.refused.size(), 1U);
  EXPECT_EQ(recorder.refused[0].why.code, ErrorCode::kQueueFull);
  EXPECT_EQ(recorder.refused[0].cause, second);
  EXPECT_EQ(recorder.refused[0].position, bench.state(second)->last_position);
  EXPECT_EQ(recorder.refused[0].request.input, R"({"event":1})");
}

const JobTypeName kCatchUp("errand.webhook_catch_up");

/// A recorder whose deliveries are caught up with where they find no room.
class Follower final : public Recorder {
 public:
  std::optional<EnqueueJob> instead_of(const EnqueueJob& reaction, LogPosition position) override {
    EnqueueJob request;
    request.input = std::to_string(to_number(position));
    request.spec.tenant = reaction.spec.tenant;
    request.spec.type = kCatchUp;
    request.spec.queue = QueueName("errand.webhook_catch_up.one");
    request.spec.input.size_bytes = request.input.size();
    request.spec.unique_key = "one";
    request.spec.limit_key = "one";
    request.spec.fifo = true;
    return request;
  }
};

Options following(Recorder& recorder) {
  Options options = with(recorder);
  options.queue_length_max = 1'000;
  options.limits.push_back(
      {.kind = LimitKind::kLength, .queue = QueueName("errand.webhook"), .value = 2});
  options.limits.push_back(
      {.kind = LimitKind::kLength, .queue = QueueName("errand.webhook_catch_up.one"), .value = 1});
  options.limits.push_back({.kind = LimitKind::kConcurrency,
                            .type = kCatchUp,
                            .by_tenant = true,
                            .by_input = "endpoint",
                            .fifo = true,
                            .value = 1});
  return options;
}

std::vector<job::StatePtr> of_type(const Bench& bench, const JobTypeName& type) {
  auto jobs = internal_jobs(bench);
  std::erase_if(jobs, [&](const job::StatePtr& state) { return state->spec.type != type; });
  return jobs;
}

TEST(Reactor, WhatFindsNoRoomIsLeftToOneCatchUp) {
  Follower recorder;
  Bench bench(following(recorder));
  bench.enqueue();
  bench.enqueue();
  EXPECT_TRUE(of_type(bench, kCatchUp).empty());
  const JobId first = bench.enqueue()->id;
  for (int i = 0; i < 5; ++i) bench.enqueue();
  EXPECT_EQ(of_type(bench, kWebhook).size(), 2U);
  const auto catch_ups = of_type(bench, kCatchUp);
  ASSERT_EQ(catch_ups.size(), 1U) << "it will find those that came after it was made too";
  const auto input = bench.store.reader().payload(catch_ups[0]->id, store::PayloadKind::kInput);
  ASSERT_TRUE(input.has_value() && input->has_value());
  EXPECT_EQ((*input)->bytes, std::to_string(to_number(bench.state(first)->last_position)));
  EXPECT_TRUE(recorder.refused.empty());
}

TEST(Reactor, WhileACatchUpLivesNothingPassesIt) {
  Follower recorder;
  Bench bench(following(recorder));
  for (int i = 0; i < 3; ++i) bench.enqueue();
  ASSERT_EQ(of_type(bench, kCatchUp).size(), 1U);
  host(bench, "w-catch-up", {kCatchUp});
  EXPECT_EQ(of_type(bench, kCatchUp)[0]->status, JobStatus::kRunning);
  bench.advance(10ms);  // so that they are told apart by their times
  // There is room again.
  host(bench, "w-webhook", {kWebhook});
  for (int i = 0; i < 4; ++i) bench.enqueue();
  EXPECT_EQ(of_type(bench, kWebhook).size(), 2U);
  auto catch_ups = of_type(bench, kCatchUp);
  ASSERT_EQ(catch_ups.size(), 2U) << "one that runs may be about to end";
  EXPECT_EQ(catch_ups[1]->status, JobStatus::kPending) << "they run one after the other";

  // It puts itself off, and keeps its turn. So it is over a crash.
  const auto report = [&](const job::StatePtr& job, job::Command command, std::string result) {
    CommandJob request = bench.command(job->id, std::move(command), std::move(result));
    request.tenant.reset();
    request.internal = true;
    return bench.ask(std::move(request));
  };
  ASSERT_TRUE(report(catch_ups[0], job::Snooze{catch_ups[0]->token, 1'000ms, ""}, "").has_value());
  bench.crash();
  host(bench, "w-catch-up", {kCatchUp});
  bench.enqueue();
  catch_ups = of_type(bench, kCatchUp);
  ASSERT_EQ(catch_ups.size(), 2U);
  EXPECT_EQ(catch_ups[0]->status, JobStatus::kScheduled);
  EXPECT_EQ(catch_ups[1]->status, JobStatus::kPending);
  bench.advance(1'000ms);
  bench.settle();
  catch_ups = of_type(bench, kCatchUp);
  ASSERT_EQ(catch_ups[0]->status, JobStatus::kRunning);

  for (const std::size_t each : {0U, 1U}) {
    const auto live = bench.state(catch_ups[each]->id);
    ASSERT_EQ(live->status, JobStatus::kRunning);
    ASSERT_TRUE(report(live, job::Complete{live->token, {.size_bytes = 4}}, "null").has_value());
    bench.settle();
  }
  const std::size_t before = of_type(bench, kWebhook).size();
  bench.enqueue();
  EXPECT_EQ(of_type(bench, kCatchUp).size(), 2U);
  EXPECT_EQ(of_type(bench, kWebhook).size(), before + 1) << "it has caught up";
}

TEST(Reactor, MayAskForSoMuchOfOneChangeAndNoMore) {
  Recorder recorder;
  Options options = with(recorder);
  options.reactions_of_change_max = 3;
  Bench bench(options);
  recorder.wanted = [](const job::Event&) { return 5; };
  bench.enqueue();
  EXPECT_EQ(internal_jobs(bench).size(), 3U);
  ASSERT_EQ(recorder.refused.size(), 2U);
  EXPECT_EQ(recorder.refused[1].why.code, ErrorCode::kLimitExceeded);
}

TEST(Reactor, BoundsAPlanByTakingFewerRequestsTimersAndStarts) {
  Recorder recorder;
  Options options = with(recorder);
  options.reactions_max = 8;
  Bench bench(options);
  recorder.wanted = [](const job::Event&) { return 1; };
  bench.worker("w-1", 100);
  std::vector<JobId> ids;
  for (int i = 0; i < 40; ++i) {
    EnqueueJob request = bench.enqueue_request();
    ids.push_back(request.id);
    bench.submit(std::move(request));
  }
  int plans = 0;
  for (auto wait = bench.engine().next_wakeup(bench.now); wait == 0ms;
       wait = bench.engine().next_wakeup(bench.now)) {
    Plan plan = bench.plan();
    const auto made = std::ranges::count_if(plan.batch.jobs, [](const store::JobWrite& write) {
      return !write.before && job::is_internal(write.after->spec.type);
    });
    EXPECT_LE(made, 8);
    ASSERT_TRUE(plan.batch.empty() || bench.store.commit(plan.batch).has_value());
    bench.engine().apply(plan);
    ASSERT_LT(++plans, 1'000);
  }
  for (const JobId& id : ids) EXPECT_EQ(bench.state(id)->status, JobStatus::kRunning);
  EXPECT_EQ(internal_jobs(bench).size(), 80U) << "one of each enqueued, one of each started";
  EXPECT_TRUE(recorder.refused.empty());

  // All leases end at once, and each is taken in its turn.
  bench.advance(30s);
  bench.submit(UnregisterWorker{WorkerId("w-1")});
  bench.settle();
  for (const JobId& id : ids) EXPECT_EQ(bench.state(id)->status, JobStatus::kPending);
}

TEST(InternalJobs, GoToTheServerItselfAndOnlyWhereItNamesThem) {
  Recorder recorder;
  Bench bench(with(recorder));
  bench.enqueue();
  RegisterWorker pull;
  pull.id = WorkerId("w-1");
  pull.types = {kWebhook};
  pull.slots = 10;
  bench.submit(pull);
  bench.submit(AddCredits{pull.id, 10});
  bench.settle();
  EXPECT_TRUE(bench.dispatches().empty());
  host(bench, "every-type", {});
  for (const Dispatch& each : bench.dispatches()) {
    EXPECT_FALSE(job::is_internal(each.state->spec.type));
  }
  host(bench, "hosted", {kWebhook});
  const auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].worker, WorkerId("hosted"));
}

TEST(InternalJobs, TakeNothingFromTheirTenantsShare) {
  Recorder recorder;
  Bench bench(with(recorder));
  job::JobSpec theirs = spec();
  theirs.tenant = TenantId("globex");
  recorder.wanted = [](const job::Event& event) {
    const auto* made = std::get_if<job::Enqueued>(&event.data);
    return made && made->spec.tenant == TenantId("acme") ? 1 : 0;
  };
  const JobId first = bench.enqueue()->id;
  const JobId second = bench.enqueue(theirs)->id;
  host(bench, "hosted", {kWebhook});
  EXPECT_EQ(bench.dispatches().size(), 1U) << "a delivery of acme's has run";
  bench.worker("w-1", 1, std::nullopt);
  const auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].state->id, first);
  EXPECT_EQ(bench.state(second)->status, JobStatus::kPending);
}

TEST(InternalJobs, AreListedApartAndOutOfPeoplesReach) {
  Recorder recorder;
  Options options = with(recorder);
  const Limit limit{.kind = LimitKind::kConcurrency,
                    .queue = QueueName("errand.webhook"),
                    .by_input = {},
                    .value = 5};
  options.limits.push_back(limit);
  Bench bench(options);
  const job::StatePtr user = bench.enqueue();
  const job::StatePtr internal = internal_jobs(bench).at(0);

  const auto queues = bench.get<QueueList>(ListQueues{}).queues;
  ASSERT_EQ(queues.size(), 1U);
  EXPECT_EQ(queues[0].queue, user->spec.queue);
  const auto own = bench.get<QueueList>(ListQueues{.kind = job::JobKind::kInternal}).queues;
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own[0].pending, 1U);
  EXPECT_TRUE(bench.get<LimitList>(ListLimits{}).limits.empty());
  EXPECT_EQ(bench.get<LimitList>(ListLimits{job::JobKind::kInternal}).limits.size(), 1U);
  SetLimit set{.limit = limit.id(), .value = 3, .per = {}, .by = SubjectId("op")};
  EXPECT_EQ(bench.refusal(set), ErrorCode::kNotFound);
  set.internal = true;
  EXPECT_TRUE(bench.ask(set).has_value());

  const TenantId acme("acme");
  CommandJob kill = bench.command(internal->id, job::Kill{});
  for (const auto kind : {job::ActorKind::kClient, job::ActorKind::kOperator}) {
    kill.actor = {kind, SubjectId("user:anna")};
    EXPECT_EQ(bench.refusal(kill), ErrorCode::kNotFound);
  }
  EXPECT_EQ(bench.refusal(ExplainJob{internal->id, acme}), ErrorCode::kNotFound);
  EXPECT_TRUE(bench.ask(ExplainJob{internal->id, std::nullopt}).has_value());
  kill.internal = true;
  EXPECT_EQ(bench.get<JobReply>(kill).state->status, JobStatus::kCanceled);
  EXPECT_EQ(bench.refusal(ForgetJob{internal->id, acme}), ErrorCode::kNotFound);
  kill.id = user->id;
  EXPECT_EQ(bench.refusal(kill), ErrorCode::kNotFound) << "a user's job is no internal one";
}

TEST(InternalJobs, TeachEstimatesNothing) {
  Recorder recorder;
  Bench bench(with(recorder));
  host(bench, "hosted", {kWebhook});
  bench.enqueue();
  const job::StatePtr internal = internal_jobs(bench).at(0);
  bench.advance(1s);
  ASSERT_TRUE(bench.complete(internal->id, internal->token).has_value());
  EXPECT_TRUE(bench.engine().estimates().empty());
}

Limit webhook_rate(std::uint64_t value) {
  return {.kind = LimitKind::kRate, .type = kWebhook, .value = value, .per = 1s};
}

TEST(DeclareLimits, HoldBackInternalJobsAtOnceAndUntilTheyAreWithdrawn) {
  Recorder recorder;
  Bench bench(with(recorder));
  bench.get<Done>(DeclareLimits{.declare = {webhook_rate(1)}});
  host(bench, "webhooks", {kWebhook});
  const auto running = [&] {
    return std::ranges::count_if(internal_jobs(bench), [](const job::StatePtr& state) {
      return state->status == JobStatus::kRunning;
    });
  };
  for (int i = 0; i < 5; ++i) bench.submit(bench.enqueue_request());
  bench.settle();
  EXPECT_EQ(running(), 1);
  bench.get<Done>(DeclareLimits{.declare = {webhook_rate(3)}});
  bench.settle();
  EXPECT_EQ(running(), 3);
  ListLimits internal{.kind = job::JobKind::kInternal};
  EXPECT_EQ(bench.get<LimitList>(internal).limits.size(), 1U);
  bench.get<Done>(DeclareLimits{.declare = {}, .withdraw = {kWebhook}});
  bench.settle();
  EXPECT_EQ(running(), 5);
  EXPECT_TRUE(bench.get<LimitList>(internal).limits.empty());
  // Its place is taken by the next one, with counts of its own.
  bench.get<Done>(DeclareLimits{.declare = {webhook_rate(1)}});
  for (int i = 0; i < 2; ++i) bench.submit(bench.enqueue_request());
  bench.settle();
  EXPECT_EQ(running(), 6);
}

TEST(DeclareLimits, AreOfInternalTypesAndCountByInputFromTheirFirstJob) {
  Recorder recorder;
  Bench bench(with(recorder));
  Limit users = webhook_rate(1);
  users.type = JobTypeName("exportReport");
  EXPECT_EQ(bench.refusal(DeclareLimits{.declare = {users}}), ErrorCode::kInvalidArgument);
  bench.submit(bench.enqueue_request());
  bench.settle();
  Limit ordered = webhook_rate(1);
  ordered.kind = LimitKind::kConcurrency;
  ordered.by_tenant = true;
  ordered.by_input = "job";
  ordered.fifo = true;
  EXPECT_EQ(bench.refusal(DeclareLimits{.declare = {ordered}}), ErrorCode::kConflict);
}

}  // namespace
}  // namespace errand::engine
