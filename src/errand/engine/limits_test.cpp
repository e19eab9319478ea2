#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "errand/engine/limit_book.h"
#include "errand/engine/memory.h"
#include "errand/engine/testing/bench.h"

namespace errand::engine {
namespace {

using testing::Bench;
using testing::spec;
using namespace std::chrono_literals;

const JobTypeName kType("exportReport");

Limit concurrency(std::optional<std::uint64_t> value) {
  return {
      .kind = LimitKind::kConcurrency, .queue = {}, .type = kType, .by_input = {}, .value = value};
}
Limit concurrency_by_account(std::optional<std::uint64_t> value) {
  Limit limit = concurrency(value);
  limit.by_tenant = true;
  limit.by_input = "input.account";
  return limit;
}
Limit rate(std::uint64_t value, Milliseconds per) {
  Limit limit = concurrency(value);
  limit.kind = LimitKind::kRate;
  limit.per = per;
  return limit;
}
Limit fifo_by_account() {
  Limit limit = concurrency_by_account(1);
  limit.fifo = true;
  return limit;
}

Options with(std::vector<Limit> limits) {
  Options options;
  options.limits = std::move(limits);
  return options;
}

job::JobSpec of_account(std::string account) {
  job::JobSpec s = spec();
  s.limit_key = std::move(account);
  return s;
}

/// The accounts of the jobs that were dispatched since the last call.
std::vector<std::string> started(Bench& bench) {
  std::vector<std::string> keys;
  for (const Dispatch& dispatch : bench.dispatches()) {
    keys.push_back(dispatch.state->spec.limit_key);
  }
  return keys;
}

TEST(Limit, HasAnIdThatStays) {
  EXPECT_EQ(concurrency(1).id(), "type:exportReport/concurrency");
  EXPECT_EQ(concurrency_by_account(1).id(), "type:exportReport+input.account/concurrency");
  Limit limit{.kind = LimitKind::kRate, .queue = QueueName("mail"), .type = {}, .by_input = {}};
  limit.by_tenant = true;
  EXPECT_EQ(limit.id(), "queue:mail+tenant/rate");
}

TEST(Limits, HoldBackWhatWouldRunBeyondThem) {
  Bench bench(with({concurrency(2)}));
  bench.worker("w-1", 10);
  for (int i = 0; i < 5; ++i) bench.enqueue();
  const auto first = bench.dispatches();
  ASSERT_EQ(first.size(), 2U);
  (void)bench.complete(first[0].state->id, first[0].state->token);
  EXPECT_EQ(bench.dispatches().size(), 1U);
}

TEST(Limits, CountEachTenantApart) {
  Limit limit = concurrency(1);
  limit.by_tenant = true;
  Bench bench(with({limit}));
  bench.worker("w-1", 10, std::nullopt);
  for (const char* tenant : {"acme", "acme", "globex"}) {
    job::JobSpec s = spec();
    s.tenant = TenantId(tenant);
    bench.enqueue(s);
  }
  const auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 2U);
  EXPECT_NE(dispatches[0].state->spec.tenant, dispatches[1].state->spec.tenant);
}

TEST(Limits, OfAQueueCountAllItsTypes) {
  Limit limit{.kind = LimitKind::kConcurrency,
              .queue = QueueName("reports"),
              .type = {},
              .by_input = {},
              .value = 1};
  Bench bench(with({limit}));
  bench.worker("w-1", 10);
  bench.enqueue();
  job::JobSpec other = spec();
  other.type = JobTypeName("importData");
  bench.enqueue(other);
  other.queue = QueueName("imports");
  bench.enqueue(other);
  const auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 2U);
  EXPECT_EQ(dispatches[1].state->spec.queue, QueueName("imports"));
}

TEST(Limits, OfAKeyDoNotHoldBackOtherKeys) {
  Options options = with({concurrency_by_account(1)});
  options.line_head_max = 2;  // so that the full key fills what is in memory of the line
  Bench bench(options);
  bench.worker("w-1", 10);
  for (int i = 0; i < 20; ++i) bench.enqueue(of_account("\"1\""));
  bench.enqueue(of_account("\"2\""));
  EXPECT_EQ(started(bench), (std::vector<std::string>{"\"1\"", "\"2\""}));
}

