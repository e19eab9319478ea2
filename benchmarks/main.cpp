#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/rounds.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using errand::benchmarks::Round;

struct Figure {
  double median = 0;
  std::string rounds;
};

Figure figure(const std::vector<Round>& rounds, double Round::* member, int digits) {
  std::vector<double> values;
  Figure result;
  for (const Round& round : rounds) {
    values.push_back(round.*member);
    result.rounds +=
        fmt::format("{}{:.{}f}", result.rounds.empty() ? "" : " ", round.*member, digits);
  }
  std::ranges::sort(values);
  result.median = values[values.size() / 2];
  return result;
}

void print_line(const char* what, const Figure& value, int digits, const std::string& ratio) {
  fmt::print("{:<44} {:>12.{}f}   {:<34} {}\n", what, value.median, digits, ratio, value.rounds);
}

}  // namespace

int main(int argc, char** argv) {
  errand::benchmarks::RoundOptions options;
  options.folder = std::filesystem::temp_directory_path();
  int rounds_wanted = 3;
  double seconds = 5;
  CLI::App app{"Measures a server of Errand over loopback, durably, in a temporary folder.",
               "errand_bench"};
  app.add_option("--errand", options.program, "the program to measure")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--folder", options.folder,
                 "where the temporary folders are made: the disk that is measured")
      ->check(CLI::ExistingDirectory);
  app.add_option("--rounds", rounds_wanted, "rounds; medians are printed (3)")
      ->check(CLI::Range(1, 100));
  app.add_option("--seconds", seconds, "length of each measurement (5)")
      ->check(CLI::Range(0.5, 600.0));
  app.add_option("--connections", options.connections, "client connections (64)")
      ->check(CLI::Range(1, 4'096));
  app.add_option("--slots", options.slots, "jobs that the worker runs at once (256)")
      ->check(CLI::Range(1, 900));
  app.add_option("--outstanding", options.outstanding, "jobs not yet done, at most (512)")
      ->check(CLI::Range(1, 100'000));
  CLI11_PARSE(app, argc, argv);
  options.how_long = std::chrono::milliseconds(static_cast<int>(seconds * 1'000));

  std::vector<Round> rounds;
  for (int i = 0; i < rounds_wanted; ++i) {
    fmt::print(stderr, "bench: round {} of {}\n", i + 1, rounds_wanted);
    auto round = errand::benchmarks::run_round(options);
    if (!round) {
      fmt::print(stderr, "bench: {}\n", round.error().message);
      return 1;
    }
    rounds.push_back(*round);
  }

  const Figure syncs = figure(rounds, &Round::syncs, 0);
  const Figure health = figure(rounds, &Round::health, 0);
  const Figure accepted = figure(rounds, &Round::accepted, 0);
  const Figure done = figure(rounds, &Round::done, 0);
  const auto ratio = [&](const Figure& value) {
    return fmt::format("{:.3f} of /healthz, {:.2f} a sync", value.median / health.median,
                       value.median / syncs.median);
  };
  fmt::print("{} connections, {} slots, up to {} jobs outstanding, {} rounds of {} s\n\n",
             options.connections, options.slots, options.outstanding, rounds_wanted, seconds);
  fmt::print("{:<44} {:>12}   {:<34} {}\n", "", "median", "ratio", "rounds");
  print_line("4 KiB appended and synced, a second", syncs, 0, "");
  print_line("GET /healthz, a second", health, 0, "");
  print_line("durable mutations accepted, a second", accepted, 0, ratio(accepted));
  print_line("  answer to one, p50, ms", figure(rounds, &Round::accepted_p50_ms, 2), 2, "");
  print_line("  answer to one, p99, ms", figure(rounds, &Round::accepted_p99_ms, 2), 2, "");
  print_line("jobs from mutation to durable result, a second", done, 0, ratio(done));
  print_line("  sent to done, p50, ms", figure(rounds, &Round::done_p50_ms, 2), 2, "");
  print_line("  sent to done, p99, ms", figure(rounds, &Round::done_p99_ms, 2), 2, "");
  return 0;
}
