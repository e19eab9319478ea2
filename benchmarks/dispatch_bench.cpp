// Measures what limits by key cost at dispatch: an engine on the SQLite store drains the same
// queue, once with all jobs under one key and once with many keys, each with its limit full all the
// time.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "errand/base/random.h"
#include "errand/engine/engine.h"
#include "errand/store/sqlite/sqlite_store.h"

namespace {

using errand::engine::Engine;
using errand::engine::Plan;

/// Time that this thread has run on a processor.
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

[[noreturn]] void give_up(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

struct Options {
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::size_t jobs = 30'000;
  std::uint32_t slots = 256;
  int rounds = 3;
};

/// One queue, enqueued and then drained.
class Drain {
 public:
  Drain(const Options& options, std::size_t keys)
      : options_(options),
        keys_(keys),
        file_(options.folder / fmt::format("errand-dispatch-{}.db", ::getpid())),
        random_(keys),
        engine_(engine_options(), random_) {
    auto opened = errand::store::sqlite::open({.file = file_, .vfs = {}, .log = {}});
    if (!opened) give_up(opened.error().message);
    store_ = std::move(*opened);
    if (auto read = engine_.recover(store_->reader(), store_->epoch(), now()); !read) {
      give_up(read.error().message);
    }
  }
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  ~Drain() {
    store_.reset();
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      std::filesystem::remove(file_.string() + suffix);
    }
  }

  /// Processor time of the lane's thread for a job from the line to its end, in microseconds.
  double run() {
    for (std::size_t i = 0; i < options_.jobs; ++i) {
      engine_.submit(ticket(), enqueue(i));
      if (i % 1'000 == 999) round();
    }
    while (engine_.waiting() > 0) round();
    errand::engine::RegisterWorker hello;
    hello.id = worker_;
    hello.slots = options_.slots;
    engine_.submit(ticket(), std::move(hello));
    engine_.submit(ticket(), errand::engine::AddCredits{worker_, options_.slots});
    const double begin = cpu_seconds();
    std::size_t idle = 0;
    while (ended_ < options_.jobs) {
      if (idle > 100) give_up("the queue does not drain");
      idle = round() ? 0 : idle + 1;
    }
    return 1e6 * (cpu_seconds() - begin) / static_cast<double>(options_.jobs);
  }

 private:
  errand::engine::Options engine_options() const {
    errand::engine::Options options;
    options.lease = errand::Milliseconds(3'600'000);
    // The same number of jobs can run in each case.
    options.limits = {{.type = type_,
                       .by_tenant = true,
                       .by_input = "key",
                       .value = std::max<std::uint64_t>(1, options_.slots / keys_)}};
    return options;
  }

  errand::Now now() const {
    return {errand::Timestamp(errand::Milliseconds(1'800'000'000'000)),
            errand::MonotonicTime(errand::Milliseconds(1'000))};
  }
  errand::engine::Ticket ticket() { return errand::engine::Ticket{++tickets_}; }

  errand::engine::EnqueueJob enqueue(std::size_t number) {
    errand::engine::EnqueueJob request;
    request.id = errand::JobId{errand::Uuid::v7(now().wall, random_)};
    request.spec.tenant = errand::TenantId("acme");
    request.spec.subject = errand::SubjectId("user:anna");
    request.spec.type = type_;
    request.spec.queue = errand::QueueName("q");
    request.spec.limit_key = fmt::format("\"{}\"", number % keys_);
    request.input = '"' + std::string(200, 'x') + '"';
    request.spec.input.size_bytes = request.input.size();
    request.correlation_id = "c";
    return request;
  }

  /// One plan, committed. @return whether it started or ended a job.
  bool round() {
    Plan plan = engine_.plan(now(), store_->reader());
    if (!plan.batch.empty()) {
      if (const auto done = store_->commit(plan.batch); !done) give_up(done.error().error.message);
    }
    engine_.apply(plan);
    bool moved = false;
    std::uint32_t freed = 0;
    for (const auto& write : plan.batch.jobs) {
      if (write.after->terminal()) ++freed;
    }
    ended_ += freed;
    if (freed > 0) engine_.submit(ticket(), errand::engine::AddCredits{worker_, freed});
    for (const auto& action : plan.actions) {
      const auto* dispatch = std::get_if<errand::engine::Dispatch>(&action);
      if (!dispatch) continue;
      errand::engine::CommandJob done;
      done.id = dispatch->state->id;
      done.command = errand::job::Complete{dispatch->state->token, {.size_bytes = 2}};
      done.result = "{}";
      engine_.submit(ticket(), std::move(done));
      moved = true;
    }
    return moved || freed > 0;
  }

  const Options options_;
  const std::size_t keys_;
  const std::filesystem::path file_;
  const errand::JobTypeName type_{"work"};
  const errand::WorkerId worker_{"w"};
  errand::SeededRandom random_;
  Engine engine_;
  std::unique_ptr<errand::store::Store> store_;
  std::uint64_t tickets_ = 0;
  std::size_t ended_ = 0;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What limits by key cost at dispatch.");
  Options options;
  std::vector<std::size_t> keys{1, 100, 10'000};
  app.add_option("--folder", options.folder, "on the disk to use")->capture_default_str();
  app.add_option("--jobs", options.jobs, "of each drain")->capture_default_str();
  app.add_option("--slots", options.slots, "of the worker")->capture_default_str();
  app.add_option("--rounds", options.rounds, "of which the median is shown")->capture_default_str();
  app.add_option("--keys", keys, "numbers of keys; the first is the baseline");
  CLI11_PARSE(app, argc, argv);

  std::vector<std::vector<double>> figures(keys.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      figures[i].push_back(Drain(options, keys[i]).run());
    }
  }
  fmt::print("{:>8} {:>20} {:>8}   rounds\n", "keys", "us CPU a job", "ratio");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    fmt::print("{:>8} {:>20.1f} {:>8.2f}  ", keys[i], median(figures[i]),
               median(figures[i]) / median(figures[0]));
    for (const double figure : figures[i]) fmt::print(" {:.1f}", figure);
    fmt::print("\n");
  }
  return 0;
}