TEST(Limits, LetTheJobsOfAKeyRunInTheOrderOfTheLine) {
  Options options = with({concurrency_by_account(1)});
  options.line_head_max = 3;
  Bench bench(options);
  std::vector<JobId> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(bench.enqueue(of_account("a"))->id);
  job::JobSpec urgent = of_account("a");
  urgent.priority = 1;
  ids.insert(ids.begin() + 1, bench.enqueue(urgent)->id);
  std::swap(ids[0], ids[1]);  // it goes first
  bench.worker("w-1", 100);
  for (const JobId& id : ids) {
    const auto dispatches = bench.dispatches();
    ASSERT_EQ(dispatches.size(), 1U);
    EXPECT_EQ(dispatches[0].state->id, id);
    (void)bench.complete(id, dispatches[0].state->token);
  }
  EXPECT_EQ(bench.engine().sizes().head_jobs, 0U);
}

TEST(Limits, AreNotHeldByJobsThatWaitForARetry) {
  Bench bench(with({concurrency_by_account(1)}));
  bench.worker("w-1", 10);
  bench.enqueue(of_account("a"));
  bench.enqueue(of_account("a"));
  const auto first = bench.dispatches();
  ASSERT_EQ(first.size(), 1U);
  (void)bench.ask(bench.command(first[0].state->id, job::FailAttempt{.token = first[0].state->token,
                                                                     .error = {.code = "BUSY"}}));
  EXPECT_EQ(bench.dispatches().size(), 1U);
}

TEST(Limits, OfAFifoKeyAreHeldUntilTheJobEnds) {
  Bench bench(with({fifo_by_account()}));
  bench.worker("w-1", 10);
  job::JobSpec s = of_account("a");
  s.fifo = true;
  const JobId first = bench.enqueue(s)->id;
  const JobId second = bench.enqueue(s)->id;
  auto dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  (void)bench.ask(bench.command(
      first, job::FailAttempt{.token = dispatches[0].state->token, .error = {.code = "BUSY"}}));
  EXPECT_TRUE(bench.dispatches().empty());
  bench.crash();  // the hold is not in memory alone
  bench.worker("w-1", 10);
  EXPECT_TRUE(bench.dispatches().empty());
  bench.advance(1h);
  bench.settle();
  dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].state->id, first);
  (void)bench.complete(first, dispatches[0].state->token);
  dispatches = bench.dispatches();
  ASSERT_EQ(dispatches.size(), 1U);
  EXPECT_EQ(dispatches[0].state->id, second);
}

TEST(Limits, OfARateOpenWithTime) {
  Bench bench(with({rate(2, 1min)}));
  bench.worker("w-1", 10);
  for (int i = 0; i < 5; ++i) bench.enqueue();
  EXPECT_EQ(bench.dispatches().size(), 2U);
  bench.advance(59s);
  bench.settle();
  EXPECT_TRUE(bench.dispatches().empty());
  const auto wait = bench.engine().next_wakeup(bench.now);
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, 1s);  // it does not sleep through the opening
  bench.advance(2s);
  bench.settle();
  EXPECT_EQ(bench.dispatches().size(), 2U);
}

TEST(Limits, CountAJobThatIsRequeuedWithAnotherKeyInOneBatchUnderTheKeyThatItLeft) {
  Bench bench(with({concurrency_by_account(1)}));
  bench.worker("w-1", 10);
  const JobId first = bench.enqueue(of_account("a"))->id;
  const auto running = bench.dispatches().at(0);
  const JobId waits = bench.enqueue(of_account("a"))->id;
  EXPECT_TRUE(bench.dispatches().empty());

  bench.submit(bench.command(
      first, job::FailAttempt{
                 .token = running.state->token, .permanent = true, .error = {.code = "BROKEN"}}));
  auto requeue = bench.command(
      first, job::RequeueDeadLetter{.input = job::PayloadRef{.size_bytes = 2}, .limit_key = "b"});
  requeue.input = "{}";
  bench.submit(std::move(requeue));
  bench.settle();
  const auto started = bench.dispatches();
  ASSERT_EQ(started.size(), 2U) << "each key has room for one";
  EXPECT_THAT((std::vector{started[0].state->id, started[1].state->id}),
              ::testing::UnorderedElementsAre(first, waits));
}

TEST(Limits, OfARateHoldOverARestart) {
  Bench bench(with({rate(2, 1min)}));
  bench.worker("w-1", 10);
  for (int i = 0; i < 5; ++i) bench.enqueue();
  EXPECT_EQ(bench.dispatches().size(), 2U);
  bench.crash();
  bench.worker("w-1", 10);
  EXPECT_TRUE(bench.dispatches().empty());
  bench.advance(61s);
  bench.settle();
  EXPECT_EQ(bench.dispatches().size(), 2U);
}

