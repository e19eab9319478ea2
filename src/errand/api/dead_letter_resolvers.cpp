#include "errand/api/dead_letter_resolvers.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "errand/api/connection.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/job_arguments.h"
#include "errand/api/typed_resolvers.h"
#include "errand/base/time_text.h"
#include "errand/job/internal_type.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

constexpr std::int64_t kBulkMax = 10'000;
/// Commands that are handed to the lane at once: one commit, and short enough to look at the clock.
constexpr std::size_t kCommandsAtOnce = 250;
constexpr std::size_t kSampleIds = 10;

/// What was done to dead letters: source of DeadLetterResult.
struct Outcome {
  struct Refusal {
    std::string id;
    ErrorCode code{};
    std::string message;
  };
  std::uint64_t matched = 0;
  std::uint64_t changed = 0;
  bool has_more = false;
  std::vector<JobId> jobs;
  std::vector<Refusal> refused;
};

/// What failed: source of FailureReport.
struct Report {
  Timestamp from;
  Timestamp to;
  std::vector<store::FailureGroup> groups;
  bool has_more = false;
};

std::unexpected<FieldError> bad_input(std::string message) {
  return std::unexpected(FieldError(ErrorCode::kBadUserInput, std::move(message)));
}

std::string string_of(const boost::json::value& value) { return std::string(value.get_string()); }

