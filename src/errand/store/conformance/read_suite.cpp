// What reads have to do.

#include <algorithm>
#include <ranges>
#include <vector>

#include <gtest/gtest.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"

namespace errand::store::conformance {
namespace {

const auto kStart = Timestamp(Milliseconds(1'790'000'000'000));

std::vector<JobId> ids(const Result<std::vector<job::StatePtr>>& found) {
  std::vector<JobId> ids;
  for (const auto& state : found.value()) ids.push_back(state->id);
  return ids;
}

JobFilter of(std::string_view tenant) {
  JobFilter filter;
  filter.tenant = TenantId(tenant);
  return filter;
}

TEST_P(StoreConformance, ListsATenantsJobsInPagesBothWays) {
  BatchBuilder builder(store(), 30);
  std::vector<JobId> oldest_first;
  for (int i = 0; i < 10; ++i) {
    builder.at(kStart + Milliseconds(i / 2));  // pairs share a time: the id decides
    oldest_first.push_back(builder.enqueue(BatchBuilder::spec("acme"))->id);
    (void)builder.enqueue(BatchBuilder::spec("other"));
  }
  ASSERT_TRUE(store().commit(builder.take()));
  std::ranges::sort(oldest_first);
  std::vector<JobId> newest_first(oldest_first.rbegin(), oldest_first.rend());

  for (const auto order : {JobOrder::kOldestFirst, JobOrder::kNewestFirst}) {
    std::vector<JobId> found;
    JobPage page{.order = order, .after = std::nullopt, .limit = 3};
    while (true) {
      const auto jobs = reader().jobs(of("acme"), page).value();
      if (jobs.empty()) break;
      for (const auto& state : jobs) found.push_back(state->id);
      page.after = JobCursor{jobs.back()->created_at, jobs.back()->id};
    }
    EXPECT_EQ(found, order == JobOrder::kOldestFirst ? oldest_first : newest_first);
  }
}

TEST_P(StoreConformance, ListsInternalJobsApart) {
  BatchBuilder builder(store(), 39);
  const auto user = builder.enqueue(BatchBuilder::spec());
  auto spec = BatchBuilder::spec("acme", "errand.webhook");
  spec.type = JobTypeName("errand.webhook");
  builder.at(kStart + Milliseconds(1));
  const auto internal = builder.enqueue(spec);
  const auto dead = builder.fail(builder.start(builder.enqueue(BatchBuilder::spec())), "f00d");
  const auto dead_internal = builder.fail(builder.start(builder.enqueue(spec)), "f00d");
  ASSERT_TRUE(store().commit(builder.take()));

  JobFilter filter = of("acme");
  DeadLetterFilter letters;
  letters.tenant = TenantId("acme");
  FailureQuery failures{.tenant = TenantId("acme"), .from = kStart, .before = Timestamp::max()};
  const auto samples = [&] {
    const auto groups = reader().failures(failures).value();
    return groups.size() == 1 ? groups[0].samples : std::vector<JobId>();
  };
  const JobPage oldest{.order = JobOrder::kOldestFirst};
  const auto in_order = [](std::vector<JobId> jobs) {
    std::ranges::sort(jobs);
    return jobs;
  };
  EXPECT_EQ(in_order(ids(reader().jobs(filter, oldest))), in_order({user->id, dead->id}));
  EXPECT_EQ(ids(reader().dead_letters(letters, {})), std::vector{dead->id});
  EXPECT_EQ(samples(), std::vector{dead->id});
  filter.statuses = {job::JobStatus::kFailed};
  EXPECT_EQ(ids(reader().jobs(filter, {})), std::vector{dead->id});
  filter.statuses = {job::JobStatus::kPending};
  EXPECT_EQ(ids(reader().jobs(filter, {})), std::vector{user->id});

  filter.kind = letters.kind = failures.kind = job::JobKind::kInternal;
  EXPECT_EQ(ids(reader().jobs(filter, {})), std::vector{internal->id});
  filter.statuses = {job::JobStatus::kFailed};
  EXPECT_EQ(ids(reader().jobs(filter, {})), std::vector{dead_internal->id});
  filter.statuses = {};
  EXPECT_EQ(in_order(ids(reader().jobs(filter, {}))), in_order({internal->id, dead_internal->id}));
  EXPECT_EQ(ids(reader().dead_letters(letters, {})), std::vector{dead_internal->id});
  EXPECT_EQ(samples(), std::vector{dead_internal->id});

  // The log holds both, and says which is which.
  for (const LogEntry& entry : reader().events_after({}, TenantId("acme"), 100).value()) {
    const bool is_user = entry.event.job == user->id || entry.event.job == dead->id;
    EXPECT_EQ(entry.kind, is_user ? job::JobKind::kUser : job::JobKind::kInternal);
  }
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, FiltersLists) {
  BatchBuilder builder(store(), 31);
  auto spec = BatchBuilder::spec();
  const auto plain = builder.enqueue(spec);
  builder.at(kStart + Milliseconds(1));
  spec.queue = QueueName("imports");
  spec.type = JobTypeName("importData");
  spec.tags = {"daily"};
  spec.labels = {{"team", "ops"}};
  spec.subject = SubjectId("user:bob");
  const auto other = builder.start(builder.enqueue(spec));
  ASSERT_TRUE(store().commit(builder.take()));
  const std::vector<JobId> only_plain{plain->id};
  const std::vector<JobId> only_other{other->id};
  const auto list = [&](auto set) {
    JobFilter filter = of("acme");
    set(filter);
    return ids(reader().jobs(filter, {}));
  };

  EXPECT_EQ(list([](JobFilter&) {}), (std::vector{other->id, plain->id}));
  EXPECT_EQ(list([](JobFilter& f) { f.statuses = {job::JobStatus::kPending}; }), only_plain);
  EXPECT_EQ(
      list([](JobFilter& f) { f.statuses = {job::JobStatus::kRunning, job::JobStatus::kFailed}; }),
      only_other);
  EXPECT_EQ(list([](JobFilter& f) { f.types = {JobTypeName("importData")}; }), only_other);
  EXPECT_EQ(list([](JobFilter& f) { f.queues = {QueueName("reports"), QueueName("x")}; }),
            only_plain);
  EXPECT_EQ(list([](JobFilter& f) { f.tags = {"größe \"quoted\"", "yearly"}; }), only_plain);
  EXPECT_EQ(list([](JobFilter& f) { f.tags = {"yearly", "daily"}; }), std::vector<JobId>());
  EXPECT_EQ(list([](JobFilter& f) { f.labels = {{"a.b \"c\"", "d'e"}}; }), only_plain);
  EXPECT_EQ(list([](JobFilter& f) { f.labels = {{"team", "ops"}}; }), only_other);
  EXPECT_EQ(list([](JobFilter& f) { f.subject = SubjectId("user:bob"); }), only_other);
  EXPECT_EQ(list([](JobFilter& f) { f.correlation_id = "order-1047"; }).size(), 2U);
  EXPECT_EQ(list([](JobFilter& f) { f.correlation_id = "order-1048"; }).size(), 0U);
  EXPECT_EQ(list([](JobFilter& f) { f.created_from = kStart + Milliseconds(1); }), only_other);
  EXPECT_EQ(list([](JobFilter& f) { f.created_before = kStart + Milliseconds(1); }), only_plain);
}

TEST_P(StoreConformance, ShowsNoTenantAnothersJobs) {
  BatchBuilder builder(store(), 32);
  const auto ours = builder.enqueue(BatchBuilder::spec("acme"));
  const auto theirs = builder.enqueue(BatchBuilder::spec("globex"));
  ASSERT_TRUE(store().commit(builder.take()));

  EXPECT_EQ(ids(reader().jobs(of("acme"), {})), std::vector{ours->id});
  EXPECT_EQ(ids(reader().jobs(of("globex"), {})), std::vector{theirs->id});
  EXPECT_TRUE(reader().jobs(of(""), {}).value().empty());
  const auto events = reader().events_after(LogPosition{}, TenantId("globex"), 10).value();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.job, theirs->id);
  EXPECT_EQ(events[0].tenant, TenantId("globex"));
  const auto counts = reader().counts(TenantId("acme")).value();
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].tenant, TenantId("acme"));
}

