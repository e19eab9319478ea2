#include "errand/notification/preference.h"

#include <algorithm>
#include <utility>

namespace errand::notification {
namespace {

constexpr std::array<std::pair<DecisionReason, std::string_view>, 12> kReasonNames{
    {{DecisionReason::kMandatory, "MANDATORY"},
     {DecisionReason::kUserCategoryChannel, "USER_CATEGORY_CHANNEL"},
     {DecisionReason::kUserChannel, "USER_CHANNEL"},
     {DecisionReason::kUserCategory, "USER_CATEGORY"},
     {DecisionReason::kCategoryDefault, "CATEGORY_DEFAULT"},
     {DecisionReason::kQuietHours, "QUIET_HOURS"},
     {DecisionReason::kDigestWindow, "DIGEST_WINDOW"},
     {DecisionReason::kNoAddress, "NO_ADDRESS"},
     {DecisionReason::kBadAddress, "BAD_ADDRESS"},
     {DecisionReason::kChannelOff, "CHANNEL_OFF"},
     {DecisionReason::kJobGone, "JOB_GONE"},
     {DecisionReason::kPolicyGone, "POLICY_GONE"}}};

/// The rules of a person that say something of a message, most specific first.
struct Matching {
  const PreferenceRule* category_channel = nullptr;
  const PreferenceRule* channel = nullptr;
  const PreferenceRule* category = nullptr;
};

Matching matching(const Preferences& preferences, const DecisionInput& message) {
  Matching found;
  for (const PreferenceRule& rule : preferences.rules) {
    const bool of_category = !rule.category.empty();
    if (of_category && rule.category != message.category) continue;
    if (rule.channel && *rule.channel != message.channel) continue;
    if (of_category && rule.channel) found.category_channel = &rule;
    if (!of_category && rule.channel) found.channel = &rule;
    if (of_category && !rule.channel) found.category = &rule;
  }
  return found;
}

/// The first of the rules that says something by `member`, with its reason.
template <class T>
std::pair<T, DecisionReason> resolve(const Matching& rules,
                                     std::optional<T> PreferenceRule::* member, T otherwise) {
  const std::array<std::pair<const PreferenceRule*, DecisionReason>, 3> order{
      {{rules.category_channel, DecisionReason::kUserCategoryChannel},
       {rules.channel, DecisionReason::kUserChannel},
       {rules.category, DecisionReason::kUserCategory}}};
  for (const auto& [rule, reason] : order) {
    if (rule != nullptr && rule->*member) return {*(rule->*member), reason};
  }
  return {otherwise, DecisionReason::kCategoryDefault};
}

}  // namespace

bool is_category(std::string_view text) {
  return !text.empty() && text.size() <= kCategoryBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

std::string_view to_string(DecisionReason reason) noexcept {
  for (const auto& [value, name] : kReasonNames) {
    if (value == reason) return name;
  }
  return {};
}

std::optional<DecisionReason> parse_decision_reason(std::string_view text) noexcept {
  for (const auto& [value, name] : kReasonNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

Decision decide(const DecisionInput& message, const Preferences& preferences,
                const CategoryDefault& defaults, Timestamp now) {
  if (message.mandatory) {
    return {.verdict = Verdict::kSend, .reason = DecisionReason::kMandatory};
  }
  const auto channel = static_cast<std::size_t>(message.channel);
  const Matching rules = matching(preferences, message);
  const auto [enabled, reason] =
      resolve<bool>(rules, &PreferenceRule::enabled, defaults.enabled.at(channel));
  if (!enabled) return {.verdict = Verdict::kSuppress, .reason = reason};
  // The inbox disturbs nobody.
  if (message.channel != ChannelKind::kInbox && preferences.quiet) {
    if (const auto until = quiet_until(*preferences.quiet, now)) {
      return {.verdict = Verdict::kHold, .reason = DecisionReason::kQuietHours, .until = *until};
    }
  }
  if (!message.is_digest) {
    const Milliseconds window =
        resolve<Milliseconds>(rules, &PreferenceRule::digest, defaults.digest.at(channel)).first;
    if (window > Milliseconds::zero()) {
      return {
          .verdict = Verdict::kDigest, .reason = DecisionReason::kDigestWindow, .window = window};
    }
  }
  return {.verdict = Verdict::kSend, .reason = reason};
}

}  // namespace errand::notification
