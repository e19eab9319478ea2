#include "tests/simulation/simulation.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "errand/job/event.h"
#include "errand/job/evolve.h"
#include "errand/job/internal_type.h"
#include "errand/job/state.h"
#include "errand/store/conformance/invariants.h"

namespace errand::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array kTenants = {"acme", "globex", "initech"};

/// Stands in for the keyed digest.
std::array<std::uint8_t, 32> digest_of(const std::string& text) {
  std::array<std::uint8_t, 32> digest{};
  std::uint64_t hash = 1469598103934665603ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  for (std::size_t i = 0; i < 8; ++i) digest[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  return digest;
}

}  // namespace

namespace {

const JobTypeName kInternalType("errand.delivery");
const QueueName kInternalQueue("errand.delivery");
const JobTypeName kFollowerType("errand.delivery_catch_up");
const QueueName kFollowerQueue("errand.delivery_catch_up");
constexpr const char* kFromLabel = "from";
constexpr const char* kCauseLabel = "cause";

std::uint64_t hash_of(const job::Event& event) {
  std::uint64_t hash = 1469598103934665603ULL + to_number(event.sequence);
  for (const std::uint8_t byte : event.job.uuid.bytes) hash = (hash ^ byte) * 1099511628211ULL;
  return hash >> 20U;
}

}  // namespace

bool EventReactor::chooses(const job::Event& event) { return hash_of(event) % 4 == 0; }

std::optional<EventReactor::Cause> EventReactor::cause_of(const job::JobSpec& spec) {
  const auto label = spec.labels.find(kCauseLabel);
  if (label == spec.labels.end()) return std::nullopt;
  const std::size_t slash = label->second.find('/');
  const auto id = JobId::parse(label->second.substr(0, slash));
  if (!id) return std::nullopt;
  return Cause{*id, Sequence{std::stoull(label->second.substr(slash + 1))}};
}

