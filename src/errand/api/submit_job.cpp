#include "errand/api/submit_job.h"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "errand/api/forwarded_credentials.h"
#include "errand/api/idempotency.h"
#include "errand/api/job_access.h"
#include "errand/api/job_arguments.h"
#include "errand/api/job_options.h"
#include "errand/api/wait_for_job.h"
#include "errand/base/deliberate_bug.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/notification/webhook_manager.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

/// `arguments` without the options.
boost::json::object without_options(boost::json::object arguments, const std::string& options) {
  arguments.erase(options);
  return arguments;
}

/// How many root fields of the operation start jobs.
std::size_t count_job_fields(const Backend& backend, const ResolveInfo& info) {
  const auto* root = info.execution.root_fields();
  if (root == nullptr) return 1;
  return static_cast<std::size_t>(
      std::ranges::count_if(root->fields, [&](const graphql::execution::PlannedField& field) {
        return backend.contract->job_type(field.definition->name) != nullptr;
      }));
}

/// The idempotency key: the argument outranks the header. Where several job fields share the header
/// each adds its response path, which begins with the place in the batch where there is one.
Result<std::optional<std::string>> idempotency_key(const Backend& backend,
                                                   const contract::JobType& type,
                                                   const JobOptions& options,
                                                   const ResolveInfo& info) {
  if (options.idempotency_key) return options.idempotency_key;
  if (const auto& header = context_of(info).idempotency_key) {
    Result<std::string> key = read_idempotency_header(*header);
    if (!key) return std::unexpected(std::move(key.error()));
    const std::string path = graphql::execution::to_text(info.path);
    if (const auto& index = context_of(info).batch_index) {
      // No response name begins with a digit.
      return idempotency_key_at(*key, std::to_string(*index) + "." + path);
    }
    if (count_job_fields(backend, info) > 1) return idempotency_key_at(*key, path);
    return std::move(*key);
  }
  if (type.idempotency == contract::Idempotency::kRequired) {
    return fail(ErrorCode::kIdempotencyKeyRequired,
                "This mutation needs an idempotency key: give options.idempotencyKey or the header "
                "Idempotency-Key.");
  }
  return std::optional<std::string>();
}

/// Whether the client may have the job's events posted there.
Result<void> may_call_back(const Backend& backend, const Context& context,
                           const JobOptions::Callback& callback) {
  if (backend.webhooks == nullptr) {
    return fail(ErrorCode::kForbidden,
                "options.callback: callbacks are not switched on in this server.");
  }
  if (auto allowed = authorize(backend, context, auth::Action::kCreateCallback); !allowed) {
    return fail(allowed.error().code, "options.callback: " + allowed.error().message);
  }
  const auto good =
      backend.webhooks->check_callback(context.principal->tenant, callback.url, callback.types);
  if (!good) return fail(good.error().code, "options.callback." + good.error().message);
  return {};
}

/// What the job is made of, by its type and the client's options; `input` stays empty.
/// @return kBadUserInput when the times contradict each other, or the deadline has passed.
Result<job::JobSpec> make_spec(const contract::JobType& type, const JobOptions& options,
                               const auth::Principal& principal, Timestamp now) {
  job::JobSpec spec;
  spec.tenant = principal.tenant;
  spec.subject = principal.subject;
  spec.type = type.name;
  spec.queue = type.queue;
  spec.priority = options.priority.value_or(type.priority);
  spec.scheduled_for = options.run_at;
  if (options.delay) spec.scheduled_for = now + *options.delay;
  spec.deadline = options.deadline;
  if (!spec.deadline && type.deadline) {
    spec.deadline = std::max(now, spec.scheduled_for.value_or(now)) + *type.deadline;
  }
  if (type.fifo && options.priority) {
    return fail(ErrorCode::kBadUserInput,
                "options.priority: the jobs of this mutation run in the order in which they came; "
                "leave it out.");
  }
  spec.fifo = type.fifo;
  spec.queue_timeout = options.queue_timeout ? options.queue_timeout : type.queue_timeout;
  spec.timeout = type.timeout;
  spec.retention = type.retention;
  spec.retry = type.retry;
  spec.contract_hash = type.contract_hash;
  spec.tags = options.tags;
  if (options.callback) {
    spec.callback_url = options.callback->url;
    spec.callback_types = options.callback->types;
  }
  spec.labels = options.labels;
  for (const std::string& name : type.route_by) {
    const auto label = spec.labels.find(name);
    if (label == spec.labels.end()) continue;
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    if (std::ranges::any_of(label->second, is_control)) {
      return fail(ErrorCode::kBadUserInput,
                  "options.labels." + name +
                      ": decides which workers may have the job, and holds no control characters.");
    }
  }
  spec.route = job::route_of(spec.labels, type.route_by);
  if (spec.queue_timeout && *spec.queue_timeout <= Milliseconds::zero()) {
    return fail(ErrorCode::kBadUserInput, "options.queueTimeout: must be longer than nothing.");
  }
  if (spec.deadline && *spec.deadline <= now) {
    return fail(ErrorCode::kBadUserInput, "options.deadline: has passed already.");
  }
  if (spec.deadline && spec.scheduled_for && *spec.scheduled_for >= *spec.deadline) {
    return fail(ErrorCode::kBadUserInput,
                "The job would start at or after its deadline: make runAt or delay earlier.");
  }
  return spec;
}

