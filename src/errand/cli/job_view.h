#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace errand::cli {

/// Fields of `Job` that the client commands select.
inline constexpr std::string_view kJobFields =
    "__typename id type status queue priority tags correlationId "
    "progress { completed total fraction stage message } run attempt maxAttempts createdAt "
    "scheduledFor startedAt finishedAt deadline error { code message details retryable remediation "
    "} "
    "nextSteps";

/// A value of an answer, for people: "-" for null, and nothing in it that a terminal would obey.
std::string printable(const boost::json::value& value);

/// A job as the server sent it, for printing. Borrows the JSON object.
class JobView {
 public:
  explicit JobView(const boost::json::object& job) : job_(job) {}

  [[nodiscard]] std::string id() const { return text("id"); }
  [[nodiscard]] std::string type() const { return text("type"); }
  [[nodiscard]] std::string status() const { return text("status"); }
  [[nodiscard]] bool ended() const;

  /// Exit status for a command that followed the job to its end.
  [[nodiscard]] int exit_status() const;

  /// One line for lists: id, status, type, queue, age and progress.
  [[nodiscard]] std::string line() const;

  /// The progress as a bar of `width` cells with share, stage and message; only the status while
  /// there is none.
  [[nodiscard]] std::string progress_line(int width) const;

  /// All fields that have a value, one a line; result or error at the end.
  [[nodiscard]] std::string details() const;

  /// A line for the end: "SUCCEEDED after 4.2s, attempt 1 of 5", or the error.
  [[nodiscard]] std::string summary() const;

 private:
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] const boost::json::object* object(std::string_view key) const;

  const boost::json::object& job_;
};

/// A value as indented JSON, two spaces a level.
std::string pretty(const boost::json::value& value);

}  // namespace errand::cli
