#include "errand/cli/webhook_delivery_commands.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/cli/client_flags.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/job_view.h"
#include "errand/json/writer.h"

namespace errand::cli {
namespace {

constexpr std::string_view kFields =
    "id endpoint eventId eventType jobId status trigger createdAt nextAttemptAt finishedAt "
    "attempts { number trigger startedAt endedAt durationMs statusCode answer errorClass error }";

/// A text, a number, or "-".
std::string shown(const boost::json::value& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? printable(value) : json::to_text(value);
}

void print_delivery(const boost::json::object& delivery, bool with_attempts) {
  const auto& attempts = delivery.at("attempts").as_array();
  fmt::print("{}  {}  {:<10}  {:<28}  {}  {} {}\n", shown(delivery.at("id")),
             shown(delivery.at("createdAt")), shown(delivery.at("status")),
             shown(delivery.at("eventType")), shown(delivery.at("jobId")), attempts.size(),
             attempts.size() == 1 ? "attempt" : "attempts");
  if (!with_attempts) return;
  for (const auto& item : attempts) {
    const auto& attempt = item.as_object();
    fmt::print("  {} {}  {}  status {}  {} ms  {}\n", shown(attempt.at("number")),
               shown(attempt.at("trigger")), shown(attempt.at("startedAt")),
               shown(attempt.at("statusCode")), shown(attempt.at("durationMs")),
               attempt.at("errorClass").is_null()
                   ? std::string()
                   : shown(attempt.at("errorClass")) + ": " + shown(attempt.at("error")));
  }
}

struct ListFlags {
  std::string endpoint;
  std::vector<std::string> statuses;
  std::vector<std::string> types;
  std::string since;
  int first = 20;
  std::string after;
  bool attempts = false;
};

void list(Context& context, const ClientFlags& flags, const ListFlags& wanted) {
  const auto client = connect(context, flags);
  if (!client) return;
  boost::json::object variables{{"endpoint", wanted.endpoint}, {"first", wanted.first}};
  const auto texts = [&](const char* name, const std::vector<std::string>& items) {
    if (!items.empty()) variables[name] = boost::json::array(items.begin(), items.end());
  };
  texts("status", wanted.statuses);
  texts("types", wanted.types);
  if (!wanted.since.empty()) variables["since"] = wanted.since;
  if (!wanted.after.empty()) variables["after"] = wanted.after;
  const auto data = client->execute(
      fmt::format("query ($endpoint: ID!, $status: [WebhookDeliveryStatus!], $types: [String!], "
                  "$since: DateTime, $first: Int, $after: String) {{ webhookDeliveries(endpoint: "
                  "$endpoint, status: $status, types: $types, since: $since, first: $first, after: "
                  "$after) {{ nodes {{ {} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                  kFields),
      variables);
  if (!data) return report_error(context, data.error());
  const auto& connection = data->at("webhookDeliveries").as_object();
  for (const auto& node : connection.at("nodes").as_array()) {
    if (flags.as_json) {
      fmt::print("{}\n", json::to_text(node));
    } else {
      print_delivery(node.as_object(), wanted.attempts);
    }
  }
  const auto& page = connection.at("pageInfo").as_object();
  if (page.at("hasNextPage").as_bool() && !flags.as_json) {
    fmt::print(stderr, "There are more; go on with --after {}\n",
               std::string_view(page.at("endCursor").as_string()));
  }
}

void redeliver(Context& context, const ClientFlags& flags, const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format("mutation ($id: ID!) {{ redeliverWebhook(deliveryId: $id) {{ {} }} }}", kFields),
      {{"id", id}});
  if (!data) return report_error(context, data.error());
  const auto& delivery = data->at("redeliverWebhook");
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(delivery));
  } else {
    print_delivery(delivery.as_object(), true);
  }
}

struct RecoverFlags {
  std::string endpoint;
  std::string since;
  std::string until;
  bool dry_run = false;
};

