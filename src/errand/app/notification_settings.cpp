#include "errand/app/notification_settings.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "errand/app/config.h"
#include "errand/base/time_text.h"

namespace errand::app {
namespace {

using contract::NotifyRule;
using notification::CategoryDefaults;
using notification::NotificationGroup;
using notification::NotificationPolicy;
using notification::NotificationSettings;

/// How a member of a table is read, by its name.
using Members =
    std::vector<std::pair<std::string_view, std::function<Result<void>(const toml::node&)>>>;

std::unexpected<Error> wrong(std::string what) {
  return fail(ErrorCode::kConfigInvalid, std::move(what));
}

/// Takes a text by `take`.
template <class Take>
auto text_member(Take take) {
  return [take](const toml::node& node) -> Result<void> {
    const auto* text = node.as_string();
    if (text == nullptr) return wrong("takes a text in quotes");
    return take(text->get());
  };
}

auto text_into(std::string& member) {
  return text_member([&member](const std::string& text) -> Result<void> {
    member = text;
    return {};
  });
}

/// Takes each text of a list by `take`.
template <class Take>
auto list_member(Take take) {
  return [take](const toml::node& node) -> Result<void> {
    const auto* list = node.as_array();
    if (list == nullptr) return wrong("takes a list of texts");
    for (const toml::node& item : *list) {
      const auto* text = item.as_string();
      if (text == nullptr) return wrong("takes a list of texts");
      if (auto taken = take(text->get()); !taken) return taken;
    }
    return {};
  };
}

template <class Set>
auto into_set(Set& set) {
  return list_member([&set](const std::string& text) -> Result<void> {
    set.emplace(text);
    return {};
  });
}

template <class List>
auto into_list(List& list) {
  return list_member([&list](const std::string& text) -> Result<void> {
    list.emplace_back(text);
    return {};
  });
}

auto channels_into(std::vector<contract::NotifyChannel>& channels) {
  return list_member([&channels](const std::string& text) -> Result<void> {
    const auto channel = contract::parse_notify_channel(text);
    if (!channel) {
      return wrong(
          fmt::format("\"{}\" is no channel; write EMAIL, WEB_PUSH, IN_APP or CHAT", text));
    }
    if (std::ranges::find(channels, *channel) == channels.end()) channels.push_back(*channel);
    return {};
  });
}

/// Reads the members of `table`; all others are unknown keys.
Result<void> read_members(const toml::table& table, const Members& members) {
  for (const auto& [key, node] : table) {
    const auto member = std::ranges::find(members, key.str(), &Members::value_type::first);
    if (member == members.end()) {
      std::vector<std::string_view> names;
      for (const auto& [name, read] : members) names.push_back(name);
      return wrong(
          fmt::format("unknown key \"{}\"; there are {}", key.str(), fmt::join(names, ", ")));
    }
    if (const auto read = member->second(node); !read) {
      return wrong(fmt::format("{}: {}", key.str(), read.error().message));
    }
  }
  return {};
}

/// Reads a table of tables: `read` takes the name and the members of each.
template <class Read>
Result<void> read_tables(const toml::table& table, Read read) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (!contract::is_notify_name(name)) {
      return wrong(fmt::format("\"{}\": a name is 1 to 64 of a-z, 0-9, \"-\" and \"_\"", name));
    }
    const auto* members = node.as_table();
    if (members == nullptr) return wrong(fmt::format("{}: takes a table", name));
    if (const auto done = read(name, *members); !done) {
      return wrong(fmt::format("{}: {}", name, done.error().message));
    }
  }
  return {};
}