/// The argument, unless it is absent or null.
const boost::json::value* given(const ResolveInfo& info, std::string_view name) {
  const boost::json::value* value = info.argument(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

/// Reads a DateTime that the schema has coerced. `place` begins the message of an error.
Result<Timestamp> read_time(const boost::json::value& value, const std::string& place) {
  Result<Timestamp> time = parse_timestamp(string_of(value));
  if (!time) return fail(ErrorCode::kBadUserInput, place + ": " + time.error().message);
  return time;
}

/// Reads `filter: DeadLetterFilter`, bound to the viewer's tenant.
Result<store::DeadLetterFilter> read_filter(const TenantId& tenant,
                                            const boost::json::value* json) {
  store::DeadLetterFilter filter;
  filter.tenant = tenant;
  if (json == nullptr) return filter;
  const boost::json::object& members = json->get_object();
  const auto each = [&](const char* name, auto add) {
    const boost::json::value* list = members.if_contains(name);
    if (list == nullptr || list->is_null()) return;
    for (const boost::json::value& item : list->get_array()) add(string_of(item));
  };
  each("type", [&](std::string type) { filter.types.emplace_back(std::move(type)); });
  each("queue", [&](std::string queue) { filter.queues.emplace_back(std::move(queue)); });
  each("fingerprint", [&](std::string mark) { filter.fingerprints.push_back(std::move(mark)); });
  for (const auto& [name, to] : {std::pair{"finishedFrom", &filter.finished_from},
                                 std::pair{"finishedBefore", &filter.finished_before}}) {
    const boost::json::value* value = members.if_contains(name);
    if (value == nullptr || value->is_null()) continue;
    const Result<Timestamp> time = read_time(*value, "filter." + std::string(name));
    if (!time) return std::unexpected(time.error());
    *to = *time;
  }
  return filter;
}

asio::awaitable<FieldResult<FieldValue>> dead_letters(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  Result<store::DeadLetterFilter> filter = read_filter(tenant, given(info, "filter"));
  if (!filter) co_return std::unexpected(api_error(filter.error()));
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(api_error(first.error()));
  store::DeadLetterPage page;
  page.limit = *first + 1;
  if (const auto after = text_argument(info, "after")) {
    Result<store::FinishCursor> cursor = backend->cursors.read_finish_cursor(tenant, *after);
    if (!cursor) co_return std::unexpected(api_error(cursor.error()));
    page.after = *cursor;
  }

  auto states = co_await backend->reads.run([reader = backend->reader, filter = std::move(*filter),
                                             page] { return reader->dead_letters(filter, page); });
  if (!states) co_return std::unexpected(api_error(std::move(states.error())));
  Page<job::JobState> view;
  view.has_previous = page.after.has_value();
  view.has_next = states->size() > *first;
  if (view.has_next) states->resize(*first);
  for (job::StatePtr& state : *states) {
    // Of a type that the schema no longer has: nothing could show it.
    if (backend->contract->job_type(state->spec.type.view()) == nullptr) continue;
    std::string cursor = backend->cursors.finish_cursor(tenant, {*state->finished_at, state->id});
    view.edges.push_back({std::move(cursor), std::move(state)});
  }
  co_return ObjectRef{backend->object_type("JobConnection"),
                      std::make_shared<const Page<job::JobState>>(std::move(view))};
}

/// One requeueDeadLetters or discardDeadLetters.
class BulkCommand {
 public:
  BulkCommand(BackendPtr backend, const ResolveInfo& info, bool requeues)
      : backend_(std::move(backend)),
        info_(info),
        context_(context_of(info)),
        requeues_(requeues) {}

  asio::awaitable<FieldResult<FieldValue>> run() {
    const Result<void> allowed = authorize(*backend_, context_, auth::Action::kRetryJob);
    if (!allowed) co_return std::unexpected(api_error(allowed.error()));
    const boost::json::value* ids = given(info_, "ids");
    const boost::json::value* filter = given(info_, "filter");
    if ((ids == nullptr) == (filter == nullptr)) {
      co_return bad_input(
          "Give either \"ids\" or \"filter\"; the filter {} means all dead letters.");
    }
    if (const auto* dry_run = given(info_, "dryRun")) dry_run_ = dry_run->get_bool();
    if (const auto* limit = given(info_, "limit")) {
      if (limit->get_int64() < 1 || limit->get_int64() > kBulkMax) {
        co_return bad_input("\"limit\" must lie between 1 and 10000.");
      }
      left_ = static_cast<std::size_t>(limit->get_int64());
    }
    if (given(info_, "input") != nullptr && (ids == nullptr || ids->get_array().size() != 1)) {
      co_return bad_input("\"input\" needs \"ids\" with exactly one id.");
    }
    auto done = ids != nullptr ? co_await of_ids(ids->get_array()) : co_await of_filter(filter);
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return ObjectRef{backend_->object_type("DeadLetterResult"),
                        std::make_shared<const Outcome>(std::move(outcome_))};
  }

 private:
  using Done = std::expected<void, FieldError>;

  asio::awaitable<Done> of_ids(const boost::json::array& ids) {
    if (ids.size() > static_cast<std::size_t>(kBulkMax)) {
      co_return bad_input("\"ids\" may name 10000 jobs at most.");
    }
    std::vector<std::string> names;
    std::set<std::string> known;
    for (const boost::json::value& id : ids) {
      if (known.insert(string_of(id)).second) names.push_back(string_of(id));
    }
    if (names.size() > left_) {
      names.resize(left_);
      outcome_.has_more = true;
    }
    for (std::size_t at = 0; at < names.size(); at += kCommandsAtOnce) {
      if (is_over()) co_return Done();
      const auto end = std::min(at + kCommandsAtOnce, names.size());
      std::vector<std::string> page(names.begin() + static_cast<std::ptrdiff_t>(at),
                                    names.begin() + static_cast<std::ptrdiff_t>(end));
      auto states = co_await read(page);
      if (!states) co_return std::unexpected(api_error(std::move(states.error())));
      std::vector<JobId> jobs;
      for (std::size_t i = 0; i < page.size(); ++i) {
        const job::JobState* state = (*states)[i].get();
        // Another tenant's job is told like a missing one (I13), and so is an internal one.
        if (state == nullptr || state->spec.tenant != context_.principal->tenant ||
            job::is_internal(state->spec.type)) {
          refuse(page[i], {ErrorCode::kNotFound, std::string(kNoSuchJob)});
        } else if (!state->dead_letter) {
          refuse(page[i], not_dead_letter(*state));
        } else {
          if (auto input = check_input(*state); !input) {
            co_return std::unexpected(std::move(input.error()));
          }
          jobs.push_back(state->id);
        }
      }
      if (auto done = co_await change(jobs); !done) co_return done;
    }
    co_return Done();
  }

  asio::awaitable<Done> of_filter(const boost::json::value* json) {
    Result<store::DeadLetterFilter> filter = read_filter(context_.principal->tenant, json);
    if (!filter) co_return std::unexpected(api_error(filter.error()));
    // What fails again meanwhile is not taken a second time.
    const Timestamp begin = backend_->clock->now().wall + Milliseconds(1);
    filter->finished_before = std::min(filter->finished_before.value_or(begin), begin);
    store::DeadLetterPage page{.order = store::JobOrder::kOldestFirst, .after = {}, .limit = 0};
    while (true) {
      if (is_over()) co_return Done();
      const std::size_t size = std::min(left_, kCommandsAtOnce);
      page.limit = size + 1;
      auto states =
          co_await backend_->reads.run([reader = backend_->reader, filter = *filter, page] {
            return reader->dead_letters(filter, page);
          });
      if (!states) co_return std::unexpected(api_error(std::move(states.error())));
      const bool more = states->size() > size;
      if (more) states->resize(size);
      std::vector<JobId> jobs;
      for (const job::StatePtr& state : *states) jobs.push_back(state->id);
      if (auto done = co_await change(jobs); !done) co_return done;
      left_ -= jobs.size();
      if (!more) co_return Done();
      if (left_ == 0) {
        outcome_.has_more = true;
        co_return Done();
      }
      page.after = store::FinishCursor{*states->back()->finished_at, states->back()->id};
    }
  }

  /// The jobs of `names`, in their order; null where there is none.
  asio::awaitable<Result<std::vector<job::StatePtr>>> read(std::vector<std::string> names) {
    co_return co_await backend_->reads.run(
        [reader = backend_->reader,
         names = std::move(names)]() -> Result<std::vector<job::StatePtr>> {
          std::vector<job::StatePtr> states;
          for (const std::string& name : names) {
            const std::optional<JobId> id = JobId::parse(name);
            Result<job::StatePtr> state = id ? reader->job(*id) : job::StatePtr();
            if (!state) return std::unexpected(std::move(state.error()));
            states.push_back(std::move(*state));
          }
          return states;
        });
  }

  static Error not_dead_letter(const job::JobState& state) {
    std::string message = "The job is ";
    message += job::to_string(state.status);
    message += state.status == job::JobStatus::kFailed
                   ? " and was discarded before; retryJob starts it again."
                   : ", so it is no dead letter.";
    return {ErrorCode::kJobNotDeadLetter, std::move(message)};
  }

  /// Checks the edited input, where there is one, against the type of the job.
  Done check_input(const job::JobState& state) {
    const boost::json::value* edited = given(info_, "input");
    if (edited == nullptr) return {};
    const contract::JobType* type = backend_->contract->job_type(state.spec.type.view());
    if (type == nullptr) {
      return bad_input("The schema no longer has the mutation \"" + state.spec.type.str() +
                       "\", so that no input of it can be checked.");
    }
    // Whoever says what a job works on must be one who may start it.
    const Result<void> allowed =
        backend_->policy.check(*context_.principal, auth::Action::kSubmitJob,
                               {.queue = &type->queue, .scopes = type->scopes});
    if (!allowed) return std::unexpected(api_error(allowed.error()));
    auto input = check_edited_input(*backend_, *type, *edited);
    if (!input) return std::unexpected(std::move(input.error()));
    input_ = std::move(*input);
    return {};
  }

  [[nodiscard]] engine::CommandJob command(const JobId& id) const {
    engine::CommandJob request;
    request.id = id;
    request.actor = actor_of(*context_.principal);
    request.traceparent = context_.traceparent;
    request.tenant = context_.principal->tenant;
    if (!requeues_) {
      request.command = job::Discard{};
    } else if (input_) {
      request.command = job::RequeueDeadLetter{input_->ref, input_->limit_key, input_->unique_key};
      request.input = input_->text;
    } else {
      request.command = job::RequeueDeadLetter{};
    }
    return request;
  }

  /// Sends the command to jobs that were dead letters a moment ago.
  asio::awaitable<Done> change(const std::vector<JobId>& jobs) {
    outcome_.matched += jobs.size();
    if (dry_run_) {
      for (const JobId& id : jobs) sample(id);
      co_return Done();
    }
    std::vector<engine::Request> requests;
    requests.reserve(jobs.size());
    for (const JobId& id : jobs) requests.emplace_back(command(id));
    auto replies = co_await backend_->lane.execute_all(std::move(requests));
    std::optional<Error> broken;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (replies[i]) {
        ++outcome_.changed;
        sample(jobs[i]);
        continue;
      }
      Error& error = replies[i].error();
      if (!is_of_the_job(error.code)) broken = error;
      refuse(jobs[i].str(), std::move(error));
    }
    if (broken) {
      // The store or the lane has failed, and would fail the rest as well.
      if (outcome_.changed == 0) co_return std::unexpected(api_error(std::move(*broken)));
      outcome_.has_more = true;
      broken_ = true;
    }
    co_return Done();
  }

  static bool is_of_the_job(ErrorCode code) {
    return code == ErrorCode::kJobNotDeadLetter || code == ErrorCode::kNotFound;
  }

  /// Whether the request has no time left, or its client has gone.
  bool is_over() {
    const bool over =
        context_.stop.stop_requested() || (context_.deadline && context_.clock != nullptr &&
                                           context_.clock->now().monotonic >= *context_.deadline);
    if (over) outcome_.has_more = true;
    return over;
  }

  void sample(const JobId& id) {
    if (outcome_.jobs.size() < kSampleIds) outcome_.jobs.push_back(id);
  }
  void refuse(std::string id, Error error) {
    outcome_.refused.push_back({std::move(id), error.code, std::move(error.message)});
  }

  const BackendPtr backend_;
  const ResolveInfo& info_;
  const Context& context_;
  const bool requeues_;
  bool dry_run_ = false;
  bool broken_ = false;
  std::size_t left_ = 1'000;  ///< of the limit
  std::optional<JobInput> input_;
  Outcome outcome_;
};

asio::awaitable<FieldResult<FieldValue>> requeue(BackendPtr backend, const ResolveInfo& info) {
  co_return co_await BulkCommand(std::move(backend), info, true).run();
}

asio::awaitable<FieldResult<FieldValue>> discard(BackendPtr backend, const ResolveInfo& info) {
  co_return co_await BulkCommand(std::move(backend), info, false).run();
}

/// The times of a report, from its arguments.
Result<std::pair<Timestamp, Timestamp>> read_times(const ResolveInfo& info, Timestamp now) {
  const boost::json::value* period = given(info, "period");
  const boost::json::value* from = given(info, "from");
  const boost::json::value* to = given(info, "to");
  const auto invalid = [](const char* why) { return fail(ErrorCode::kBadUserInput, why); };
  if (period != nullptr && (from != nullptr || to != nullptr)) {
    return invalid("Give either \"period\", or \"from\" and \"to\".");
  }
  // What failed in this very millisecond belongs to it.
  std::pair times{now, now + Milliseconds(1)};
  if (period != nullptr) {
    const auto length = parse_duration(string_of(*period));
    if (!length) return fail(ErrorCode::kBadUserInput, "period: " + length.error().message);
    if (*length <= Milliseconds::zero()) return invalid("\"period\" must be longer than nothing.");
    times.first -= *length;
    return times;
  }
  if (from == nullptr) return invalid("Give \"period\", such as 24h, or \"from\".");
  const Result<Timestamp> begin = read_time(*from, "from");
  if (!begin) return std::unexpected(begin.error());
  times.first = *begin;
  if (to != nullptr) {
    const Result<Timestamp> end = read_time(*to, "to");
    if (!end) return std::unexpected(end.error());
    times.second = *end;
  }
  if (times.second <= times.first) return invalid("\"from\" must be earlier than \"to\".");
  return times;
}

asio::awaitable<FieldResult<FieldValue>> failure_report(BackendPtr backend,
                                                        const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const auto times = read_times(info, backend->clock->now().wall);
  if (!times) co_return std::unexpected(api_error(times.error()));
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(api_error(first.error()));
  const store::FailureQuery query{.tenant = context.principal->tenant,
                                  .from = times->first,
                                  .before = times->second,
                                  .groups_max = *first + 1};
  auto groups = co_await backend->reads.run(
      [reader = backend->reader, query] { return reader->failures(query); });
  if (!groups) co_return std::unexpected(api_error(std::move(groups.error())));
  Report report{times->first, times->second, std::move(*groups), false};
  report.has_more = report.groups.size() > *first;
  if (report.has_more) report.groups.resize(*first);
  co_return ObjectRef{backend->object_type("FailureReport"),
                      std::make_shared<const Report>(std::move(report))};
}

FieldValue ids(const std::vector<JobId>& jobs) {
  FieldValue::List list;
  for (const JobId& id : jobs) list.emplace_back(id.str());
  return FieldValue(std::move(list));
}

/// A list of parts of the source object, kept alive by the whole.
template <class Part>
FieldValue parts(const ResolveInfo& info, const graphql::type::ObjectType* type,
                 const std::vector<Part>& items) {
  FieldValue::List list;
  for (const Part& item : items) {
    list.emplace_back(ObjectRef{type, std::shared_ptr<const void>(*info.source.owner, &item)});
  }
  return FieldValue(std::move(list));
}

void add_outcome(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  TypedResolvers<Outcome>(*backend, map, names.type("DeadLetterResult"))
      .add("matched", [](const Outcome& o, auto&) { return FieldValue(o.matched); })
      .add("changed", [](const Outcome& o, auto&) { return FieldValue(o.changed); })
      .add("hasMore", [](const Outcome& o, auto&) { return FieldValue(o.has_more); })
      .add("jobs", [](const Outcome& o, auto&) { return ids(o.jobs); })
      .add("refused", [backend](const Outcome& o, const ResolveInfo& info) {
        return parts(info, backend->object_type("DeadLetterRefusal"), o.refused);
      });
  TypedResolvers<Outcome::Refusal>(*backend, map, names.type("DeadLetterRefusal"))
      .add("id", [](const Outcome::Refusal& r, auto&) { return FieldValue::text_view(r.id); })
      .add("code", [](const Outcome::Refusal& r,
                      auto&) { return FieldValue::text_view(to_string(r.code)); })
      .add("message",
           [](const Outcome::Refusal& r, auto&) { return FieldValue::text_view(r.message); });
}

void add_report(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  TypedResolvers<Report>(*backend, map, names.type("FailureReport"))
      .add("from", [](const Report& r, auto&) { return time_value(r.from); })
      .add("to", [](const Report& r, auto&) { return time_value(r.to); })
      .add("groups",
           [backend](const Report& r, const ResolveInfo& info) {
             return parts(info, backend->object_type("FailureGroup"), r.groups);
           })
      .add("hasMore", [](const Report& r, auto&) { return FieldValue(r.has_more); });

  using Group = store::FailureGroup;
  const auto error = [](const Group& group) -> const job::JobError& {
    return *group.latest->error;
  };
  TypedResolvers<Group>(*backend, map, names.type("FailureGroup"))
      .add("fingerprint",
           [](const Group& g, auto&) { return FieldValue::text_view(g.fingerprint); })
      .add("type",
           [](const Group& g, auto&) { return FieldValue::text_view(g.latest->spec.type.view()); })
      .add("code", [error](const Group& g, auto&) { return FieldValue::text_view(error(g).code); })
      .add("message",
           [error](const Group& g, auto&) { return FieldValue::text_view(error(g).message); })
      .add("count", [](const Group& g, auto&) { return FieldValue(g.failures); })
      .add("deadLetters", [](const Group& g, auto&) { return FieldValue(g.dead_letters); })
      .add("firstAt", [](const Group& g, auto&) { return time_value(g.first_at); })
      .add("lastAt", [](const Group& g, auto&) { return time_value(g.last_at); })
      .add("jobs", [](const Group& g, auto&) { return ids(g.samples); });
}

}  // namespace

void add_dead_letter_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const graphql::type::ObjectType* query = backend->schema().query_type();
  const graphql::type::ObjectType* mutation = backend->schema().mutation_type();
  add_root_field(backend, map, query, "deadLetters", dead_letters);
  add_root_field(backend, map, query, "failureReport", failure_report);
  add_root_field(backend, map, mutation, "requeueDeadLetters", requeue);
  add_root_field(backend, map, mutation, "discardDeadLetters", discard);
  add_outcome(backend, map);
  add_report(backend, map);
}

}  // namespace errand::api
