#include "errand/store/sqlite/sqlite_store.h"

#include <fstream>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errand/job/json.h"
#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"
#include "errand/store/memory_store.h"
#include "errand/store/sqlite/chain_verifier.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/migrations.h"
#include "errand/store/sqlite/sqlite_test_folder.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using conformance::find_fault;
using conformance::StoreConformance;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SqliteSubject final : public conformance::Subject {
 public:
  SqliteSubject() { restart(); }
  SqliteSubject(const SqliteSubject&) = delete;
  SqliteSubject& operator=(const SqliteSubject&) = delete;
  ~SqliteSubject() override {
    const auto report = verify_chain(folder_.file(), chain_, {});
    EXPECT_TRUE(report && report->faults.empty())
        << (report ? report->faults.front() : report.error().message);
  }
  Store& store() override { return *store_; }
  void restart() override {
    store_.reset();
    store_ = open({.file = folder_.file(), .chain = chain_}).value();
  }

 private:
  const EventChain chain_{crypto::MasterKey(crypto::Digest{})};
  TestFolder folder_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance,
                         testing::Values(conformance::Candidate{
                             "Store", [] { return std::make_unique<SqliteSubject>(); }}),
                         conformance::name_of);

Result<std::unique_ptr<Store>> open_at(const TestFolder& folder) {
  return open({.file = folder.file()});
}

void run_sql(const TestFolder& folder, const char* sql) {
  auto connection = Connection::open(folder.file(), Connection::Mode::kCreate).value();
  const auto done = connection.execute(sql);
  ASSERT_TRUE(done) << done.error().message;
}

TEST(SqliteStore, MakesItsFilesReadableForItsOwnerAlone) {
  const TestFolder folder;
  const auto store = open_at(folder).value();
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    struct stat status{};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << entry.path();
  }
}

TEST(SqliteStore, CanBeReadWithTheShell) {
  const TestFolder folder;
  {
    const auto store = open_at(folder).value();
    BatchBuilder builder(*store, 1);
    auto spec = BatchBuilder::spec();
    spec.deadline = Timestamp(Milliseconds(1'790'000'001'250));
    (void)builder.start(builder.enqueue(BatchBuilder::spec()));
    (void)builder.enqueue(spec);
    ASSERT_TRUE(store->commit(builder.take()));
  }
  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  auto row = shell
                 .prepare(
                     "SELECT status, created_at, due_at, tenant, queue FROM job_overview"
                     " WHERE status = 'PENDING'")
                 .value();
  row.step();
  EXPECT_EQ(row.text(0), "PENDING");
  EXPECT_EQ(row.text(1), "2026-09-21T14:13:20.000Z");
  EXPECT_EQ(row.text(2), "2026-09-21T14:13:21.250Z");
  EXPECT_EQ(shell.query_integer("SELECT count(*) FROM job_overview WHERE due_at IS NULL").value(),
            1);
  EXPECT_EQ(shell
                .query_integer("SELECT count(*) FROM job_history WHERE type ="
                               " 'dev.errand.job.enqueued' AND json_valid(data)")
                .value(),
            2);
}

TEST(SqliteStore, RefusesASecondServerAndNamesTheFirst) {
  const TestFolder folder;
  auto first = open_at(folder).value();
  const auto second = open_at(folder);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kStoreLocked);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("process {}", ::getpid())));
  first.reset();
  EXPECT_TRUE(open_at(folder));
}

TEST(SqliteStore, RefusesADatabaseOfANewerVersionAndLeavesItAlone) {
  const TestFolder folder;
  open_at(folder).value().reset();
  run_sql(folder, "PRAGMA user_version = 9000");
  const auto before = std::filesystem::last_write_time(folder.file());
  const auto store = open_at(folder);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kStoreTooNew);
  EXPECT_THAT(store.error().message, HasSubstr("9000"));
  EXPECT_THAT(store.error().message, HasSubstr("backup"));
  EXPECT_EQ(std::filesystem::last_write_time(folder.file()), before);
  EXPECT_EQ(open_reader(folder.file()).error().code, ErrorCode::kStoreTooNew);
}

