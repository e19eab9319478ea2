// Ends a writing process with SIGKILL at moments of its own choosing, and looks at what is left.

#include <array>
#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/conformance/suite.h"
#include "errand/store/sqlite/sqlite_store.h"
#include "errand/store/sqlite/sqlite_test_folder.h"

namespace errand::store::sqlite {
namespace {

using conformance::BatchBuilder;
using conformance::find_fault;

/// One acknowledged step, as the child tells it.
struct Ack {
  Uuid batch;
  Uuid job;
  std::uint64_t sequence = 0;
};

/// Commits batches for ever, and writes an Ack for each job of a batch after its commit.
[[noreturn]] void write_until_killed(const TestFolder& folder, std::uint64_t seed, int out) {
  auto store = open({.file = folder.file(), .readers = 1, .checkpoint_bytes = 128UL << 10});
  if (!store) ::_exit(1);
  BatchBuilder builder(**store, seed);
  SeededRandom random(seed);
  std::vector<job::StatePtr> live;
  while (true) {
    for (std::uint64_t i = 1 + random.next() % 5; i > 0; --i) {
      auto job = builder.enqueue(BatchBuilder::spec());
      builder.batch().payloads.push_back(
          {job->id, job->spec.tenant, PayloadKind::kInput, "", R"({"a":1})", {}});
      live.push_back(std::move(job));
    }
    for (std::uint64_t i = random.next() % 5; i > 0; --i) {
      job::StatePtr& job = live[random.next() % live.size()];
      job = job->status == job::JobStatus::kPending   ? builder.start(job)
            : job->status == job::JobStatus::kRunning ? builder.succeed(job)
                                                      : job;
    }
    const Batch batch = builder.take();
    if (!(*store)->commit(batch)) ::_exit(2);
    for (const JobWrite& write : batch.jobs) {
      const Ack ack{batch.id, write.after->id.uuid, to_number(write.after->last_sequence)};
      if (::write(out, &ack, sizeof(ack)) != sizeof(ack)) ::_exit(3);
    }
  }
}

TEST(SqliteCrash, LosesNothingAcknowledgedWhenKilledAtAnyMoment) {
  const TestFolder folder;
  const char* minutes = std::getenv("DEV_TEST_MINUTES");
  const int rounds = minutes != nullptr ? 30 * std::max(1, std::atoi(minutes)) : 12;
  SeededRandom random(20'261'123);
  std::map<JobId, std::uint64_t> acknowledged;
  for (int round = 0; round < rounds; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      write_until_killed(folder, 1'000 + static_cast<std::uint64_t>(round), pipe[1]);
    }
    ::close(pipe[1]);
    const std::uint64_t kill_after = 1 + random.next() % 400;
    std::uint64_t count = 0;
    Ack ack;
    // After the kill the pipe still holds what was acknowledged before it.
    while (::read(pipe[0], &ack, sizeof(ack)) == sizeof(ack)) {
      auto& sequence = acknowledged[JobId{ack.job}];
      sequence = std::max(sequence, ack.sequence);
      if (++count == kill_after) ::kill(child, SIGKILL);
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the child ended by itself with " << status;

    const auto store = open({.file = folder.file(), .readers = 1});
    ASSERT_TRUE(store) << store.error().message;
    const Reader& reader = (*store)->reader();
    ASSERT_EQ(find_fault(reader), "") << "round " << round;
    for (const auto& [id, sequence] : acknowledged) {
      const auto job = reader.job(id).value();
      ASSERT_NE(job, nullptr) << "an acknowledged job is gone, round " << round;
      ASSERT_GE(to_number(job->last_sequence), sequence) << "round " << round;
      ASSERT_TRUE(reader.payload(id, PayloadKind::kInput).value().has_value());
    }
  }
  RecordProperty("kills", rounds);
  RecordProperty("acknowledged_jobs", static_cast<int>(acknowledged.size()));
  EXPECT_GT(acknowledged.size(), 0U);
}

}  // namespace
}  // namespace errand::store::sqlite
