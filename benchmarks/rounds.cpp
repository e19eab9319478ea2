#include "benchmarks/rounds.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/disk.h"
#include "benchmarks/http_load.h"
#include "benchmarks/server_process.h"
#include "benchmarks/statistics.h"
#include "benchmarks/worker_client.h"
#include <fmt/format.h>

namespace errand::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kSchema = R"(
input WorkInput { number: Int!  text: String! @constraint(maxLength: 500) }
type WorkResult { number: Int! }
type Mutation {
  "Does nothing, quickly: what is measured is what stands around the work."
  work(input: WorkInput!): WorkResult! @job(queue: "bench", timeout: "1m", maxAttempts: 3)
}
)";

/// 200 bytes, about what the input of a real mutation has.
const std::string kText(200, 'x');

std::string mutation(const ServerProcess& server, std::uint64_t number) {
  const std::string body = fmt::format(
      R"({{"query":"mutation Work($input: WorkInput!) {{ work(input: $input) {{ id status }} }}","variables":{{"input":{{"number":{},"text":"{}"}}}}}})",
      number, kText);
  return http_request("/graphql", server.client_token(), body);
}

Result<void> check_accepted(int status, std::string_view body) {
  if (status == 200 && body.find("\"errors\"") == std::string_view::npos &&
      body.find("\"id\":") != std::string_view::npos)
    return {};
  return fail(ErrorCode::kProtocolError,
              fmt::format("a mutation was answered {}: {}", status, body.substr(0, 500)));
}

Result<void> measure_accepting(const RoundOptions& options, Round& round) {
  const auto server = ServerProcess::start({options.program, options.folder, std::string(kSchema)});
  if (!server) return std::unexpected(server.error());
  HttpLoad load;
  const auto health = load.run({.port = server->port(),
                                .connections = options.connections,
                                .how_long = options.how_long / 2,
                                .next =
                                    [](std::string& request) {
                                      request = http_request("/healthz", "", "");
                                      return true;
                                    },
                                .done = [](int status, std::string_view) -> Result<void> {
                                  if (status == 200) return {};
                                  return fail(ErrorCode::kProtocolError,
                                              fmt::format("/healthz was answered {}", status));
                                }});
  if (!health) return std::unexpected(health.error());
  round.health = static_cast<double>(health->answers) / health->seconds;

  std::uint64_t number = 0;
  auto accepted = load.run({.port = server->port(),
                            .connections = options.connections,
                            .how_long = options.how_long,
                            .next =
                                [&](std::string& request) {
                                  request = mutation(*server, ++number);
                                  return true;
                                },
                            .done = check_accepted});
  if (!accepted) return std::unexpected(accepted.error());
  round.accepted = static_cast<double>(accepted->answers) / accepted->seconds;
  round.accepted_p50_ms = percentile_ms(accepted->latencies, 0.50);
  round.accepted_p99_ms = percentile_ms(accepted->latencies, 0.99);
  return {};
}

Result<void> measure_end_to_end(const RoundOptions& options, Round& round) {
  const auto server = ServerProcess::start({options.program, options.folder, std::string(kSchema)});
  if (!server) return std::unexpected(server.error());
  // Written by this thread before the mutation is sent, read by the worker's after its job came
  // back.
  const auto capacity = static_cast<std::size_t>(options.outstanding) * 2;
  std::vector<std::atomic<Clock::rep>> sent_at(capacity);
  std::vector<std::chrono::nanoseconds> latencies;  // of the worker's thread until it has stopped
  std::atomic<std::uint64_t> done{0};
  std::uint64_t submitted = 0;
  HttpLoad load;
  const auto warm =
      Clock::now() + options.how_long / 5;  // connections, caches and the worker's hello
  std::atomic<std::uint64_t> counted{0};
  const auto end = warm + options.how_long;

  WorkerClient worker({.port = server->port(),
                       .token = server->worker_token(),
                       .job_type = "work",
                       .slots = options.slots,
                       .completed = [&](std::uint64_t number) {
                         const auto now = Clock::now();
                         if (now >= warm && now < end) {
                           ++counted;
                           latencies.push_back(now.time_since_epoch() -
                                               Clock::duration(sent_at[number % capacity].load()));
                         }
                         ++done;
                         load.wake();
                       }});
  const auto submitting = load.run(
      {.port = server->port(),
       .connections = options.connections,
       .how_long = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()),
       .next =
           [&](std::string& request) {
             if (submitted - done.load() >= static_cast<std::uint64_t>(options.outstanding))
               return false;
             ++submitted;
             sent_at[submitted % capacity] = Clock::now().time_since_epoch().count();
             request = mutation(*server, submitted);
             return true;
           },
       .done = check_accepted});
  const auto worked = worker.stop();
  if (!worked) return std::unexpected(worked.error());
  if (!submitting) return std::unexpected(submitting.error());
  round.done =
      static_cast<double>(counted) / std::chrono::duration<double>(options.how_long).count();
  round.done_p50_ms = percentile_ms(latencies, 0.50);
  round.done_p99_ms = percentile_ms(latencies, 0.99);
  return {};
}

}  // namespace

Result<Round> run_round(const RoundOptions& options) {
  Round round;
  const auto syncs = syncs_per_second(options.folder, options.how_long / 5);
  if (!syncs) return std::unexpected(syncs.error());
  round.syncs = *syncs;
  if (auto measured = measure_accepting(options, round); !measured)
    return std::unexpected(measured.error());
  if (auto measured = measure_end_to_end(options, round); !measured)
    return std::unexpected(measured.error());
  return round;
}

}  // namespace errand::benchmarks