TEST(Limits, DoNotKeepTheEngineBusyWhileTheyHoldJobsBack) {
  Limit by_key = fifo_by_account();
  Limit rate_by_key = by_key;
  rate_by_key.kind = LimitKind::kRate;
  rate_by_key.fifo = false;
  rate_by_key.per = 1min;
  Options options = with({by_key, rate_by_key});
  options.line_head_max = 1;
  Bench bench(options);
  bench.worker("w-1", 1);
  job::JobSpec s = of_account("a");
  s.fifo = true;
  for (int i = 0; i < 3; ++i) bench.enqueue(s);
  const auto first = bench.dispatches().at(0);
  bench.submit(AddCredits{WorkerId("w-1"), 1});
  // It comes back to its place, which it holds, and may not start for the rate.
  (void)bench.ask(bench.command(first.state->id, job::Release{first.state->token, ""}));
  EXPECT_TRUE(bench.dispatches().empty());
  EXPECT_GT(bench.engine().next_wakeup(bench.now), 0ms);
  bench.worker("w-1", 0);  // nobody is free: nothing to wake up for, even once it is time
  bench.advance(2min);
  bench.settle();
  EXPECT_EQ(bench.engine().next_wakeup(bench.now), std::nullopt);
  bench.worker("w-1", 1);
  EXPECT_EQ(bench.dispatches().at(0).state->id, first.state->id);
}

TEST(Limits, OfARateByKeyOpenWithTime) {
  Limit limit = concurrency_by_account(1);
  limit.kind = LimitKind::kRate;
  limit.per = 10s;
  Bench bench(with({limit}));
  bench.worker("w-1", 10);
  for (const char* key : {"a", "a", "a", "b", "b"}) bench.enqueue(of_account(key));
  EXPECT_EQ(started(bench), (std::vector<std::string>{"a", "b"}));
  bench.advance(11s);
  bench.settle();
  EXPECT_EQ(started(bench), (std::vector<std::string>{"a", "b"}));
}