TEST(SqliteStore, RefusesFilesThatAreNotItsOwn) {
  const TestFolder foreign;
  run_sql(foreign, "CREATE TABLE cats (name TEXT)");
  EXPECT_EQ(open_at(foreign).error().code, ErrorCode::kStoreCorrupt);

  const TestFolder text;
  std::ofstream(text.file()) << "This is not a database at all, but a letter to a friend.\n"
                             << std::string(2'000, '!');
  EXPECT_EQ(open_at(text).error().code, ErrorCode::kStoreCorrupt);
  EXPECT_EQ(open_reader(text.file()).error().code, ErrorCode::kStoreCorrupt);
}

TEST(SqliteStore, SaysWhichFolderIsMissing) {
  const auto store = open({.file = "/nonexistent/errand.db"});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("/nonexistent/errand.db"));
  EXPECT_EQ(open_reader("/nonexistent/errand.db").error().code, ErrorCode::kNotFound);
}

TEST(SqliteStore, MigratesAnEmptyDatabaseFromTheFirstVersionOn) {
  const TestFolder folder;
  auto connection = Connection::open(folder.file(), Connection::Mode::kCreate).value();
  EXPECT_EQ(read_version(connection).value(), 0);
  ASSERT_TRUE(migrate(connection));
  EXPECT_EQ(read_version(connection).value(), current_version());
  ASSERT_TRUE(migrate(connection));
  int version = 0;
  for (const Migration& migration : migrations()) {
    EXPECT_EQ(migration.version, ++version);
  }
}

/// A new database as the first version made it.
Connection open_first_layout(const TestFolder& folder) {
  auto connection = Connection::open(folder.file(), Connection::Mode::kCreate).value();
  EXPECT_TRUE(connection.execute(migrations().front().sql));
  EXPECT_TRUE(connection.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = 1;"
                                             " UPDATE store_state SET last_position = 100",
                                             kApplicationId)
                                     .c_str()));
  return connection;
}

/// Puts a snapshot into a database of the first layout, as the first version wrote it.
void insert_into_first_layout(Connection& connection, const job::JobState& state,
                              std::string_view json) {
  auto insert =
      connection
          .prepare(
              "INSERT INTO jobs VALUES (NULL, ?, ?, 0, 1, 1, ?, ?, ?, ?, 0, 's', 'h', 'c', 1,"
              " 1, NULL, ?)")
          .value();
  const std::string id = state.id.str();
  insert.bind(id)
      .bind(state.spec.tenant.view())
      .bind(static_cast<std::int64_t>(to_number(state.last_sequence)))
      .bind(job::to_string(state.status))
      .bind(state.spec.type.view())
      .bind(state.spec.queue.view())
      .bind(json);
  ASSERT_EQ(insert.step(), SQLITE_DONE);
}

TEST(SqliteStore, FillsTheColumnsOfFailuresForJobsOfAnOlderLayout) {
  const TestFolder folder;
  const MemoryStore scratch;
  BatchBuilder builder(scratch, 1);
  const auto running = builder.start(builder.enqueue(BatchBuilder::spec()));
  const auto dead = builder.fail(builder.start(builder.enqueue(BatchBuilder::spec())), "f00d");
  const auto discarded =
      builder.add(builder.fail(builder.start(builder.enqueue(BatchBuilder::spec())), "f00d"),
                  {job::Discarded{}});
  const auto done = builder.succeed(builder.start(builder.enqueue(BatchBuilder::spec())));
  {
    auto connection = open_first_layout(folder);
    for (const auto& state : {running, dead, discarded, done}) {
      insert_into_first_layout(connection, *state, job::state_to_json(*state));
    }
  }
  const auto store = open_at(folder).value();
  const Reader& reader = store->reader();
  for (const auto& state : {running, dead, discarded, done}) {
    EXPECT_EQ(*reader.job(state->id).value(), *state);
  }
  DeadLetterFilter filter;
  filter.tenant = TenantId("acme");
  filter.fingerprints = {"f00d"};
  const auto letters = reader.dead_letters(filter, {}).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(*letters[0], *dead);
  const auto groups = reader
                          .failures({.tenant = TenantId("acme"),
                                     .from = *dead->finished_at,
                                     .before = *dead->finished_at + Milliseconds(1)})
                          .value();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].failures, 2U);
  EXPECT_EQ(groups[0].dead_letters, 1U);

  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  EXPECT_EQ(shell.query_integer("SELECT count(*) FROM jobs WHERE finished_at_ms > 0").value(), 3);

  // And the old rows go on.
  BatchBuilder later(*store, 2);
  (void)later.add(dead, {job::Requeued{.run = 2, .deadline = {}}});
  ASSERT_TRUE(store->commit(later.take()));
  EXPECT_TRUE(reader.dead_letters(filter, {}).value().empty());
}