DeadLetterFilter dead_letters_of(std::string_view tenant) {
  DeadLetterFilter filter;
  filter.tenant = TenantId(tenant);
  return filter;
}

TEST_P(StoreConformance, ListsDeadLettersByTheTimeOfTheirEndBothWays) {
  BatchBuilder builder(store(), 41);
  std::vector<job::StatePtr> running;
  for (int i = 0; i < 10; ++i) running.push_back(builder.start(builder.enqueue(builder.spec())));
  (void)builder.succeed(builder.start(builder.enqueue(builder.spec())));
  const auto theirs = builder.start(builder.enqueue(builder.spec("other")));
  std::vector<job::StatePtr> failed;
  for (std::size_t i = 0; i < running.size(); ++i) {
    // The last one made ends first; pairs share a time: the id decides.
    builder.at(kStart + Milliseconds(100 - static_cast<int>(i / 2)));
    failed.push_back(builder.fail(running[i], "f"));
  }
  (void)builder.fail(theirs, "f");
  ASSERT_TRUE(store().commit(builder.take()));
  std::ranges::sort(failed, {}, [](const job::StatePtr& state) {
    return std::pair(*state->finished_at, state->id);
  });
  std::vector<JobId> oldest_first;
  for (const auto& state : failed) oldest_first.push_back(state->id);
  const std::vector<JobId> newest_first(oldest_first.rbegin(), oldest_first.rend());

  for (const auto order : {JobOrder::kOldestFirst, JobOrder::kNewestFirst}) {
    std::vector<JobId> found;
    DeadLetterPage page{.order = order, .after = std::nullopt, .limit = 3};
    while (true) {
      const auto jobs = reader().dead_letters(dead_letters_of("acme"), page).value();
      if (jobs.empty()) break;
      for (const auto& state : jobs) found.push_back(state->id);
      page.after = FinishCursor{*jobs.back()->finished_at, jobs.back()->id};
    }
    EXPECT_EQ(found, order == JobOrder::kOldestFirst ? oldest_first : newest_first);
  }
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, FiltersDeadLetters) {
  BatchBuilder builder(store(), 42);
  auto spec = BatchBuilder::spec();
  const auto a = builder.fail(builder.start(builder.enqueue(spec)), "aaaa");
  builder.at(kStart + Milliseconds(1));
  spec.queue = QueueName("imports");
  spec.type = JobTypeName("importData");
  const auto b = builder.fail(builder.start(builder.enqueue(spec)), "bbbb");
  ASSERT_TRUE(store().commit(builder.take()));
  const std::vector<JobId> only_a{a->id};
  const std::vector<JobId> only_b{b->id};
  const auto list = [&](auto set) {
    DeadLetterFilter filter = dead_letters_of("acme");
    set(filter);
    return ids(reader().dead_letters(filter, {}));
  };
  using Filter = DeadLetterFilter;

  EXPECT_EQ(list([](Filter&) {}), (std::vector{b->id, a->id}));
  EXPECT_EQ(list([](Filter& f) { f.types = {JobTypeName("importData")}; }), only_b);
  EXPECT_EQ(list([](Filter& f) { f.queues = {QueueName("reports"), QueueName("x")}; }), only_a);
  EXPECT_EQ(list([](Filter& f) { f.fingerprints = {"aaaa"}; }), only_a);
  EXPECT_EQ(list([](Filter& f) { f.fingerprints = {"bbbb", "aaaa"}; }).size(), 2U);
  EXPECT_EQ(list([](Filter& f) { f.fingerprints = {"cccc"}; }), std::vector<JobId>());
  EXPECT_EQ(list([](Filter& f) { f.finished_from = kStart + Milliseconds(1); }), only_b);
  EXPECT_EQ(list([](Filter& f) { f.finished_before = kStart + Milliseconds(1); }), only_a);
  EXPECT_EQ(list([](Filter& f) { f.tenant = TenantId("globex"); }), std::vector<JobId>());
}