/// What the engine is to do about a double; nullopt where jobs of the type are not unique.
std::optional<engine::Uniqueness> uniqueness(const contract::UniqueRule& rule) {
  if (rule.paths.empty()) return std::nullopt;
  using Rule = contract::UniqueRule;
  using engine::Uniqueness;
  Uniqueness unique{
      .period = rule.period, .not_started = rule.not_started, .started = rule.started};
  switch (rule.on_conflict) {
    case Rule::OnConflict::kReturnExisting:
      unique.on_conflict = Uniqueness::OnConflict::kReturnExisting;
      break;
    case Rule::OnConflict::kReject:
      unique.on_conflict = Uniqueness::OnConflict::kReject;
      break;
    case Rule::OnConflict::kReplace:
      unique.on_conflict = Uniqueness::OnConflict::kReplace;
      break;
  }
  switch (rule.after_end) {
    case Rule::AfterEnd::kAllow:
      unique.after_end = Uniqueness::AfterEnd::kAllow;
      break;
    case Rule::AfterEnd::kReturnExisting:
      unique.after_end = Uniqueness::AfterEnd::kReturnExisting;
      break;
    case Rule::AfterEnd::kReject:
      unique.after_end = Uniqueness::AfterEnd::kReject;
      break;
  }
  for (const job::JobStatus status : rule.ended) {
    unique.ended = static_cast<std::uint16_t>(unique.ended | 1U << static_cast<unsigned>(status));
  }
  return unique;
}

/// Whether the key is known with this fingerprint, so that the request is a replay.
asio::awaitable<Result<bool>> is_replay(BackendPtr backend, store::IdempotencyScope scope,
                                        std::string fingerprint) {
  auto record = co_await backend->reads.run(
      [reader = backend->reader, scope = std::move(scope)] { return reader->idempotency(scope); });
  if (!record) co_return std::unexpected(std::move(record.error()));
  co_return record->has_value() && (*record)->fingerprint == fingerprint;
}

/// Tells the client that all was checked and no job was made.
void note_validated(const ResolveInfo& info) {
  boost::json::array path;
  for (const graphql::execution::PathSegment& segment : info.path.segments()) {
    if (const auto* name = std::get_if<std::string>(&segment)) {
      path.emplace_back(*name);
    } else {
      path.emplace_back(std::get<std::size_t>(segment));
    }
  }
  boost::json::value& errand = info.response_extensions()["errand"];
  if (!errand.is_object()) errand = boost::json::object();
  boost::json::value& validated = errand.get_object()["validated"];
  if (!validated.is_array()) validated = boost::json::array();
  validated.get_array().push_back(std::move(path));
}

/// The latest committed state of the job that an enqueue answered with, watched from before.
asio::awaitable<job::StatePtr> hold(BackendPtr backend, std::unique_ptr<JobWatch> watch,
                                    JobId watched, job::StatePtr state, Milliseconds wait) {
  const MonotonicTime until =
      backend->clock->now().monotonic + std::min(wait, backend->options.wait_for_max);
  if (state->id != watched) {
    // A replay: the job is another one, which may have gone on since the answer.
    watch = std::make_unique<JobWatch>(
        co_await asio::this_coro::executor, backend->bus,
        runtime::Interest{.tenant = state->spec.tenant, .job = state->id});
    Result<job::StatePtr> now = co_await backend->reads.run(
        [reader = backend->reader, id = state->id] { return reader->job(id); });
    if (now && *now != nullptr) state = std::move(*now);
  }
  co_return co_await wait_for_job(backend, std::move(watch), std::move(state), {.until = until});
}

