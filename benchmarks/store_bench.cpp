// Measures the SQLite store alone: job life cycles (enqueue with input, start, succeed with result)
// in batches, each commit synced to the disk.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "errand/store/conformance/builders.h"
#include "errand/store/sqlite/sqlite_store.h"

namespace {

using errand::store::conformance::BatchBuilder;
using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

/// Time that this thread has run on a processor.
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Life cycles in `jobs_per_batch` jobs a commit: three commits take them from enqueue to result.
/// Only commits are timed, not the making of batches.
struct Figures {
  double commit_seconds = 0;
  double cpu_seconds = 0;  ///< of the committing thread
  std::vector<double> commits;
  std::size_t steps = 0;
};

Figures run(errand::store::Store& store, std::size_t jobs, std::size_t jobs_per_batch,
            std::uint64_t seed) {
  Figures figures;
  BatchBuilder builder(store, seed);
  std::vector<errand::job::StatePtr> pending;
  std::vector<errand::job::StatePtr> running;
  // Steady state: each commit holds new jobs, starts of the last ones and ends of those before.
  for (std::size_t made = 0; made < jobs || !running.empty() || !pending.empty();) {
    std::vector<errand::job::StatePtr> fresh;
    for (std::size_t i = 0; i < jobs_per_batch && made < jobs; ++i, ++made) {
      auto job = builder.enqueue(BatchBuilder::spec());
      builder.batch().payloads.push_back({job->id,
                                          job->spec.tenant,
                                          errand::store::PayloadKind::kInput,
                                          "",
                                          '"' + std::string(200, 'x') + '"',
                                          {}});
      fresh.push_back(std::move(job));
    }
    std::vector<errand::job::StatePtr> started;
    for (const auto& job : pending) started.push_back(builder.start(job));
    for (const auto& job : running) {
      builder.batch().payloads.push_back(
          {job->id, job->spec.tenant, errand::store::PayloadKind::kResult, "", "{}", {}});
      (void)builder.succeed(job);
    }
    const auto batch = builder.take();
    figures.steps += batch.jobs.size();
    const double cpu_begin = cpu_seconds();
    const auto begin = SteadyClock::now();
    if (const auto done = store.commit(batch); !done) {
      fmt::print(stderr, "{}\n", done.error().error.message);
      std::exit(1);
    }
    figures.commits.push_back(seconds_since(begin));
    figures.commit_seconds += figures.commits.back();
    figures.cpu_seconds += cpu_seconds() - cpu_begin;
    pending = std::move(fresh);
    running = std::move(started);
  }
  std::ranges::sort(figures.commits);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Job life cycles a second of the SQLite store.");
  std::string folder = std::filesystem::temp_directory_path();
  std::size_t jobs = 60'000;
  std::vector<std::size_t> batches{1, 33, 333};
  app.add_option("--folder", folder, "on the disk to measure")->capture_default_str();
  app.add_option("--jobs", jobs, "of the largest batch size")->capture_default_str();
  app.add_option("--batch", batches, "jobs of each of the three steps in one commit");
  CLI11_PARSE(app, argc, argv);

  fmt::print("{:>14} {:>10} {:>10} {:>14} {:>10} {:>10}\n", "steps a commit", "steps/s",
             "us a step", "us CPU a step", "p50 ms", "p99 ms");
  for (const std::size_t batch : batches) {
    const auto file = std::filesystem::path(folder) / fmt::format("errand-bench-{}.db", ::getpid());
    {
      auto store = errand::store::sqlite::open({.file = file, .vfs = {}, .log = {}});
      if (!store) {
        fmt::print(stderr, "{}\n", store.error().message);
        return 1;
      }
      const std::size_t count = std::min(jobs, batch * 1'000);
      const Figures figures = run(**store, count, batch, batch);
      const auto at = [&](double share) {
        return 1e3 * figures.commits[static_cast<std::size_t>(
                         share * static_cast<double>(figures.commits.size() - 1))];
      };
      const auto steps = static_cast<double>(figures.steps);
      fmt::print("{:>14} {:>10.0f} {:>10.1f} {:>14.1f} {:>10.2f} {:>10.2f}\n", 3 * batch,
                 steps / figures.commit_seconds, 1e6 * figures.commit_seconds / steps,
                 1e6 * figures.cpu_seconds / steps, at(0.5), at(0.99));
    }
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      std::filesystem::remove(file.string() + suffix);
    }
  }
  return 0;
}
