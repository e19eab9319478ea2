#include "errand/upstream/identity.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json/object.hpp>

#include "errand/crypto/digest.h"
#include "errand/graphql/language/lexer.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/upstream/forwarder.h"

namespace errand::upstream {

namespace asio = boost::asio;

namespace {

/// What an answer to such a query may have.
constexpr std::size_t kResponseBytesMax = 64 << 10;
/// Longest id of a subject or a tenant.
constexpr std::size_t kIdBytesMax = 255;
constexpr std::chrono::seconds kRetryAfter{1};

std::unexpected<Error> nobody() {
  return fail(ErrorCode::kUnauthenticated,
              "Neither this server nor the one behind it knows who sends this.");
}

Error unavailable() {
  return {.code = ErrorCode::kUnavailable,
          .message =
              "It cannot be found out just now who sends this, as the server behind this one "
              "does not say; try again in a while.",
          .retry_after = kRetryAfter};
}

/// The id at `path`: a text or a whole number. Empty where there is none, or null.
std::string id_at(const boost::json::value& data, const DataPath& path) {
  const boost::json::value* value = &data;
  for (const std::string& name : path.names()) {
    const auto* object = value->if_object();
    value = object == nullptr ? nullptr : object->if_contains(name);
    if (value == nullptr) return "";
  }
  if (const auto* text = value->if_string()) return std::string(*text);
  if (value->is_int64() || value->is_uint64()) return json::to_text(*value);
  return "";
}

bool is_printable(std::string_view id) {
  return std::ranges::none_of(
      id, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// Whether one of a response's errors speaks of credentials.
bool speaks_of_credentials(const boost::json::object& response) {
  const auto* errors = response.if_contains("errors");
  if (errors == nullptr || !errors->is_array()) return false;
  return std::ranges::any_of(errors->get_array(), [](const boost::json::value& error) {
    const auto* object = error.if_object();
    const auto* extensions = object == nullptr ? nullptr : object->if_contains("extensions");
    const auto* members = extensions == nullptr ? nullptr : extensions->if_object();
    const auto* code = members == nullptr ? nullptr : members->if_contains("code");
    return code != nullptr && code->is_string() &&
           (code->get_string() == "UNAUTHENTICATED" || code->get_string() == "UNAUTHORIZED" ||
            code->get_string() == "FORBIDDEN");
  });
}

std::string body_of(const std::string& query) {
  return json::to_text(boost::json::object{{"query", query}});
}

}  // namespace

Result<DataPath> DataPath::parse(std::string_view text) {
  DataPath path;
  while (true) {
    const std::size_t point = text.find('.');
    if (!graphql::language::is_name(text.substr(0, point))) {
      return fail(ErrorCode::kInvalidArgument,
                  "it is no path of names, such as \"viewer.organization.id\"");
    }
    path.names_.emplace_back(text.substr(0, point));
    if (point == std::string_view::npos) return path;
    text.remove_prefix(point + 1);
  }
}

Result<std::unique_ptr<Identity>> Identity::create(Options options, telemetry::Log log) {
  const auto invalid = [](const std::string& option, const std::string& why) {
    return fail(ErrorCode::kConfigInvalid, option + ": " + why);
  };
  const auto url = outbound::parse_target_url(options.url);
  if (!url) return invalid("url", url.error().message);
  auto guard = guard_for(*url);
  if (!guard) return invalid("url", guard.error().message);
  if (options.query.empty()) return invalid("query", "it is empty");
  auto subject = DataPath::parse(options.subject);
  if (!subject) return invalid("subject", subject.error().message);
  std::optional<DataPath> tenant;
  if (!options.tenant.empty()) {
    auto path = DataPath::parse(options.tenant);
    if (!path) return invalid("tenant", path.error().message);
    tenant = *std::move(path);
  }
  if (options.headers.empty()) return invalid("headers", "without any there are no credentials");
  auto client =
      outbound::HttpClient::create({.ca_file = options.ca_file}, *std::move(guard), nullptr);
  if (!client) return invalid("url", client.error().message);
  std::string target = url->str();
  return std::unique_ptr<Identity>(new Identity(std::move(options), std::move(target),
                                                *std::move(subject), std::move(tenant),
                                                *std::move(client), std::move(log)));
}

Identity::Identity(Options options, std::string url, DataPath subject,
                   std::optional<DataPath> tenant, std::unique_ptr<outbound::HttpClient> client,
                   telemetry::Log log)
    : options_(std::move(options)),
      url_(std::move(url)),
      subject_(std::move(subject)),
      tenant_(std::move(tenant)),
      body_(body_of(options_.query)),
      client_(std::move(client)),
      log_(std::move(log)) {}

Identity::~Identity() = default;

net::HttpHeaders Identity::credentials_of(const net::HttpHeaders& headers) const {
  net::HttpHeaders out;
  for (const auto& [name, value] : headers.fields()) {
    const bool counts = std::ranges::any_of(options_.headers, [&](const std::string& known) {
      return net::equals_ignoring_case(known, name);
    });
    if (counts && !value.empty()) out.add(name, value);
  }
  return out;
}

asio::awaitable<Result<auth::PrincipalPtr>> Identity::identify(net::HttpHeaders headers,
                                                               Cause cause) {
  net::HttpHeaders sent = credentials_of(headers);
  if (sent.fields().empty()) co_return nobody();
  std::string text;
  for (const auto& [name, value] : sent.fields()) {
    text += std::to_string(name.size()) + ":" + name + std::to_string(value.size()) + ":" + value;
  }
  const auto hash = crypto::sha256(text);
  Digest digest(reinterpret_cast<const char*>(hash.data()), hash.size());
  if (const auto known = find(digest)) {
    if (!*known) co_return nobody();
    co_return *known;
  }

  sent.add("Content-Type", "application/json");
  sent.add("Accept", "application/json");
  sent.add("traceparent", cause.traceparent);
  sent.add("X-Request-Id", cause.request_id);
  outbound::HttpRequest request{.method = "POST",
                                .url = url_,
                                .headers = std::move(sent),
                                .body = body_,
                                .deadline = std::chrono::steady_clock::now() + options_.timeout,
                                .connect_timeout = options_.timeout,
                                .response_bytes_max = kResponseBytesMax};
  const outbound::HttpResult response = co_await client_->fetch(std::move(request));
  const auto warn = [&](std::string_view why) {
    log_.warn_limited("upstream does not say who a client is",
                      {{"reason", why}, {"request_id", cause.request_id}});
  };
  if (!response) {
    warn(response.error().message);
    co_return std::unexpected(unavailable());
  }
  auto principal = read(*response);
  if (!principal) {
    warn(principal.error().message);
    co_return std::unexpected(unavailable());
  }
  keep(std::move(digest), *principal);
  if (!*principal) co_return nobody();
  co_return *std::move(principal);
}

Result<auth::PrincipalPtr> Identity::read(const outbound::HttpResponse& response) const {
  if (response.status == 401 || response.status == 403) return auth::PrincipalPtr();
  const auto odd = [&](const std::string& why) {
    return fail(ErrorCode::kProtocolError,
                why + " (status " + std::to_string(response.status) + ")");
  };
  const auto parsed = json::parse(response.body, {.bytes_max = kResponseBytesMax});
  const boost::json::object* answer = parsed ? parsed->if_object() : nullptr;
  if (answer == nullptr) return odd("its answer is no JSON object");
  const boost::json::value* data = answer->if_contains("data");
  if (data == nullptr || !data->is_object()) {
    if (speaks_of_credentials(*answer)) return auth::PrincipalPtr();
    return odd("its answer to upstream.identity.query has no data");
  }
  auth::Principal principal;
  const std::string subject = id_at(*data, subject_);
  if (subject.empty()) return auth::PrincipalPtr();
  const std::string tenant = tenant_ ? id_at(*data, *tenant_) : options_.tenant_otherwise;
  // Who belongs to no tenant must not fall into one that others share.
  if (tenant.empty()) return auth::PrincipalPtr();
  for (const std::string& id : {subject, tenant}) {
    // "*" is every tenant in the file of credentials.
    if (id.size() > kIdBytesMax || !is_printable(id) || id == "*") return odd("an id is none");
  }
  principal.tenant = TenantId(tenant);
  principal.subject = SubjectId(subject);
  principal.scopes = options_.scopes;
  principal.queues = options_.queues;
  return std::make_shared<const auth::Principal>(std::move(principal));
}

std::optional<auth::PrincipalPtr> Identity::find(const Digest& digest) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) return std::nullopt;
  if (found->second->until <= now) {
    known_.erase(found->second);
    by_digest_.erase(found);
    return std::nullopt;
  }
  known_.splice(known_.begin(), known_, found->second);
  return found->second->principal;
}

void Identity::keep(Digest digest, auth::PrincipalPtr principal) {
  const auto until =
      std::chrono::steady_clock::now() + (principal ? options_.known_for : options_.nobody_for);
  const std::lock_guard lock(mutex_);
  // Another request may have asked at the same time.
  if (const auto found = by_digest_.find(digest); found != by_digest_.end()) {
    found->second->principal = std::move(principal);
    found->second->until = until;
    return;
  }
  if (options_.known_max == 0) return;
  if (known_.size() >= options_.known_max) {
    by_digest_.erase(known_.back().digest);
    known_.pop_back();
  }
  known_.push_front({.digest = digest, .principal = std::move(principal), .until = until});
  by_digest_.emplace(std::move(digest), known_.begin());
}

}  // namespace errand::upstream
