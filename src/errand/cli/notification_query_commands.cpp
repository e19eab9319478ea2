#include "errand/cli/notification_query_commands.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/cli/client_flags.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/job_view.h"
#include "errand/json/writer.h"

namespace errand::cli {
namespace {

constexpr std::string_view kPreferences =
    "revision choices { category channel enabled digest } quietHours { timeZone windows { days "
    "from to } } categories { name title off digest } channels";

struct WhyFlags {
  std::string job;
  std::string channel;
  std::string recipient;
  std::string milestone;
};

struct ListFlags {
  std::string job;
  std::string after;
  int first = 100;
};

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value() : boost::json::value(text);
}

void why(Context& context, const ClientFlags& flags, const WhyFlags& about) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      "query ($job: ID!, $channel: NotificationChannel, $recipient: String, $milestone: "
      "NotificationMilestone) { whyNotSent(jobId: "
      "$job, channel: $channel, recipient: $recipient, milestone: $milestone) { milestone channel "
      "recipient policy reason "
      "message } }",
      {{"job", about.job},
       {"channel", text_or_null(about.channel)},
       {"recipient", text_or_null(about.recipient)},
       {"milestone", text_or_null(about.milestone)}});
  if (!data) return report_error(context, data.error());
  const auto& reasons = data->at("whyNotSent").as_array();
  for (const auto& each : reasons) {
    if (flags.as_json) {
      fmt::print("{}\n", json::to_text(each));
      continue;
    }
    fmt::print("{:<13}  {:<8}  {}\n", printable(each.at("milestone")),
               printable(each.at("channel")), printable(each.at("recipient")));
    fmt::print("    {}: {}\n", printable(each.at("reason")), printable(each.at("message")));
    if (!each.at("policy").is_null()) fmt::print("    policy {}\n", printable(each.at("policy")));
  }
  if (reasons.empty() && !flags.as_json) {
    fmt::print(stderr, "Nothing was left unsent that you may see.\n");
  }
}

void list(Context& context, const ClientFlags& flags, const ListFlags& about) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      "query ($job: ID!, $first: Int, $after: String) { jobNotifications(jobId: $job, first: "
      "$first, after: $after) { nodes { id run milestone channel recipient outcome reason message "
      "attempts nextAttemptAt createdAt finishedAt provider reference } pageInfo { hasNextPage "
      "endCursor } } }",
      {{"job", about.job}, {"first", about.first}, {"after", text_or_null(about.after)}});
  if (!data) return report_error(context, data.error());
  const auto& connection = data->at("jobNotifications").as_object();
  for (const auto& each : connection.at("nodes").as_array()) {
    if (flags.as_json) {
      fmt::print("{}\n", json::to_text(each));
      continue;
    }
    std::string end;
    for (const char* name : {"reason", "message", "reference"}) {
      if (!each.at(name).is_null()) end += "  " + printable(each.at(name));
    }
    fmt::print("{}  {:<13}  {:<8}  {:<10}  {}{}\n", printable(each.at("id")),
               printable(each.at("milestone")), printable(each.at("channel")),
               printable(each.at("outcome")), printable(each.at("recipient")), end);
  }
  const auto& page = connection.at("pageInfo").as_object();
  if (page.at("hasNextPage").as_bool() && !flags.as_json) {
    fmt::print(stderr, "There are more; go on with --after {}\n",
               std::string_view(page.at("endCursor").as_string()));
  }
}

std::string words(const boost::json::value& value, std::string_view all) {
  return value.is_null() ? std::string(all) : printable(value);
}

std::string days(const boost::json::value& list) {
  std::string text;
  for (const auto& day : list.as_array()) text += (text.empty() ? "" : ", ") + printable(day);
  return text;
}