Result<void> read_policy(NotificationPolicy& policy, const toml::table& table) {
  NotifyRule& rule = policy.rule;
  const Members members{{"on", list_member([&rule](const std::string& text) -> Result<void> {
                           const auto milestone = contract::parse_milestone(text);
                           if (!milestone) {
                             std::vector<std::string_view> names;
                             for (const auto each : contract::kMilestones)
                               names.push_back(to_string(each));
                             return wrong(fmt::format("\"{}\" is no milestone; there are {}", text,
                                                      fmt::join(names, ", ")));
                           }
                           rule.on.push_back(*milestone);
                           return {};
                         })},
                        {"channels", channels_into(rule.channels)},
                        {"to", list_member([&rule](const std::string& text) -> Result<void> {
                           auto target = contract::parse_notify_target(text);
                           if (!target) {
                             return wrong(fmt::format(
                                 "\"{}\" names nobody; write \"principal\", \"group:NAME\" or a "
                                 "path of the arguments, such as \"input.email\"",
                                 text));
                           }
                           rule.to.push_back(*std::move(target));
                           return {};
                         })},
                        {"category", text_into(rule.category)},
                        {"template", text_into(rule.template_name)},
                        {"mandatory",
                         [&rule](const toml::node& node) -> Result<void> {
                           const auto* value = node.as_boolean();
                           if (value == nullptr) return wrong("takes true or false");
                           rule.mandatory = value->get();
                           return {};
                         }},
                        {"progress",
                         [&rule](const toml::node& node) -> Result<void> {
                           const auto* list = node.as_array();
                           if (list == nullptr)
                             return wrong("takes a list of numbers, such as [0.5]");
                           for (const toml::node& item : *list) {
                             const auto* share = item.as_floating_point();
                             if (share == nullptr)
                               return wrong("takes a list of numbers, such as [0.5]");
                             rule.progress.push_back(share->get());
                           }
                           return {};
                         }},
                        {"job_types", into_set(policy.job_types)},
                        {"tenants", into_set(policy.tenants)},
                        {"tags", into_set(policy.tags)}};
  if (auto done = read_members(table, members); !done) return done;
  if (rule.on.empty() || rule.channels.empty()) return wrong("needs on and channels");
  if (rule.to.empty()) rule.to.emplace_back();
  if (rule.category.empty()) rule.category = contract::kDefaultCategory;
  for (const std::string* name : {&rule.category, &rule.template_name}) {
    if (!name->empty() && !contract::is_notify_name(*name)) {
      return wrong(fmt::format("\"{}\": a name is 1 to 64 of a-z, 0-9, \"-\" and \"_\"", *name));
    }
  }
  if (std::ranges::find(rule.on, contract::Milestone::kProgress) != rule.on.end()) {
    if (rule.progress.empty()) rule.progress = {0.5};
    if (const std::string fault = contract::check_shares(rule.progress); !fault.empty()) {
      return wrong("progress: " + fault);
    }
  }
  return {};
}

Result<void> read_policies(Config& config, const toml::table& table) {
  auto& policies = config.notifications.policies;
  policies.clear();
  return read_tables(table, [&](const std::string& name, const toml::table& members) {
    return read_policy(policies.emplace_back(NotificationPolicy{.name = name}), members);
  });
}

Result<void> read_groups(Config& config, const toml::table& table) {
  auto& groups = config.notifications.groups;
  groups.clear();
  return read_tables(table, [&](const std::string& name, const toml::table& members) {
    NotificationGroup& group = groups[name];
    return read_members(
        members,
        {{"emails", list_member([&group](const std::string& text) -> Result<void> {
            if (!notification::is_mail_address(text)) {
              return wrong(fmt::format("\"{}\" is no address that mail can be sent to", text));
            }
            group.emails.push_back(text);
            return {};
          })},
         {"subjects", into_list(group.subjects)},
         {"chats", into_list(group.hooks)}});
  });
}

Result<void> read_categories(Config& config, const toml::table& table) {
  auto& categories = config.notifications.categories;
  categories.clear();
  return read_tables(table, [&](const std::string& name, const toml::table& members) {
    CategoryDefaults& category = categories[name];
    return read_members(
        members, {{"title", text_into(category.title)},
                  {"off", channels_into(category.off)},
                  {"digest", text_member([&category](const std::string& text) -> Result<void> {
                     const auto digest = parse_duration(text);
                     if (!digest || *digest < notification::kDigestMin ||
                         *digest > notification::kDigestMax) {
                       return wrong("messages are gathered for 1m to 7d; write \"1h\"");
                     }
                     category.digest = *digest;
                     return {};
                   })}});
  });
}

Result<void> read_providers(Config& config, const toml::table& table) {
  auto& providers = config.notifications.email.providers;
  providers.clear();
  return read_tables(table, [&](const std::string& name, const toml::table& members) {
    auto& provider = providers.emplace_back(NotificationSettings::Provider{.name = name});
    outbound::SmtpServer& server = provider.server;
    bool has_port = false;
    const Members known{
        {"host", text_into(server.host)},
        {"port",
         [&](const toml::node& node) -> Result<void> {
           const auto* port = node.as_integer();
           if (port == nullptr || port->get() < 1 || port->get() > 65'535) {
             return wrong("takes a whole number from 1 to 65535");
           }
           server.port = static_cast<std::uint16_t>(port->get());
           has_port = true;
           return {};
         }},
        {"security", text_member([&server](const std::string& text) -> Result<void> {
           using enum outbound::SmtpSecurity;
           if (text != "tls" && text != "starttls" && text != "none") {
             return wrong("takes \"tls\", \"starttls\" or \"none\"");
           }
           server.security = text == "tls" ? kTls : text == "starttls" ? kStartTls : kNone;
           return {};
         })},
        {"user", text_into(server.user)},
        {"password_file", text_into(provider.password_file)},
        {"ca_file", text_into(server.ca_file)},
        {"client_name", text_into(server.client_name)},
        {"allow_plain", [&server](const toml::node& node) -> Result<void> {
           const auto* value = node.as_boolean();
           if (value == nullptr) return wrong("takes true or false");
           server.allow_plain = value->get();
           return {};
         }}};
    if (auto done = read_members(members, known); !done) return done;
    if (server.host.empty()) return Result<void>(wrong("needs host"));
    if (!has_port) {
      server.port = server.security == outbound::SmtpSecurity::kTls        ? 465
                    : server.security == outbound::SmtpSecurity::kStartTls ? 587
                                                                           : 25;
    }
    return Result<void>();
  });
}

