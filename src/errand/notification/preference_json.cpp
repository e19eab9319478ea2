#include <algorithm>
#include <bitset>
#include <charconv>
#include <set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/preference.h"

namespace errand::notification {
namespace {

constexpr std::size_t kMinutesOfDay = 24 * 60;

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorCode::kBadUserInput, std::move(message));
}

std::string_view text_of(const boost::json::value& value) {
  const auto* text = value.if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

std::string clock_text(std::uint16_t minutes) {
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

/// "07:30" as minutes since midnight; "24:00" is the end of the day.
std::optional<std::uint16_t> parse_clock(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  unsigned hours = 0;
  unsigned minutes = 0;
  const auto number = [](std::string_view digits, unsigned& into) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, into);
    return error == std::errc{} && end == digits.data() + 2;
  };
  if (!number(text.substr(0, 2), hours) || !number(text.substr(3, 2), minutes)) return std::nullopt;
  if (minutes > 59 || hours * 60 + minutes > kMinutesOfDay) return std::nullopt;
  return static_cast<std::uint16_t>(hours * 60 + minutes);
}

Result<PreferenceRule> read_rule(const boost::json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr) return wrong("rules: a rule is an object.");
  PreferenceRule rule;
  for (const auto& [name, member] : *object) {
    if (member.is_null()) continue;
    if (name == "category" && member.is_string()) {
      rule.category = std::string(text_of(member));
    } else if (name == "channel") {
      rule.channel = parse_channel_kind(text_of(member));
      if (!rule.channel) return wrong("rules: channel is MAIL, WEB_PUSH, INBOX or SLACK.");
    } else if (name == "enabled" && member.is_bool()) {
      rule.enabled = member.get_bool();
    } else if (name == "digestMs" && member.is_int64()) {
      rule.digest = Milliseconds(member.get_int64());
    } else {
      return wrong(
          fmt::format("rules: {} is no member of a rule, or not of its kind; there are "
                      "category, channel, enabled and digestMs.",
                      std::string_view(name)));
    }
  }
  return rule;
}

Result<QuietWindow> read_window(const boost::json::value& value) {
  const auto bad = [] {
    return wrong(
        "quiet: a window is {\"days\": [\"MON\"], \"from\": \"22:00\", \"until\": \"07:00\"}.");
  };
  const auto* object = value.if_object();
  const auto* days = object == nullptr ? nullptr : object->if_contains("days");
  const auto* from = object == nullptr ? nullptr : object->if_contains("from");
  const auto* until = object == nullptr ? nullptr : object->if_contains("until");
  if (days == nullptr || !days->is_array() || from == nullptr || until == nullptr) return bad();
  QuietWindow window;
  for (const auto& day : days->get_array()) {
    const auto* const found = std::ranges::find(kWeekdayNames, text_of(day));
    if (found == kWeekdayNames.end()) return bad();
    window.weekdays |= static_cast<std::uint8_t>(1U << (found - kWeekdayNames.begin()));
  }
  const auto begin = parse_clock(text_of(*from));
  const auto end = parse_clock(text_of(*until));
  if (!begin || !end) return bad();
  window.from = *begin;
  window.until = *end;
  return window;
}

/// Whether some minute of a week is in no window, by the clock on the wall.
bool leaves_an_opening(const QuietHours& quiet) {
  constexpr std::size_t kMinutesOfWeek = 7 * kMinutesOfDay;
  std::bitset<kMinutesOfWeek> covered;
  for (const QuietWindow& window : quiet.windows) {
    const std::size_t length =
        window.until - window.from + (window.until <= window.from ? kMinutesOfDay : 0);
    for (std::size_t day = 0; day < 7; ++day) {
      if ((window.weekdays >> day & 1U) == 0) continue;
      for (std::size_t i = 0; i < length; ++i) {
        covered.set((day * kMinutesOfDay + window.from + i) % kMinutesOfWeek);
      }
    }
  }
  return !covered.all();
}

Result<void> check_quiet(const QuietHours& quiet) {
  if (!is_time_zone(quiet.zone)) {
    return wrong(
        fmt::format("quiet: \"{}\" is no time zone that this server knows; write one of "
                    "the IANA database, such as \"Europe/Vienna\".",
                    quiet.zone));
  }
  if (quiet.windows.size() > kQuietWindowsMax) {
    return wrong(fmt::format("quiet: at most {} windows are allowed.", kQuietWindowsMax));
  }
  for (const QuietWindow& window : quiet.windows) {
    if (window.weekdays == 0 || window.weekdays > 127) {
      return wrong("quiet: a window has one day at least, of MON to SUN.");
    }
    if (window.from >= kMinutesOfDay || window.until > kMinutesOfDay) {
      return wrong("quiet: from is 00:00 to 23:59, and until 00:00 to 24:00.");
    }
  }
  if (!leaves_an_opening(quiet)) {
    return wrong("quiet: the windows leave no time of the week; switch the channel off instead.");
  }
  return {};
}

}  // namespace

