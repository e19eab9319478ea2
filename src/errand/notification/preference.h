#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/notification/channel.h"

/// What people want to be told, and what follows for one message. All of it is pure: time comes as
/// a value, and of files only the zone database of the machine is read.
namespace errand::notification {

// Bounds of what one person may set.
inline constexpr std::size_t kPreferenceRulesMax = 200;
inline constexpr std::size_t kQuietWindowsMax = 50;
inline constexpr std::size_t kCategoryBytesMax = 64;
inline constexpr Milliseconds kDigestWindowMin{60'000};
inline constexpr Milliseconds kDigestWindowMax{7LL * 24 * 3'600'000};

/// Whether `text` can be a category: 1 to 64 of a-z, A-Z, 0-9, ".", "-", "_".
[[nodiscard]] bool is_category(std::string_view text);

/// What someone wants of a category, a channel, or both. Exactly one rule for each such pair.
struct PreferenceRule {
  std::string category;                ///< empty: every category
  std::optional<ChannelKind> channel;  ///< nullopt: every channel
  std::optional<bool> enabled;         ///< nullopt: as the next less specific rule says
  /// Messages of this length of time come together in one; 0: each alone; nullopt: inherited.
  std::optional<Milliseconds> digest;

  friend bool operator==(const PreferenceRule&, const PreferenceRule&) = default;
};

/// A time of the week in which nothing is to come, in local time.
struct QuietWindow {
  std::uint8_t weekdays = 0;  ///< bit 0: it begins on Monday, ... bit 6: on Sunday; not 0
  std::uint16_t from = 0;     ///< minutes since midnight, 0..1439; inclusive
  std::uint16_t until = 0;    ///< 0..1440, exclusive; not after `from`: it ends on the next day

  friend bool operator==(const QuietWindow&, const QuietWindow&) = default;
};

/// When someone is not to be disturbed.
struct QuietHours {
  std::string zone;  ///< of the IANA database: "Europe/Vienna"
  std::vector<QuietWindow> windows;

  friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

/// What one person wants. A plain value; stored as JSON.
struct Preferences {
  std::vector<PreferenceRule> rules;
  std::optional<QuietHours> quiet;

  /// {"rules": [{"category": "billing", "channel": "MAIL", "enabled": false, "digestMs": 3600000}],
  ///  "quiet": {"zone": "Europe/Vienna",
  ///            "windows": [{"days": ["MON"], "from": "22:00", "until": "07:00"}]}}
  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const Preferences&, const Preferences&) = default;
};

/// Reads Preferences::to_json(), from a record or from a client.
/// @return kBadUserInput naming the member and what it takes; also for a zone that this machine
///         does not know, for two rules of one pair, and for quiet hours that never end
Result<Preferences> parse_preferences(std::string_view json);

/// Checks what parse_preferences() checks.
Result<void> check(const Preferences& preferences);

/// "MON" .. "SUN", by the bit of QuietWindow::weekdays.
inline constexpr std::array<std::string_view, 7> kWeekdayNames = {"MON", "TUE", "WED", "THU",
                                                                  "FRI", "SAT", "SUN"};

/// When the quiet hours that hold at `now` end; nullopt: none hold. Windows that touch count as
/// one. A boundary at a local time that the clocks skip lies at the moment of the change; one that
/// comes twice counts the first time.
std::optional<Timestamp> quiet_until(const QuietHours& quiet, Timestamp now);

/// Whether this machine knows that zone.
[[nodiscard]] bool is_time_zone(std::string_view zone);

/// What a category does for those who set nothing.
struct CategoryDefault {
  /// By channel, in the order of ChannelKind.
  std::array<bool, 4> enabled = {true, true, true, true};
  std::array<Milliseconds, 4> digest = {};  ///< 0: each message alone

  friend bool operator==(const CategoryDefault&, const CategoryDefault&) = default;
};

/// Why a message was decided on as it was. The names are public and stable (whyNotSent).
enum class DecisionReason : std::uint8_t {
  // What let it be sent, or kept it from being sent, strongest first:
  kMandatory,            ///< "MANDATORY"
  kUserCategoryChannel,  ///< "USER_CATEGORY_CHANNEL"
  kUserChannel,          ///< "USER_CHANNEL"
  kUserCategory,         ///< "USER_CATEGORY"
  kCategoryDefault,      ///< "CATEGORY_DEFAULT"
  // What delays it:
  kQuietHours,    ///< "QUIET_HOURS": held until they end
  kDigestWindow,  ///< "DIGEST_WINDOW": it comes with others
  // What keeps it from being sent, whatever is wanted:
  kNoAddress,   ///< "NO_ADDRESS": the recipient has none for this channel
  kBadAddress,  ///< "BAD_ADDRESS": what should be a mail address is none
  kChannelOff,  ///< "CHANNEL_OFF": this server has no such channel set up
  kJobGone,     ///< "JOB_GONE": the job was deleted before
  kPolicyGone,  ///< "POLICY_GONE": the settings or the schema no longer have the policy
};
std::string_view to_string(DecisionReason reason) noexcept;
std::optional<DecisionReason> parse_decision_reason(std::string_view text) noexcept;

/// What is to become of a message now.
enum class Verdict : std::uint8_t { kSend, kSuppress, kHold, kDigest };

struct Decision {
  Verdict verdict = Verdict::kSend;
  DecisionReason reason = DecisionReason::kCategoryDefault;
  Timestamp until{};       ///< kHold: when to decide again
  Milliseconds window{0};  ///< kDigest: from its first message on

  friend bool operator==(const Decision&, const Decision&) = default;
};

/// A message to decide on.
struct DecisionInput {
  ChannelKind channel = ChannelKind::kMail;
  std::string_view category;
  bool mandatory = false;
  bool is_digest = false;  ///< it is a digest itself: it joins no other
};

/// In this order (docs/operating/notifications.md): mandatory; the user's rule for category and
/// channel, for the channel, for the category; the category's default. Of what is then to be sent,
/// quiet hours hold back what is neither mandatory nor for the inbox, and a digest window, found in
/// the same order, gathers what is not mandatory. Limits on rates are the engine's.
Decision decide(const DecisionInput& message, const Preferences& preferences,
                const CategoryDefault& defaults, Timestamp now);

/// How someone can be reached.
struct Contact {
  std::string mail;    ///< empty: not by mail
  std::string locale;  ///< BCP 47: "de-AT"; empty: the server's
};

/// Where preferences and contacts are kept. Thread-safe. Its functions block on the store: call
/// them on a pool.
class PreferenceBook {
 public:
  virtual ~PreferenceBook() = default;

  /// What `person` wants; a person unknown wants nothing special. `person` is recipient_identity():
  /// a subject, or "mailto:" with an address where no subject is known.
  virtual Result<Preferences> preferences(const TenantId& tenant,
                                          const SubjectId& person) const = 0;
  /// How `subject` can be reached; empty members where that is not known.
  virtual Result<Contact> contact(const TenantId& tenant, const SubjectId& subject) const = 0;
  /// The page on which `person` ends messages of that category on that channel (RFC 8058); empty
  /// where there is none. Does not block.
  virtual std::string unsubscribe_url(const TenantId& tenant, const SubjectId& person,
                                      std::string_view category, ChannelKind channel) const = 0;
};

}  // namespace errand::notification
