#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace errand::contract {

/// What of a job people can be told about.
enum class Milestone : std::uint8_t {
  kEnqueued,
  kStarted,   ///< the first attempt of a run
  kProgress,  ///< a share of the work is done
  kWaiting,   ///< suspended: it may wait for a person
  kOverdue,   ///< it takes longer than nine in ten of its kind
  kSucceeded,
  kFailed,
  kDeadLettered,  ///< failed, and waits for an operator
  kCanceled,
  kExpired,
};
inline constexpr std::array kMilestones{
    Milestone::kEnqueued, Milestone::kStarted,   Milestone::kProgress, Milestone::kWaiting,
    Milestone::kOverdue,  Milestone::kSucceeded, Milestone::kFailed,   Milestone::kDeadLettered,
    Milestone::kCanceled, Milestone::kExpired};
std::string_view to_string(Milestone milestone) noexcept;  ///< "ENQUEUED", ...
std::optional<Milestone> parse_milestone(std::string_view text) noexcept;

/// How people are told.
enum class NotifyChannel : std::uint8_t { kEmail, kWebPush, kInApp, kChat };
inline constexpr std::array kNotifyChannels{NotifyChannel::kEmail, NotifyChannel::kWebPush,
                                            NotifyChannel::kInApp, NotifyChannel::kChat};
std::string_view to_string(NotifyChannel channel) noexcept;  ///< "EMAIL", "WEB_PUSH", ...
std::optional<NotifyChannel> parse_notify_channel(std::string_view text) noexcept;

/// Whom a rule tells: the subject that submitted the job, what an argument names, or a group of the
/// settings.
struct NotifyTarget {
  enum class Kind : std::uint8_t { kPrincipal, kArgument, kGroup };

  Kind kind = Kind::kPrincipal;
  std::string name;  ///< path of the argument ("input.email"), or of the group; else empty

  [[nodiscard]] std::string str() const;  ///< as parse_notify_target() reads it

  friend bool operator==(const NotifyTarget&, const NotifyTarget&) = default;
};

/// "principal", "group:NAME", or a path into a mutation's arguments.
/// @return nullopt for a text that can be none of them
std::optional<NotifyTarget> parse_notify_target(std::string_view text);

/// Who is told when, and how: one @notify, or one policy of the settings.
struct NotifyRule {
  std::vector<Milestone> on;            ///< not empty
  std::vector<NotifyChannel> channels;  ///< not empty
  std::vector<NotifyTarget> to;         ///< not empty
  std::string category;                 ///< what users choose by
  bool mandatory = false;               ///< it goes out whatever they chose
  std::string template_name;            ///< empty: the server's own texts
  std::vector<double> progress;         ///< shares of kProgress, ascending, within (0, 1)

  friend bool operator==(const NotifyRule&, const NotifyRule&) = default;
};

/// The category of rules that name none.
inline constexpr std::string_view kDefaultCategory = "jobs";

/// Whether `text` can be a category's, template's or group's name: 1 to 64 of a-z, 0-9, "-", "_".
[[nodiscard]] bool is_notify_name(std::string_view text);

/// What is wrong with a rule's `progress`; empty if nothing is. Sorts it.
std::string check_shares(std::vector<double>& shares);

}  // namespace errand::contract