void recover(Context& context, const ClientFlags& flags, const RecoverFlags& wanted) {
  const auto client = connect(context, flags);
  if (!client) return;
  boost::json::object variables{
      {"endpoint", wanted.endpoint}, {"since", wanted.since}, {"dryRun", wanted.dry_run}};
  if (!wanted.until.empty()) variables["until"] = wanted.until;
  const auto data = client->execute(
      "mutation ($endpoint: ID!, $since: DateTime!, $until: DateTime, $dryRun: Boolean!) { "
      "recoverWebhookDeliveries(endpoint: $endpoint, since: $since, until: $until, dryRun: "
      "$dryRun) { missing hasMore recoveryId } }",
      variables);
  if (!data) return report_error(context, data.error());
  const auto& recovery = data->at("recoverWebhookDeliveries").as_object();
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(recovery));
  } else if (wanted.dry_run) {
    fmt::print("{}{} deliveries would be made\n", shown(recovery.at("missing")),
               recovery.at("hasMore").as_bool() ? " or more" : "");
  } else {
    fmt::print("Recovery {} makes the deliveries; see errand webhook deliveries {}\n",
               shown(recovery.at("recoveryId")), wanted.endpoint);
  }
}

void test(Context& context, const ClientFlags& flags, const std::string& id,
          const std::string& type) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      "mutation ($id: ID!, $type: String!) { testWebhookEndpoint(id: $id, type: $type) { "
      "delivered eventId statusCode durationMs answer errorClass error } }",
      {{"id", id}, {"type", type}});
  if (!data) return report_error(context, data.error());
  const auto& result = data->at("testWebhookEndpoint").as_object();
  const bool delivered = result.at("delivered").as_bool();
  if (!delivered) context.status = kRefused;
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(result));
  } else if (delivered) {
    fmt::print("delivered: status {} after {} ms\n", shown(result.at("statusCode")),
               shown(result.at("durationMs")));
  } else {
    fmt::print("not delivered: {}: {}\n", shown(result.at("errorClass")),
               shown(result.at("error")));
  }
}

}  // namespace

void add_webhook_delivery_commands(CLI::App& webhook, Context& context) {
  {
    auto* command = webhook.add_subcommand(
        "deliveries", "List what became of the events for an endpoint, the last ones first");
    auto client = add_client_flags(*command, context);
    auto flags = std::make_shared<ListFlags>();
    command->add_option("endpoint", flags->endpoint, "id of the endpoint")->required();
    command
        ->add_option("--status", flags->statuses,
                     "only with this status, such as FAILED or EXHAUSTED; may be repeated")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option("--event", flags->types, "only of events of this type; may be repeated")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option("--since", flags->since, "made at this time or later (RFC 3339)");
    command->add_flag("--attempts", flags->attempts, "with each attempt");
    command->add_option("--first", flags->first, "how many, up to 100")->check(CLI::Range(1, 100));
    command->add_option("--after", flags->after, "cursor where the last page ended");
    command->footer(
        "Examples:\n  errand webhook deliveries billing --attempts\n  errand webhook deliveries "
        "billing --status EXHAUSTED --status FAILED --json");
    command->callback([=, &context] { list(context, *client, *flags); });
  }
  {
    auto* command = webhook.add_subcommand(
        "redeliver", "Deliver the event of a delivery that has ended once more");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    command->add_option("delivery", *id, "id of the delivery")->required();
    command->footer("Examples:\n  errand webhook redeliver 0190163d-8694-739b-aea5-966c26f8ad90");
    command->callback([=, &context] { redeliver(context, *client, *id); });
  }
  {
    auto* command = webhook.add_subcommand(
        "recover", "Deliver the events that an endpoint has not got, from a time on");
    auto client = add_client_flags(*command, context);
    auto flags = std::make_shared<RecoverFlags>();
    command->add_option("endpoint", flags->endpoint, "id of the endpoint")->required();
    command->add_option("--since", flags->since, "events of this time on (RFC 3339)")->required();
    command->add_option("--until", flags->until, "events before this time (RFC 3339)");
    command->add_flag("--dry-run", flags->dry_run, "do nothing, say how many would be delivered");
    command->footer(
        "Examples:\n  errand webhook recover billing --since 2026-11-29T00:00:00Z --dry-run\n  "
        "errand webhook recover billing --since 2026-11-29T00:00:00Z");
    command->callback([=, &context] { recover(context, *client, *flags); });
  }
  {
    auto* command =
        webhook.add_subcommand("test", "Send a made-up event to an endpoint and say what came");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    auto type = std::make_shared<std::string>("dev.errand.job.succeeded");
    command->add_option("endpoint", *id, "id of the endpoint")->required();
    command->add_option("--event", *type, "type of the event");
    command->footer(
        "Exit status: 1 where it was not delivered.\n\nExamples:\n  errand webhook test billing "
        "--event dev.errand.job.failed");
    command->callback([=, &context] { test(context, *client, *id, *type); });
  }
}

}  // namespace errand::cli