TEST(Limits, OfManyKeysHoldFewJobsInMemory) {
  Limit limit = concurrency_by_account(1);
  limit.kind = LimitKind::kRate;
  limit.per = 10s;
  Options options = with({limit});
  options.head_jobs_max = 64;
  Bench bench(options);
  constexpr int kKeys = 300;
  constexpr int kJobs = 4;
  std::vector<std::string> in_order;
  for (int i = 0; i < kKeys * kJobs; ++i) {
    in_order.push_back(std::to_string(i % kKeys));
    bench.submit(bench.enqueue_request(of_account(in_order.back())));
  }
  bench.settle();
  bench.worker("w-1", 1'000, TenantId("acme"), 10'000);
  std::vector<std::string> all;
  for (int round = 0; round < kJobs; ++round) {
    for (const std::string& key : started(bench)) all.push_back(key);
    EXPECT_EQ(all.size(), static_cast<std::size_t>(kKeys * (round + 1)));
    // All keys open at once: the next job of each, and no more.
    EXPECT_LE(bench.engine().sizes().head_jobs, static_cast<std::size_t>(kKeys));
    bench.advance(11s);
    (void)bench.ask(AddCredits{WorkerId("w-1"), 1'000});
  }
  EXPECT_EQ(all, in_order);
}

TEST(Limits, CanBeChangedAtRunTime) {
  Bench bench(with({concurrency(std::nullopt), concurrency_by_account(1)}));
  bench.worker("w-1", 10);
  for (int i = 0; i < 6; ++i) bench.enqueue(of_account("a"));
  EXPECT_EQ(bench.dispatches().size(), 1U);
  const auto list = bench.get<LimitList>(
      SetLimit{"type:exportReport+input.account/concurrency", 3, std::nullopt, SubjectId("op")});
  ASSERT_EQ(list.limits.size(), 1U);
  EXPECT_EQ(list.limits[0].value, 3U);
  EXPECT_EQ(bench.dispatches().size(), 2U);
  // What an undeclared limit has not counted so far counts once it is set.
  (void)bench.get<LimitList>(SetLimit{"type:exportReport/concurrency", 3, std::nullopt, {}});
  (void)bench.get<LimitList>(
      SetLimit{"type:exportReport+input.account/concurrency", 5, std::nullopt, {}});
  EXPECT_TRUE(bench.dispatches().empty());
  bench.crash();  // settings outlive a restart
  bench.worker("w-1", 10);
  EXPECT_TRUE(bench.dispatches().empty());
  (void)bench.get<LimitList>(SetLimit{"type:exportReport/concurrency", {}, std::nullopt, {}});
  EXPECT_EQ(bench.dispatches().size(), 2U);
}

TEST(Limits, RefuseSettingsThatMeanNothing) {
  Bench bench(with({concurrency(1), fifo_by_account()}));
  const auto set = [&](const char* id, std::optional<std::uint64_t> value,
                       std::optional<Milliseconds> per = {}) {
    return bench.refusal(SetLimit{id, value, per, {}});
  };
  EXPECT_EQ(set("type:unknown/concurrency", 1), ErrorCode::kNotFound);
  EXPECT_EQ(set("type:exportReport/concurrency", 0), ErrorCode::kInvalidArgument);
  EXPECT_EQ(set("type:exportReport/concurrency", 1, 1s), ErrorCode::kInvalidArgument);
  EXPECT_EQ(set("type:exportReport+input.account/concurrency", 2), ErrorCode::kInvalidArgument);
}

TEST(Limits, AreNotLeakedByABatchThatWasRefused) {
  Bench bench(with({concurrency_by_account(1), rate(3, 1h)}));
  bench.worker("w-1", 10);
  for (int i = 0; i < 4; ++i) {
    bench.submit(bench.enqueue_request(of_account("a")));
    bench.store.fail_next_commit(store::MemoryStore::Fault::kRefuse);
    bench.round();
  }
  EXPECT_TRUE(bench.dispatches().empty());
  bench.enqueue(of_account("a"));
  EXPECT_EQ(bench.dispatches().size(), 1U);
}

TEST(Limits, OfAQueuesLengthRefuseAtTheMutationWithATime) {
  Limit limit{.kind = LimitKind::kLength,
              .queue = QueueName("reports"),
              .type = {},
              .by_input = {},
              .value = 2};
  Bench bench(with({limit}));
  bench.enqueue();
  bench.enqueue();
  const auto reply = bench.ask(bench.enqueue_request());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kQueueFull);
  EXPECT_EQ(reply.error().retry_after, 10s);  // nothing has left the queue yet
  (void)bench.get<LimitList>(SetLimit{"queue:reports/length", 3, std::nullopt, {}});
  bench.enqueue();
}

TEST(Limits, AreNamedByTheExplanation) {
  Bench bench(with({concurrency_by_account(1), rate(2, 1min)}));
  bench.worker("w-1", 10);
  bench.enqueue(of_account("a"));
  const auto by_key = bench.enqueue(of_account("a"));
  auto why = bench.get<Explanation>(ExplainJob{by_key->id, std::nullopt});
  EXPECT_EQ(why.kind, WaitKind::kConcurrencyLimit);
  EXPECT_EQ(why.limit, "type:exportReport+input.account/concurrency");
  EXPECT_TRUE(why.of_key);
  bench.enqueue(of_account("b"));
  const auto by_rate = bench.enqueue(of_account("c"));
  why = bench.get<Explanation>(ExplainJob{by_rate->id, std::nullopt});
  EXPECT_EQ(why.kind, WaitKind::kRateLimit);
  ASSERT_TRUE(why.until);
  EXPECT_GT(*why.until, bench.now.wall + 58s);
  EXPECT_LE(*why.until, bench.now.wall + 61s);
}

RC_GTEST_PROP(RateWindow, NeverLetsMoreStartThanItsValue, ()) {
  const auto value = static_cast<std::uint64_t>(*rc::gen::inRange(1, 6));
  const Milliseconds per(*rc::gen::inRange(100, 20'000));
  RateWindow window;
  Timestamp now{Milliseconds{1'800'000'000'000}};
  std::vector<Timestamp> starts;
  for (int i = 0; i < 200; ++i) {
    now += Milliseconds(*rc::gen::inRange(0, 2'000));
    if (window.used(now, per) >= value) {
      RC_ASSERT(window.opens(now, value) > now);
      // It opens no later than one slice after the oldest start that fills it is one time old.
      const Timestamp oldest = starts[starts.size() - value];
      RC_ASSERT(window.opens(now, value) <= oldest + per + per / 64 + 1ms);
      continue;
    }
    window.add(RateWindow::end_of(now, per), 1);
    starts.push_back(now);
    if (starts.size() > value) RC_ASSERT(now - starts[starts.size() - 1 - value] >= per);
  }
}

/// What may start, told in the plainest way: every PENDING job against every limit.
struct Model {
  std::map<JobId, job::StatePtr> jobs;

  [[nodiscard]] const job::JobState* next(std::uint64_t of_type, std::uint64_t of_key) const {
    const job::JobState* best = nullptr;
    std::uint64_t running = 0;
    std::map<std::string, std::uint64_t> holds;
    for (const auto& [id, state] : jobs) {
      if (has_lease(state->status)) ++running;
      if (holds_key(*state)) ++holds[state->spec.limit_key];
    }
    for (const auto& [id, state] : jobs) {
      if (state->status != job::JobStatus::kPending || running >= of_type) continue;
      const std::string& key = state->spec.limit_key;
      if (!key.empty() && !holds_key(*state) && holds[key] >= of_key) continue;
      if (!best || line_place(*state) < line_place(*best)) best = state.get();
    }
    return best;
  }
};

RC_GTEST_PROP(Limits, LetTheFirstJobStartThatNothingHoldsBack, ()) {
  const bool fifo = *rc::gen::arbitrary<bool>();
  std::uint64_t of_type = static_cast<std::uint64_t>(*rc::gen::inRange(1, 6));
  std::uint64_t of_key = fifo ? 1 : static_cast<std::uint64_t>(*rc::gen::inRange(1, 3));
  Limit by_key = concurrency_by_account(of_key);
  by_key.fifo = fifo;
  Options options = with({concurrency(of_type), by_key});
  options.line_head_max = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
  options.head_jobs_max = static_cast<std::size_t>(*rc::gen::inRange(1, 100));
  options.batch_requests_max = static_cast<std::size_t>(*rc::gen::inRange(1, 4));
  options.lease = 10h;  // nobody beats
  Bench bench(options);
  Model model;
  std::vector<Dispatch> running;
  std::uint64_t credits = 0;
  bench.worker("w-1", 0);

  const auto follow = [&] {
    for (const auto& [id, state] : model.jobs) model.jobs[id] = bench.state(id);
  };
  // Each dispatch since the last call is what the model would have started.
  const auto compare = [&](std::map<JobId, job::StatePtr> before) {
    model.jobs = std::move(before);
    for (Dispatch& dispatch : bench.dispatches()) {
      const job::JobState* expected = model.next(of_type, of_key);
      RC_ASSERT(expected != nullptr);
      RC_ASSERT(expected->id == dispatch.state->id);
      RC_ASSERT(credits > 0U);
      --credits;
      model.jobs[dispatch.state->id] = dispatch.state;
      running.push_back(std::move(dispatch));
    }
    if (credits > 0) RC_ASSERT(model.next(of_type, of_key) == nullptr);
    follow();
  };
  // What stands in the store before anything starts: the same without free workers.
  const auto act = [&](auto action) {
    const std::uint64_t kept = credits;
    if (kept > 0) bench.worker("w-1", 0);  // registers anew, without credits
    action();
    bench.settle();
    follow();
    std::map<JobId, job::StatePtr> before = model.jobs;
    if (kept > 0) (void)bench.ask(AddCredits{WorkerId("w-1"), static_cast<std::uint32_t>(kept)});
    compare(std::move(before));
  };

  for (int i = 0; i < 60; ++i) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
      case 1:
      case 2: {
        job::JobSpec s = of_account(*rc::gen::element<std::string>("", "a", "b", "c"));
        s.fifo = fifo && !s.limit_key.empty();
        if (!s.fifo) s.priority = *rc::gen::inRange(0, 3);
        // Now and then more than the engine keeps of a key.
        const int count = *rc::gen::weightedElement<int>({{8, 1}, {1, 15}});
        act([&] {
          for (int n = 0; n < count; ++n) {
            const auto state = bench.enqueue(s);
            model.jobs.emplace(state->id, state);
          }
        });
        break;
      }
      case 3:
        credits += static_cast<std::uint64_t>(*rc::gen::inRange(1, 4));
        act([] {});
        break;
      case 4: {
        if (running.empty()) break;
        const auto at = *rc::gen::inRange<std::size_t>(0, running.size());
        const Dispatch held = running[at];
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
        act([&] { (void)bench.complete(held.state->id, held.state->token); });
        break;
      }
      case 5: {
        if (running.empty()) break;
        const Dispatch held = running.back();
        running.pop_back();
        const bool release = *rc::gen::arbitrary<bool>();
        act([&] {
          job::Command command = job::Release{held.state->token, ""};
          if (!release) {
            command = job::FailAttempt{.token = held.state->token, .error = {.code = "BUSY"}};
          }
          (void)bench.ask(bench.command(held.state->id, command));
        });
        break;
      }
      case 6:
        act([&] { bench.advance(Milliseconds(*rc::gen::inRange(0, 2'000))); });
        break;
      default:
        if (fifo) break;
        of_key = static_cast<std::uint64_t>(*rc::gen::inRange(1, 4));
        act([&] {
          (void)bench.get<LimitList>(
              SetLimit{"type:exportReport+input.account/concurrency", of_key, std::nullopt, {}});
        });
    }
  }
}

}  // namespace
}  // namespace errand::engine