void show_preferences(const ClientFlags& flags, const boost::json::value& preferences) {
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(preferences));
    return;
  }
  for (const auto& choice : preferences.at("choices").as_array()) {
    std::string what;
    if (!choice.at("enabled").is_null()) what += choice.at("enabled").as_bool() ? " on" : " off";
    if (!choice.at("digest").is_null()) what += " gathered " + printable(choice.at("digest"));
    fmt::print("{:<20}  {:<12} {}\n", words(choice.at("category"), "all categories"),
               words(choice.at("channel"), "all channels"), what);
  }
  if (const auto& quiet = preferences.at("quietHours"); !quiet.is_null()) {
    for (const auto& window : quiet.at("windows").as_array()) {
      fmt::print("quiet {} to {} {}: {}\n", printable(window.at("from")),
                 printable(window.at("to")), printable(quiet.at("timeZone")),
                 days(window.at("days")));
    }
  }
  for (const auto& category : preferences.at("categories").as_array()) {
    fmt::print("category {}  {}\n", printable(category.at("name")),
               printable(category.at("title")));
  }
}

void get_preferences(Context& context, const ClientFlags& flags) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data =
      client->execute(fmt::format("{{ notificationPreferences {{ {} }} }}", kPreferences), {});
  if (!data) return report_error(context, data.error());
  show_preferences(flags, data->at("notificationPreferences"));
}

void set_preferences(Context& context, const ClientFlags& flags, const std::string& source) {
  auto input = read_json(source);
  if (!input) return report(context, kUsage, input.error().message);
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data =
      client->execute(fmt::format("mutation ($input: NotificationPreferencesInput!) {{ "
                                  "setNotificationPreferences(input: $input) {{ {} }} }}",
                                  kPreferences),
                      {{"input", *std::move(input)}});
  if (!data) return report_error(context, data.error());
  show_preferences(flags, data->at("setNotificationPreferences"));
}

}  // namespace

void add_notification_query_commands(CLI::App& notification, Context& context) {
  {
    auto* command = notification.add_subcommand("list", "List the messages about a job");
    auto client = add_client_flags(*command, context);
    auto flags = std::make_shared<ListFlags>();
    command->add_option("job", flags->job, "id of the job")->required();
    command->add_option("--first", flags->first, "how many, up to 100")->check(CLI::Range(1, 100));
    command->add_option("--after", flags->after, "cursor where the last page ended");
    command->footer(
        "With the scope notifications:read everyone's, else yours.\n\nExamples:\n  errand "
        "notification list 0190163d-8694-739b-aea5-966c26f8ad90");
    command->callback([=, &context] { list(context, *client, *flags); });
  }
  {
    auto* command = notification.add_subcommand("why", "Say why people were not told of a job");
    auto client = add_client_flags(*command, context);
    auto flags = std::make_shared<WhyFlags>();
    command->add_option("job", flags->job, "id of the job")->required();
    command->add_option("--channel", flags->channel, "only over this one")
        ->check(CLI::IsMember({"EMAIL", "WEB_PUSH", "IN_APP", "CHAT"}));
    command->add_option("--recipient", flags->recipient, "only to this user, address or chat");
    command->add_option("--milestone", flags->milestone, "only of this one: SUCCEEDED, ...");
    command->footer(
        "Examples:\n  errand notification why 0190163d-8694-739b-aea5-966c26f8ad90\n  errand "
        "notification why 0190163d-8694-739b-aea5-966c26f8ad90 --channel EMAIL --recipient "
        "ann@example.org");
    command->callback([=, &context] { why(context, *client, *flags); });
  }
  auto* preferences =
      notification.add_subcommand("preferences", "What the token's user wants to hear, and how");
  preferences->require_subcommand(1);
  {
    auto* command = preferences->add_subcommand("get", "Show it, with what there is to choose by");
    auto client = add_client_flags(*command, context);
    command->footer("Examples:\n  errand notification preferences get");
    command->callback([=, &context] { get_preferences(context, *client); });
  }
  {
    auto* command = preferences->add_subcommand("set", "Change it; what is left out stays");
    auto client = add_client_flags(*command, context);
    auto source = std::make_shared<std::string>();
    command
        ->add_option("input", *source,
                     "a NotificationPreferencesInput as JSON, @FILE, or - for standard input")
        ->required();
    command->footer(
        "Examples:\n  errand notification preferences set '{\"choices\": [{\"category\": "
        "\"exports\", \"channel\": \"EMAIL\", \"enabled\": false}]}'\n  errand notification "
        "preferences set @preferences.json");
    command->callback([=, &context] { set_preferences(context, *client, *source); });
  }
}

}  // namespace errand::cli
