#include "errand/worker/upstream_handler.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "errand/base/utf8.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/outbound/retry_after.h"
#include "errand/outbound/target_url.h"

namespace errand::worker {
namespace {

namespace bj = boost::json;

/// Codes in use by GraphQL servers (Apollo Server, GraphQL Yoga, Hot Chocolate and others) for what
/// may pass.
constexpr std::array<std::string_view, 11> kTransientCodes{"INTERNAL_SERVER_ERROR",
                                                           "SERVICE_UNAVAILABLE",
                                                           "DOWNSTREAM_SERVICE_ERROR",
                                                           "TIMEOUT",
                                                           "REQUEST_TIMEOUT",
                                                           "GATEWAY_TIMEOUT",
                                                           "RATE_LIMITED",
                                                           "RATE_LIMIT_EXCEEDED",
                                                           "THROTTLED",
                                                           "TOO_MANY_REQUESTS",
                                                           "UNEXPECTED_ERROR"};
/// Those that say that who submitted the job is not, or no longer, let in.
constexpr std::array<std::string_view, 4> kAuthenticationCodes{
    "UNAUTHENTICATED", "UNAUTHORIZED", "AUTHENTICATION_ERROR", "TOKEN_EXPIRED"};
constexpr std::string_view kUnauthenticatedRemediation =
    "The credentials that were kept with the job are not, or no longer, good. Submit it again with "
    "fresh ones, or let jobs use a service credential (headersFile, onBehalfOf).";
/// Of a response that is no GraphQL, what goes into the job's error for people.
constexpr std::size_t kExcerptBytes = 512;
/// Of an error's message.
constexpr std::size_t kMessageBytesMax = 2'000;
/// Errors of one response that the job's error tells.
constexpr std::size_t kErrorsMax = 10;
constexpr double kRetryAfterMaxMs = 30.0 * 24 * 3'600'000;

template <class List>
bool has(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

std::string_view text_of(const bj::value* value) {
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

const bj::value* member(const bj::value& value, std::string_view name) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr
                           : object->if_contains(bj::string_view(name.data(), name.size()));
}

std::string cut(std::string_view text, std::size_t bytes_max) {
  return std::string(cut_utf8(text, bytes_max));
}

std::string code_of(const bj::value& error) {
  const bj::value* extensions = member(error, "extensions");
  return extensions == nullptr ? std::string() : std::string(text_of(member(*extensions, "code")));
}

/// Whether the error is about a part of the mutation's data, which came without that part.
bool is_below_the_field(const bj::value& error) {
  const bj::value* path = member(error, "path");
  return path != nullptr && path->is_array() && path->get_array().size() > 1;
}

/// What an upstream that knows of jobs may say beside the code of an error.
void tell_more(const bj::value& extensions, Failure& failure) {
  if (const auto remediation = text_of(member(extensions, "remediation")); !remediation.empty()) {
    failure.remediation = cut(remediation, kMessageBytesMax);
  }
  if (const bj::value* details = member(extensions, "details");
      details != nullptr && details->is_object()) {
    failure.details = details->get_object();
  }
  if (const bj::value* wait = member(extensions, "retryAfterMs");
      wait != nullptr && wait->is_number()) {
    const double ms = wait->to_number<double>();
    if (ms >= 0 && ms <= kRetryAfterMaxMs) {
      failure.retry_after = Milliseconds(static_cast<std::int64_t>(ms));
    }
  }
}

/// Gives each `__typename` within the name that the type has here.
void rename_types(bj::value& value, const std::map<std::string, std::string>& names) {
  if (auto* list = value.if_array()) {
    for (bj::value& item : *list) rename_types(item, names);
  } else if (auto* object = value.if_object()) {
    for (auto& [name, each] : *object) {
      if (name != "__typename" || !each.is_string()) {
        rename_types(each, names);
        continue;
      }
      const auto found = names.find(std::string(text_of(&each)));
      if (found != names.end()) each = bj::string(found->second);
    }
  }
}

}  // namespace

Result<std::shared_ptr<UpstreamHandler>> UpstreamHandler::create(Options options,
                                                                 outbound::HttpClient& client,
                                                                 const Clock& clock) {
  if (options.document.empty()) return fail(ErrorCode::kInvalidArgument, "there is no operation");
  if (const auto url = outbound::parse_target_url(options.url); !url) {
    return std::unexpected(url.error());
  }
  auto breaker = outbound::CircuitBreaker::create(options.breaker);
  if (!breaker) return std::unexpected(breaker.error());
  return std::shared_ptr<UpstreamHandler>(
      new UpstreamHandler(std::move(options), client, clock, *std::move(breaker)));
}

UpstreamHandler::UpstreamHandler(Options options, outbound::HttpClient& client, const Clock& clock,
                                 outbound::CircuitBreaker breaker)
    : options_(std::move(options)),
      clock_(clock),
      target_(client, clock, std::move(breaker), {.name = "GraphQL server", .code = "UPSTREAM"}) {}

outbound::HttpRequest UpstreamHandler::request(const Attempt& attempt,
                                               const net::HttpHeaders& headers) const {
  const JobOffer& offer = attempt.offer();
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("query");
  out.string(options_.document);
  out.key("operationName");
  out.string(options_.mutation);
  out.key("variables");
  out.raw(offer.arguments_json);
  out.end_object();
  outbound::HttpRequest request{.method = "POST",
                                .url = options_.url,
                                .headers = headers,
                                .body = std::move(body),
                                .response_bytes_max = options_.response_bytes_max,
                                .guard = options_.guard};
  // The mutation of a server that keeps no idempotency keys: the job's own attempts are repetition
  // enough, and they are counted.
  request.once = true;
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", "application/graphql-response+json, application/json;q=0.9");
  // The same for each attempt of a run, so that a server that has done the work already knows.
  request.headers.set("Idempotency-Key",
                      "\"" + offer.job.str() + "-r" + std::to_string(offer.run) + "\"");
  request.headers.set("x-correlation-id", offer.correlation_id);
  request.headers.set("x-errand-attempt", std::to_string(offer.attempt));
  const auto left = std::chrono::duration_cast<Milliseconds>(attempt.ends_at() -
                                                             std::chrono::steady_clock::now());
  request.headers.set("x-errand-timeout-ms",
                      std::to_string(std::max(left, Milliseconds::zero()).count()));
  if (!offer.traceparent.empty()) request.headers.set("traceparent", offer.traceparent);
  return request;
}

boost::asio::awaitable<Outcome> UpstreamHandler::run(AttemptPtr attempt) {
  net::HttpHeaders headers;
  if (options_.job_headers) {
    auto loaded = co_await options_.job_headers->load(attempt->offer().job);
    if (!loaded) {
      const bool may_pass = is_retryable(loaded.error().code);
      co_return make_failure(
          may_pass ? FailureKind::kTransient : FailureKind::kPermanent,
          "UPSTREAM_CREDENTIALS_MISSING",
          "The headers of the request are not to be had: " + loaded.error().message,
          may_pass ? "Correct what keeps them from being read." : "Submit it again.");
    }
    headers = *std::move(loaded);
  }
  auto response = co_await target_.send(
      attempt, [this, attempt, headers] { return request(*attempt, headers); });
  if (!response) co_return std::move(response.error());
  co_return read(*response);
}

Outcome UpstreamHandler::refused(const outbound::HttpResponse& response) const {
  std::string remediation;
  if (response.status == 401 || response.status == 403) {
    remediation = kUnauthenticatedRemediation;
  } else if (response.status >= 300 && response.status < 400) {
    remediation = "Redirects are not followed: name the final address in url.";
  } else if (response.status == 404 || response.status == 405) {
    remediation = "Correct the url, then retry the job.";
  }
  Failure failure = make_failure(
      is_transient_status(response.status) ? FailureKind::kTransient : FailureKind::kPermanent,
      "HTTP_" + std::to_string(response.status),
      "The GraphQL server answered with status " + std::to_string(response.status) +
          " and no GraphQL response.",
      std::move(remediation));
  if (!response.body.empty() && is_valid_utf8(response.body)) {
    failure.details = bj::object{{"body", cut(response.body, kExcerptBytes)}};
  }
  return failure;
}

FailureKind UpstreamHandler::kind_of(std::string_view code, bool ran) const {
  if (options_.transient.contains(code)) return FailureKind::kTransient;
  if (options_.permanent.contains(code)) return FailureKind::kPermanent;
  if (has(kTransientCodes, code)) return FailureKind::kTransient;
  // An error of the mutation itself that says nothing of its kind is like an exception in a worker.
  // A request that was never executed will not be next time either.
  return ran && code.empty() ? FailureKind::kTransient : FailureKind::kPermanent;
}

Failure UpstreamHandler::from_errors(const bj::array& errors, bool ran) const {
  const bj::value& first = errors.front();
  const std::string code = code_of(first);
  const std::string_view message = text_of(member(first, "message"));
  Failure failure = make_failure(
      kind_of(code, ran), code.empty() ? "UPSTREAM_ERROR" : cut(code, 100),
      message.empty() ? "The mutation failed." : cut(message, kMessageBytesMax),
      has(kAuthenticationCodes, code) ? std::string(kUnauthenticatedRemediation) : std::string());
  bj::array told;
  for (const bj::value& error : errors) {
    if (told.size() == kErrorsMax) break;
    bj::object each{{"message", cut(text_of(member(error, "message")), kMessageBytesMax)}};
    if (const bj::value* path = member(error, "path"); path != nullptr && path->is_array()) {
      each["path"] = *path;
    }
    if (std::string its = code_of(error); !its.empty()) each["code"] = cut(its, 100);
    told.push_back(std::move(each));
  }
  failure.details = bj::object{{"errors", std::move(told)}};
  if (const bj::value* extensions = member(first, "extensions")) tell_more(*extensions, failure);
  return failure;
}

Outcome UpstreamHandler::read(const outbound::HttpResponse& response) const {
  const auto retry_after = [&](Outcome outcome) {
    auto* failure = std::get_if<Failure>(&outcome);
    const auto header = response.headers.find("retry-after");
    if (failure != nullptr && header) {
      failure->retry_after = outbound::parse_retry_after(*header, clock_.now().wall);
    }
    return outcome;
  };
  auto body = json::parse(response.body, {.bytes_max = options_.response_bytes_max});
  const bj::value* data = body ? member(*body, "data") : nullptr;
  const bj::value* errors = body ? member(*body, "errors") : nullptr;
  const bool has_errors = errors != nullptr && errors->is_array() && !errors->get_array().empty();
  if (data == nullptr && !has_errors) {
    if (response.status >= 200 && response.status < 300) {
      return make_failure(FailureKind::kPermanent, "UPSTREAM_RESPONSE_INVALID",
                          "The response is no GraphQL response: it has neither data nor errors.",
                          "Let url name the GraphQL endpoint.");
    }
    return retry_after(refused(response));
  }
  const bj::value* field = data == nullptr ? nullptr : member(*data, options_.mutation);
  if (has_errors) {
    const bj::array& all = errors->get_array();
    const bool partial =
        field != nullptr && !field->is_null() && std::ranges::all_of(all, is_below_the_field);
    if (!partial) {
      Failure failure = from_errors(all, data != nullptr);
      // What stands before the server, or the server itself, may know better than the error.
      if (response.status >= 400 && is_transient_status(response.status) &&
          !options_.permanent.contains(failure.code)) {
        failure.kind = FailureKind::kTransient;
      }
      return retry_after(std::move(failure));
    }
  }
  if (field == nullptr) {
    return make_failure(FailureKind::kPermanent, "UPSTREAM_RESPONSE_INVALID",
                        "The response's data has no " + options_.mutation + ".",
                        "Let url name the GraphQL endpoint.");
  }
  bj::value result = *field;
  if (!options_.type_names.empty()) rename_types(result, options_.type_names);
  return Complete{.result = std::move(result)};
}

}  // namespace errand::worker
