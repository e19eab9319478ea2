#include "benchmarks/start_latency.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <unordered_map>

#include "benchmarks/backlog_jobs.h"
#include "benchmarks/http_load.h"
#include "benchmarks/worker_client.h"

namespace errand::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kConnections = 16;
constexpr auto kPatience = std::chrono::seconds(10);

/// Wakes a load each time its next mutation is due.
class Pacer {
 public:
  Pacer(const HttpLoad& load, Clock::duration interval)
      : begin_(Clock::now() + interval), interval_(interval), thread_([this, &load] {
          for (Clock::rep n = 0; !stopping_; ++n) {
            std::this_thread::sleep_until(begin_ + n * interval_);
            load.wake();
          }
        }) {}
  ~Pacer() {
    stopping_ = true;
    thread_.join();
  }
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  /// Whether mutation `n`, from 0, is due.
  [[nodiscard]] bool due(std::uint64_t n) const {
    return Clock::now() >= begin_ + static_cast<Clock::rep>(n) * interval_;
  }

 private:
  const Clock::time_point begin_;
  const Clock::duration interval_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

Result<StartLatencies> measure_starts(const ServerProcess& server, const StartLoad& load) {
  const bool freed_slot = load.kind == StartCase::kFreedSlot;
  struct Start {
    std::string id;
    std::uint64_t number = 0;
    Clock::time_point at;
  };
  std::vector<Start> starts;  // of the worker's thread until it has stopped
  std::atomic<std::uint64_t> measured_started{0};
  std::atomic<std::uint64_t> started{0};
  std::atomic<std::uint64_t> completed{0};
  WorkerClient worker({.port = server.port(),
                       .token = server.worker_token(),
                       .job_type = std::string(freed_slot ? kWork : kQuick),
                       .slots = 512,
                       .always_free = !freed_slot,
                       .started =
                           [&](std::string_view id, std::uint64_t number, Clock::time_point at) {
                             ++started;
                             if (number == 0) return;  // of the backlog
                             starts.push_back({std::string(id), number, at});
                             ++measured_started;
                           },
                       .completed = [&](std::uint64_t) { ++completed; }});

  std::vector<Clock::time_point> sent;  // by number, from 1
  std::unordered_map<std::string, Clock::time_point> answered;
  std::uint64_t submitted = 0;
  StartLatencies latencies;
  HttpLoad client;
  const Pacer pacer(client, std::chrono::duration_cast<Clock::duration>(
                                std::chrono::duration<double>(1 / load.per_second)));
  auto run = client.run({.port = server.port(),
                         .connections = kConnections,
                         .how_long = load.how_long,
                         .next =
                             [&](std::string& request) {
                               if (!pacer.due(submitted)) return false;
                               ++submitted;
                               BacklogJob job;
                               if (freed_slot && submitted % 2 == 0) {
                                 job = backlog_job(3, 1);
                               } else {
                                 sent.push_back(Clock::now());
                                 job.type = freed_slot ? kWork : kQuick;
                                 job.number = sent.size();
                               }
                               request = mutation(server, job);
                               return true;
                             },
                         .done = [&](int status, std::string_view body) -> Result<void> {
                           const auto id = accepted_id(status, body);
                           if (!id) return std::unexpected(id.error());
                           answered.emplace(*id, Clock::now());
                           if (freed_slot) worker.grant(1);
                           return {};
                         }});

  const auto deadline = Clock::now() + kPatience;
  while ((measured_started < sent.size() || completed < started) && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const auto worked = worker.stop();
  if (!run) return std::unexpected(run.error());
  if (!worked) return std::unexpected(worked.error());
  if (starts.size() != sent.size()) {
    return fail(ErrorCode::kDeadlineExceeded, "the server did not start all jobs");
  }
  for (const Start& start : starts) {
    const auto from = freed_slot ? answered.at(start.id) : sent[start.number - 1];
    latencies.to_start.push_back(std::max(Clock::duration::zero(), start.at - from));
  }
  latencies.to_answer = std::move(run->latencies);
  return latencies;
}

}  // namespace errand::benchmarks
