#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "errand/base/assert.h"
#include "errand/base/random.h"
#include "errand/engine/engine.h"
#include "errand/store/memory_store.h"

/// An engine on a memory store under a virtual clock, driven by hand.
namespace errand::engine::testing {

using namespace std::chrono_literals;

inline job::JobSpec spec() {
  job::JobSpec s;
  s.tenant = TenantId("acme");
  s.subject = SubjectId("user:anna");
  s.type = JobTypeName("exportReport");
  s.queue = QueueName("reports");
  return s;
}

class Bench {
 public:
  explicit Bench(Options options = {}, std::uint64_t seed = 1)
      : random(seed), options_(options), engine_(std::in_place, options, random) {
    ERRAND_ASSERT(engine_->recover(store.reader(), store.epoch(), now).has_value());
  }

  Engine& engine() { return *engine_; }

  void advance(Milliseconds by) {
    now.wall += by;
    now.monotonic += by;
  }

  Ticket submit(Request request) {
    const Ticket ticket{++tickets_};
    engine_->submit(ticket, std::move(request));
    return ticket;
  }

  Plan plan() { return engine_->plan(now, store.reader()); }

  /// One round as the lane does it. @return whether there was something to commit.
  bool round() {
    Plan p = plan();
    const bool writes = !p.batch.empty();
    if (writes) {
      if (const auto committed = store.commit(p.batch); !committed) {
        engine_->abandon(p, committed.error().error);
        take(p);
        return true;
      }
    }
    engine_->apply(p);
    take(p);
    return writes;
  }

  /// Rounds until nothing waits and nothing is due at this time.
  void settle() {
    for (int i = 0; i < 10'000; ++i) {
      round();
      const auto wait = engine_->next_wakeup(now);
      if (!wait || *wait > Milliseconds::zero()) return;
    }
    ERRAND_ASSERT(false);
  }

  /// Submits, settles and gives the answer.
  Result<Reply> ask(Request request) {
    const Ticket ticket = submit(std::move(request));
    settle();
    return answers.at(ticket);
  }

  template <class T>
  T get(Request request) {
    auto reply = ask(std::move(request));
    if (!reply) {
      ADD_FAILURE() << reply.error().message;
      return T{};
    }
    return std::get<T>(*reply);
  }

  ErrorCode refusal(Request request) {
    const auto reply = ask(std::move(request));
    EXPECT_FALSE(reply.has_value());
    return reply ? ErrorCode::kInternal : reply.error().code;
  }

  /// The process dies and starts again: memory is gone, workers are too.
  void crash() {
    store.crash();
    engine_.emplace(options_, random);
    ERRAND_ASSERT(engine_->recover(store.reader(), store.epoch(), now).has_value());
  }

  EnqueueJob enqueue_request(job::JobSpec s = spec(), std::string input = "{}") {
    EnqueueJob request;
    request.id = JobId{Uuid::v7(now.wall, random)};
    s.input.size_bytes = input.size();
    request.spec = std::move(s);
    request.input = std::move(input);
    request.correlation_id = "c-1";
    request.actor = {job::ActorKind::kClient, request.spec.subject};
    return request;
  }

  job::StatePtr enqueue(job::JobSpec s = spec()) {
    return get<JobReply>(enqueue_request(std::move(s))).state;
  }

  void worker(std::string_view id, std::uint32_t credits = 1,
              std::optional<TenantId> tenant = TenantId("acme"), std::uint32_t slots = 1'000) {
    RegisterWorker hello;
    hello.id = WorkerId(id);
    hello.tenant = std::move(tenant);
    hello.build = "build-1";
    hello.slots = slots;
    hello.subject = SubjectId("worker:w");
    submit(std::move(hello));
    if (credits > 0) submit(AddCredits{WorkerId(id), credits});
    settle();
  }

  CommandJob command(const JobId& id, job::Command what, std::string result = {}) {
    CommandJob request;
    request.id = id;
    request.command = std::move(what);
    request.actor = {job::ActorKind::kWorker, SubjectId("worker:w")};
    request.result = std::move(result);
    return request;
  }

  Result<Reply> complete(const JobId& id, FencingToken token, std::string result = "{}") {
    return ask(command(id, job::Complete{token, {.size_bytes = result.size()}}, result));
  }

  job::StatePtr state(const JobId& id) { return store.reader().job(id).value(); }

  /// Dispatches since the last call.
  std::vector<Dispatch> dispatches() { return std::exchange(dispatches_, {}); }
  /// Stop notices since the last call.
  std::vector<StopNotice> notices() { return std::exchange(notices_, {}); }

  SeededRandom random;
  Now now{Timestamp{Milliseconds{1'800'000'000'000}}, MonotonicTime{Milliseconds{5'000}}};
  store::MemoryStore store;
  std::map<Ticket, Result<Reply>> answers;

 private:
  void take(Plan& p) {
    for (Answer& answer : p.answers) answers.emplace(answer.ticket, std::move(answer.reply));
    for (Action& action : p.actions) {
      if (auto* dispatch = std::get_if<Dispatch>(&action)) {
        dispatches_.push_back(std::move(*dispatch));
      } else {
        notices_.push_back(std::get<StopNotice>(action));
      }
    }
  }

  Options options_;
  std::optional<Engine> engine_;
  std::uint64_t tickets_ = 0;
  std::vector<Dispatch> dispatches_;
  std::vector<StopNotice> notices_;
};

}  // namespace errand::engine::testing
