#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "errand/base/ids.h"
#include "errand/base/result.h"

namespace errand::worker {

/// What the gateway asks of the schema. Thread-safe; outlives the gateway.
class JobTypes {
 public:
  virtual ~JobTypes() = default;

  /// Whether the schema has a job of that type.
  [[nodiscard]] virtual bool knows(const JobTypeName& type) const = 0;

  /// Whether the server runs jobs of that type itself (push, a command, a handler in process), so
  /// that no connected worker gets one.
  [[nodiscard]] virtual bool hosted(const JobTypeName& type) const = 0;

  /// Whether the label of that name decides which workers may have jobs of that type.
  [[nodiscard]] virtual bool routes_by(const JobTypeName& type, std::string_view label) const = 0;

  /// Holds the result of a job that is not internal against the mutation's type in the SDL (null,
  /// enum, list, __typename).
  /// @return the JSON text to store; kResultInvalid with the path of what does not fit, such as
  ///         "result.files[0].bytes: expected Int!, found null".
  [[nodiscard]] virtual Result<std::string> check_result(
      const JobTypeName& type, const boost::json::value& result) const = 0;
};

}  // namespace errand::worker
