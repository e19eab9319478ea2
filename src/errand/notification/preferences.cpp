#include "errand/notification/preferences.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::notification {
namespace {

namespace json = boost::json;

constexpr std::array kReasons{WhyNot::kOptedOut,       WhyNot::kChannelOff,   WhyNot::kCategoryOff,
                              WhyNot::kAllOff,         WhyNot::kOffByDefault, WhyNot::kQuietHours,
                              WhyNot::kDigest,         WhyNot::kNoRecipient,  WhyNot::kBadAddress,
                              WhyNot::kChannelMissing, WhyNot::kPolicyGone,   WhyNot::kJobGone};

/// The most specific choice that says something by `member`; nullptr: none does.
template <class T>
const Preferences::Choice* chosen(const Preferences& preferences, const DecisionInput& input,
                                  std::optional<T> Preferences::Choice::* member) {
  const auto find = [&](std::string_view category,
                        std::optional<NotifyChannel> channel) -> const Preferences::Choice* {
    const auto found =
        std::ranges::find_if(preferences.choices, [&](const Preferences::Choice& choice) {
          return choice.category == category && choice.channel == channel && choice.*member;
        });
    return found == preferences.choices.end() ? nullptr : &*found;
  };
  if (const auto* both = find(input.category, input.channel)) return both;
  if (const auto* of_channel = find("", input.channel)) return of_channel;
  if (const auto* of_category = find(input.category, std::nullopt)) return of_category;
  return find("", std::nullopt);
}

WhyNot reason_of(const Preferences::Choice& choice) {
  if (!choice.category.empty() && choice.channel) return WhyNot::kOptedOut;
  if (choice.channel) return WhyNot::kChannelOff;
  return choice.category.empty() ? WhyNot::kAllOff : WhyNot::kCategoryOff;
}

/// The end of the window of length `every` in which `now` lies; windows follow each other from the
/// epoch on, so that all messages of one agree about it.
Timestamp window_end(Timestamp now, Milliseconds every) {
  const auto passed = now.time_since_epoch() % every;
  return now - passed + every;
}

std::string clock_text(std::uint16_t minutes) {
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

std::optional<std::uint16_t> parse_clock(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  int hour = 0;
  int minute = 0;
  const char* begin = text.data();
  const auto a = std::from_chars(begin, begin + 2, hour);
  const auto b = std::from_chars(begin + 3, begin + 5, minute);
  if (a.ptr != begin + 2 || b.ptr != begin + 5 || hour > 23 || minute > 59) return std::nullopt;
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

std::string_view text_member(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

bool read_choice(const json::value& value, Preferences& into) {
  const auto* object = value.if_object();
  if (object == nullptr) return false;
  Preferences::Choice choice{.category = std::string(text_member(*object, "category"))};
  if (const auto channel = text_member(*object, "channel"); !channel.empty()) {
    choice.channel = contract::parse_notify_channel(channel);
    if (!choice.channel) return false;
  }
  if (const auto* enabled = object->if_contains("enabled")) {
    if (!enabled->is_bool()) return false;
    choice.enabled = enabled->get_bool();
  }
  if (const auto* digest = object->if_contains("digestMs")) {
    if (!digest->is_int64()) return false;
    choice.digest = Milliseconds(digest->get_int64());
  }
  into.choices.push_back(std::move(choice));
  return true;
}

bool read_window(const json::value& value, QuietHours& into) {
  const auto* object = value.if_object();
  const auto* days = object == nullptr ? nullptr : object->if_contains("days");
  if (days == nullptr || !days->is_int64()) return false;
  const auto from = parse_clock(text_member(*object, "from"));
  const auto to = parse_clock(text_member(*object, "to"));
  if (!from || !to) return false;
  into.windows.push_back(
      {.days = static_cast<std::uint8_t>(days->get_int64()), .from = *from, .to = *to});
  return true;
}

}  // namespace

std::string Preferences::to_json() const {
  std::string text;
  errand::json::Writer out(text);
  out.begin_object();
  out.key("choices");
  out.begin_array();
  for (const Choice& choice : choices) {
    out.begin_object();
    if (!choice.category.empty()) {
      out.key("category");
      out.string(choice.category);
    }
    if (choice.channel) {
      out.key("channel");
      out.string(contract::to_string(*choice.channel));
    }
    if (choice.enabled) {
      out.key("enabled");
      out.boolean(*choice.enabled);
    }
    if (choice.digest) {
      out.key("digestMs");
      out.integer(choice.digest->count());
    }
    out.end_object();
  }
  out.end_array();
  out.key("zone");
  out.string(quiet.zone);
  out.key("quiet");
  out.begin_array();
  for (const QuietHours::Window& window : quiet.windows) {
    out.begin_object();
    out.key("days");
    out.unsigned_integer(window.days);
    out.key("from");
    out.string(clock_text(window.from));
    out.key("to");
    out.string(clock_text(window.to));
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return text;
}

std::optional<Preferences> parse_preferences(std::string_view text) {
  const auto value = errand::json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  Preferences preferences;
  preferences.quiet.zone = text_member(*object, "zone");
  if (const auto* choices = object->if_contains("choices")) {
    if (!choices->is_array()) return std::nullopt;
    for (const json::value& choice : choices->get_array()) {
      if (!read_choice(choice, preferences)) return std::nullopt;
    }
  }
  if (const auto* windows = object->if_contains("quiet")) {
    if (!windows->is_array()) return std::nullopt;
    for (const json::value& window : windows->get_array()) {
      if (!read_window(window, preferences.quiet)) return std::nullopt;
    }
  }
  return preferences;
}

namespace {

/// Whether windows cover each minute of the week.
bool leave_no_time(const std::vector<QuietHours::Window>& windows) {
  constexpr unsigned kDay = 1'440;
  constexpr unsigned kWeek = 7 * kDay;
  std::vector<bool> quiet(kWeek);
  for (const QuietHours::Window& window : windows) {
    const unsigned length =
        window.to > window.from ? window.to - window.from : window.to + kDay - window.from;
    for (unsigned day = 0; day < 7; ++day) {
      if ((window.days & (1U << day)) == 0) continue;
      for (unsigned i = 0; i < length; ++i) quiet[(day * kDay + window.from + i) % kWeek] = true;
    }
  }
  return std::ranges::all_of(quiet, std::identity());
}

}  // namespace

Result<void> check_preferences(const Preferences& preferences) {
  const auto invalid = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  if (preferences.choices.size() > kChoicesMax) {
    return invalid("There are more than 200 choices; leave out what is as the more general one.");
  }
  for (auto choice = preferences.choices.begin(); choice != preferences.choices.end(); ++choice) {
    if (!choice->category.empty() && !contract::is_notify_name(choice->category)) {
      return invalid(
          fmt::format("\"{}\" is no category: those are 1 to 64 of a-z, 0-9, \"-\" and \"_\".",
                      choice->category));
    }
    const bool again = std::any_of(preferences.choices.begin(), choice, [&](const auto& other) {
      return other.category == choice->category && other.channel == choice->channel;
    });
    if (again) {
      return invalid(
          fmt::format("There are two choices for {} over {}; leave one of them.",
                      choice->category.empty() ? "all categories" : "\"" + choice->category + "\"",
                      choice->channel ? contract::to_string(*choice->channel) : "all channels"));
    }
    if (choice->digest && *choice->digest != Milliseconds::zero() &&
        (*choice->digest < kDigestMin || *choice->digest > kDigestMax)) {
      return invalid("Messages are gathered for 1m to 7d, or not at all (0s).");
    }
  }
  if (!preferences.quiet.zone.empty() && !is_time_zone(preferences.quiet.zone)) {
    return invalid(fmt::format(
        "There is no time zone \"{}\"; write one of the IANA database, such as \"Europe/Vienna\".",
        preferences.quiet.zone));
  }
  if (preferences.quiet.windows.size() > kQuietWindowsMax) {
    return invalid("There are more than 21 quiet windows; name several days in one.");
  }
  for (const QuietHours::Window& window : preferences.quiet.windows) {
    if (window.days == 0 || window.days > 0x7f) {
      return invalid("A quiet window needs at least one day, such as MONDAY.");
    }
    if (window.from >= 1'440 || window.to >= 1'440) {
      return invalid("A time of day is written 22:00.");
    }
  }
  if (leave_no_time(preferences.quiet.windows)) {
    return invalid(
        "The quiet windows leave no time of the week in which a message could come; switch "
        "messages "
        "off instead, or leave a time.");
  }
  return {};
}

std::string_view to_string(WhyNot reason) noexcept {
  switch (reason) {
    case WhyNot::kOptedOut:
      return "OPTED_OUT";
    case WhyNot::kChannelOff:
      return "CHANNEL_OFF";
    case WhyNot::kCategoryOff:
      return "CATEGORY_OFF";
    case WhyNot::kAllOff:
      return "ALL_OFF";
    case WhyNot::kOffByDefault:
      return "OFF_BY_DEFAULT";
    case WhyNot::kQuietHours:
      return "QUIET_HOURS";
    case WhyNot::kDigest:
      return "DIGEST";
    case WhyNot::kNoRecipient:
      return "NO_RECIPIENT";
    case WhyNot::kBadAddress:
      return "BAD_ADDRESS";
    case WhyNot::kChannelMissing:
      return "CHANNEL_MISSING";
    case WhyNot::kPolicyGone:
      return "POLICY_GONE";
    case WhyNot::kJobGone:
      return "JOB_GONE";
  }
  return "OPTED_OUT";
}

std::optional<WhyNot> parse_why_not(std::string_view text) noexcept {
  for (const WhyNot reason : kReasons) {
    if (to_string(reason) == text) return reason;
  }
  return std::nullopt;
}

std::string_view describe(WhyNot reason) noexcept {
  switch (reason) {
    case WhyNot::kOptedOut:
      return "The user does not want this category over this channel.";
    case WhyNot::kChannelOff:
      return "The user wants nothing over this channel.";
    case WhyNot::kCategoryOff:
      return "The user does not want this category.";
    case WhyNot::kAllOff:
      return "The user wants no notifications.";
    case WhyNot::kOffByDefault:
      return "The category leaves this channel out until the user switches it on.";
    case WhyNot::kQuietHours:
      return "The user has quiet hours; it is sent when they end.";
    case WhyNot::kDigest:
      return "It is gathered with others and sent with them.";
    case WhyNot::kNoRecipient:
      return "There is no address or subscription under which the recipient can be reached.";
    case WhyNot::kBadAddress:
      return "What should be the recipient's mail address is none.";
    case WhyNot::kChannelMissing:
      return "The server's settings do not have this channel.";
    case WhyNot::kPolicyGone:
      return "The policy that asked for it is there no more.";
    case WhyNot::kJobGone:
      return "The job was deleted before it could be told of.";
  }
  return {};
}

Decision decide(const Preferences& preferences, const Categories& categories,
                const DecisionInput& input, Timestamp now) {
  using Kind = Decision::Kind;
  if (input.mandatory) return {};
  const auto defaults = categories.find(input.category);
  const bool known = defaults != categories.end();
  if (const auto* choice = chosen(preferences, input, &Preferences::Choice::enabled)) {
    if (!*choice->enabled) return {.kind = Kind::kSuppress, .reason = reason_of(*choice)};
  } else if (known &&
             std::ranges::find(defaults->second.off, input.channel) != defaults->second.off.end()) {
    return {.kind = Kind::kSuppress, .reason = WhyNot::kOffByDefault};
  }
  // An inbox disturbs nobody, and gathers by itself.
  if (input.channel == NotifyChannel::kInApp) return {};
  if (const auto until = preferences.quiet.quiet_until(now)) {
    return {.kind = Kind::kHold, .reason = WhyNot::kQuietHours, .until = until};
  }
  std::optional<Milliseconds> digest;
  if (const auto* choice = chosen(preferences, input, &Preferences::Choice::digest)) {
    digest = choice->digest;
  } else if (known) {
    digest = defaults->second.digest;
  }
  if (digest && *digest > Milliseconds::zero()) {
    return {.kind = Kind::kGather, .reason = WhyNot::kDigest, .until = window_end(now, *digest)};
  }
  return {};
}

}  // namespace errand::notification