asio::awaitable<FieldResult<FieldValue>> submit_job(BackendPtr backend,
                                                    const contract::JobType& type,
                                                    const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auth::Principal& principal = *context.principal;
  const Result<void> allowed = backend->policy.check(principal, auth::Action::kSubmitJob,
                                                     {.queue = &type.queue, .scopes = type.scopes});
  if (!allowed && !has_bug(DeliberateBug::kReplayBeforeAuthorization)) {
    co_return std::unexpected(api_error(allowed.error()));
  }

  const std::string& options_argument = backend->contract->names().options_argument();
  const Result<JobOptions> options = read_job_options(info.argument(options_argument));
  if (!options) co_return std::unexpected(api_error(options.error()));
  if (options->callback) {
    const Result<void> may = may_call_back(*backend, context, *options->callback);
    if (!may) co_return std::unexpected(api_error(may.error()));
  }
  const boost::json::object arguments = without_options(info.arguments, options_argument);
  const auto violations = backend->contract->check_constraints(type, arguments);
  if (!violations.empty()) co_return std::unexpected(constraint_error(violations));

  Result<std::optional<std::string>> key = idempotency_key(*backend, type, *options, info);
  if (!key) co_return std::unexpected(api_error(std::move(key.error())));
  engine::EnqueueJob request;
  if (*key) {
    request.key = engine::IdempotencyKey{
        .key = std::move(**key),
        .fingerprint = idempotency_fingerprint(
            backend->fingerprint_key, without_options(info.sent_arguments(), options_argument)),
        .lifetime = std::max(backend->options.idempotency_lifetime, type.retention)};
  }
  if (has_bug(DeliberateBug::kReplayBeforeAuthorization) && !allowed) {
    const bool replay =
        request.key &&
        (co_await is_replay(backend,
                            {principal.tenant, principal.subject, type.name, request.key->key},
                            request.key->fingerprint))
            .value_or(false);
    if (!replay) co_return std::unexpected(api_error(allowed.error()));
  }

  auto input = make_job_input(*backend, type, arguments);
  if (!input) co_return std::unexpected(std::move(input.error()));
  request.input = std::move(input->text);
  const Timestamp now = backend->clock->now().wall;
  Result<job::JobSpec> spec = make_spec(type, *options, principal, now);
  if (!spec) {
    // A replay whose deadline has passed since must still find its job.
    if (!request.key || options->validate_only) co_return std::unexpected(api_error(spec.error()));
    const Result<bool> replay = co_await is_replay(
        backend, {principal.tenant, principal.subject, type.name, request.key->key},
        request.key->fingerprint);
    if (!replay) co_return std::unexpected(api_error(replay.error()));
    if (!*replay) co_return std::unexpected(api_error(spec.error()));
    JobOptions timeless = *options;
    timeless.deadline.reset();
    timeless.run_at.reset();
    timeless.delay.reset();
    spec = make_spec(type, timeless, principal, now);
    if (!spec) co_return std::unexpected(api_error(spec.error()));
  }
  const Result<auth::JobCredentials> credentials = forwarded_credentials(type, context);
  if (!credentials) co_return std::unexpected(api_error(credentials.error()));
  if (options->validate_only) {
    note_validated(info);
    co_return FieldValue();
  }

  request.id = JobId{Uuid::v7(now, *backend->random)};
  request.spec = std::move(*spec);
  request.spec.limit_key = std::move(input->limit_key);
  request.spec.unique_key = std::move(input->unique_key);
  if (!credentials->empty()) {
    request.credentials = auth::seal(backend->credential_sealer, request.id, *credentials);
  }
  request.unique = uniqueness(type.unique);
  request.spec.input = input->ref;
  request.actor = {job::ActorKind::kClient, principal.subject};
  request.traceparent = context.traceparent;
  if (options->correlation_id) {
    request.correlation_id = *options->correlation_id;
  } else if (check_correlation_id(context.correlation_id)) {
    request.correlation_id = context.correlation_id;
  } else {
    request.correlation_id = request.id.str();
  }
  const auto text = backend->contract_texts.find(type.name.view());
  if (text != backend->contract_texts.end()) request.contract = text->second;

  const JobId id = request.id;
  std::unique_ptr<JobWatch> watch;
  if (options->wait_for > Milliseconds::zero()) {
    watch = std::make_unique<JobWatch>(co_await asio::this_coro::executor, backend->bus,
                                       runtime::Interest{.tenant = principal.tenant, .job = id});
  }
  auto reply = co_await backend->lane.execute_as<engine::JobReply>(std::move(request));
  if (!reply) co_return std::unexpected(api_error(std::move(reply.error())));
  job::StatePtr state = std::move(reply->state);
  if (watch != nullptr) {
    const HeldTime held(*backend, context_of(info));
    state = co_await hold(backend, std::move(watch), id, std::move(state), options->wait_for);
  }
  co_return backend->job_value(std::move(state));
}

}  // namespace

void add_submit_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const std::string root(backend->schema().mutation_type()->name);
  for (const contract::JobType& type : backend->contract->job_types()) {
    // The type lives in the contract, which the backend keeps.
    map.add_awaitable(root, type.name.view(), [backend, &type](const ResolveInfo& info) {
      return submit_job(backend, type, info);
    });
  }
}

}  // namespace errand::api