void EventReactor::react(const engine::JobChange& change,
                         std::vector<engine::EnqueueJob>& reactions) {
  if (job::is_internal(change.after.spec.type)) shown_internal = true;
  // The events lead from the one state to the other.
  job::JobState state = change.before ? *change.before : job::JobState{};
  for (const job::Event& event : change.events) {
    if (to_number(event.sequence) != to_number(state.last_sequence) + 1) shown_apart = true;
    job::apply(state, event);
    if (!chooses(event)) continue;
    const std::uint64_t hash = hash_of(event);
    engine::EnqueueJob& request = reactions.emplace_back();
    job::JobSpec& spec = request.spec;
    spec.tenant = state.spec.tenant;
    spec.type = kInternalType;
    spec.queue = kInternalQueue;
    spec.labels[kCauseLabel] = fmt::format("{}/{}", event.job.str(), to_number(event.sequence));
    spec.retry = {.max_attempts = static_cast<int>(1 + hash / 4 % 4),
                  .kind = job::RetryPolicy::Kind::kList,
                  .jitter = job::RetryPolicy::Jitter::kSpread,
                  .waits = {5s, 30s}};
    spec.timeout = Milliseconds(1'000 + hash / 16 % 100'000);
    if (hash / 16 % 8 == 0) spec.scheduled_for = event.time + Milliseconds(hash / 128 % 60'000);
    if (!keeps_) spec.retention = Milliseconds(hash / 128 % 60'000);
    request.input = fmt::format(R"({{"sequence":{}}})", to_number(event.sequence));
    spec.input = ref_to(request.input);
  }
  if (state != change.after) shown_apart = true;
}

std::optional<engine::EnqueueJob> EventReactor::instead_of(const engine::EnqueueJob& reaction,
                                                           LogPosition position) {
  if (!catches_up_) return std::nullopt;
  engine::EnqueueJob request;
  job::JobSpec& spec = request.spec;
  spec.tenant = reaction.spec.tenant;
  spec.type = kFollowerType;
  spec.queue = kFollowerQueue;
  spec.labels[kFromLabel] = std::to_string(to_number(position));
  spec.unique_key = "all";
  spec.limit_key = "all";
  spec.fifo = true;
  request.input = "{}";
  spec.input = ref_to(request.input);
  return request;
}

std::optional<LogPosition> EventReactor::follows_from(const job::JobSpec& spec) {
  if (spec.type != kFollowerType) return std::nullopt;
  return LogPosition{std::stoull(spec.labels.at(kFromLabel))};
}

void EventReactor::on_refused(std::vector<engine::RefusedReaction> them) {
  for (const engine::RefusedReaction& each : them) {
    if (const auto cause = cause_of(each.request.spec)) refused.push_back(*cause);
  }
}

job::PayloadRef ref_to(const std::string& text) { return {digest_of(text), text.size()}; }

Tally& Tally::operator+=(const Tally& other) {
  operations += other.operations;
  jobs += other.jobs;
  dispatches += other.dispatches;
  crashes += other.crashes;
  unknown_outcomes += other.unknown_outcomes;
  refused_commits += other.refused_commits;
  stale_reports_refused += other.stale_reports_refused;
  limits_met += other.limits_met;
  pruned += other.pruned;
  reactions += other.reactions;
  reactions_refused += other.reactions_refused;
  executions_again += other.executions_again;
  for (std::size_t i = 0; i < ended_in.size(); ++i) ended_in[i] += other.ended_in[i];
  for (const auto& [move, counts] : other.moves) {
    auto& sums = moves[move];
    for (std::size_t i = 0; i < counts.size(); ++i) sums[i] += counts[i];
  }
  return *this;
}

Simulation::Simulation(std::uint64_t seed)
    : random_(seed),
      reactor_(seed % 3 != 0, seed % 5 == 0 && seed % 2 == 0),
      catches_up_(seed % 5 == 0 && seed % 2 == 0),
      store_(seed % 4 == 0 ? make_memory_store(random_) : make_sqlite_store(random_)) {
  now_ = {Timestamp{Milliseconds{1'800'000'000'000}}, MonotonicTime{Milliseconds{1'000}}};
  // Small windows, so that a few hundred jobs reach their edges.
  options_.batch_requests_max = 1 + below(20);
  options_.line_head_max = 1 + below(12);
  if (seed % 3 == 0) options_.head_jobs_max = 16;
  options_.timers_max = 1 + below(12);
  options_.input_bytes_max = below(200);
  options_.queue_length_max = 20 + below(200);
  options_.progress_interval = Milliseconds(below(2'000));
  const JobTypeName exports("export");
  const JobTypeName imports("import");
  options_.limits = {
      {.type = exports, .by_tenant = true, .by_input = "k", .value = 1 + below(3)},
      {.type = exports, .by_tenant = true, .by_input = {}},
      {.type = imports, .by_tenant = true, .by_input = "k", .fifo = true, .value = 1},
      {.kind = engine::LimitKind::kRate,
       .type = imports,
       .by_tenant = true,
       .by_input = "k",
       .per = Milliseconds(100 + below(5'000))},
      {.kind = engine::LimitKind::kRate,
       .queue = QueueName("slow"),
       .by_input = {},
       .per = Milliseconds(100 + below(5'000))},
  };
  for (engine::Limit& limit : options_.limits) {
    if (!limit.value && chance(2)) limit.value = 1 + below(4);
  }
  // One of five has too little room for internal jobs.
  reactions_fit_ = seed % 5 != 0;
  options_.limits.push_back({.kind = engine::LimitKind::kLength,
                             .queue = kInternalQueue,
                             .by_input = {},
                             .value = reactions_fit_ ? 1'000'000 : 1 + below(20)});
  options_.limits.push_back(
      {.type = kFollowerType, .by_tenant = true, .by_input = "k", .fifo = true, .value = 1});
  options_.reactor = &reactor_;
  options_.reactions_max = 1 + below(12);
  prunes_ = seed % 3 == 0;
  start_engine();
}

Simulation::~Simulation() = default;

void Simulation::violated(const std::string& what) {
  if (violation_.empty()) violation_ = what;
}

job::StatePtr Simulation::stored(const JobId& id) {
  return store_->store().reader().job(id).value();
}

void Simulation::advance(Milliseconds by) {
  now_.wall += by;
  now_.monotonic += by;
}

std::string Simulation::run(int operations) {
  for (int i = 0; i < operations && violation_.empty(); ++i) {
    ++tally_.operations;
    step();
  }
  judge_stored();

  // Faults are over and workers are well: every job must end (I11).
  faults_ = false;
  judge_rest();
  connect_worker();
  workers_.rbegin()->second.any_tenant = true;
  connect_hosted_worker();
  restart();
  send(engine::PauseQueue{QueueName("slow"), TenantId(), false, SubjectId("op")}, {});
  std::vector<JobId> open = acknowledged_;
  std::size_t seen = 0;  // of made_, which grows as jobs end
  const auto all_ended = [&] {
    open.insert(open.end(), made_.begin() + static_cast<std::ptrdiff_t>(seen), made_.end());
    seen = made_.size();
    const auto ended = [&](const JobId& id) {
      const auto state = stored(id);
      return !state || state->terminal();
    };
    while (!open.empty() && ended(open.back())) open.pop_back();
    return open.empty();
  };
  for (int i = 0; i < 20'000 && violation_.empty() && !all_ended(); ++i) {
    for (auto& [id, worker] : workers_) {
      if (worker.any_tenant) work(worker, id, true);
    }
    round();
    if (engine_->next_wakeup(now_).value_or(1s) > 0ms) advance(5s);
  }
  for (const JobId& id : open) {
    const auto state = stored(id);
    if (state && !state->terminal()) {
      violated(fmt::format("I11: job {} never ended: {} in {}/{}/{}, last sequence {}", id.str(),
                           to_string(state->status), state->spec.queue.str(),
                           state->spec.tenant.str(), state->spec.type.str(),
                           to_number(state->last_sequence)));
    }
  }
  judge_stored();
  for (const JobId& id : acknowledged_) {
    if (const auto state = stored(id)) ++tally_.ended_in[static_cast<std::size_t>(state->status)];
  }
  return violation_;
}

void Simulation::step() {
  switch (below(12)) {
    case 0:
    case 1:
    case 2:
      enqueue();
      break;
    case 3:
      command_some_job();
      break;
    case 4:
      if (workers_.size() < 5 + hosted_workers() || chance(4)) connect_worker();
      if (hosted_workers() < 2 && chance(2)) connect_hosted_worker();
      break;
    case 5:
      advance(Milliseconds(below(chance(5) ? 40'000 : 3'000)));
      break;
    case 6:
      if (chance(10)) {  // the clock is set; rates, which go by it, count anew
        now_.wall += Milliseconds(below(120'000)) - 60s;
        clock_was_set_ = true;
        starts_.clear();
      }
      break;
    case 7:
      if (!left_behind_.empty()) {
        report(WorkerId("ghost"), left_behind_[below(left_behind_.size())], false);
      }
      break;
    default:
      if (!workers_.empty()) {
        auto it = std::next(workers_.begin(), static_cast<std::ptrdiff_t>(below(workers_.size())));
        if (chance(25)) {  // it dies, its jobs with it
          for (const Held& held : it->second.holds) left_behind_.push_back(held);
          if (chance(2)) send(engine::UnregisterWorker{it->first}, {});
          workers_.erase(it);
        } else {
          work(it->second, it->first, false);
        }
      }
  }
  if (!chance(3)) round();
  if (prunes_ && chance(20)) prune();
}

void Simulation::prune() {
  const auto look_at = [&](const JobId& id) {
    const auto state = stored(id);
    if (state && state->expires_at && *state->expires_at <= now_.wall) expired_.insert(id);
    if (state && !state->terminal()) expired_.erase(id);  // it was retried in time
  };
  for (const JobId& id : acknowledged_) look_at(id);
  for (const JobId& id : made_) look_at(id);
  // A crash may have kept the news of a job from us, but not that of its result.
  for (const auto& [id, result] : accepted_result_) look_at(id);
  const bool risky = faults_ && chance(6);
  if (risky) store_->break_down();
  const auto pruned = store_->store().prune(
      now_.wall, {.jobs_max = 1 + below(10), .events_max = 1 + below(30), .bytes_max = below(500)});
  if (risky) store_->heal();
  if (pruned) tally_.pruned += pruned->jobs;
  if (store_->has_ended()) restart();
}

void Simulation::send(engine::Request request, Asked asked) {
  const engine::Ticket ticket{++next_ticket_};
  asked_.emplace(ticket, std::move(asked));
  engine_->submit(ticket, std::move(request));
}

void Simulation::enqueue() {
  engine::EnqueueJob request;
  request.id = JobId{Uuid::v7(now_.wall, random_)};
  job::JobSpec& spec = request.spec;
  spec.tenant = TenantId(kTenants[below(kTenants.size())]);
  spec.subject = SubjectId("user:anna");
  spec.type = JobTypeName(chance(3) ? "import" : "export");
  spec.queue = QueueName(chance(3) ? "slow" : "fast");
  spec.priority = static_cast<int>(below(5)) - 2;
  if (spec.type.view() == "import") {
    spec.limit_key = fmt::format("k{}", below(4));
    spec.fifo = true;
    spec.priority = 0;
  } else if (!chance(3)) {
    spec.limit_key = fmt::format("k{}", below(4));
  }
  spec.timeout = Milliseconds(1'000 + below(100'000));
  spec.retry = {.max_attempts = static_cast<int>(1 + below(4)),
                .initial_interval = Milliseconds(1 + below(10'000))};
  // Jobs of one unique key all follow one rule.
  if (chance(4)) {
    request.unique.emplace();
    if (spec.fifo) {
      spec.unique_key = spec.limit_key;
      request.unique->on_conflict = engine::Uniqueness::OnConflict::kReplace;
    } else {
      const auto number = below(4);
      spec.unique_key = fmt::format("u{}", number);
      if (number == 0) request.unique->on_conflict = engine::Uniqueness::OnConflict::kReject;
    }
  }
  if (chance(5)) spec.scheduled_for = now_.wall + Milliseconds(below(60'000));
  if (chance(4)) spec.deadline = now_.wall + Milliseconds(60'001 + below(200'000));
  if (chance(6)) spec.queue_timeout = Milliseconds(1 + below(100'000));
  if (prunes_) spec.retention = Milliseconds(below(60'000));
  request.input = fmt::format(R"({{"n":{}}})", next_ticket_);
  spec.input = ref_to(request.input);
  request.correlation_id = "c";
  request.actor = {job::ActorKind::kClient, spec.subject};
  Asked asked{.what = Asked::What::kEnqueue, .job = request.id};
  asked.is_unique = request.unique.has_value();
  if (chance(3)) {
    const std::string key = fmt::format("k{}", below(8));
    request.key = engine::IdempotencyKey{.key = key, .fingerprint = "f"};
    asked.key = spec.tenant.str() + "/" + spec.type.str() + "/" + key;
  }
  send(std::move(request), std::move(asked));
}

void Simulation::command_some_job() {
  if (acknowledged_.empty()) return;
  engine::CommandJob request;
  // Every other time one of the newest, which has hardly ended yet.
  const std::size_t newest =
      chance(2) ? std::min<std::size_t>(acknowledged_.size(), 20) : acknowledged_.size();
  request.id = acknowledged_[acknowledged_.size() - 1 - below(newest)];
  if (!made_.empty() && chance(10)) request.id = made_[below(made_.size())];
  if (chance(3)) {  // one that is there for a moment only
    const auto passing = std::ranges::find_if(written_, [](const auto& job) {
      return job.second->status == job::JobStatus::kRetrying ||
             job.second->status == job::JobStatus::kCanceling;
    });
    if (passing != written_.end()) request.id = passing->first;
  }
  request.actor = {job::ActorKind::kOperator, SubjectId("op")};
  const auto known = followed_jobs_.find(request.id);
  request.internal =
      known != followed_jobs_.end() && job::is_internal(known->second.spec.type) && !chance(4);
  switch (below(7)) {
    case 0:
      request.command = job::Kill{};
      break;
    case 1:
    case 2:
      request.command = job::RetryRun{};
      break;
    case 3:
      request.command = job::Discard{};
      break;
    case 5:
      if (chance(2)) request.input = fmt::format(R"({{"edited":{}}})", below(1'000'000));
      request.command = job::RequeueDeadLetter{
          request.input.empty() ? std::nullopt : std::optional(ref_to(request.input)),
          fmt::format("k{}", below(4)), fmt::format("u{}", below(4))};
      break;
    case 4: {
      if (chance(2)) {
        send(engine::PauseQueue{QueueName("slow"), TenantId(), chance(2), SubjectId("op")}, {});
        return;
      }
      const engine::Limit& limit = options_.limits[below(options_.limits.size())];
      engine::SetLimit set{.limit = limit.id(), .value = {}, .per = {}, .by = SubjectId("op")};
      if (!limit.fifo && !chance(3)) set.value = 1 + below(4);
      send(std::move(set), {});
      return;
    }
    default:
      request.command = job::RequestCancel{};
  }
  const JobId id = request.id;
  send(std::move(request), {.what = Asked::What::kCommand, .job = id});
}

void Simulation::connect_worker() {
  engine::RegisterWorker hello;
  hello.id = WorkerId(fmt::format("w{:05}", ++next_worker_));
  Worker worker;
  worker.any_tenant = chance(2);
  worker.tenant = TenantId(kTenants[below(kTenants.size())]);
  worker.free = 1 + static_cast<std::uint32_t>(below(4));
  if (!worker.any_tenant) hello.tenant = worker.tenant;
  if (chance(4)) hello.queues = {QueueName("fast")};
  if (chance(4)) hello.types = {JobTypeName("import")};
  hello.slots = worker.free;
  workers_.emplace(hello.id, std::move(worker));
  send(std::move(hello), {});
}

std::size_t Simulation::hosted_workers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(workers_, [](const auto& worker) { return worker.second.hosted; }));
}

void Simulation::connect_hosted_worker() {
  const WorkerId id(fmt::format("w{:05}", ++next_worker_));
  Worker worker;
  worker.any_tenant = true;
  worker.hosted = true;
  worker.free = 1 + static_cast<std::uint32_t>(below(8));
  send(hello_of(id, worker), {});
  workers_.emplace(id, std::move(worker));
}

engine::RegisterWorker Simulation::hello_of(const WorkerId& id, const Worker& worker) const {
  engine::RegisterWorker hello;
  hello.id = id;
  if (!worker.any_tenant) hello.tenant = worker.tenant;
  hello.slots = 8;
  if (worker.hosted) {
    hello.types = {kInternalType, kFollowerType};
    hello.way = engine::WorkerWay::kInProcess;
  }
  return hello;
}

void Simulation::beat(const WorkerId& id, Worker& worker) {
  engine::Heartbeat heartbeat{.worker = id, .holds = {}};
  for (const Held& held : worker.holds) heartbeat.holds.push_back({held.job, held.token});
  send(std::move(heartbeat), {});
}

void Simulation::work(Worker& worker, const WorkerId& id, bool healthy) {
  if (worker.free > 0 && (healthy || chance(2))) {
    send(engine::AddCredits{id, worker.free}, {});
    worker.free = 0;
  }
  if (!worker.holds.empty() && (healthy || chance(2))) beat(id, worker);
  for (std::size_t i = 0; i < worker.holds.size();) {
    if (!healthy && !chance(3)) {
      ++i;
      continue;
    }
    const Held held = worker.holds[i];
    report(id, held, healthy);
    if (healthy || !chance(3)) {
      worker.holds.erase(worker.holds.begin() + static_cast<std::ptrdiff_t>(i));
      ++worker.free;
      if (chance(4)) left_behind_.push_back(held);  // and says it once more, later
    } else {
      ++i;
    }
  }
}

void Simulation::report(const WorkerId& id, const Held& held, bool healthy) {
  engine::CommandJob request;
  request.id = held.job;
  request.worker = id;
  request.actor = {job::ActorKind::kWorker, SubjectId("worker:" + id.str())};
  Asked asked{.what = Asked::What::kReport, .job = held.job, .token = held.token};
  const FencingToken token = held.token;
  switch (healthy ? 5 : below(10)) {
    case 0:
      request.command = job::FailAttempt{
          .token = token, .permanent = chance(3), .error = {.code = "BUSY", .message = "busy"}};
      break;
    case 1:
      request.command = job::Release{token, "drain"};
      break;
    case 2:
      request.command = job::Snooze{token, Milliseconds(below(20'000)), ""};
      break;
    case 3:
    case 4:
      request.command =
          job::ReportProgress{token, {.completed = static_cast<double>(below(100)), .total = 100}};
      break;
    default:
      asked.completes = true;
      asked.result = fmt::format(R"({{"token":{},"by":{}}})", to_number(token), below(2));
      request.result = asked.result;
      request.command = job::Complete{token, ref_to(asked.result)};
  }
  send(std::move(request), std::move(asked));
}

void Simulation::start_engine() {
  engine_.emplace(options_, random_);
  recover();
}

void Simulation::recover() {
  const store::Store& store = store_->store();
  if (!engine_->recover(store.reader(), store.epoch(), now_)) violated("recovery failed");
  recovered_ = now_.monotonic;
}

void Simulation::restart() {
  ++tally_.crashes;
  asked_.clear();  // nobody is there to be answered
  written_.clear();
  store_->crash();
  follow_log();
  // The word of what was refused may have died with the process.
  reactor_.refused.clear();
  if (!reactions_fit_) owed_.clear();
  if (chance(2)) advance(Milliseconds(below(100'000)));
  start_engine();
  // Workers connect anew and go on with what they hold.
  for (auto& [id, worker] : workers_) {
    worker.free = std::max<std::uint32_t>(worker.free, 1);
    send(hello_of(id, worker), {});
  }
  // A fault of the store stays there. To read all of it at each crash took a third of the
  // simulation's time.
  if (tally_.crashes % 3 == 0 || !faults_) judge_stored();
}

std::vector<Move> Simulation::moves_of(const store::Batch& batch) {
  std::vector<Move> moves;
  for (const store::JobWrite& write : batch.jobs) {
    job::JobState state;
    std::optional<job::JobStatus> status = write.before;
    if (status) {
      const auto known = written_.find(write.after->id);
      state = known != written_.end() ? *known->second : *stored(write.after->id);
    }
    for (const job::Event& event : write.events) {
      job::apply(state, event);
      if (status != state.status) moves.push_back({status, state.status});
      status = state.status;
    }
  }
  return moves;
}

void Simulation::note(const std::vector<Move>& moves, Ending ending) {
  for (const Move& move : moves) ++tally_.moves[move][static_cast<std::size_t>(ending)];
}

void Simulation::round() {
  store::Store& store = store_->store();
  engine::Plan plan = engine_->plan(now_, store.reader());
  const std::vector<Move> moves = moves_of(plan.batch);
  if (faults_ && chance(120)) {
    note(moves, Ending::kCrashBefore);
    return restart();
  }
  if (!plan.batch.empty()) {
    const bool risky = faults_ && chance(12);
    if (risky) store_->break_down();
    const auto committed = store.commit(plan.batch);
    if (risky) store_->heal();
    if (store_->has_ended()) {
      note(moves, Ending::kCrashWithin);
      return restart();
    }
    if (!committed && committed.error().outcome == store::CommitError::Outcome::kRefused) {
      ++tally_.refused_commits;
      if (!risky) violated("a store without a fault refused: " + committed.error().error.message);
      note(moves, Ending::kRefused);
      engine_->abandon(plan, committed.error().error);
      return take(plan);
    }
    if (!committed) {
      ++tally_.unknown_outcomes;
      if (!store.reopen()) return violated("reopen failed");
      written_.clear();
      follow_log();
      if (store.last_batch_id() == plan.batch.id) {
        note(moves, Ending::kUnknownWritten);
        engine_->apply(plan);
        judge_reactions_told();
      } else {
        note(moves, Ending::kUnknownLost);
        engine_->abandon(plan, committed.error().error);
      }
      recover();
      return take(plan);
    }
    follow_log();
    if (faults_ && chance(120)) {  // before anybody hears of it
      note(moves, Ending::kCrashAfter);
      return restart();
    }
    for (const store::JobWrite& write : plan.batch.jobs) {
      written_.insert_or_assign(write.after->id, write.after);
    }
  }
  engine_->apply(plan);
  judge_reactions_told();
  if (faults_ && chance(120)) {  // after it is true, before it is told
    note(moves, Ending::kCrashUntold);
    return restart();
  }
  note(moves, Ending::kTold);
  take(plan);
}

void Simulation::take(engine::Plan& plan) {
  for (const engine::Answer& answer : plan.answers) judge(answer);
  for (const engine::Action& action : plan.actions) {
    const auto* dispatch = std::get_if<engine::Dispatch>(&action);
    if (!dispatch) continue;
    const job::JobState& state = *dispatch->state;
    ++tally_.dispatches;
    FencingToken& last = last_dispatch_[state.id];
    if (to_number(last) > 0) ++tally_.executions_again;
    if (state.token <= last) violated("I3: a fencing token came twice");
    last = state.token;
    if (dispatch->input && digest_of(*dispatch->input) != state.spec.input.digest) {
      violated("a dispatch carries another job's input");
    }
    const auto worker = workers_.find(dispatch->worker);
    if (worker == workers_.end() || (faults_ && chance(30))) {  // lost on the way
      left_behind_.push_back({state.id, state.token, state.spec.tenant});
      continue;
    }
    if (job::is_internal(state.spec.type) != worker->second.hosted) {
      violated("a worker got an internal job, or the server itself another one");
    }
    if (!worker->second.any_tenant && worker->second.tenant != state.spec.tenant) {
      violated("I13: a worker got another tenant's job");
    }
    worker->second.holds.push_back({state.id, state.token, state.spec.tenant});
  }
}

}  // namespace errand::simulation