Result<void> check(const Preferences& preferences) {
  if (preferences.rules.size() > kPreferenceRulesMax) {
    return wrong(fmt::format("rules: at most {} are allowed.", kPreferenceRulesMax));
  }
  std::set<std::pair<std::string, std::optional<ChannelKind>>> pairs;
  for (const PreferenceRule& rule : preferences.rules) {
    if (rule.category.empty() && !rule.channel) {
      return wrong("rules: a rule names a category, a channel, or both.");
    }
    if (!rule.category.empty() && !is_category(rule.category)) {
      return wrong("rules: a category has 1 to 64 of a-z, A-Z, 0-9, \".\", \"-\" and \"_\".");
    }
    if (rule.digest && *rule.digest != Milliseconds::zero() &&
        (*rule.digest < kDigestWindowMin || *rule.digest > kDigestWindowMax)) {
      return wrong("rules: a digest window is 0, or one minute to seven days.");
    }
    if (!pairs.emplace(rule.category, rule.channel).second) {
      return wrong(fmt::format("rules: there are two of the category \"{}\" and the channel {}.",
                               rule.category, rule.channel ? to_string(*rule.channel) : "any"));
    }
  }
  return preferences.quiet ? check_quiet(*preferences.quiet) : Result<void>();
}

std::string Preferences::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("rules");
  out.begin_array();
  for (const PreferenceRule& rule : rules) {
    out.begin_object();
    if (!rule.category.empty()) {
      out.key("category");
      out.string(rule.category);
    }
    if (rule.channel) {
      out.key("channel");
      out.string(to_string(*rule.channel));
    }
    if (rule.enabled) {
      out.key("enabled");
      out.boolean(*rule.enabled);
    }
    if (rule.digest) {
      out.key("digestMs");
      out.integer(rule.digest->count());
    }
    out.end_object();
  }
  out.end_array();
  if (quiet) {
    out.key("quiet");
    out.begin_object();
    out.key("zone");
    out.string(quiet->zone);
    out.key("windows");
    out.begin_array();
    for (const QuietWindow& window : quiet->windows) {
      out.begin_object();
      out.key("days");
      out.begin_array();
      for (std::size_t day = 0; day < kWeekdayNames.size(); ++day) {
        if ((window.weekdays >> day & 1U) != 0) out.string(kWeekdayNames.at(day));
      }
      out.end_array();
      out.key("from");
      out.string(clock_text(window.from));
      out.key("until");
      out.string(clock_text(window.until));
      out.end_object();
    }
    out.end_array();
    out.end_object();
  }
  out.end_object();
  return text;
}

Result<Preferences> parse_preferences(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) return wrong("the preferences are no JSON: " + value.error().message);
  const auto* object = value->if_object();
  if (object == nullptr) return wrong("the preferences are an object.");
  Preferences preferences;
  for (const auto& [name, member] : *object) {
    if (member.is_null()) continue;
    if (name == "rules" && member.is_array()) {
      for (const auto& item : member.get_array()) {
        auto rule = read_rule(item);
        if (!rule) return std::unexpected(rule.error());
        preferences.rules.push_back(*std::move(rule));
      }
    } else if (name == "quiet" && member.is_object()) {
      QuietHours quiet;
      const auto* zone = member.get_object().if_contains("zone");
      const auto* windows = member.get_object().if_contains("windows");
      if (zone == nullptr || windows == nullptr || !windows->is_array()) {
        return wrong("quiet: it has a zone and a list of windows.");
      }
      quiet.zone = std::string(text_of(*zone));
      for (const auto& item : windows->get_array()) {
        const auto window = read_window(item);
        if (!window) return std::unexpected(window.error());
        quiet.windows.push_back(*window);
      }
      preferences.quiet = std::move(quiet);
    } else {
      return wrong(
          fmt::format("{} is no member of preferences, or not of its kind; there are "
                      "rules and quiet.",
                      std::string_view(name)));
    }
  }
  if (const auto fine = check(preferences); !fine) return std::unexpected(fine.error());
  return preferences;
}

}  // namespace errand::notification