TEST_P(StoreConformance, ForgetsADeadLetterThatIsRequeuedOrDiscarded) {
  BatchBuilder builder(store(), 43);
  std::vector<job::StatePtr> failed;
  for (int i = 0; i < 3; ++i) {
    failed.push_back(builder.fail(builder.start(builder.enqueue(builder.spec())), "f"));
  }
  ASSERT_TRUE(store().commit(builder.take()));
  job::Requeued requeued{.run = 2, .deadline = std::nullopt, .input = job::PayloadRef{}};
  requeued.input->size_bytes = 9;
  (void)builder.add(failed[0], {requeued});
  (void)builder.add(failed[1], {job::Discarded{}});
  ASSERT_TRUE(store().commit(builder.take()));
  subject().restart();

  EXPECT_EQ(ids(reader().dead_letters(dead_letters_of("acme"), {})), std::vector{failed[2]->id});
  EXPECT_EQ(reader().job(failed[0]->id).value()->spec.input.size_bytes, 9U);
  const auto groups =
      reader().failures({.tenant = TenantId("acme"), .from = kStart, .before = Timestamp::max()});
  ASSERT_EQ(groups.value().size(), 1U);
  EXPECT_EQ(groups.value()[0].failures, 2U) << "what was discarded has failed all the same";
  EXPECT_EQ(groups.value()[0].dead_letters, 1U);
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, GroupsFailuresByTheirFingerprint) {
  BatchBuilder builder(store(), 44);
  const auto fail_at = [&](int ms, std::string_view fingerprint, std::string_view tenant = "acme") {
    builder.at(kStart + Milliseconds(ms));
    return builder.fail(builder.start(builder.enqueue(BatchBuilder::spec(tenant))), fingerprint);
  };
  (void)fail_at(0, "often");  // before the time that is asked for
  const auto rare = fail_at(10, "rare");
  const auto first = fail_at(20, "often");
  const auto second = fail_at(30, "often");
  const auto third = fail_at(40, "often");
  const auto other = fail_at(50, "other");
  (void)fail_at(60, "often");  // after it
  (void)fail_at(30, "often", "globex");
  ASSERT_TRUE(store().commit(builder.take()));

  const FailureQuery query{.tenant = TenantId("acme"),
                           .from = kStart + Milliseconds(10),
                           .before = kStart + Milliseconds(60),
                           .groups_max = 100,
                           .samples_max = 2};
  const auto groups = reader().failures(query).value();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].fingerprint, "often");
  EXPECT_EQ(groups[0].failures, 3U);
  EXPECT_EQ(groups[0].dead_letters, 3U);
  EXPECT_EQ(groups[0].first_at, first->finished_at);
  EXPECT_EQ(groups[0].last_at, third->finished_at);
  EXPECT_EQ(*groups[0].latest, *third);
  EXPECT_EQ(groups[0].samples, (std::vector{third->id, second->id}));
  EXPECT_EQ(groups[1].fingerprint, "other") << "of equal groups the one that failed last";
  EXPECT_EQ(*groups[1].latest, *other);
  EXPECT_EQ(groups[2].fingerprint, "rare");
  EXPECT_EQ(groups[2].samples, std::vector{rare->id});

  FailureQuery bounded = query;
  bounded.groups_max = 1;
  EXPECT_EQ(reader().failures(bounded).value().size(), 1U);
  bounded.tenant = TenantId("nobody");
  EXPECT_TRUE(reader().failures(bounded).value().empty());
}