TEST(SqliteStore, CountsFailuresInTheirIndexAlone) {
  const TestFolder folder;
  open_at(folder).value().reset();
  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  auto explain = shell.prepare(
      "EXPLAIN QUERY PLAN SELECT count(*), sum(dead_letter) FROM jobs INDEXED BY jobs_failures"
      " WHERE status = 'FAILED' AND internal = 0 AND tenant = ? AND finished_at_ms >= ?"
      " AND finished_at_ms < ?"
      " GROUP BY error_fingerprint");
  ASSERT_TRUE(explain);
  ASSERT_EQ(explain->step(), SQLITE_ROW);
  EXPECT_THAT(std::string(explain->text(3)), HasSubstr("COVERING INDEX jobs_failures"));
  EXPECT_EQ(explain->step(), SQLITE_DONE) << "nothing is sorted";
}

TEST(SqliteStore, ReadsPastInternalJobsInIndexesOfTheirOwn) {
  const TestFolder folder;
  open_at(folder).value().reset();
  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  const auto plan = [&](const std::string& query) {
    auto explain = shell.prepare("EXPLAIN QUERY PLAN " + query);
    std::string text;
    while (explain->step() == SQLITE_ROW) text += std::string(explain->text(3)) + "\n";
    return text;
  };
  const std::string list =
      " AND tenant = ? AND (created_at_ms, id) < (?, ?) ORDER BY created_at_ms DESC, id DESC";
  EXPECT_THAT(plan("SELECT state FROM jobs WHERE internal = 0" + list),
              AllOf(HasSubstr("USING INDEX jobs_by_tenant"), Not(HasSubstr("TEMP B-TREE"))));
  EXPECT_THAT(plan("SELECT state FROM jobs WHERE internal = 1" + list),
              AllOf(HasSubstr("USING INDEX jobs_internal"), Not(HasSubstr("TEMP B-TREE"))));
  EXPECT_THAT(
      plan("SELECT state FROM jobs WHERE dead_letter = 1 AND internal = 1 AND tenant = ?"
           " ORDER BY finished_at_ms, id"),
      AllOf(HasSubstr("USING INDEX jobs_internal_dead_letters"), Not(HasSubstr("TEMP B-TREE"))));
}

TEST(SqliteStore, ReadsDeadLettersAlongTheirIndex) {
  const TestFolder folder;
  open_at(folder).value().reset();
  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  const auto plan = [&](const std::string& condition) {
    auto explain = shell.prepare(
        "EXPLAIN QUERY PLAN SELECT state FROM jobs WHERE dead_letter = 1"
        " AND internal = 0 AND tenant = ?" +
        condition + " ORDER BY finished_at_ms DESC, id DESC LIMIT ?");
    std::string text;
    while (explain->step() == SQLITE_ROW) text += std::string(explain->text(3)) + "\n";
    return text;
  };
  for (const std::string condition : {"", " AND finished_at_ms >= ? AND finished_at_ms < ?",
                                      " AND type IN (?)", " AND (finished_at_ms, id) < (?, ?)"}) {
    EXPECT_THAT(plan(condition), HasSubstr("USING INDEX jobs_dead_letters")) << condition;
    EXPECT_THAT(plan(condition), Not(HasSubstr("TEMP B-TREE"))) << condition;
  }
}

