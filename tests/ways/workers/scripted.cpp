#include "scripted.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <errand_worker/errors.h>

namespace scripted {
namespace {

namespace json = boost::json;
using errand_worker::Job;
using std::chrono::milliseconds;

std::string text_at(const json::object& operation, std::string_view name,
                    std::string otherwise = {}) {
  const json::value* value = operation.if_contains(name);
  return value ? json::value_to<std::string>(*value) : std::move(otherwise);
}

std::optional<double> number_at(const json::object& operation, std::string_view name) {
  const json::value* value = operation.if_contains(name);
  return value ? std::optional(value->to_number<double>()) : std::nullopt;
}

milliseconds duration_at(const json::object& operation, std::string_view name) {
  return milliseconds(static_cast<std::int64_t>(number_at(operation, name).value_or(0)));
}

json::object details_of(const json::object& operation) {
  const json::value* details = operation.if_contains("details");
  return details ? details->as_object() : json::object();
}

errand_worker::Progress progress_of(const json::object& operation) {
  errand_worker::Progress progress{.completed = number_at(operation, "completed"),
                                   .total = number_at(operation, "total")};
  if (operation.contains("stage")) progress.stage = text_at(operation, "stage");
  if (operation.contains("message")) progress.message = text_at(operation, "message");
  return progress;
}

void wait_until_stopped(Job& job) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, job.stop_token(), [] { return false; });
}

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value();
}

/// Whether nothing of this kind was done with the job before: the attempt does not count, so the
/// same operations come again.
bool is_first(const Job& job, const std::string& kind) {
  static std::mutex mutex;
  static std::set<std::pair<std::string, std::string>> given_back;
  const std::scoped_lock lock(mutex);
  return given_back.emplace(job.id(), kind).second;
}

json::value outcome(const Job& job, const std::optional<std::string>& stopped, std::string text) {
  const json::value* padding = job.input().as_object().if_contains("padding");
  return {{"text", std::move(text)},
          {"attempt", job.attempt()},
          {"stopped", text_or_null(stopped)},
          {"timeLeftMs", job.time_left().count()},
          {"traceparent", text_or_null(job.traceparent())},
          {"correlationId", job.correlation_id()},
          {"bytes", padding && padding->is_string() ? padding->get_string().size() : 0},
          {"worker", variable("ERRAND_WORKER_NAME")}};
}

}  // namespace

std::string variable(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value ? value : std::move(otherwise);
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

json::value perform(Job& job) {
  const json::value script = json::parse(job.input().at("script").as_string());
  const json::array& attempts = script.as_array();
  const std::size_t index = std::min<std::size_t>(job.attempt(), attempts.size()) - 1;

  std::optional<std::string> stopped;
  for (const json::value& step : attempts.at(index).as_array()) {
    const json::object& operation = step.as_object();
    const std::string what = text_at(operation, "do");
    const std::string message = text_at(operation, "message", "scripted");
    if (what == "progress") {
      job.progress(progress_of(operation));
    } else if (what == "flood") {
      const double count = number_at(operation, "count").value_or(0);
      for (double i = 1; i <= count; ++i) job.progress({.completed = i, .total = count});
    } else if (what == "sleep") {
      job.sleep_for(duration_at(operation, "ms"));
    } else if (what == "stubborn") {
      std::this_thread::sleep_for(duration_at(operation, "ms"));
    } else if (what == "untilStopped") {
      wait_until_stopped(job);
      stopped = to_string(*job.stop_reason());
    } else if (what == "transient") {
      errand_worker::TransientErrorOptions options{
          .code = text_at(operation, "code"),
          .details = details_of(operation),
          .remediation = text_at(operation, "remediation")};
      if (operation.contains("retryAfterMs")) {
        options.retry_after = duration_at(operation, "retryAfterMs");
      }
      throw errand_worker::TransientError(message, std::move(options));
    } else if (what == "permanent") {
      throw errand_worker::PermanentError(message,
                                          {.code = text_at(operation, "code"),
                                           .details = details_of(operation),
                                           .remediation = text_at(operation, "remediation")});
    } else if (what == "crash") {
      throw std::runtime_error(message);
    } else if (what == "release") {
      if (is_first(job, what)) throw errand_worker::ReleaseJob();
    } else if (what == "snooze") {
      if (is_first(job, what)) throw errand_worker::SnoozeJob(duration_at(operation, "ms"));
    } else if (what == "return") {
      return operation.at("value");
    } else if (what == "big") {
      const auto bytes = static_cast<std::size_t>(number_at(operation, "bytes").value_or(0));
      return outcome(job, stopped, std::string(bytes, 'x'));
    } else {
      throw errand_worker::PermanentError("no operation " + what, {.code = "SCRIPT_INVALID"});
    }
  }
  return outcome(job, stopped, "done");
}

}  // namespace scripted
