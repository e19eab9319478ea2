#include "errand/outbound/http_exchange.h"

namespace errand::outbound {

std::string_view to_string(HttpFailure failure) noexcept {
  switch (failure) {
    case HttpFailure::kInvalid:
      return "invalid";
    case HttpFailure::kRefused:
      return "refused";
    case HttpFailure::kFull:
      return "full";
    case HttpFailure::kResolve:
      return "resolve";
    case HttpFailure::kConnect:
      return "connect";
    case HttpFailure::kTls:
      return "tls";
    case HttpFailure::kTimedOut:
      return "timed_out";
    case HttpFailure::kCutOff:
      return "cut_off";
    case HttpFailure::kProtocol:
      return "protocol";
    case HttpFailure::kTooLarge:
      return "too_large";
    case HttpFailure::kCanceled:
      return "canceled";
  }
  return "";
}

Error to_error(const HttpError& error) {
  const auto code = [&error] {
    switch (error.failure) {
      case HttpFailure::kInvalid:
        return ErrorCode::kInvalidArgument;
      case HttpFailure::kRefused:
        return ErrorCode::kForbidden;
      case HttpFailure::kFull:
        return ErrorCode::kResourceExhausted;
      case HttpFailure::kResolve:
      case HttpFailure::kConnect:
      case HttpFailure::kTls:
      case HttpFailure::kCutOff:
        return ErrorCode::kUnavailable;
      case HttpFailure::kTimedOut:
        return ErrorCode::kDeadlineExceeded;
      case HttpFailure::kProtocol:
        return ErrorCode::kProtocolError;
      case HttpFailure::kTooLarge:
        return ErrorCode::kPayloadTooLarge;
      case HttpFailure::kCanceled:
        return ErrorCode::kCancelled;
    }
    return ErrorCode::kInternal;
  };
  return {.code = code(), .message = error.message};
}

CircuitBreaker::Outcome breaker_outcome(const HttpResult& result) {
  using Outcome = CircuitBreaker::Outcome;
  if (result) {
    return result->status == 429 || result->status >= 500 ? Outcome::kFailure : Outcome::kSuccess;
  }
  switch (result.error().failure) {
    case HttpFailure::kInvalid:
    case HttpFailure::kRefused:
    case HttpFailure::kFull:
    case HttpFailure::kCanceled:
      return Outcome::kNeither;
    case HttpFailure::kTooLarge:
      return Outcome::kSuccess;
    case HttpFailure::kTimedOut:
      // It may have waited for its turn alone, behind requests that report by themselves.
      return result.error().tried ? Outcome::kFailure : Outcome::kNeither;
    case HttpFailure::kResolve:
    case HttpFailure::kConnect:
    case HttpFailure::kTls:
    case HttpFailure::kCutOff:
    case HttpFailure::kProtocol:
      return Outcome::kFailure;
  }
  return Outcome::kNeither;
}

}  // namespace errand::outbound