TEST_P(StoreConformance, ReadsEventsFromACursor) {
  BatchBuilder builder(store(), 33);
  const auto a = builder.enqueue(BatchBuilder::spec());
  const auto b = builder.enqueue(BatchBuilder::spec());
  const auto a_running = builder.start(a);
  ASSERT_TRUE(store().commit(builder.take()));
  (void)builder.succeed(a_running);
  (void)builder.start(b);
  ASSERT_TRUE(store().commit(builder.take()));

  std::vector<std::uint64_t> positions;
  for (const LogEntry& entry : reader().events_after(LogPosition{1}, std::nullopt, 3).value()) {
    positions.push_back(to_number(entry.event.position));
  }
  EXPECT_EQ(positions, (std::vector<std::uint64_t>{2, 3, 4}));
  EXPECT_TRUE(reader().events_after(LogPosition{5}, std::nullopt, 3).value().empty());

  const auto history = reader().events_of(a->id, Sequence{1}, 10).value();
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].sequence, Sequence{2});
  EXPECT_EQ(history[1].sequence, Sequence{3});
  EXPECT_EQ(reader().events_of(a->id, Sequence{}, 2).value().size(), 2U);
  EXPECT_TRUE(reader().events_of(a->id, Sequence{3}, 2).value().empty());
}

