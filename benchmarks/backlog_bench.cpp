// Measures what a backlog of a million durable jobs costs a server: its memory, how soon other jobs
// start, queries, and the start after a crash, beside a server whose queue is empty.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/backlog_jobs.h"
#include "benchmarks/http_load.h"
#include "benchmarks/process_memory.h"
#include "benchmarks/server_process.h"
#include "benchmarks/start_latency.h"
#include "benchmarks/statistics.h"
#include "benchmarks/worker_client.h"
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace {

using errand::ErrorCode;
using errand::fail;
using errand::Result;
using errand::benchmarks::HttpLoad;
using errand::benchmarks::ServerProcess;
using errand::benchmarks::StartCase;
using Clock = std::chrono::steady_clock;

struct Options {
  std::filesystem::path program;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::uint64_t jobs = 1'000'000;
  int types = 64;
  int connections = 64;
  int rounds = 5;
  double seconds = 5;
  double rate = 400;
  int crashes = 3;

  [[nodiscard]] std::chrono::milliseconds how_long() const {
    return std::chrono::milliseconds(static_cast<int>(seconds * 1'000));
  }
};

/// Thrown to main(), so that the servers end and their folders go.
[[noreturn]] void give_up(const errand::Error& error) { throw std::runtime_error(error.message); }

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

ServerProcess start_server(const Options& options) {
  return must(ServerProcess::start(
      {options.program, options.folder, errand::benchmarks::backlog_schema(options.types)}));
}

/// Sends the backlog's jobs from `first` on, as fast as they are accepted.
/// @return how many were accepted: `jobs`, unless the time was over or the server died.
Result<std::uint64_t> submit(const Options& options, const ServerProcess& server,
                             std::uint64_t first, std::uint64_t jobs,
                             std::chrono::milliseconds how_long, bool shows_progress) {
  std::uint64_t submitted = 0;
  std::uint64_t accepted = 0;
  const auto begin = Clock::now();
  auto shown = begin;
  HttpLoad load;
  auto run = load.run({.port = server.port(),
                       .connections = options.connections,
                       .how_long = how_long,
                       .next =
                           [&](std::string& request) {
                             if (submitted == jobs) return false;
                             request = mutation(server, errand::benchmarks::backlog_job(
                                                            first + submitted++, options.types));
                             return true;
                           },
                       .finished = [&] { return accepted == jobs; },
                       .done = [&](int status, std::string_view body) -> Result<void> {
                         const auto id = errand::benchmarks::accepted_id(status, body);
                         if (!id) return std::unexpected(id.error());
                         ++accepted;
                         if (shows_progress && (Clock::now() - shown > std::chrono::seconds(5))) {
                           shown = Clock::now();
                           fmt::print(stderr, "bench: {} of {} jobs, {:.0f} a second\n", accepted,
                                      jobs, static_cast<double>(accepted) / seconds_since(begin));
                         }
                         return {};
                       }});
  if (!run) return std::unexpected(run.error());
  return accepted;
}

void fill(const Options& options, const ServerProcess& server) {
  const auto begin = Clock::now();
  const auto accepted = must(submit(options, server, 0, options.jobs, std::chrono::hours(2), true));
  const double seconds = seconds_since(begin);
  fmt::print("\n{} jobs accepted in {:.0f} s, {:.0f} a second\n", accepted, seconds,
             static_cast<double>(accepted) / seconds);
}

void print_memory(const char* when, const ServerProcess& server) {
  const auto memory = must(errand::benchmarks::memory_of(server.pid()));
  fmt::print("{:<28} {:>9.0f} {:>9.0f} {:>11.0f} {:>9.0f}\n", when, memory.resident, memory.peak,
             memory.anonymous, memory.mapped);
  (void)std::fflush(stdout);
}

std::string joined(const std::vector<double>& values, int digits) {
  std::string text;
  for (const double value : values)
    text += fmt::format("{}{:.{}f}", text.empty() ? "" : " ", value, digits);
  return text;
}

/// A figure of both servers, of all rounds.
struct Pair {
  std::vector<double> empty;
  std::vector<double> full;

  void print(const char* what) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < empty.size(); ++i) ratios.push_back(full[i] / empty[i]);
    fmt::print("{:<34} {:>8.2f} {:>8.2f} {:>7.2f}   {} / {}\n", what,
               errand::benchmarks::median(empty), errand::benchmarks::median(full),
               errand::benchmarks::median(ratios), joined(empty, 2), joined(full, 2));
  }
};

void print_starts(const Options& options, const ServerProcess& empty, const ServerProcess& full) {
  struct Figures {
    Pair start_p50, start_p99, answer_p50, answer_p99;
  };
  std::array<Figures, 2> figures;
  for (int round = 0; round < options.rounds; ++round) {
    fmt::print(stderr, "bench: starts, round {} of {}\n", round + 1, options.rounds);
    for (const auto kind : {StartCase::kFreeWorker, StartCase::kFreedSlot}) {
      Figures& of_case = figures[static_cast<std::size_t>(kind)];
      const auto measure = [&](const ServerProcess& server, std::vector<double> Pair::* member) {
        auto found = must(errand::benchmarks::measure_starts(
            server, {.kind = kind, .per_second = options.rate, .how_long = options.how_long()}));
        using errand::benchmarks::percentile_ms;
        (of_case.start_p50.*member).push_back(percentile_ms(found.to_start, 0.50));
        (of_case.start_p99.*member).push_back(percentile_ms(found.to_start, 0.99));
        (of_case.answer_p50.*member).push_back(percentile_ms(found.to_answer, 0.50));
        (of_case.answer_p99.*member).push_back(percentile_ms(found.to_answer, 0.99));
      };
      // In turn, so that neither is always the one that finds the disk at rest.
      if (round % 2 == 0) measure(empty, &Pair::empty);
      measure(full, &Pair::full);
      if (round % 2 == 1) measure(empty, &Pair::empty);
    }
  }
  fmt::print("\n{:.0f} mutations a second, {} rounds of {} s; ms\n", options.rate, options.rounds,
             options.seconds);
  fmt::print("{:<34} {:>8} {:>8} {:>7}   rounds\n", "", "empty", "backlog", "ratio");
  const auto print = [](const char* what, const Figures& of_case) {
    fmt::print("{}\n", what);
    of_case.start_p50.print("  to the start, p50");
    of_case.start_p99.print("  to the start, p99 (ratio: 2)");
    of_case.answer_p50.print("  mutation to answer, p50");
    of_case.answer_p99.print("  mutation to answer, p99");
  };
  print("worker free: from the mutation", figures[0]);
  print("a slot gets free: from the answer", figures[1]);
}

/// Median time of a request that is sent one at a time, up to 21 times within about five seconds.
Result<double> query_ms(const ServerProcess& server, const std::string& request,
                        std::uint64_t count = 21) {
  const auto over = Clock::now() + std::chrono::seconds(5);
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  HttpLoad load;
  auto run = load.run(
      {.port = server.port(),
       .connections = 1,
       .how_long = std::chrono::seconds(60),
       .next =
           [&](std::string& text) {
             if (sent == count || Clock::now() > over) return false;
             ++sent;
             text = request;
             return true;
           },
       .finished = [&] { return answered == sent && (sent == count || Clock::now() > over); },
       .done = [&](int status, std::string_view body) -> Result<void> {
         ++answered;
         if (status == 200 && body.find("\"errors\"") == std::string_view::npos) return {};
         return fail(ErrorCode::kProtocolError,
                     fmt::format("a query was answered {}: {}", status, body.substr(0, 500)));
       }});
  if (!run) return std::unexpected(run.error());
  return errand::benchmarks::percentile_ms(run->latencies, 0.5);
}

/// Makes a job and returns its id.
std::string make_job(const ServerProcess& server, const errand::benchmarks::BacklogJob& job) {
  std::string id;
  bool sent = false;
  HttpLoad load;
  (void)must(load.run({.port = server.port(),
                       .connections = 1,
                       .how_long = std::chrono::seconds(10),
                       .next =
                           [&](std::string& request) {
                             if (std::exchange(sent, true)) return false;
                             request = mutation(server, job);
                             return true;
                           },
                       .finished = [&] { return !id.empty(); },
                       .done = [&](int status, std::string_view body) -> Result<void> {
                         const auto found = errand::benchmarks::accepted_id(status, body);
                         if (!found) return std::unexpected(found.error());
                         id = *found;
                         return {};
                       }}));
  return id;
}

void print_queries(const ServerProcess& empty, const ServerProcess& full) {
  constexpr std::string_view kJobs = "nodes { id status } pageInfo { hasNextPage }";
  const std::vector<std::pair<const char*, std::string>> list{
      {"jobs, first 20", fmt::format("{{ jobs(first: 20) {{ {} }} }}", kJobs)},
      {"jobs, oldest first",
       fmt::format("{{ jobs(first: 20, orderBy: OLDEST_FIRST) {{ {} }} }}", kJobs)},
      {"jobs that are PENDING",
       fmt::format("{{ jobs(filter: {{ status: [PENDING] }}) {{ {} }} }}", kJobs)},
      {"jobs that are SCHEDULED",
       fmt::format("{{ jobs(filter: {{ status: [SCHEDULED] }}) {{ {} }} }}", kJobs)},
      {"jobs that are RUNNING",
       fmt::format("{{ jobs(filter: {{ status: [RUNNING] }}) {{ {} }} }}", kJobs)},
      {"jobs that are RETRYING",
       fmt::format("{{ jobs(filter: {{ status: [RETRYING] }}) {{ {} }} }}", kJobs)},
      {"jobs that are SUCCEEDED",
       fmt::format("{{ jobs(filter: {{ status: [SUCCEEDED] }}) {{ {} }} }}", kJobs)},
      {"jobs that are FAILED",
       fmt::format("{{ jobs(filter: {{ status: [FAILED] }}) {{ {} }} }}", kJobs)},
      {"jobs of a type",
       fmt::format("{{ jobs(filter: {{ type: [\"idle0\"] }}) {{ {} }} }}", kJobs)},
      {"jobs of a type that has none",
       fmt::format("{{ jobs(filter: {{ type: [\"none\"] }}) {{ {} }} }}", kJobs)},
      {"jobs of a correlation id",
       fmt::format("{{ jobs(filter: {{ correlationId: \"none\" }}) {{ {} }} }}", kJobs)},
      {"deadLetters", fmt::format("{{ deadLetters {{ {} }} }}", kJobs)},
      {"queues", "{ queues { name pending waiting running workers } }"},
      {"limits", "{ limits { id value } }"},
      {"workers", "{ workers { id } }"},
  };
  fmt::print("\n{:<34} {:>8} {:>8}\n", "one query at a time, median ms", "empty", "backlog");
  const auto print = [&](const char* what, const std::string& on_empty,
                         const std::string& on_full) {
    const auto figure = [](const ServerProcess& server, const std::string& request) {
      const auto ms = query_ms(server, request);
      if (ms) return fmt::format("{:.2f}", *ms);
      fmt::print(stderr, "bench: {}\n", ms.error().message);
      return std::string("failed");
    };
    fmt::print("{:<34} {:>8} {:>8}\n", what, figure(empty, on_empty), figure(full, on_full));
    (void)std::fflush(stdout);
  };
  const auto graphql = [](const ServerProcess& server, std::string_view query) {
    std::string escaped;
    for (const char c : query) {
      if (c == '"') escaped += '\\';
      escaped += c;
    }
    return errand::benchmarks::http_request("/graphql", server.client_token(),
                                            fmt::format(R"({{"query":"{}"}})", escaped));
  };
  for (const auto& [what, query] : list) print(what, graphql(empty, query), graphql(full, query));
  const auto waiting_job = [&](const ServerProcess& server, std::string_view type) {
    const std::string id = make_job(server, {.type = std::string(type), .priority = -10});
    return graphql(server, fmt::format("{{ job(id: \"{}\") {{ status estimate {{ completionAt }} "
                                       "whyWaiting {{ kind place }} }} }}",
                                       id));
  };
  for (const auto& [what, type] :
       {std::pair("whyWaiting at the end of a line", std::string_view("work")),
        std::pair("whyWaiting, no worker", std::string_view("idle0"))}) {
    print(what, waiting_job(empty, type), waiting_job(full, type));
  }
  const auto metrics = [](const ServerProcess& server) {
    return errand::benchmarks::http_request("/metrics", server.client_token(), "");
  };
  print("/metrics", metrics(empty), metrics(full));
}

/// Makes the kernel forget the data of a server that does not run, as far as it can be asked to.
void drop_page_cache(const ServerProcess& server) {
  for (const auto& entry : std::filesystem::directory_iterator(server.folder() / "data")) {
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    (void)::fdatasync(fd);
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
}

double file_mib(const std::filesystem::path& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  return error ? 0 : static_cast<double>(bytes) / (1 << 20);
}

void print_crashes(const Options& options, ServerProcess& server) {
  fmt::print("\n{:<28} {:>9} {:>9} {:>11} {:>10}\n", "killed under load", "db, MiB", "log, MiB",
             "ready, s", "job, s");
  for (int crash = 0; crash < options.crashes; ++crash) {
    fmt::print(stderr, "bench: crash {} of {}\n", crash + 1, options.crashes);
    {
      errand::benchmarks::WorkerClient worker({.port = server.port(),
                                               .token = server.worker_token(),
                                               .job_type = std::string(errand::benchmarks::kWork),
                                               .slots = 64});
      std::thread killer([&] {
        std::this_thread::sleep_for(options.how_long() / 2);
        server.kill();
      });
      // Ends with the server.
      (void)submit(options, server, 0, ~std::uint64_t{0}, options.how_long() * 2, false);
      killer.join();
      (void)worker.stop();
    }
    const auto data = server.folder() / "data";
    const double log = file_mib(data / "errand.db-wal");
    const double database = file_mib(data / "errand.db");
    drop_page_cache(server);

    const auto begin = Clock::now();
    must(server.restart());
    (void)must(query_ms(server, errand::benchmarks::http_request("/readyz", "", ""), 1));
    const double ready = seconds_since(begin);
    std::promise<double> first;
    std::atomic<bool> seen{false};
    errand::benchmarks::WorkerClient worker(
        {.port = server.port(),
         .token = server.worker_token(),
         .job_type = std::string(errand::benchmarks::kWork),
         .slots = 1,
         .started = [&](std::string_view, std::uint64_t, Clock::time_point) {
           if (!seen.exchange(true)) first.set_value(seconds_since(begin));
         }});
    auto started = first.get_future();
    if (started.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      give_up({ErrorCode::kDeadlineExceeded, "no job started after the crash"});
    }
    const double job = started.get();
    (void)worker.stop();
    fmt::print("{:<28} {:>9.0f} {:>9.0f} {:>11.2f} {:>10.2f}\n", "", database, log, ready, job);
    (void)std::fflush(stdout);
  }
}

void run(const Options& options) {
  const ServerProcess empty = start_server(options);
  ServerProcess full = start_server(options);
  fill(options, full);
  fmt::print("\n{:<28} {:>9} {:>9} {:>11} {:>9}\n", "memory, MiB (wanted: 300)", "resident", "peak",
             "anonymous", "mapped");
  print_memory("the empty one", empty);
  print_memory("after the filling", full);
  print_starts(options, empty, full);
  print_queries(empty, full);
  fmt::print("\n{:<28} {:>9} {:>9} {:>11} {:>9}\n", "memory, MiB (wanted: 300)", "resident", "peak",
             "anonymous", "mapped");
  print_memory("the empty one", empty);
  print_memory("with its backlog", full);
  print_crashes(options, full);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Measures a server of Errand with a backlog beside one whose queue is empty.",
               "errand_backlog_bench"};
  app.add_option("--errand", options.program, "the program to measure")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--folder", options.folder, "where the temporary folders are made")
      ->check(CLI::ExistingDirectory);
  app.add_option("--jobs", options.jobs, "length of the backlog (1000000)")
      ->check(CLI::Range(1'000, 1'800'000));
  app.add_option("--types", options.types, "types of jobs in it that nobody takes (64)")
      ->check(CLI::Range(1, 1'000));
  app.add_option("--connections", options.connections, "that fill the queue (64)")
      ->check(CLI::Range(1, 4'096));
  app.add_option("--rounds", options.rounds, "rounds; medians are printed (5)")
      ->check(CLI::Range(1, 100));
  app.add_option("--seconds", options.seconds, "length of each measurement (5)")
      ->check(CLI::Range(0.5, 600.0));
  app.add_option("--rate", options.rate, "mutations a second while starts are measured (400)")
      ->check(CLI::Range(1.0, 100'000.0));
  app.add_option("--crashes", options.crashes, "how often the server is killed (3)")
      ->check(CLI::Range(0, 100));
  CLI11_PARSE(app, argc, argv);

  try {
    run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
