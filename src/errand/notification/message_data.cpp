#include "errand/notification/message_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "errand/job/estimate.h"
#include "errand/job/status.h"
#include "errand/notification/quiet_hours.h"

namespace errand::notification {

namespace json = boost::json;

std::string duration_text(Milliseconds duration) {
  struct Unit {
    Milliseconds length;
    const char* name;
  };
  constexpr std::array kUnits{Unit{Milliseconds(86'400'000), "d"},
                              Unit{Milliseconds(3'600'000), "h"}, Unit{Milliseconds(60'000), "min"},
                              Unit{Milliseconds(1'000), "s"}};
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    if (duration < kUnits[i].length) continue;
    std::string text = fmt::format("{} {}", duration / kUnits[i].length, kUnits[i].name);
    const Milliseconds rest = duration % kUnits[i].length;
    if (i + 1 < kUnits.size() && rest >= kUnits[i + 1].length) {
      text += fmt::format(" {} {}", rest / kUnits[i + 1].length, kUnits[i + 1].name);
    }
    return text;
  }
  return "less than a second";
}

json::object message_data(const MessageFacts& facts) {
  const job::JobState& state = facts.job;
  const auto time = [&](const std::optional<Timestamp>& at) -> json::value {
    if (!at) return nullptr;
    return json::value(local_time_text(*at, facts.zone));
  };
  json::object job{{"id", state.id.str()},
                   {"type", state.spec.type.str()},
                   {"status", job::to_string(state.status)},
                   {"run", state.run},
                   {"attempt", state.attempt},
                   {"maxAttempts", state.spec.retry.max_attempts},
                   {"queue", state.spec.queue.str()},
                   {"correlationId", state.correlation_id},
                   {"createdAt", time(state.created_at)},
                   {"startedAt", time(state.started_at)},
                   {"finishedAt", time(state.finished_at)}};
  json::array tags;
  for (const std::string& tag : state.spec.tags) tags.emplace_back(tag);
  job["tags"] = std::move(tags);
  json::object labels;
  for (const auto& [name, value] : state.spec.labels) labels[name] = value;
  job["labels"] = std::move(labels);
  if (state.started_at) {
    job["duration"] = duration_text(state.finished_at.value_or(facts.now) - *state.started_at);
  }

  json::object data{{"job", std::move(job)},
                    {"milestone", contract::to_string(facts.request.notice.milestone)},
                    {"category", facts.category},
                    {"link", facts.link},
                    {"time", time(facts.now)},
                    {"unsubscribeUrl", facts.unsubscribe_url},
                    {"input", facts.input},
                    {"result", facts.result}};
  data["recipient"] = json::object{{"subject", facts.request.recipient.subject.str()},
                                   {"address", facts.request.recipient.address}};
  if (state.progress) {
    json::object progress{{"stage", state.progress->stage}, {"message", state.progress->message}};
    double share = job::fraction(*state.progress).value_or(0);
    // What was asked for, also where the job has gone on since.
    if (facts.request.notice.milestone == Milestone::kProgress) {
      share = std::max(share, facts.request.notice.share);
    }
    progress["percent"] = static_cast<std::int64_t>(std::floor(share * 100));
    data["progress"] = std::move(progress);
  }
  const auto& error = state.error ? state.error : state.last_failure;
  if (error && !(state.status == job::JobStatus::kSucceeded)) {
    data["error"] = json::object{{"code", error->code},
                                 {"message", error->message},
                                 {"remediation", error->remediation},
                                 {"retryable", error->retryable}};
  }
  return data;
}

}  // namespace errand::notification
