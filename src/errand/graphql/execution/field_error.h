#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/base/error.h"

namespace errand::graphql::execution {

/// Why a resolver could not give its field a value. Becomes an execution error with the field's
/// path and locations; the field itself becomes null (spec, 6.4.4).
struct FieldError {
  FieldError(Error error)  // NOLINT(google-explicit-constructor): `std::unexpected(r.error())`
      : code(error.code), message(std::move(error.message)) {}
  FieldError(ErrorCode error_code, std::string text) : code(error_code), message(std::move(text)) {}
  FieldError(ErrorCode error_code, std::string text, boost::json::object more)
      : code(error_code), message(std::move(text)), extensions(std::move(more)) {}

  /// Becomes `extensions.code`; nullopt leaves the code to `extensions`.
  std::optional<ErrorCode> code;
  std::string message;
  /// Further members of `extensions`, such as `http: {status: 422}`.
  boost::json::object extensions;
};

template <class T>
using FieldResult = std::expected<T, FieldError>;

/// Makes the error side of a FieldResult.
[[nodiscard]] inline std::unexpected<FieldError> field_error(ErrorCode code, std::string message,
                                                             boost::json::object extensions = {}) {
  return std::unexpected(FieldError(code, std::move(message), std::move(extensions)));
}

}  // namespace errand::graphql::execution