TEST_P(StoreConformance, HandsOutAQueueByPriorityThenInOrder) {
  BatchBuilder builder(store(), 34);
  std::vector<job::StatePtr> jobs;
  for (const int priority : {0, 5, 0, -100, 5, 100}) {
    auto spec = BatchBuilder::spec();
    spec.priority = priority;
    jobs.push_back(builder.enqueue(spec));
  }
  (void)builder.enqueue(BatchBuilder::spec("globex"));
  (void)builder.enqueue(BatchBuilder::spec("acme", "imports"));
  ASSERT_TRUE(store().commit(builder.take()));
  const std::vector expected{jobs[5]->id, jobs[1]->id, jobs[4]->id,
                             jobs[0]->id, jobs[2]->id, jobs[3]->id};
  const ReadyLine line{QueueName("reports"), TenantId("acme"), jobs[0]->spec.type};
  EXPECT_EQ(ids(reader().ready(line, std::nullopt, 100)), expected);

  for (const std::size_t size : {1U, 2U, 4U}) {
    std::vector<JobId> found;
    std::optional<ReadyCursor> after;
    while (true) {
      const auto page = reader().ready(line, after, size).value();
      if (page.empty()) break;
      for (const auto& state : page) found.push_back(state->id);
      after = ReadyCursor{page.back()->spec.priority, page.back()->ready_position};
    }
    EXPECT_EQ(found, expected) << "pages of " << size;
  }

  EXPECT_EQ(reader().ready_lines().value(),
            (std::vector<ReadyLine>{{QueueName("imports"), TenantId("acme"), line.type},
                                    {QueueName("reports"), TenantId("acme"), line.type},
                                    {QueueName("reports"), TenantId("globex"), line.type}}));
  (void)builder.start(jobs[5]);
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(ids(reader().ready(line, std::nullopt, 1)), std::vector{jobs[1]->id});
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, GivesTimersInOrder) {
  BatchBuilder builder(store(), 35);
  const auto with = [&](auto set) {
    auto spec = BatchBuilder::spec();
    set(spec);
    return builder.enqueue(spec)->id;
  };
  const auto scheduled =
      with([](job::JobSpec& s) { s.scheduled_for = kStart + Milliseconds(300); });
  const auto queue_timeout = with([](job::JobSpec& s) { s.queue_timeout = Milliseconds(200); });
  const auto deadline = with([](job::JobSpec& s) { s.deadline = kStart + Milliseconds(100); });
  (void)with([](job::JobSpec&) {});
  ASSERT_TRUE(store().commit(builder.take()));

  const std::vector<DueJob> all{{kStart + Milliseconds(100), deadline},
                                {kStart + Milliseconds(200), queue_timeout},
                                {kStart + Milliseconds(300), scheduled}};
  EXPECT_EQ(reader().due(kStart + Milliseconds(300), std::nullopt, 10).value(), all);
  EXPECT_EQ(reader().due(kStart + Milliseconds(299), std::nullopt, 10).value(),
            std::vector(all.begin(), all.begin() + 2));
  EXPECT_EQ(reader().due(kStart + Milliseconds(300), std::nullopt, 1).value(), std::vector{all[0]});
  EXPECT_EQ(reader().due(Timestamp::max(), DueCursor{all[0].due_at, all[0].id}, 10).value(),
            std::vector(all.begin() + 1, all.end()));
  EXPECT_EQ(find_fault(reader()), "");
}

