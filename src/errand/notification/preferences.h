#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/notification/channel.h"
#include "errand/notification/quiet_hours.h"

namespace errand::notification {

/// What one user wants to hear, and how. A plain value.
struct Preferences {
  /// For one category or all, over one channel or all.
  struct Choice {
    std::string category;                  ///< empty: all
    std::optional<NotifyChannel> channel;  ///< nullopt: all
    std::optional<bool> enabled;           ///< nullopt: what is more general decides
    std::optional<Milliseconds> digest;    ///< gathered for so long; zero: not; nullopt: as above

    friend bool operator==(const Choice&, const Choice&) = default;
  };

  std::vector<Choice> choices;  ///< each category and channel once
  QuietHours quiet;

  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const Preferences&, const Preferences&) = default;
};
inline constexpr std::size_t kChoicesMax = 200;
inline constexpr std::size_t kQuietWindowsMax = 21;
inline constexpr Milliseconds kDigestMin{60'000};
inline constexpr Milliseconds kDigestMax{7LL * 24 * 3'600'000};

/// @return nullopt for what Preferences::to_json() did not write
std::optional<Preferences> parse_preferences(std::string_view json);

/// @return kInvalidArgument saying what is wrong with them and what to write instead
Result<void> check_preferences(const Preferences& preferences);

/// What the settings say of a category: `[notifications.categories.NAME]`.
struct CategoryDefaults {
  std::string title;                   ///< for people; empty: the name
  std::vector<NotifyChannel> off;      ///< channels that users have to switch on
  std::optional<Milliseconds> digest;  ///< gathered for so long, where a user does not choose

  friend bool operator==(const CategoryDefaults&, const CategoryDefaults&) = default;
};
using Categories = std::map<std::string, CategoryDefaults, std::less<>>;

/// Why a message was not sent, or not yet. The names are stable.
enum class WhyNot : std::uint8_t {
  kOptedOut,        ///< of this category over this channel
  kChannelOff,      ///< of everything over this channel
  kCategoryOff,     ///< of this category over every channel
  kAllOff,          ///< of everything
  kOffByDefault,    ///< the category's defaults leave the channel out
  kQuietHours,      ///< held
  kDigest,          ///< gathered with others
  kNoRecipient,     ///< there is no address, no subscription
  kBadAddress,      ///< what should be an address of mail is none
  kChannelMissing,  ///< the settings do not have the channel
  kPolicyGone,      ///< it is in neither schema nor settings any more
  kJobGone,         ///< the job was deleted before
};
std::string_view to_string(WhyNot reason) noexcept;  ///< "OPTED_OUT", ...
std::optional<WhyNot> parse_why_not(std::string_view text) noexcept;
/// A sentence for people.
std::string_view describe(WhyNot reason) noexcept;

/// What is to become of a message now.
struct Decision {
  enum class Kind : std::uint8_t { kSend, kSuppress, kHold, kGather };

  Kind kind = Kind::kSend;
  WhyNot reason{};                 ///< but for kSend
  std::optional<Timestamp> until;  ///< kHold: then it is decided anew; kGather: the window's end

  friend bool operator==(const Decision&, const Decision&) = default;
};

/// What a decision is about.
struct DecisionInput {
  std::string_view category;
  NotifyChannel channel = NotifyChannel::kEmail;
  bool mandatory = false;
};

/// Decides, in this order:
///
/// 1. what is mandatory is sent at once;
/// 2. the user's choice for the category and the channel, else for the channel, else for the
///    category, else for all, else the category's default says whether it is sent at all;
/// 3. in quiet hours it is held until they end; what goes to the inbox is not, as that disturbs
///    nobody;
/// 4. where the user, or the category, gathers messages, it waits for the end of the window.
Decision decide(const Preferences& preferences, const Categories& categories,
                const DecisionInput& input, Timestamp now);

}  // namespace errand::notification