Result<void> read_chats(Config& config, const toml::table& table) {
  auto& chats = config.notifications.chats;
  chats.clear();
  return read_tables(table, [&](const std::string& name, const toml::table& members) {
    auto& chat = chats.emplace_back(notification::ChatHook{.name = name});
    if (auto done = read_members(members, {{"url_file", text_into(chat.url_file)}}); !done) {
      return done;
    }
    if (chat.url_file.empty()) {
      return Result<void>(wrong("needs url_file, a file with the URL of the incoming webhook"));
    }
    return Result<void>();
  });
}

/// The names of a table of tables, for `errand config show`.
template <class Range, class Name>
std::string names_of(const Range& range, Name name) {
  TextList names;
  for (const auto& each : range) names.push_back(fmt::format("{} = {{...}}", name(each)));
  return fmt::format("{{{}}}", fmt::join(names, ", "));
}

Setting table_setting(std::string_view key, std::string_view help,
                      std::function<std::string(const Config&)> get,
                      Result<void> (*set)(Config&, const toml::table&)) {
  return {key,
          "",
          help,
          Setting::Kind::kTexts,
          [key](Config&, Texts) -> Result<void> {
            return wrong(fmt::format("these are tables of errand.toml: [{}.NAME]", key));
          },
          std::move(get),
          set};
}

}  // namespace

void add_notification_settings(std::vector<Setting>& t) {
  const auto by_name = [](const auto& each) { return each.name; };
  const auto by_key = [](const auto& each) { return each.first; };
  t.push_back(table_setting(
      "notifications.policies", "who is told what of which jobs, beside @notify",
      [=](const Config& c) { return names_of(c.notifications.policies, by_name); }, read_policies));
  t.push_back(table_setting(
      "notifications.groups", "addresses, users and chats that policies name as group:NAME",
      [=](const Config& c) { return names_of(c.notifications.groups, by_key); }, read_groups));
  t.push_back(table_setting(
      "notifications.categories", "what users choose by, with what holds until they do",
      [=](const Config& c) { return names_of(c.notifications.categories, by_key); },
      read_categories));
  t.push_back(text_setting(
      "notifications.templates", "", "folder of texts of your own",
      [](Config& c) -> std::string& { return c.notifications.templates; }, Setting::Kind::kPath));
  t.push_back(
      text_setting("notifications.link", "",
                   "where people see a job, with {id} for its id: https://app.example/jobs/{id}",
                   [](Config& c) -> std::string& { return c.notifications.link; }));
  t.push_back(number_setting<std::uint32_t>(
      "notifications.rate", "", "messages to one recipient over one channel in an hour; more wait",
      [](Config& c) -> std::uint32_t& { return c.notifications.rate; }, 1, 1'000'000));
  t.push_back(text_setting("notifications.email.from", "",
                           "sender of mail: Errand <errand@example.org>",
                           [](Config& c) -> std::string& { return c.notifications.email.from; }));
  t.push_back(table_setting(
      "notifications.email.providers", "mail servers that take messages",
      [=](const Config& c) { return names_of(c.notifications.email.providers, by_name); },
      read_providers));
  t.push_back(list_setting("notifications.email.order", "",
                           "names of providers in the order in which they are tried; none named: "
                           "all, by name",
                           [](Config& c) -> TextList& { return c.notifications.email.order; }));
  t.push_back(text_setting(
      "notifications.email.dkim_domain", "", "domain whose key signs mail (DKIM); empty: none does",
      [](Config& c) -> std::string& { return c.notifications.email.dkim_domain; }));
  t.push_back(text_setting(
      "notifications.email.dkim_selector", "", "under which the domain publishes the key",
      [](Config& c) -> std::string& { return c.notifications.email.dkim_selector; }));
  t.push_back(text_setting(
      "notifications.email.dkim_key", "", "file of the private key, PEM: RSA or Ed25519",
      [](Config& c) -> std::string& { return c.notifications.email.dkim_key; },
      Setting::Kind::kPath));
  t.push_back(table_setting(
      "notifications.chats", "chat rooms, by incoming webhooks as Slack has them",
      [=](const Config& c) { return names_of(c.notifications.chats, by_name); }, read_chats));
  t.push_back(
      text_setting("notifications.web_push.contact", "",
                   "how push services reach you: mailto:ops@example.org; empty: no Web Push",
                   [](Config& c) -> std::string& { return c.notifications.web_push.contact; }));
  t.push_back(duration_setting(
      "notifications.web_push.keep", "",
      "how long push services keep a message for a browser that is not there",
      [](Config& c) -> Milliseconds& { return c.notifications.web_push.keep; }, Milliseconds(0),
      std::chrono::days(28)));
}

}  // namespace errand::app
