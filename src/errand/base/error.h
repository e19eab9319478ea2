#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace errand {

/// Every public error code. Closed list: a code is `extensions.code` of a GraphQL error, is stable,
/// and has a page docs/errors/<NAME>.md.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,
  kGraphqlParseFailed,
  kGraphqlValidationFailed,
  kBadUserInput,
  kConstraintViolation,
  kOperationResolutionFailure,
  kMixedOperation,
  kLimitExceeded,
  kMaxQueryBytesLimit,
  kMaxTokensLimit,
  kMaxRecursionLimit,
  kMaxDepthLimit,
  kMaxHeightLimit,
  kMaxAliasesLimit,
  kMaxRootFieldsLimit,
  kMaxDirectivesLimit,
  kMaxCostLimit,
  kMaxListSizeLimit,
  kIntrospectionDisabled,
  kPersistedQueryNotFound,
  kPersistedQueryNotSupported,
  kDocumentNotTrusted,
  kUnauthenticated,
  kForbidden,
  kNotFound,
  kConflict,
  kIdempotencyKeyReused,
  kIdempotencyKeyRequired,
  kIdempotencyKeyInvalid,
  kQueueFull,
  kQueueUnknown,
  kJobEnded,
  kJobNotCancelable,
  kJobNotDeadLetter,
  kJobNotEnded,
  kJobForgotten,
  kInvalidTransition,
  kLeaseLost,
  kResultInvalid,
  kPayloadTooLarge,
  kCursorExpired,
  kCursorInvalid,
  kDeadlineExceeded,
  kCancelled,
  kUnavailable,
  kStoreFull,
  kStoreReadOnly,
  kStoreCorrupt,
  kStoreTooNew,
  kStoreLocked,
  kSchemaInvalid,
  kSchemaIncompatible,
  kConfigInvalid,
  kAddressInUse,
  kProtocolError,
  kResourceExhausted,
  kInternal,
};

/// Wire name of `code`, such as "IDEMPOTENCY_KEY_REUSED".
std::string_view to_string(ErrorCode code) noexcept;

/// Whether the same request may succeed later without being changed.
bool is_retryable(ErrorCode code) noexcept;

/// An expected failure: a code for programs and a text for people. Nobody parses the text.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  /// How long to leave at least before the same request, where that is known.
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;

  friend bool operator==(const Error&, const Error&) = default;
};

}  // namespace errand
