#include "errand/upstream/introspect.h"

#include <algorithm>
#include <future>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "errand/base/utf8.h"
#include "errand/graphql/type/read_introspection.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::upstream {
namespace {

namespace bj = boost::json;

/// Of the response; a schema of thousands of types has some 10 MiB.
constexpr std::size_t kResponseBytesMax = std::size_t{64} << 20;
/// Arguments' types within fields within types, each in its wrappers.
constexpr std::size_t kDepthMax = 128;
constexpr std::chrono::seconds kRequestTimeout{20};
constexpr std::chrono::milliseconds kAgain{500};
constexpr std::size_t kExcerptBytes = 200;
constexpr std::string_view kRemedy =
    "; correct upstream.url, give credentials in upstream.headers_file, or name a file with its "
    "schema in upstream.schema (--upstream-schema)";

class Introspection {
 public:
  Introspection(const IntrospectionRequest& request, outbound::HttpClient& client,
                const telemetry::Log& log)
      : request_(request), client_(client), log_(log) {}

  Result<std::string> run() {
    auto probed = ask(graphql::type::introspection_probe());
    // Some servers know __schema alone; then the query keeps to what all know.
    if (!probed && probed.error().code == ErrorCode::kUnavailable) {
      return std::unexpected(probed.error());
    }
    const auto query = graphql::type::introspection_query(probed ? *probed : bj::value());
    auto introspected = ask(query);
    if (!introspected) return std::unexpected(introspected.error());
    auto sdl = graphql::type::sdl_from_introspection(*introspected);
    if (!sdl) return refused(sdl.error().message);
    return sdl;
  }

 private:
  [[nodiscard]] std::unexpected<Error> refused(std::string_view why) const {
    return fail(ErrorCode::kSchemaInvalid, "the schema of the upstream " + request_.url +
                                               " cannot be read: " + std::string(why) +
                                               std::string(kRemedy));
  }

  /// `data` of the response.
  Result<bj::value> ask(std::string_view query) {
    bool told = false;
    while (true) {
      auto result = send(query);
      const auto now = std::chrono::steady_clock::now();
      const bool may_pass =
          result ? result->status == 502 || result->status == 503 || result->status == 504
                 : result.error().failure == outbound::HttpFailure::kConnect ||
                       result.error().failure == outbound::HttpFailure::kResolve ||
                       result.error().failure == outbound::HttpFailure::kCutOff;
      if (may_pass && now + kAgain < request_.deadline) {
        if (!std::exchange(told, true)) {
          log_.warn("the upstream does not answer yet; waiting for it", {{"url", request_.url}});
        }
        std::this_thread::sleep_for(kAgain);
        continue;
      }
      if (result) return read(*result);
      return fail(ErrorCode::kUnavailable, "the upstream " + request_.url +
                                               " cannot be asked for its schema: " +
                                               result.error().message + std::string(kRemedy));
    }
  }

  outbound::HttpResult send(std::string_view query) {
    outbound::HttpRequest request{.method = "POST",
                                  .url = request_.url,
                                  .headers = request_.headers,
                                  .body = {},
                                  .response_bytes_max = kResponseBytesMax,
                                  .guard = request_.guard};
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Accept", "application/graphql-response+json, application/json;q=0.9");
    json::Writer out(request.body);
    out.begin_object();
    out.key("query");
    out.string(query);
    out.end_object();
    request.deadline = std::min(
        std::chrono::steady_clock::now() + kRequestTimeout,
        std::max(request_.deadline, std::chrono::steady_clock::now() + std::chrono::seconds(1)));
    std::promise<outbound::HttpResult> answer;
    client_.fetch(std::move(request),
                  [&](outbound::HttpResult result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }

  [[nodiscard]] Result<bj::value> read(const outbound::HttpResponse& response) const {
    const auto body =
        json::parse(response.body, {.bytes_max = kResponseBytesMax, .depth_max = kDepthMax});
    const auto* object = body ? body->if_object() : nullptr;
    if (object == nullptr) {
      return refused(
          "it answers with status " + std::to_string(response.status) + " and no JSON object: " +
          std::string(cut_utf8(is_valid_utf8(response.body) ? response.body : "", kExcerptBytes)));
    }
    const auto* data = object->if_contains("data");
    if (data != nullptr && data->is_object()) return *data;
    std::string why = "it answers with status " + std::to_string(response.status);
    if (const auto* errors = object->if_contains("errors");
        errors != nullptr && errors->is_array() && !errors->get_array().empty()) {
      if (const auto* first = errors->get_array().front().if_object()) {
        if (const auto* message = first->if_contains("message"); message && message->is_string()) {
          const std::string_view text = message->get_string();
          why += ": " + std::string(cut_utf8(text, kExcerptBytes));
        }
      }
    }
    return refused(why);
  }

  const IntrospectionRequest& request_;
  outbound::HttpClient& client_;
  const telemetry::Log& log_;
};

}  // namespace

Result<std::string> introspect(const IntrospectionRequest& request, outbound::HttpClient& client,
                               const telemetry::Log& log) {
  return Introspection(request, client, log).run();
}

}  // namespace errand::upstream