TEST(SqliteStore, ListsRareStatusesBesideManyJobsOfOthers) {
  using enum job::JobStatus;
  const TestFolder folder;
  const auto store = open_at(folder).value();
  BatchBuilder builder(*store, 1);
  std::vector<job::StatePtr> all;
  const auto spec = BatchBuilder::spec();
  for (int i = 0; i < 1'200; ++i) all.push_back(builder.enqueue(spec));
  (void)builder.start(builder.enqueue(BatchBuilder::spec("globex")));
  for (int i = 0; i < 3; ++i) {
    const auto running = builder.start(builder.enqueue(spec));
    all.push_back(running);
    all.push_back(builder.succeed(builder.start(builder.enqueue(spec))));
    all.push_back(builder.fail(builder.start(builder.enqueue(spec)), "x"));
    all.push_back(builder.add(builder.start(builder.enqueue(spec)),
                              {job::AttemptFailed{}, job::RetryScheduled{all.front()->created_at +
                                                                         std::chrono::hours(1)}}));
    auto later = spec;
    later.scheduled_for = all.front()->created_at + std::chrono::hours(i + 1);
    all.push_back(builder.enqueue(later));
  }
  ASSERT_TRUE(store->commit(builder.take()));

  for (const std::vector<job::JobStatus>& statuses :
       {std::vector{kRunning}, std::vector{kScheduled}, std::vector{kRetrying},
        std::vector{kFailed}, std::vector{kSucceeded}, std::vector{kCanceled},
        std::vector{kRunning, kRetrying, kSucceeded}, std::vector{kPending},
        std::vector{kPending, kRunning}, std::vector{kWaiting, kRunning}}) {
    for (const JobOrder order : {JobOrder::kNewestFirst, JobOrder::kOldestFirst}) {
      const JobFilter filter{.tenant = spec.tenant, .statuses = statuses};
      std::vector<JobCursor> wanted;
      for (const auto& state : all) {
        if (matches(filter, *state)) wanted.push_back({state->created_at, state->id});
      }
      std::ranges::sort(wanted);
      if (order == JobOrder::kNewestFirst) std::ranges::reverse(wanted);
      std::vector<JobCursor> found;
      JobPage page{.order = order, .limit = 2};
      while (true) {
        const auto jobs = store->reader().jobs(filter, page).value();
        for (const auto& state : jobs) found.push_back({state->created_at, state->id});
        if (jobs.size() < page.limit) break;
        page.after = found.back();
        page.limit = 500;
      }
      EXPECT_EQ(found, wanted) << job::to_string(statuses.front());
    }
  }
}

TEST(SqliteStore, FindsRareStatusesWithoutReadingTheOthers) {
  const TestFolder folder;
  open_at(folder).value().reset();
  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  auto explain = shell.prepare(
      "EXPLAIN QUERY PLAN SELECT state FROM jobs NOT INDEXED WHERE number IN ("
      "SELECT number FROM jobs INDEXED BY jobs_timers WHERE due_at_ms IS NOT NULL AND status IN"
      " ('RUNNING') UNION ALL SELECT number FROM jobs INDEXED BY jobs_ready WHERE status ="
      " 'PENDING') AND tenant = ? AND status IN ('RUNNING', 'PENDING')"
      " ORDER BY created_at_ms DESC, id DESC LIMIT ?");
  ASSERT_TRUE(explain);
  std::string plan;
  while (explain->step() == SQLITE_ROW) plan += std::string(explain->text(3)) + "\n";
  EXPECT_THAT(plan, HasSubstr("SEARCH jobs USING INTEGER PRIMARY KEY")) << plan;
  EXPECT_THAT(plan, HasSubstr("COVERING INDEX jobs_timers")) << plan;
}

TEST(SqliteStore, GivesEveryRowItsTenantShardEpochAndPosition) {
  const TestFolder folder;
  auto connection = Connection::open(folder.file(), Connection::Mode::kCreate).value();
  ASSERT_TRUE(migrate(connection));
  EXPECT_EQ(connection
                .query_integer("SELECT count(*) FROM sqlite_schema AS s WHERE type = 'table'"
                               " AND name <> 'store_state' AND (SELECT count(*) FROM"
                               " pragma_table_info(s.name) WHERE name IN"
                               " ('tenant', 'shard', 'epoch', 'position')) <> 4")
                .value(),
            0);
}

// File permissions do not hold for root, so the child becomes somebody else.
int open_as_nobody(const TestFolder& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65'534) != 0 || ::setuid(65'534) != 0)) ::_exit(99);
    const auto store = open_at(folder);
    ::_exit(store ? 0 : 1 + static_cast<int>(store.error().code));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(SqliteStore, SaysThatItCannotWrite) {
  constexpr int kReadOnly = 1 + static_cast<int>(ErrorCode::kStoreReadOnly);
  const TestFolder folder;
  open_at(folder).value().reset();

  ::chmod(folder.path().c_str(), 0555);
  ::chmod(folder.file().c_str(), 0444);
  ::chmod((folder.file().string() + ".lock").c_str(), 0444);
  EXPECT_EQ(open_as_nobody(folder), kReadOnly) << "nothing is writable";

  ::chmod(folder.path().c_str(), 0777);
  ::chmod((folder.file().string() + ".lock").c_str(), 0666);
  EXPECT_EQ(open_as_nobody(folder), kReadOnly) << "all but the database is writable";
}

