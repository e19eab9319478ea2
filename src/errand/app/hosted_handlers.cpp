#include "errand/app/hosted_handlers.h"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "errand/app/command_sandbox.h"
#include "errand/outbound/standard_webhooks.h"
#include "errand/outbound/target_url.h"
#include "errand/upstream/headers_file.h"
#include "errand/worker/command_handler.h"
#include "errand/worker/push_handler.h"
#include "errand/worker/upstream_handler.h"

namespace errand::app {
namespace {

/// What stands around a result in a GraphQL response, at most: other errors, extensions.
constexpr std::size_t kAroundResult = 64 << 10;

/// The secret of this generation and the one before it, as far as there is one.
/// @param secret  the text of a generation's
template <class Secret>
std::vector<outbound::WebhookSecret> secrets_of(int generation, const Secret& secret) {
  std::vector<outbound::WebhookSecret> secrets;
  for (const int each : {generation, generation - 1}) {
    if (each >= 1) secrets.push_back(*outbound::WebhookSecret::parse(secret(each)));
  }
  return secrets;
}

/// An error of what the settings or the schema call `whose`.
std::unexpected<Error> refused(std::string_view whose, const Error& error) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("{}: {}", whose, error.message));
}

std::string handler_of(const JobTypeName& type) {
  return fmt::format("the handler of {}", type.view());
}

}  // namespace

HostedHandlers::HostedHandlers(const Config& config, const crypto::MasterKey& master_key,
                               const Clock& clock, Means means, telemetry::Log log)
    : config_(config),
      master_key_(master_key),
      clock_(clock),
      means_(means),
      log_(std::move(log)) {}

Result<void> HostedHandlers::make(const contract::Contract& contract,
                                  std::vector<worker::Gateway::Hosted> given) {
  hosted_ = std::move(given);
  for (const auto& hosted : hosted_) {
    for (const JobTypeName& name : hosted.types) {
      const auto* type = contract.job_type(name.view());
      if (type == nullptr) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("there is a handler of {}, which is no mutation with @job", name.view()));
      }
      if (!std::holds_alternative<std::monostate>(type->handler)) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{} has a handler in this process and one in its @job; leave one",
                                name.view()));
      }
    }
  }
  for (const auto& type : contract.job_types()) {
    if (const auto* http = std::get_if<contract::HttpHandlerRule>(&type.handler)) {
      if (auto done = make_push(type.name, *http); !done) return done;
    } else if (const auto* graphql = std::get_if<contract::GraphqlHandlerRule>(&type.handler)) {
      if (auto done = make_upstream(type.name, *graphql); !done) return done;
    } else if (const auto* command = std::get_if<contract::CommandHandlerRule>(&type.handler)) {
      if (config_.sandbox.run_by == RunCommandsBy::kWorker) {
        log_.info("a command is left to workers that connect", {{"job_type", type.name}});
        continue;
      }
      if (auto done = make_command(type.name, *command); !done) return done;
    }
  }
  for (const auto& endpoint : config_.webhooks.endpoints) {
    const auto url = check({.whose = "webhooks.endpoints." + endpoint.name,
                            .url = endpoint.url,
                            .headers_file = endpoint.headers_file});
    if (!url) return std::unexpected(url.error());
  }
  return {};
}

Result<outbound::TargetUrl> HostedHandlers::check(const Target& target) const {
  if (auto opened = means_.requests.open(); !opened) return std::unexpected(opened.error());
  auto url = outbound::parse_target_url(target.url);
  if (!url) return refused(target.whose, url.error());
  const auto own = target.upstream ? means_.requests.guard_for(target.url) : nullptr;
  if (const auto allowed = (own ? *own : means_.requests.guard()).check_url(*url); !allowed) {
    return refused(target.whose, allowed.error());
  }
  if (!target.headers_file.empty()) {
    if (const auto headers = upstream::read_headers_file(target.headers_file); !headers) {
      return refused(target.whose, headers.error());
    }
  }
  return url;
}

Result<void> HostedHandlers::make_push(const JobTypeName& type,
                                       const contract::HttpHandlerRule& rule) {
  const auto url = check({.whose = handler_of(type), .url = rule.url});
  if (!url) return std::unexpected(url.error());
  worker::PushHandler::Options options{
      .url = rule.url,
      .secrets = secrets_of(config_.outbound.secret_generation, [&](int generation) {
        return worker::push_secret(master_key_, url->origin(), generation);
      })};
  if (!config_.server.public_url.empty()) {
    options.callback_url = config_.server.public_url + "/worker/v1/messages";
  }
  options.response_bytes_max = config_.worker.result_bytes_max;
  auto handler = worker::PushHandler::create(std::move(options), means_.requests.client(), clock_);
  if (!handler) return refused(handler_of(type), handler.error());
  hosted_.push_back({.name = url->origin(),
                     .types = {type},
                     .slots = rule.concurrency,
                     .way = engine::WorkerWay::kPush,
                     .handler = *std::move(handler)});
  return {};
}

Result<void> HostedHandlers::make_upstream(const JobTypeName& type,
                                           const contract::GraphqlHandlerRule& rule) {
  const auto url = check({.whose = handler_of(type),
                          .url = rule.url,
                          .headers_file = rule.headers_file,
                          .upstream = true});
  if (!url) return std::unexpected(url.error());
  worker::UpstreamHandler::Options options{
      .url = rule.url,
      .mutation = rule.mutation,
      .document = rule.document,
      .type_names = rule.type_names,
      .transient = {rule.transient.begin(), rule.transient.end()},
      .permanent = {rule.permanent.begin(), rule.permanent.end()},
      .response_bytes_max = config_.worker.result_bytes_max + kAroundResult,
      .guard = means_.requests.guard_for(rule.url)};
  if (!rule.forward_headers.empty() || !rule.headers_file.empty() || !rule.on_behalf_of.empty()) {
    options.job_headers.emplace(worker::JobHeaders::Options{.forwarded = rule.forward_headers,
                                                            .file = rule.headers_file,
                                                            .on_behalf_of = rule.on_behalf_of},
                                means_.credentials, means_.pool);
  }
  auto handler =
      worker::UpstreamHandler::create(std::move(options), means_.requests.client(), clock_);
  if (!handler) return refused(handler_of(type), handler.error());
  hosted_.push_back({.name = url->origin(),
                     .types = {type},
                     .slots = rule.concurrency,
                     .way = engine::WorkerWay::kUpstream,
                     .handler = *std::move(handler)});
  return {};
}

Result<void> HostedHandlers::make_command(const JobTypeName& type,
                                          const contract::CommandHandlerRule& rule) {
  if (!sandbox_) {
    auto opened = open_sandbox(config_.sandbox);
    if (!opened) return std::unexpected(opened.error());
    sandbox_ = *std::move(opened);
  }
  worker::CommandHandler::Options options{.command = command_of(rule), .slots = rule.concurrency};
  auto handler = worker::CommandHandler::create(std::move(options), sandbox_, log_);
  if (!handler) return refused(handler_of(type), handler.error());
  hosted_.push_back({.name = rule.argv.front(),
                     .types = {type},
                     .slots = rule.concurrency,
                     .way = engine::WorkerWay::kCommand,
                     .handler = *std::move(handler)});
  return {};
}

std::set<JobTypeName> HostedHandlers::types() const {
  std::set<JobTypeName> types;
  for (const auto& each : hosted_) types.insert(each.types.begin(), each.types.end());
  return types;
}

}  // namespace errand::app
