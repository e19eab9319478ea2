#include "errand/base/error.h"

namespace errand {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kGraphqlParseFailed:
      return "GRAPHQL_PARSE_FAILED";
    case ErrorCode::kGraphqlValidationFailed:
      return "GRAPHQL_VALIDATION_FAILED";
    case ErrorCode::kBadUserInput:
      return "BAD_USER_INPUT";
    case ErrorCode::kConstraintViolation:
      return "CONSTRAINT_VIOLATION";
    case ErrorCode::kOperationResolutionFailure:
      return "OPERATION_RESOLUTION_FAILURE";
    case ErrorCode::kMixedOperation:
      return "MIXED_OPERATION";
    case ErrorCode::kLimitExceeded:
      return "LIMIT_EXCEEDED";
    case ErrorCode::kMaxQueryBytesLimit:
      return "MAX_QUERY_BYTES_LIMIT";
    case ErrorCode::kMaxTokensLimit:
      return "MAX_TOKENS_LIMIT";
    case ErrorCode::kMaxRecursionLimit:
      return "MAX_RECURSION_LIMIT";
    case ErrorCode::kMaxDepthLimit:
      return "MAX_DEPTH_LIMIT";
    case ErrorCode::kMaxHeightLimit:
      return "MAX_HEIGHT_LIMIT";
    case ErrorCode::kMaxAliasesLimit:
      return "MAX_ALIASES_LIMIT";
    case ErrorCode::kMaxRootFieldsLimit:
      return "MAX_ROOT_FIELDS_LIMIT";
    case ErrorCode::kMaxDirectivesLimit:
      return "MAX_DIRECTIVES_LIMIT";
    case ErrorCode::kMaxCostLimit:
      return "MAX_COST_LIMIT";
    case ErrorCode::kMaxListSizeLimit:
      return "MAX_LIST_SIZE_LIMIT";
    case ErrorCode::kIntrospectionDisabled:
      return "INTROSPECTION_DISABLED";
    case ErrorCode::kPersistedQueryNotFound:
      return "PERSISTED_QUERY_NOT_FOUND";
    case ErrorCode::kPersistedQueryNotSupported:
      return "PERSISTED_QUERY_NOT_SUPPORTED";
    case ErrorCode::kDocumentNotTrusted:
      return "DOCUMENT_NOT_TRUSTED";
    case ErrorCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    case ErrorCode::kForbidden:
      return "FORBIDDEN";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kConflict:
      return "CONFLICT";
    case ErrorCode::kIdempotencyKeyReused:
      return "IDEMPOTENCY_KEY_REUSED";
    case ErrorCode::kIdempotencyKeyRequired:
      return "IDEMPOTENCY_KEY_REQUIRED";
    case ErrorCode::kIdempotencyKeyInvalid:
      return "IDEMPOTENCY_KEY_INVALID";
    case ErrorCode::kQueueFull:
      return "QUEUE_FULL";
    case ErrorCode::kQueueUnknown:
      return "QUEUE_UNKNOWN";
    case ErrorCode::kJobEnded:
      return "JOB_ENDED";
    case ErrorCode::kJobNotCancelable:
      return "JOB_NOT_CANCELABLE";
    case ErrorCode::kJobNotDeadLetter:
      return "JOB_NOT_DEAD_LETTER";
    case ErrorCode::kJobNotEnded:
      return "JOB_NOT_ENDED";
    case ErrorCode::kJobForgotten:
      return "JOB_FORGOTTEN";
    case ErrorCode::kInvalidTransition:
      return "INVALID_TRANSITION";
    case ErrorCode::kLeaseLost:
      return "LEASE_LOST";
    case ErrorCode::kResultInvalid:
      return "RESULT_INVALID";
    case ErrorCode::kPayloadTooLarge:
      return "PAYLOAD_TOO_LARGE";
    case ErrorCode::kCursorExpired:
      return "CURSOR_EXPIRED";
    case ErrorCode::kCursorInvalid:
      return "CURSOR_INVALID";
    case ErrorCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case ErrorCode::kCancelled:
      return "CANCELLED";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kStoreFull:
      return "STORE_FULL";
    case ErrorCode::kStoreReadOnly:
      return "STORE_READ_ONLY";
    case ErrorCode::kStoreCorrupt:
      return "STORE_CORRUPT";
    case ErrorCode::kStoreTooNew:
      return "STORE_TOO_NEW";
    case ErrorCode::kStoreLocked:
      return "STORE_LOCKED";
    case ErrorCode::kSchemaInvalid:
      return "SCHEMA_INVALID";
    case ErrorCode::kSchemaIncompatible:
      return "SCHEMA_INCOMPATIBLE";
    case ErrorCode::kConfigInvalid:
      return "CONFIG_INVALID";
    case ErrorCode::kAddressInUse:
      return "ADDRESS_IN_USE";
    case ErrorCode::kProtocolError:
      return "PROTOCOL_ERROR";
    case ErrorCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case ErrorCode::kInternal:
      return "INTERNAL";
  }
  return "INTERNAL";
}

bool is_retryable(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kQueueFull:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kUnavailable:
    case ErrorCode::kStoreFull:
    case ErrorCode::kStoreLocked:
    case ErrorCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace errand