TEST(SqliteStore, LetsOthersReadBesideIt) {
  const TestFolder folder;
  const auto store = open_at(folder).value();
  BatchBuilder builder(*store, 1);
  const auto job = builder.enqueue(BatchBuilder::spec());
  ASSERT_TRUE(store->commit(builder.take()));
  const auto reader = open_reader(folder.file()).value();
  EXPECT_EQ(*reader->job(job->id).value(), *job);
  (void)builder.start(job);
  ASSERT_TRUE(store->commit(builder.take()));
  EXPECT_EQ(reader->job(job->id).value()->status, job::JobStatus::kRunning);
}

TEST(SqliteStore, ReadsFromManyThreadsWhileItWrites) {
  const TestFolder folder;
  const auto store = open({.file = folder.file(), .readers = 2}).value();
  BatchBuilder builder(*store, 1);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto last = store->reader().last_position().value();
        const auto events =
            store->reader().events_after(LogPosition{}, std::nullopt, 1'000'000).value();
        ASSERT_GE(events.size(), to_number(last));
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const auto job = builder.start(builder.enqueue(BatchBuilder::spec()));
    ASSERT_TRUE(store->commit(builder.take()));
    ASSERT_EQ(*store->reader().job(job->id).value(), *job) << "a read sees what was acknowledged";
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(find_fault(store->reader()), "");
}