TEST_P(StoreConformance, FindsJobsWithALease) {
  BatchBuilder builder(store(), 36);
  const auto pending = builder.enqueue(BatchBuilder::spec());
  const auto running = builder.start(builder.enqueue(BatchBuilder::spec()));
  const auto canceling = builder.add(
      builder.start(builder.enqueue(BatchBuilder::spec())),
      {job::CancelRequested{job::CancelReason::kRequested, "stop", kStart + Milliseconds(30'000)}});
  const auto done = builder.succeed(builder.start(builder.enqueue(BatchBuilder::spec())));
  ASSERT_TRUE(store().commit(builder.take()));

  std::vector expected{running->id, canceling->id};
  std::ranges::sort(expected);
  EXPECT_EQ(ids(reader().leased(std::nullopt, 10)), expected);
  EXPECT_EQ(ids(reader().leased(expected[0], 10)), std::vector{expected[1]});
  EXPECT_EQ(ids(reader().leased(std::nullopt, 1)), std::vector{expected[0]});
}

TEST_P(StoreConformance, KeepsPayloadsByteForByte) {
  BatchBuilder builder(store(), 37);
  const auto job = builder.enqueue(BatchBuilder::spec());
  std::string large = R"({"text":")";
  large.append(300'000, 'x');
  large += "\xe2\x82\xac\\u0000\"}";
  std::array<std::uint8_t, 32> digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(i * 8);
  const TenantId tenant("acme");
  builder.batch().payloads = {{job->id, tenant, PayloadKind::kInput, "", "{}", digest},
                              {job->id, tenant, PayloadKind::kResult, "", large, digest},
                              {job->id, tenant, PayloadKind::kStep, "render", "1", digest},
                              {job->id, tenant, PayloadKind::kStep, "upload", "2", digest},
                              {job->id, tenant, PayloadKind::kCredentials, "", "v1.sealed", {}}};
  ASSERT_TRUE(store().commit(builder.take()));
  subject().restart();

  EXPECT_EQ(reader().payload(job->id, PayloadKind::kInput).value(), (Payload{"{}", digest}));
  EXPECT_EQ(reader().payload(job->id, PayloadKind::kResult).value(), (Payload{large, digest}));
  EXPECT_EQ(reader().payload(job->id, PayloadKind::kStep, "render").value()->bytes, "1");
  EXPECT_EQ(reader().payload(job->id, PayloadKind::kStep, "upload").value()->bytes, "2");
  EXPECT_EQ(reader().payload(job->id, PayloadKind::kCredentials).value(),
            (Payload{"v1.sealed", {}}));
  EXPECT_FALSE(reader().payload(job->id, PayloadKind::kStep, "").value());
  EXPECT_FALSE(reader().payload(JobId{}, PayloadKind::kInput).value());
}

TEST_P(StoreConformance, CountsJobsAndLiveTypes) {
  BatchBuilder builder(store(), 38);
  auto spec = BatchBuilder::spec();
  (void)builder.enqueue(spec);
  const auto second = builder.start(builder.enqueue(spec));
  spec.contract_hash = "beef";
  const auto third = builder.start(builder.enqueue(spec));
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(reader().live_types().value(),
            (std::vector<LiveType>{{spec.type, "beef", 1}, {spec.type, "c0ffee", 2}}));

  (void)builder.succeed(second);
  (void)builder.succeed(third);
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(reader().live_types().value(), (std::vector<LiveType>{{spec.type, "c0ffee", 1}}));
  const auto counts = reader().counts(std::nullopt).value();
  ASSERT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts[0].status, job::JobStatus::kSucceeded);
  EXPECT_EQ(counts[0].contract_hash, "beef");
  EXPECT_EQ(counts[1].status, job::JobStatus::kPending);
  EXPECT_EQ(counts[2].status, job::JobStatus::kSucceeded);
  EXPECT_EQ(find_fault(reader()), "");
}

// A long random run of lives, checked against the log after each batch of several jobs.
TEST_P(StoreConformance, HoldsItsInvariantsOverManyRandomBatches) {
  SeededRandom random(39);
  BatchBuilder builder(store(), 40);
  std::vector<job::StatePtr> live;
  for (int round = 0; round < 60; ++round) {
    builder.at(kStart + Milliseconds(round * 10));
    for (std::uint64_t i = random.next() % 8; i > 0; --i) {
      auto spec = BatchBuilder::spec(random.next() % 2 == 0 ? "acme" : "globex",
                                     random.next() % 2 == 0 ? "reports" : "imports");
      spec.priority = static_cast<int>(random.next() % 5) - 2;
      if (random.next() % 4 == 0) {
        spec.scheduled_for = kStart + Milliseconds(random.next() % 5'000);
      }
      if (random.next() % 4 == 0) spec.queue_timeout = Milliseconds(1 + random.next() % 5'000);
      live.push_back(builder.enqueue(spec));
    }
    for (auto& state : live) {
      if (random.next() % 3 != 0) continue;
      switch (state->status) {
        case job::JobStatus::kScheduled:
        case job::JobStatus::kRetrying:
          state = builder.add(state, {job::Ready{}});
          break;
        case job::JobStatus::kPending:
          state = builder.start(state);
          break;
        case job::JobStatus::kRunning:
          if (random.next() % 3 == 0) {
            state = builder.add(
                state, {job::AttemptFailed{}, job::RetryScheduled{kStart + Milliseconds(9'000)}});
          } else if (random.next() % 3 == 0) {
            state = builder.fail(state, random.next() % 2 == 0 ? "even" : "odd");
          } else if (random.next() % 3 == 0) {
            state = builder.add(state, {job::Released{}});
          } else {
            state = builder.succeed(state);
          }
          break;
        case job::JobStatus::kFailed:
          if (state->dead_letter && random.next() % 3 == 0) {
            state = builder.add(state, {job::Discarded{}});
          } else if (random.next() % 3 == 0) {
            state = builder.add(state, {job::Requeued{.run = state->run + 1, .deadline = {}}});
          }
          break;
        default:
          break;
      }
    }
    const Batch batch = builder.take();
    ASSERT_TRUE(store().commit(batch));
    if (round % 20 == 19) {
      subject().restart();
      builder.go_on_with(store());
    }
    ASSERT_EQ(find_fault(reader()), "") << "after round " << round;
  }
}

TEST_P(StoreConformance, FindsThePendingJobsOfOneKeyInTheOrderOfTheLine) {
  BatchBuilder builder(store(), 60);
  auto spec = BatchBuilder::spec();
  const ReadyLine line{spec.queue, spec.tenant, spec.type};
  std::vector<job::StatePtr> of_key;
  for (const int priority : {0, 5, 0, 5}) {
    spec.priority = priority;
    spec.limit_key = "a";
    of_key.push_back(builder.enqueue(spec));
    spec.limit_key = "b";
    (void)builder.enqueue(spec);
  }
  (void)builder.start(of_key[2]);
  ASSERT_TRUE(store().commit(builder.take()));

  const std::vector<JobId> all = {of_key[1]->id, of_key[3]->id, of_key[0]->id};
  EXPECT_EQ(ids(reader().ready_of_key(line, "a", std::nullopt, 10)), all);
  EXPECT_EQ(ids(reader().ready_of_key(line, "c", std::nullopt, 10)), std::vector<JobId>());
  std::vector<JobId> one_by_one;
  std::optional<ReadyCursor> after;
  for (;;) {
    const auto page = reader().ready_of_key(line, "a", after, 1).value();
    if (page.empty()) break;
    one_by_one.push_back(page[0]->id);
    after = {page[0]->spec.priority, page[0]->ready_position};
  }
  EXPECT_EQ(one_by_one, all);
}

TEST_P(StoreConformance, FindsJobsThatHoldTheirKeyBetweenAttempts) {
  BatchBuilder builder(store(), 61);
  auto spec = BatchBuilder::spec();
  spec.limit_key = "a";
  spec.fifo = true;
  const auto job = builder.start(builder.enqueue(spec));
  spec.fifo = false;
  const auto other = builder.start(builder.enqueue(spec));
  ASSERT_TRUE(store().commit(builder.take()));
  const auto found = [&] { return ids(reader().between_attempts(std::nullopt, 10)); };
  EXPECT_EQ(found(), std::vector<JobId>());
  const job::RetryScheduled retry{kStart + Milliseconds(500)};
  const auto retrying = builder.add(job, {job::AttemptFailed{}, retry});
  (void)builder.add(other, {job::AttemptFailed{}, retry});
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(found(), std::vector<JobId>{job->id});
  EXPECT_EQ(ids(reader().between_attempts(job->id, 10)), std::vector<JobId>());
  subject().restart();
  builder.go_on_with(store());
  EXPECT_EQ(found(), std::vector<JobId>{job->id});
  (void)builder.start(builder.add(retrying, {job::Ready{}}));
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(found(), std::vector<JobId>());
}

TEST_P(StoreConformance, KeepsRecordsOrderedAndApartByCollectionAndTenant) {
  BatchBuilder builder(store(), 63);
  builder.at(kStart);
  const auto record = [](std::string collection, std::string tenant, std::string key) {
    return Record{.id = {std::move(collection), TenantId(std::move(tenant)), std::move(key)},
                  .revision = 1,
                  .text = "{}"};
  };
  const Record a = record("inbox", "acme", "ann/1");
  const Record b = record("inbox", "acme", "ann/2");
  const Record c = record("inbox", "acme", "bob/1");
  const Record d = record("inbox", "other", "ann/1");
  const Record e = record("relay", "", "nats");
  builder.batch().records = {d, c, e, b, a};
  ASSERT_TRUE(store().commit(builder.take())) << "a batch without an event";
  subject().restart();
  builder.go_on_with(store());

  const TenantId acme("acme");
  const auto read = [&](const RecordFilter& filter, const RecordPage& page = {}) {
    return reader().records(filter, page).value();
  };
  EXPECT_EQ(reader().record(a.id).value(), a);
  EXPECT_EQ(reader().record({"inbox", acme, "ann"}).value(), std::nullopt);
  EXPECT_EQ(read({"inbox", acme}), (std::vector{a, b, c}));
  EXPECT_EQ(read({"inbox", acme, "ann/"}), (std::vector{a, b}));
  EXPECT_EQ(read({"inbox", std::nullopt}), (std::vector{a, b, c, d}));
  EXPECT_EQ(read({"inbox", std::nullopt}, {.descending = true}), (std::vector{d, c, b, a}));
  EXPECT_EQ(read({"inbox", acme}, {.after = a.id, .limit = 1}), std::vector{b});
  EXPECT_EQ(read({"inbox", acme, "ann/"}, {.descending = true, .after = b.id}), std::vector{a});
  EXPECT_EQ(read({"relay", TenantId()}), std::vector{e});

  Record newer = a;
  newer.revision = 2;
  newer.text = R"({"read":true})";
  newer.expires_at = kStart + Milliseconds(10);
  Record gone = b;
  gone.revision = 0;
  builder.batch().records = {newer, gone};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(read({"inbox", acme}), (std::vector{newer, c}));

  EXPECT_EQ(store().prune_records(kStart + Milliseconds(9), 10).value(), 0U);
  EXPECT_EQ(store().prune_records(kStart + Milliseconds(10), 10).value(), 1U);
  EXPECT_EQ(read({"inbox", acme}), std::vector{c});
}

TEST_P(StoreConformance, KeepsLimitSettingsAndWhatCountsAgainstRates) {
  BatchBuilder builder(store(), 62);
  builder.at(kStart);
  const LimitSetting limit{"type:a/rate", 5, Milliseconds(60'000), kStart, SubjectId("op")};
  const LimitSetting plain{"type:b/concurrency", std::nullopt, std::nullopt, kStart, SubjectId()};
  const RateUse early{"type:a/rate", "", kStart + Milliseconds(10), 2};
  const RateUse late{"type:a/rate", "acme", kStart + Milliseconds(20), 1};
  (void)builder.enqueue(BatchBuilder::spec());
  builder.batch().limits = {plain, limit};
  builder.batch().rate_uses = {late, early};
  ASSERT_TRUE(store().commit(builder.take()));
  subject().restart();
  builder.go_on_with(store());
  EXPECT_EQ(reader().limit_settings().value(), (std::vector{limit, plain}));
  const auto uses = [&](Timestamp now) {
    return reader().rate_uses(now, std::nullopt, 10).value();
  };
  EXPECT_EQ(uses(kStart), (std::vector{early, late}));
  EXPECT_EQ(uses(early.until), std::vector{late});
  EXPECT_EQ(reader().rate_uses(kStart, early, 10).value(), std::vector{late});
  EXPECT_EQ(reader().rate_uses(kStart, std::nullopt, 1).value(), std::vector{early});

  // A later write replaces; what has ended goes away.
  builder.at(late.until);
  (void)builder.enqueue(BatchBuilder::spec());
  RateUse more = late;
  more.until += Milliseconds(5);
  builder.batch().rate_uses = {more};
  ASSERT_TRUE(store().commit(builder.take()));
  (void)builder.enqueue(BatchBuilder::spec());
  more.starts = 7;
  builder.batch().rate_uses = {more};
  builder.batch().limits = {plain};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(uses(kStart), std::vector{more});
  EXPECT_EQ(reader().limit_settings().value(), (std::vector{limit, plain}));
}

TEST_P(StoreConformance, FindsTheJobsOfAUniqueKey) {
  BatchBuilder builder(store(), 63);
  auto spec = BatchBuilder::spec();
  spec.unique_key = "u";
  const auto end = [&](Milliseconds at) {
    builder.at(kStart + at);
    return builder.succeed(builder.start(builder.enqueue(spec)));
  };
  (void)end(Milliseconds(1));
  const auto last_ended = end(Milliseconds(3));
  (void)end(Milliseconds(2));
  builder.at(kStart);
  const auto live = builder.enqueue(spec);
  const auto running = builder.start(builder.enqueue(spec));
  spec.tenant = TenantId("other");
  const auto of_other = builder.enqueue(spec);
  spec.unique_key = "v";
  (void)builder.enqueue(spec);
  ASSERT_TRUE(store().commit(builder.take()));
  subject().restart();
  const auto found = [&](std::string_view tenant, std::string_view key) {
    return ids(reader().of_unique_key(TenantId(tenant), BatchBuilder::spec().type, key));
  };
  std::vector<JobId> of_acme = found("acme", "u");
  ASSERT_EQ(of_acme.size(), 3U);
  EXPECT_EQ(of_acme.back(), last_ended->id);
  of_acme.pop_back();
  std::ranges::sort(of_acme);
  EXPECT_EQ(of_acme,
            (std::vector{std::min(live->id, running->id), std::max(live->id, running->id)}));
  EXPECT_EQ(found("other", "u"), std::vector{of_other->id});
  EXPECT_EQ(found("acme", "v"), std::vector<JobId>());
}

TEST_P(StoreConformance, KeepsTheDigestsOfEstimates) {
  BatchBuilder builder(store(), 63);
  builder.at(kStart);
  const EstimateDigest a{TenantId("acme"), JobTypeName("a"), R"({"version":1})"};
  EstimateDigest b{TenantId("acme"), JobTypeName("b"), "{}"};
  const EstimateDigest of_other{TenantId("globex"), JobTypeName("a"), "{}"};
  EXPECT_TRUE(reader().estimate_digests().value().empty());
  for (const EstimateDigest& digest : {b, a, of_other}) {
    (void)builder.enqueue(BatchBuilder::spec());
    builder.batch().estimates = {digest};
    ASSERT_TRUE(store().commit(builder.take()));
  }
  subject().restart();
  builder.go_on_with(store());
  EXPECT_EQ(reader().estimate_digests().value(), (std::vector{b, a, of_other}));

  // A later write replaces and goes to the end; an empty one deletes.
  builder.at(kStart + Milliseconds(1));
  (void)builder.enqueue(BatchBuilder::spec());
  b.text = R"({"version":1,"more":true})";
  builder.batch().estimates = {b, {a.tenant, a.type, {}}};
  ASSERT_TRUE(store().commit(builder.take()));
  EXPECT_EQ(reader().estimate_digests().value(), (std::vector{of_other, b}));
}

}  // namespace
}  // namespace errand::store::conformance
