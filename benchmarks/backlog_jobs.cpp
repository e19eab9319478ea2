#include "benchmarks/backlog_jobs.h"

#include "benchmarks/http_load.h"
#include <fmt/format.h>

namespace errand::benchmarks {
namespace {

/// 200 bytes, about what the input of a real mutation has.
const std::string kText(200, 'x');

/// What stands in front of jobs of priority 0.
constexpr int kBacklogPriority = -10;
constexpr std::uint64_t kDaySeconds = 86'400;

std::string idle_type(std::uint64_t index) { return fmt::format("idle{}", index); }

}  // namespace

std::string backlog_schema(int idle_types) {
  std::string fields;
  const auto add = [&fields](std::string_view type, std::string_view queue) {
    fields += fmt::format(
        R"(  {}(input: WorkInput!): WorkResult! @job(queue: "{}", timeout: "1m", maxAttempts: 3)
)",
        type, queue);
  };
  add(kQuick, "bench");
  add(kWork, "bench");
  for (int i = 0; i < idle_types; ++i) {
    const std::string type = idle_type(static_cast<std::uint64_t>(i));
    add(type, type);
  }
  return R"(
input WorkInput { number: Int!  text: String! @constraint(maxLength: 500) }
type WorkResult { number: Int! }
type Mutation {
)" + fields +
         "}\n";
}

BacklogJob backlog_job(std::uint64_t index, int idle_types) {
  BacklogJob job{.type = std::string(kWork), .priority = kBacklogPriority};
  const std::uint64_t kind = index % 20;
  if (kind < 2) {
    job.delay_s = static_cast<std::int64_t>(60 + index * 7'919 % kDaySeconds);
  } else if (kind % 2 == 0) {
    job.type = idle_type(index / 20 % static_cast<std::uint64_t>(idle_types));
  }
  return job;
}

std::string mutation(const ServerProcess& server, const BacklogJob& job) {
  const std::string delay = job.delay_s > 0 ? fmt::format(R"(,"delay":"{}s")", job.delay_s) : "";
  const std::string body = fmt::format(
      R"({{"query":"mutation Make($input: WorkInput!, $options: JobOptions) {{ {}(input: $input, options: $options) {{ id status }} }}","variables":{{"input":{{"number":{},"text":"{}"}},"options":{{"priority":{}{}}}}}}})",
      job.type, job.number, kText, job.priority, delay);
  return http_request("/graphql", server.client_token(), body);
}

Result<std::string_view> accepted_id(int status, std::string_view body) {
  constexpr std::string_view kId = "\"id\":\"";
  constexpr std::size_t kIdLength = 36;
  const std::size_t at = body.find(kId);
  if (status == 200 && at != std::string_view::npos &&
      body.find("\"errors\"") == std::string_view::npos) {
    return body.substr(at + kId.size(), kIdLength);
  }
  return fail(ErrorCode::kProtocolError,
              fmt::format("a mutation was answered {}: {}", status, body.substr(0, 500)));
}

}  // namespace errand::benchmarks