TEST(SqliteStore, KeepsItsWriteAheadLogShort) {
  const TestFolder folder;
  constexpr std::size_t kAim = 256UL << 10;
  const auto store = open({.file = folder.file(), .checkpoint_bytes = kAim}).value();
  BatchBuilder builder(*store, 1);
  const auto log = std::filesystem::path(folder.file().string() + "-wal");
  std::uintmax_t written = 0;
  // Far more than the bound goes through the log.
  for (int i = 0; i < 150; ++i) {
    for (int n = 0; n < 10; ++n) {
      const auto job = builder.enqueue(BatchBuilder::spec());
      builder.batch().payloads.push_back(
          {job->id, job->spec.tenant, PayloadKind::kInput, "", std::string(16'000, '1'), {}});
      written += 16'000;
    }
    ASSERT_TRUE(store->commit(builder.take()));
  }
  EXPECT_GT(written, 4 * 20 * kAim);
  EXPECT_LT(std::filesystem::file_size(log), 20 * kAim);
  EXPECT_EQ(find_fault(store->reader()), "");
}

std::size_t prune_all(Store& store, Timestamp now) {
  std::size_t jobs = 0;
  while (true) {
    const auto pruned = store.prune(now, {}).value();
    jobs += pruned.jobs;
    if (!pruned.next || *pruned.next > now) return jobs;
  }
}

// I12: what is deleted makes room for what comes.
TEST(SqliteStore, LevelsOffUnderSteadyLoadWithRetention) {
  const TestFolder folder;
  const auto store = open({.file = folder.file(), .checkpoint_bytes = 256UL << 10}).value();
  BatchBuilder builder(*store, 1);
  constexpr int kRounds = 60;
  std::vector<std::uintmax_t> sizes;
  std::size_t pruned = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto now = Timestamp(Milliseconds(1'790'000'000'000 + round * 1'000));
    builder.at(now);
    for (int n = 0; n < 50; ++n) {
      auto spec = BatchBuilder::spec();
      spec.retention = Milliseconds(5'000);
      spec.has_idempotency_key = true;
      const auto job = builder.succeed(builder.start(builder.enqueue(spec)));
      builder.batch().payloads.push_back(
          {job->id, job->spec.tenant, PayloadKind::kInput, "", std::string(4'000, '1'), {}});
      builder.batch().idempotency.push_back(
          {{spec.tenant, spec.subject, spec.type, job->id.str()}, "f", job->id, now});
    }
    ASSERT_TRUE(store->commit(builder.take()));
    pruned += prune_all(*store, now);
    sizes.push_back(std::filesystem::file_size(folder.file()));
  }
  EXPECT_EQ(pruned, 50U * (kRounds - 5));
  EXPECT_LE(sizes.back(), sizes[kRounds / 3] + sizes[kRounds / 3] / 10)
      << "a third through: " << sizes[kRounds / 3] << ", at the end: " << sizes.back();
  auto shell = Connection::open(folder.file(), Connection::Mode::kReadOnly).value();
  for (const char* table : {"jobs", "events", "payloads", "idempotency_keys", "pruned_jobs"}) {
    const auto rows = shell.query_integer(fmt::format("SELECT count(*) FROM {}", table).c_str());
    EXPECT_LE(rows.value(), 5 * 50 * 3) << table;
  }
  EXPECT_EQ(find_fault(store->reader()), "");
}

/// Whether some file of the folder has that text in it.
bool holds(const TestFolder& folder, const std::string& text) {
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (bytes.contains(text)) return true;
  }
  return false;
}

TEST(SqliteStore, OverwritesWhatIsForgotten) {
  const TestFolder folder;
  const std::string secret = "the patient's name is Ada";
  {
    const auto store = open_at(folder).value();
    BatchBuilder builder(*store, 1);
    for (int i = 0; i < 20; ++i) {
      const auto job = builder.succeed(builder.start(builder.enqueue(BatchBuilder::spec())));
      std::string bytes = "\"" + (i == 10 ? secret : "nothing") + std::string(9'000, ' ') + "\"";
      builder.batch().payloads.push_back(
          {job->id, job->spec.tenant, PayloadKind::kInput, "", std::move(bytes), {}});
    }
    const Batch batch = builder.take();
    ASSERT_TRUE(store->commit(batch));
    ASSERT_TRUE(holds(folder, secret));
    builder.batch().forgets = {batch.jobs[10].after->id};
    ASSERT_TRUE(store->commit(builder.take()));
  }
  EXPECT_FALSE(holds(folder, secret));
}

TEST(SqliteStore, OverwritesAPayloadThatIsErasedAlone) {
  const TestFolder folder;
  const std::string secret = "v1.0badcafe.c2VhbGVk";
  {
    const auto store = open_at(folder).value();
    BatchBuilder builder(*store, 1);
    std::vector<job::StatePtr> jobs;
    for (int i = 0; i < 20; ++i) {
      jobs.push_back(builder.start(builder.enqueue(BatchBuilder::spec())));
      builder.batch().payloads.push_back({jobs.back()->id,
                                          jobs.back()->spec.tenant,
                                          PayloadKind::kCredentials,
                                          "",
                                          i == 10 ? secret : std::string("v1.other"),
                                          {}});
    }
    ASSERT_TRUE(store->commit(builder.take()));
    ASSERT_TRUE(holds(folder, secret));
    (void)builder.succeed(jobs[10]);
    builder.batch().payload_erasures = {{jobs[10]->id, PayloadKind::kCredentials, ""}};
    ASSERT_TRUE(store->commit(builder.take()));
  }
  EXPECT_FALSE(holds(folder, secret));
  EXPECT_TRUE(holds(folder, "v1.other"));
}

TEST(SqliteStore, LearnsWhenJobsOfAnOlderLayoutExpire) {
  const TestFolder folder;
  const MemoryStore scratch;
  BatchBuilder builder(scratch, 1);
  const auto ended = builder.succeed(builder.start(builder.enqueue(BatchBuilder::spec())));
  const auto live = builder.enqueue(BatchBuilder::spec());
  {
    auto connection = open_first_layout(folder);
    for (const auto& state : {ended, live}) {
      insert_into_first_layout(connection, *state, job::state_to_json(*state));
    }
  }
  const auto store = open_at(folder).value();
  const auto expires_at = ended->expires_at.value();
  EXPECT_EQ(store->prune(expires_at - Milliseconds(1), {}).value().next, expires_at);
  EXPECT_EQ(prune_all(*store, expires_at), 1U);
  EXPECT_EQ(store->reader().job(ended->id).value(), nullptr);
  EXPECT_NE(store->reader().job(live->id).value(), nullptr);
}

// The plan of each query on the hot path or of recovery stays on its index with a large table.
TEST(SqliteStore, RefusesAQueryPlanWithoutItsIndex) {
  const TestFolder folder;
  const auto store = open_at(folder).value();
  const Reader& reader = store->reader();
  // INDEXED BY makes preparing fail where the index cannot serve.
  EXPECT_TRUE(reader.ready({QueueName("q"), TenantId("t"), JobTypeName("j")}, std::nullopt, 1));
  EXPECT_TRUE(reader.ready({QueueName("q"), TenantId("t"), JobTypeName("j")}, ReadyCursor{}, 1));
  EXPECT_TRUE(reader.ready_lines());
  EXPECT_TRUE(reader.due(Timestamp{}, std::nullopt, 1));
  EXPECT_TRUE(reader.leased(std::nullopt, 1));
  EXPECT_TRUE(reader.jobs({.tenant = TenantId("t"), .statuses = {job::JobStatus::kFailed}}, {}));
  EXPECT_TRUE(reader.failures({.tenant = TenantId("t"), .from = {}, .before = Timestamp::max()}));
}

}  // namespace
}  // namespace errand::store::sqlite
