#include "errand/contract/read_job_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ranges>
#include <set>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/base/time_text.h"
#include "errand/contract/argument_path.h"
#include "errand/contract/directive_reader.h"
#include "errand/contract/read_handler.h"
#include "errand/contract/read_notify.h"
#include "errand/job/internal_type.h"

namespace errand::contract {
namespace {

namespace json = boost::json;
namespace type = graphql::type;

constexpr int kPriorityMax = 100;
constexpr int kAttemptsMax = 100;
constexpr double kBackoffFactorMax = 10;
constexpr std::size_t kRouteLabelsMax = 4;
constexpr Milliseconds kRatePerMin{100};
constexpr Milliseconds kRatePerMax{31LL * 24 * 3'600'000};

/// Reads `waits`, of a backoff with a list. @return whether all is well.
bool read_waits(job::RetryPolicy::Options& retry, const json::value* waits,
                const DirectiveReader& reader) {
  if (waits == nullptr || waits->is_null() || waits->as_array().empty() ||
      waits->as_array().size() > job::RetryPolicy::kWaitsMax) {
    reader.wrong("backoff", "a LIST has 1 to 100 waits; write waits: [\"1s\", \"10s\", \"1m\"]");
    return false;
  }
  for (const json::value& item : waits->as_array()) {
    const auto wait = reader.duration(&item, "backoff", true);
    if (!wait) return false;
    retry.waits.push_back(*wait);
  }
  return true;
}

void read_backoff(JobType& job, const DirectiveReader& reader) {
  using Kind = job::RetryPolicy::Kind;
  using Jitter = job::RetryPolicy::Jitter;
  const json::object& backoff = reader.get("backoff")->as_object();
  const auto member = [&](const char* name) -> const json::value* {
    const json::value* value = backoff.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  const json::value* interval = member("interval");
  const json::value* waits = member("waits");
  Kind kind = waits != nullptr      ? Kind::kList
              : interval != nullptr ? Kind::kFixed
                                    : Kind::kExponential;
  if (const json::value* given = member("kind")) {
    kind = given->as_string() == "LIST"    ? Kind::kList
           : given->as_string() == "FIXED" ? Kind::kFixed
                                           : Kind::kExponential;
  }
  constexpr std::array<std::pair<std::string_view, Kind>, 5> kOwners{
      {{"initial", Kind::kExponential},
       {"max", Kind::kExponential},
       {"factor", Kind::kExponential},
       {"interval", Kind::kFixed},
       {"waits", Kind::kList}}};
  for (const auto& [name, owner] : kOwners) {
    if (owner == kind || !reader.is_given("backoff", name)) continue;
    reader.wrong("backoff", std::string(name) + " is of the kind " +
                                std::string(job::to_string(owner)) + ", and this is " +
                                std::string(job::to_string(kind)) + "; leave one of them out");
    return;
  }
  job::RetryPolicy::Options retry{.max_attempts = job.retry.max_attempts, .kind = kind};
  if (kind != Kind::kExponential) retry.jitter = Jitter::kNone;
  if (const json::value* jitter = member("jitter")) {
    retry.jitter = jitter->as_string() == "FULL"    ? Jitter::kFull
                   : jitter->as_string() == "EQUAL" ? Jitter::kEqual
                                                    : Jitter::kNone;
  }
  if (kind == Kind::kList) {
    if (!read_waits(retry, waits, reader)) return;
  } else if (kind == Kind::kFixed) {
    if (interval == nullptr) {
      reader.wrong("backoff", "FIXED needs its interval; write interval: \"30s\"");
      return;
    }
    const auto wait = reader.duration(interval, "backoff");
    if (!wait) return;
    retry.initial_interval = *wait;
    retry.max_interval = *wait;
  } else {
    const auto initial = reader.duration(member("initial"), "backoff");
    const auto longest = reader.duration(member("max"), "backoff");
    const double factor = backoff.at("factor").as_double();
    if (!(factor >= 1.0 && factor <= kBackoffFactorMax)) {
      reader.wrong("backoff", "factor is the growth of the pause per attempt; write 1 to 10");
      return;
    }
    if (!initial || !longest) return;
    if (*longest < *initial) {
      reader.wrong("backoff", "max is shorter than initial; write max: \"" +
                                  format_duration(*initial) + "\" or more");
      return;
    }
    retry.initial_interval = *initial;
    retry.max_interval = *longest;
    retry.backoff_coefficient = factor;
  }
  job.retry = std::move(retry);
}

/// What is wrong with the input path `path` as a part of a limit's key; empty if nothing is.
std::string key_path_fault(const type::FieldDefinition& field, const std::string& path) {
  const type::InputValueDefinition* value = follow_path(field, path);
  if (value == nullptr) {
    return "the key \"" + path + "\" is neither queue, type nor tenant, nor an argument of " +
           std::string(field.name) + " or a field below one" + list_hint(field, path) +
           "; write one of them, such as \"" + sample_path(field) + "\"";
  }
  if (!value->type.named().is_leaf() || value->type.is_list()) {
    return "the key \"" + path + "\" is a " + value->type.str() +
           "; name one value in it: a scalar or an enum";
  }
  return {};
}

/// Reads a key: "queue", "type", "tenant" or input paths, several joined by "+".
/// @return what is wrong with it; empty if nothing is.
std::string read_limit_key(JobType& job, const type::FieldDefinition& field, std::string_view key,
                           LimitRule& rule) {
  std::vector<std::string> paths;
  for (const auto part : std::views::split(key, '+')) {
    const std::string name(std::string_view(part.begin(), part.end()));
    // An argument of such a name would be hidden: "queue" is the queue.
    if (name == "queue") {
      rule.of_queue = true;
    } else if (name == "tenant") {
      rule.by_tenant = true;
    } else if (name != "type") {
      if (std::string fault = key_path_fault(field, name); !fault.empty()) return fault;
      paths.push_back(name);
    }
  }
  if (paths.empty()) return {};
  if (rule.of_queue) {
    return "a limit of the queue counts all its types, which do not have this input; leave "
           "\"queue+\" out";
  }
  rule.by_input = true;
  rule.by_tenant = true;
  if (!job.limit_key_paths.empty() && job.limit_key_paths != paths) {
    return "the limits of one mutation count by the same input; write the key that stands before "
           "this one, or both joined by \"+\" in each";
  }
  job.limit_key_paths = std::move(paths);
  return {};
}

void read_limits(JobType& job, const type::FieldDefinition& field, const DirectiveReader& reader,
                 std::string_view name) {
  const auto* items = reader.get(name);
  if (items == nullptr) return;
  for (const json::value& item : items->as_array()) {
    const json::object& members = item.as_object();
    LimitRule rule;
    const std::int64_t limit = members.at("limit").as_int64();
    if (limit < 1) reader.wrong(name, "a limit below 1 lets nothing run; write limit: 1 or more");
    rule.limit = static_cast<std::uint64_t>(std::max<std::int64_t>(1, limit));
    const json::string& key = members.at("key").as_string();
    if (const std::string fault =
            read_limit_key(job, field, std::string_view(key.data(), key.size()), rule);
        !fault.empty()) {
      reader.wrong(name, fault);
      continue;
    }
    if (name == "rateLimit") {
      rule.kind = LimitRule::Kind::kRate;
      rule.per = reader.duration(members.if_contains("per"), name).value_or(kRatePerMin);
      if (rule.per < kRatePerMin || rule.per > kRatePerMax) {
        reader.wrong(name, "per is 100ms to 31d; write per: \"" +
                               format_duration(std::clamp(rule.per, kRatePerMin, kRatePerMax)) +
                               "\"");
      }
    } else if (const auto* fifo = members.if_contains("fifo"); fifo && fifo->is_bool()) {
      rule.fifo = fifo->as_bool();
      if (rule.fifo && (limit != 1 || !rule.by_input)) {
        reader.wrong(
            name,
            "jobs of a key run in order one at a time: fifo needs limit: 1 and an input as "
            "its key, such as \"" +
                sample_path(field) + "\"");
      }
      job.fifo = job.fifo || rule.fifo;
    }
    const auto same = [&rule](const LimitRule& other) {
      return other.kind == rule.kind && other.of_queue == rule.of_queue &&
             other.by_tenant == rule.by_tenant && other.by_input == rule.by_input;
    };
    if (std::ranges::any_of(job.limits, same)) {
      reader.wrong(name, "the key \"" + std::string(key.data(), key.size()) +
                             "\" is there twice; leave one of them");
      continue;
    }
    job.limits.push_back(rule);
  }
}

/// What REPLACE needs: a new job waits for the end of the one that it replaces, as in a FIFO key.
void add_limit_for_replace(JobType& job, const DirectiveReader& reader) {
  const UniqueRule& rule = job.unique;
  if (!job.limit_key_paths.empty() && job.limit_key_paths != rule.paths) {
    reader.wrong(
        "unique",
        "with onConflict: REPLACE the jobs of a value run one at a time, so that limits by "
        "input count by it too; write the same input in both");
    return;
  }
  job.limit_key_paths = rule.paths;
  job.fifo = true;
  for (LimitRule& limit : job.limits) {
    if (!limit.by_input || limit.kind != LimitRule::Kind::kConcurrency) continue;
    if (limit.limit != 1) {
      reader.wrong(
          "concurrency",
          "with onConflict: REPLACE the jobs of a value run one at a time; write limit: 1, "
          "or leave it out");
    }
    limit.fifo = true;
    return;
  }
  job.limits.push_back({.by_tenant = true, .by_input = true, .fifo = true});
}

void read_unique(JobType& job, const type::FieldDefinition& field, const DirectiveReader& reader) {
  UniqueRule& rule = job.unique;
  const std::string conflict = reader.text("onConflict");
  const auto* unique = reader.get("unique");
  if (unique == nullptr) {
    if (reader.get("onConflict") != nullptr) {
      reader.wrong("onConflict", "says nothing without unique; write unique: {by: \"" +
                                     sample_path(field) + "\"}, or leave it out");
    }
    return;
  }
  const json::object& members = unique->as_object();
  for (const json::value& item : members.at("by").as_array()) {
    std::string path(item.as_string().data(), item.as_string().size());
    if (follow_path(field, path) == nullptr) {
      reader.wrong("unique", "\"" + path + "\" is no argument of " + std::string(field.name) +
                                 ", nor a field below one" + list_hint(field, path) +
                                 "; write a path such as \"" + sample_path(field) + "\"");
      return;
    }
    rule.paths.push_back(std::move(path));
  }
  if (rule.paths.empty()) reader.wrong("unique", "name at least one path in by");
  rule.on_conflict = conflict == "REJECT"    ? UniqueRule::OnConflict::kReject
                     : conflict == "REPLACE" ? UniqueRule::OnConflict::kReplace
                                             : UniqueRule::OnConflict::kReturnExisting;
  const json::string& after_end = members.at("afterEnd").as_string();
  rule.after_end = after_end == "REJECT"            ? UniqueRule::AfterEnd::kReject
                   : after_end == "RETURN_EXISTING" ? UniqueRule::AfterEnd::kReturnExisting
                                                    : UniqueRule::AfterEnd::kAllow;
  const auto* period = members.if_contains("period");
  const bool has_period = period != nullptr && !period->is_null();
  if (has_period) rule.period = reader.duration(period, "unique").value_or(Milliseconds(1));
  if (has_period != (rule.after_end != UniqueRule::AfterEnd::kAllow)) {
    reader.wrong("unique",
                 has_period ? "period says how long a job counts that has ended, which none does; "
                              "write afterEnd: RETURN_EXISTING or REJECT too, or leave it out"
                            : "afterEnd needs a period, counted from the submission of the job "
                              "that is there; write period: \"1h\"");
  }
  rule.not_started = rule.started = false;
  for (const json::value& item : members.at("among").as_array()) {
    const std::string_view name(item.as_string().data(), item.as_string().size());
    if (name == "NOT_STARTED") {
      rule.not_started = true;
    } else if (name == "STARTED") {
      rule.started = true;
    } else {
      rule.ended.push_back(*job::parse_job_status(name));
    }
  }
  if (!rule.not_started && !rule.started && rule.ended.empty()) {
    reader.wrong("unique", "no job counts among none; leave among out for the usual ones");
  }
  if (rule.on_conflict == UniqueRule::OnConflict::kReplace && !rule.paths.empty()) {
    add_limit_for_replace(job, reader);
  }
}

void read_flow_control(JobType& job, const type::FieldDefinition& field,
                       const DirectiveReader& reader) {
  read_limits(job, field, reader, "concurrency");
  read_limits(job, field, reader, "rateLimit");
  read_unique(job, field, reader);
  if (const auto* steps = reader.get("steps")) {
    job.steps = steps->as_array();
    std::set<std::string_view> names;
    for (const json::value& step : job.steps) {
      const json::string& name = step.as_object().at("name").as_string();
      if (!names.insert({name.data(), name.size()}).second) {
        reader.wrong("steps", "the step \"" + std::string(name.data(), name.size()) +
                                  "\" is there twice; give each step a name of its own");
      }
    }
  }
}

void read_job(JobType& job, const type::FieldDefinition& field, const DirectiveReader& reader) {
  const std::string queue = reader.text("queue");
  if (!is_name(queue)) {
    reader.wrong("queue",
                 "a queue's name is 1 to 128 letters, digits or . _ : @ / -; write "
                 "\"default\"");
  }
  if (job::is_internal(QueueName(queue))) {
    reader.wrong("queue",
                 "queues whose names begin with \"errand.\" are the server's own; choose another "
                 "name");
  }
  job.queue = QueueName(queue);
  job.priority = static_cast<int>(reader.integer("priority", -kPriorityMax, kPriorityMax));
  job.timeout = reader.duration(reader.get("timeout"), "timeout").value_or(job.timeout);
  job.queue_timeout = reader.duration(reader.get("queueTimeout"), "queueTimeout");
  job.deadline = reader.duration(reader.get("deadline"), "deadline");
  job.retention =
      reader.duration(reader.get("retention"), "retention", true).value_or(job.retention);
  job.retry.max_attempts = static_cast<int>(reader.integer("maxAttempts", 1, kAttemptsMax));
  read_backoff(job, reader);
  job.idempotency =
      reader.text("idempotency") == "REQUIRED" ? Idempotency::kRequired : Idempotency::kOptional;
  job.handler = read_handler(reader, field.name);
  if (const auto* names = reader.get("routeBy")) {
    for (const json::value& item : names->as_array()) {
      std::string name(item.as_string().data(), item.as_string().size());
      if (!is_name(name)) {
        reader.wrong("routeBy",
                     "a label's name is 1 to 128 letters, digits or . _ : @ / -; write \"region\"");
      }
      job.route_by.push_back(std::move(name));
    }
    if (job.route_by.size() > kRouteLabelsMax) {
      reader.wrong("routeBy",
                   "at most 4 labels decide which workers may have a job; leave some out");
    }
  }
  read_flow_control(job, field, reader);
}

}  // namespace

void check_queue_limits(const std::vector<JobType>& types, SchemaErrors& errors) {
  const auto clashes = [](const LimitRule& a, const LimitRule& b) {
    return a.of_queue && b.of_queue && a.kind == b.kind && a.by_tenant == b.by_tenant && a != b;
  };
  for (auto later = types.begin(); later != types.end(); ++later) {
    for (auto earlier = types.begin(); earlier != later; ++earlier) {
      if (earlier->queue != later->queue) continue;
      for (const LimitRule& rule : later->limits) {
        const auto other = std::ranges::find_if(
            earlier->limits, [&](const LimitRule& each) { return clashes(rule, each); });
        if (other == earlier->limits.end()) continue;
        const auto* directive = type::find_directive(later->field->directives, "job");
        const bool is_rate = rule.kind == LimitRule::Kind::kRate;
        errors.add(argument_place(*directive, is_rate ? "rateLimit" : "concurrency"),
                   "the queue \"" + later->queue.str() + "\" has another limit by " +
                       earlier->name.str() + ", which counts all types of the queue too; write " +
                       "the same limit in both, or leave it out here");
      }
    }
  }
}

JobType read_job_type(const type::Schema& schema, const type::FieldDefinition& field,
                      SchemaErrors& errors) {
  JobType job;
  job.name = JobTypeName(field.name);
  job.description = field.description.value_or(std::string_view());
  job.field = &field;
  job.result_type = field.type;
  for (const type::AppliedDirective& directive : field.directives) {
    const std::string_view name = directive.name();
    if (name == "job") {
      read_job(job, field, DirectiveReader(schema, directive, errors));
    } else if (name == "auth") {
      const DirectiveReader reader(schema, directive, errors);
      for (const json::value& item : reader.get("scopes")->as_array()) {
        std::string scope(item.as_string().data(), item.as_string().size());
        if (!is_name(scope)) {
          reader.wrong("scopes",
                       "a scope is 1 to 128 letters, digits or . _ : @ / -; write "
                       "\"reports:write\"");
        }
        job.scopes.push_back(std::move(scope));
      }
      if (job.scopes.empty()) {
        reader.wrong("scopes", "name at least one scope, or remove @auth");
      }
    } else if (name == "notify") {
      job.notify.push_back(read_notify(DirectiveReader(schema, directive, errors), field));
    } else if (name == "schedule") {
      job.schedule.emplace_back(DirectiveReader(schema, directive, errors).values());
    }
  }
  return job;
}

}  // namespace errand::contract
