#include "errand/notification/http_outcome.h"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/base/utf8.h"
#include "errand/outbound/retry_after.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

constexpr std::size_t kExcerptBytes = 512;

}  // namespace

worker::Failure unreachable(const outbound::HttpError& error, std::string_view whom,
                            std::string_view code) {
  using outbound::HttpFailure;
  switch (error.failure) {
    case HttpFailure::kRefused:
    case HttpFailure::kInvalid:
      return make_failure(
          FailureKind::kPermanent, fmt::format("{}_REFUSED", code),
          fmt::format("The {} may not be called: {}", whom, error.message),
          "Correct its address, or allow it in outbound.allow, outbound.ports or outbound.http.");
    case HttpFailure::kTimedOut:
      return make_failure(FailureKind::kTransient, fmt::format("{}_TIMED_OUT", code),
                          fmt::format("The {} did not answer in time: {}", whom, error.message));
    default:
      return make_failure(FailureKind::kTransient, fmt::format("{}_UNREACHABLE", code),
                          fmt::format("The {} could not be reached: {}", whom, error.message));
  }
}

worker::Failure refusal(const outbound::HttpResponse& response, std::string_view whom,
                        Timestamp now) {
  const bool may_pass = worker::is_transient_status(response.status);
  worker::Failure failure =
      make_failure(may_pass ? FailureKind::kTransient : FailureKind::kPermanent,
                   fmt::format("HTTP_{}", response.status),
                   fmt::format("The {} answered with status {}.", whom, response.status));
  if (const auto header = response.headers.find("retry-after"); header && may_pass) {
    failure.retry_after = outbound::parse_retry_after(*header, now);
  }
  if (!response.body.empty() && is_valid_utf8(response.body)) {
    failure.details = boost::json::object{{"body", cut_utf8(response.body, kExcerptBytes)}};
  }
  return failure;
}

}  // namespace errand::notification
