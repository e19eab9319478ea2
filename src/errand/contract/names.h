#pragma once

#include <string>
#include <string_view>

namespace errand::contract {

/// The names that Errand's own types, fields and arguments have in the served schema. With the
/// prefix "Errand" the type Job is ErrandJob, and the field cancelJob is errandCancelJob. A value
/// type.
class Names {
 public:
  Names() = default;
  /// @param prefix            `[schema] prefix`, a GraphQL name or empty
  /// @param options_argument  `[schema] options_argument`
  Names(std::string_view prefix, std::string_view options_argument);

  /// "Job" -> "Job" or "ErrandJob". Scalars (DateTime, Duration, JSON, UUID) keep their names.
  [[nodiscard]] std::string type(std::string_view name) const;
  /// "cancelJob" -> "cancelJob" or "errandCancelJob". For root fields only.
  [[nodiscard]] std::string field(std::string_view name) const;
  /// The object type of a mutation: "exportReport" and "exportReportJob" -> "ExportReportJob".
  [[nodiscard]] std::string job_object(std::string_view mutation) const;
  /// The argument of every job mutation that takes JobOptions.
  [[nodiscard]] const std::string& options_argument() const noexcept { return options_argument_; }

  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }

 private:
  std::string prefix_;
  std::string options_argument_ = "options";
};

/// A prefix to recommend where none is set.
inline constexpr std::string_view kSuggestedPrefix = "Errand";

}  // namespace errand::contract
