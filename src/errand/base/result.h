#pragma once

#include <expected>
#include <string>
#include <utility>

#include "errand/base/error.h"

namespace errand {

/// A value or an expected failure. `return fail(code, text)` makes an error,
/// `return std::unexpected(r.error())` passes one on.
template <class T>
using Result = std::expected<T, Error>;

/// Makes the error side of a Result.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace errand
