#include "errand/app/test_clock_routes.h"

#include <functional>
#include <string>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/async/callback.h"
#include "errand/base/time_text.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::app {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kBodyBytesMax = 1'000;

net::HttpResponse refusal(const Error& error) {
  const bool unknown = error.code == ErrorCode::kUnauthenticated;
  auto response = net::HttpResponse::json(
      unknown ? 401 : 400, json::to_text(boost::json::object{{"error", error.message},
                                                             {"code", to_string(error.code)}}));
  if (unknown) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

net::HttpResponse show(const TestClock& clock) {
  auto response = net::HttpResponse::json(
      200, json::to_text(boost::json::object{{"now", format_timestamp(clock.now().wall)},
                                             {"ahead", format_duration(clock.ahead())}}));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

std::unexpected<Error> wrong_body() {
  return fail(ErrorCode::kInvalidArgument,
              R"(Send {"advance": "1h30m"} or {"set": "2027-01-01T00:00:00Z"} as JSON.)");
}

/// Does what the body of a POST says.
Result<void> move_clock(TestClock& clock, const std::string& body) {
  const auto parsed = json::parse(body, {.bytes_max = kBodyBytesMax});
  if (!parsed || !parsed->is_object() || parsed->get_object().size() != 1) return wrong_body();
  const auto& member = *parsed->get_object().begin();
  if (!member.value().is_string()) return wrong_body();
  const std::string_view text(member.value().get_string());
  if (member.key() == "advance") {
    const auto by = parse_duration(text);
    if (!by) return fail(by.error().code, "advance: " + by.error().message);
    return clock.advance(*by);
  }
  if (member.key() == "set") {
    const auto time = parse_timestamp(text);
    if (!time) return fail(time.error().code, "set: " + time.error().message);
    return clock.set(*time);
  }
  return wrong_body();
}

asio::awaitable<net::HttpResponse> handle(net::HttpRequest request, TestClock* clock,
                                          runtime::Lane* lane,
                                          const auth::Authenticator* authenticator) {
  const auto principal =
      authenticator->authenticate_header(request.header("Authorization").value_or(""));
  if (!principal) co_return refusal(principal.error());
  if (request.method == "POST") {
    const auto moved = move_clock(*clock, request.body);
    if (!moved) co_return refusal(moved.error());
    co_await async::from_callback<bool>([lane](std::move_only_function<void(bool)> done) {
      lane->wake([done = std::move(done)]() mutable { done(true); });
    });
  }
  co_return show(*clock);
}

}  // namespace

void add_test_clock_routes(net::Router& router, TestClock& clock, runtime::Lane& lane,
                           const auth::Authenticator& authenticator) {
  router.add(net::Route{.methods = {"GET", "POST"},
                        .path = "/test/clock",
                        .handler = [&clock, &lane, &authenticator](net::HttpRequest request) {
                          return handle(std::move(request), &clock, &lane, &authenticator);
                        }});
}

}  // namespace errand::app
