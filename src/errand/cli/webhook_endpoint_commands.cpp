#include "errand/cli/webhook_endpoint_commands.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
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
    "id source url description eventTypes jobTypes tags data { path in } payload contentType "
    "headers "
    "ordering inFlight rate timeout status disabledReason disabledAt failures failingSince "
    "lastFailureAt lastFailure lastSuccessAt keys { createdAt expiresAt publicKey } createdAt "
    "createdBy changedAt";

std::string join(const boost::json::value& list) {
  std::string text;
  for (const auto& each : list.as_array()) {
    if (!text.empty()) text += ", ";
    text += each.is_string() ? printable(each) : json::to_text(each);
  }
  return text;
}

void print_line(std::string_view name, const std::string& text) {
  if (!text.empty()) fmt::print("{:<12} {}\n", name, text);
}

std::string text_or_empty(const boost::json::object& endpoint, std::string_view name) {
  const auto& value = endpoint.at(name);
  return value.is_null() ? std::string() : printable(value);
}

void print_endpoint(const boost::json::object& endpoint) {
  const auto text = [&](std::string_view name) { return text_or_empty(endpoint, name); };
  std::string status = text("status");
  if (const std::string reason = text("disabledReason"); !reason.empty()) {
    status += fmt::format(" ({}, since {})", reason, text("disabledAt"));
  }
  print_line("id", text("id"));
  print_line("source", text("source"));
  print_line("url", text("url"));
  print_line("description", text("description"));
  print_line("status", status);
  print_line("events", join(endpoint.at("eventTypes")));
  print_line("job types", join(endpoint.at("jobTypes")));
  print_line("tags", join(endpoint.at("tags")));
  for (const auto& condition : endpoint.at("data").as_array()) {
    print_line("data", fmt::format("{} in {}", printable(condition.at("path")),
                                   json::to_text(condition.at("in"))));
  }
  print_line("payload", text("payload"));
  print_line("content type", text("contentType"));
  print_line("headers", join(endpoint.at("headers")));
  print_line("ordering", text("ordering"));
  print_line("limits", fmt::format("{} at once, {} a second, {} each", text("inFlight"),
                                   text("rate"), text("timeout")));
  print_line("delivered", text("lastSuccessAt"));
  if (const std::string failed = text("lastFailureAt"); !failed.empty()) {
    print_line("failed", fmt::format("{}: {}", failed, text("lastFailure")));
  }
  for (const auto& key : endpoint.at("keys").as_array()) {
    const auto& members = key.as_object();
    const std::string until = text_or_empty(members, "expiresAt");
    print_line("key", fmt::format("{} {}{}", text_or_empty(members, "createdAt"),
                                  until.empty() ? "" : "until " + until + " ",
                                  text_or_empty(members, "publicKey")));
  }
}

void show(const ClientFlags& flags, const boost::json::value& endpoint) {
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(endpoint));
  } else {
    print_endpoint(endpoint.as_object());
  }
}

void show_secret(const ClientFlags& flags, const boost::json::object& made) {
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(made));
    return;
  }
  print_endpoint(made.at("endpoint").as_object());
  fmt::print("{:<12} {}\n", "secret", printable(made.at("secret")));
  fmt::print(stderr, "The secret is not shown again.\n");
}

void list(Context& context, const ClientFlags& flags, int first, const std::string& after) {
  const auto client = connect(context, flags);
  if (!client) return;
  boost::json::object variables{{"first", first}};
  if (!after.empty()) variables["after"] = after;
  const auto data = client->execute(
      fmt::format("query ($first: Int, $after: String) {{ webhookEndpoints(first: $first, after: "
                  "$after) {{ nodes {{ {} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                  kFields),
      variables);
  if (!data) return report_error(context, data.error());
  const auto& connection = data->at("webhookEndpoints").as_object();
  for (const auto& node : connection.at("nodes").as_array()) {
    if (flags.as_json) {
      fmt::print("{}\n", json::to_text(node));
      continue;
    }
    const auto& endpoint = node.as_object();
    fmt::print("{:<35}  {:<8}  {:<8}  {}  {}\n", printable(endpoint.at("id")),
               printable(endpoint.at("status")), printable(endpoint.at("source")),
               printable(endpoint.at("url")), join(endpoint.at("eventTypes")));
  }
  const auto& page = connection.at("pageInfo").as_object();
  if (page.at("hasNextPage").as_bool() && !flags.as_json) {
    fmt::print(stderr, "There are more; go on with --after {}\n",
               std::string_view(page.at("endCursor").as_string()));
  }
}

void show_one(Context& context, const ClientFlags& flags, const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format("query ($id: ID!) {{ webhookEndpoint(id: $id) {{ {} }} }}", kFields),
      {{"id", id}});
  if (!data) return report_error(context, data.error());
  const auto& endpoint = data->at("webhookEndpoint");
  if (endpoint.is_null()) return report(context, kRefused, "there is no such webhook endpoint");
  show(flags, endpoint);
}

/// A mutation that takes the id alone and gives the endpoint.
void change(Context& context, const ClientFlags& flags, std::string_view field,
            const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format("mutation ($id: ID!) {{ {}(id: $id) {{ {} }} }}", field, kFields), {{"id", id}});
  if (!data) return report_error(context, data.error());
  show(flags, data->at(field));
}

void remove(Context& context, const ClientFlags& flags, const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data =
      client->execute("mutation ($id: ID!) { deleteWebhookEndpoint(id: $id) }", {{"id", id}});
  if (!data) return report_error(context, data.error());
  fmt::print("{}\n", printable(data->at("deleteWebhookEndpoint")));
}

void rotate(Context& context, const ClientFlags& flags, const std::string& id, int grace_hours) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format("mutation ($id: ID!, $hours: Int!) {{ rotateWebhookSecret(id: $id, graceHours: "
                  "$hours) {{ endpoint {{ {} }} secret }} }}",
                  kFields),
      {{"id", id}, {"hours", grace_hours}});
  if (!data) return report_error(context, data.error());
  show_secret(flags, data->at("rotateWebhookSecret").as_object());
}

/// What an endpoint is to be.
struct InputFlags {
  std::string url;
  std::string description;
  std::vector<std::string> events;
  std::vector<std::string> job_types;
  std::vector<std::string> tags;
  std::vector<std::string> data;
  std::vector<std::string> headers;
  std::string payload;
  std::string content_type;
  std::string ordering;
  std::string timeout;
  std::string verification;
  int in_flight = 0;
  int rate = 0;
  std::string signing;
};

std::shared_ptr<InputFlags> add_input_flags(CLI::App& command) {
  auto flags = std::make_shared<InputFlags>();
  const auto add_list = [&](const char* name, std::vector<std::string>& to, const char* what) {
    command.add_option(name, to, what)->take_all()->allow_extra_args(false);
  };
  command.add_option("--to", flags->url, "where to: an address of https");
  command.add_option("--description", flags->description, "for people");
  add_list("--event", flags->events,
           "type of events, such as dev.errand.job.failed or 'dev.errand.job.*'; may be repeated");
  add_list("--job-type", flags->job_types, "only of this mutation; may be repeated");
  add_list("--tag", flags->tags, "only of jobs with this tag, or another one; may be repeated");
  add_list("--data", flags->data,
           "condition on the event's data: a JSON pointer, = and a list of JSON values, such as "
           "'/error/code=[\"TIMEOUT\"]'; may be repeated");
  add_list("--header", flags->headers,
           "further header, 'Name: value' or @FILE with one a line, which keeps it out of the "
           "process list; a name alone keeps its value; may be repeated");
  command.add_option("--payload", flags->payload, "thin or full")
      ->check(CLI::IsMember({"thin", "full"}));
  command.add_option("--content-type", flags->content_type,
                     "application/json or application/cloudevents+json");
  command.add_option("--ordering", flags->ordering, "none or per-job")
      ->check(CLI::IsMember({"none", "per-job"}));
  command.add_option("--in-flight", flags->in_flight, "requests at once")
      ->check(CLI::Range(1, 1'000));
  command.add_option("--rate", flags->rate, "requests that begin in a second")
      ->check(CLI::Range(1, 100'000));
  command.add_option("--timeout", flags->timeout, "of one request, such as 20s");
  command.add_option("--signing-key", flags->signing, "on or off: sign by a key pair too (v1a)")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option("--verify", flags->verification,
                  "how it shows first that it wants events: none, cloudevents or challenge")
      ->check(CLI::IsMember({"none", "cloudevents", "challenge"}));
  return flags;
}

Result<void> read_headers(const std::vector<std::string>& given, boost::json::object& input) {
  if (given.empty()) return {};
  boost::json::array headers;
  const auto add = [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    boost::json::object header{{"name", line.substr(0, colon)}};
    if (colon != std::string_view::npos) {
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      header["value"] = value;
    }
    headers.push_back(std::move(header));
  };
  for (const std::string& each : given) {
    if (!each.starts_with('@')) {
      add(each);
      continue;
    }
    const auto read = read_lines(each.substr(1));
    if (!read) return std::unexpected(read.error());
    for (const std::string& line : *read) add(line);
  }
  input["headers"] = std::move(headers);
  return {};
}

Result<void> read_data(const std::vector<std::string>& given, boost::json::object& input) {
  if (given.empty()) return {};
  boost::json::array conditions;
  for (const std::string& each : given) {
    const std::size_t equals = each.find('=');
    const auto values =
        equals == std::string::npos
            ? Result<boost::json::value>(fail(ErrorCode::kInvalidArgument, "there is no ="))
            : read_json(each.substr(equals + 1));
    if (!values) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--data {}: {}", each, values.error().message));
    }
    conditions.push_back(boost::json::object{{"path", each.substr(0, equals)}, {"in", *values}});
  }
  input["data"] = std::move(conditions);
  return {};
}

Result<boost::json::object> read_input(const InputFlags& flags) {
  boost::json::object input;
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) input[name] = value;
  };
  const auto texts = [&](const char* name, const std::vector<std::string>& items) {
    if (!items.empty()) input[name] = boost::json::array(items.begin(), items.end());
  };
  text("url", flags.url);
  text("description", flags.description);
  texts("eventTypes", flags.events);
  texts("jobTypes", flags.job_types);
  texts("tags", flags.tags);
  if (!flags.payload.empty()) input["payload"] = flags.payload == "full" ? "FULL" : "THIN";
  text("contentType", flags.content_type);
  if (!flags.ordering.empty()) input["ordering"] = flags.ordering == "none" ? "NONE" : "PER_JOB";
  if (flags.in_flight > 0) input["inFlight"] = flags.in_flight;
  if (flags.rate > 0) input["rate"] = flags.rate;
  text("timeout", flags.timeout);
  if (!flags.signing.empty()) input["signingKey"] = flags.signing == "on";
  if (!flags.verification.empty()) {
    input["verification"] = flags.verification == "cloudevents" ? "CLOUDEVENTS"
                            : flags.verification == "challenge" ? "CHALLENGE"
                                                                : "NONE";
  }
  for (const auto& read : {read_headers(flags.headers, input), read_data(flags.data, input)}) {
    if (!read) return std::unexpected(read.error());
  }
  return input;
}

void create(Context& context, const ClientFlags& flags, const InputFlags& input_flags) {
  auto input = read_input(input_flags);
  if (!input) return report(context, kUsage, input.error().message);
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format(
          "mutation ($input: WebhookEndpointInput!) {{ createWebhookEndpoint(input: $input) "
          "{{ endpoint {{ {} }} secret }} }}",
          kFields),
      {{"input", *std::move(input)}});
  if (!data) return report_error(context, data.error());
  show_secret(flags, data->at("createWebhookEndpoint").as_object());
}

void update(Context& context, const ClientFlags& flags, const std::string& id,
            const InputFlags& input_flags) {
  auto input = read_input(input_flags);
  if (!input) return report(context, kUsage, input.error().message);
  if (input->empty()) return report(context, kUsage, "say what to change; see --help");
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format("mutation ($id: ID!, $input: WebhookEndpointInput!) {{ updateWebhookEndpoint(id: "
                  "$id, input: $input) {{ {} }} }}",
                  kFields),
      {{"id", id}, {"input", *std::move(input)}});
  if (!data) return report_error(context, data.error());
  show(flags, data->at("updateWebhookEndpoint"));
}

std::shared_ptr<std::string> add_id(CLI::App& command) {
  auto id = std::make_shared<std::string>();
  command.add_option("id", *id, "the endpoint, as in errand webhook list")->required();
  return id;
}

}  // namespace

void add_webhook_endpoint_commands(CLI::App& webhook, Context& context) {
  {
    auto* command = webhook.add_subcommand("list", "List the endpoints that events are posted to");
    auto client = add_client_flags(*command, context);
    auto first = std::make_shared<int>(100);
    auto after = std::make_shared<std::string>();
    command->add_option("--first", *first, "how many, up to 100")->check(CLI::Range(1, 100));
    command->add_option("--after", *after, "cursor where the last page ended");
    command->footer("Examples:\n  errand webhook list\n  errand webhook list --json");
    command->callback([=, &context] { list(context, *client, *first, *after); });
  }
  {
    auto* command = webhook.add_subcommand("show", "Show an endpoint and how it fares");
    auto client = add_client_flags(*command, context);
    auto id = add_id(*command);
    command->footer("Examples:\n  errand webhook show billing");
    command->callback([=, &context] { show_one(context, *client, *id); });
  }
  {
    auto* command = webhook.add_subcommand("create", "Make an endpoint; prints its secret once");
    auto client = add_client_flags(*command, context);
    auto input = add_input_flags(*command);
    command->footer(
        "Examples:\n"
        "  errand webhook create --to https://hooks.example.com/errand --event "
        "'dev.errand.job.*'\n"
        "  errand webhook create --to https://hooks.example.com/failed --event "
        "dev.errand.job.failed \\\n"
        "    --job-type exportReport --header @api-key --ordering per-job --verify challenge");
    command->callback([=, &context] { create(context, *client, *input); });
  }
  {
    auto* command = webhook.add_subcommand("update", "Change what is named of an endpoint");
    auto client = add_client_flags(*command, context);
    auto id = add_id(*command);
    auto input = add_input_flags(*command);
    command->footer(
        "Examples:\n  errand webhook update we_0190163d8694739baea5966c26f8ad90 --rate 10 "
        "--in-flight 2");
    command->callback([=, &context] { update(context, *client, *id, *input); });
  }
  {
    auto* command =
        webhook.add_subcommand("delete", "Delete an endpoint; deliveries that wait for it fail");
    auto client = add_client_flags(*command, context);
    auto id = add_id(*command);
    command->footer("Examples:\n  errand webhook delete we_0190163d8694739baea5966c26f8ad90");
    command->callback([=, &context] { remove(context, *client, *id); });
  }
  struct Simple {
    const char* name;
    const char* what;
    const char* field;
  };
  for (const Simple& each :
       {Simple{"pause", "Let deliveries to an endpoint wait", "pauseWebhookEndpoint"},
        Simple{"resume", "Let them go on", "resumeWebhookEndpoint"},
        Simple{"enable", "Let an endpoint that is disabled get its events again",
               "enableWebhookEndpoint"}}) {
    auto* command = webhook.add_subcommand(each.name, each.what);
    auto client = add_client_flags(*command, context);
    auto id = add_id(*command);
    command->footer(fmt::format(
        "Examples:\n  errand webhook {} we_0190163d8694739baea5966c26f8ad90", each.name));
    command->callback(
        [=, field = std::string(each.field), &context] { change(context, *client, field, *id); });
  }
  {
    auto* command =
        webhook.add_subcommand("rotate", "Give an endpoint a new secret; prints it once");
    auto client = add_client_flags(*command, context);
    auto id = add_id(*command);
    auto hours = std::make_shared<int>(24);
    command->add_option("--grace-hours", *hours, "how long the old secrets sign too")
        ->check(CLI::Range(0, 168))
        ->capture_default_str();
    command->footer(
        "Requests carry signatures by the new and the old secrets until then, so that receivers "
        "can change over.\n\nExamples:\n  errand webhook rotate "
        "we_0190163d8694739baea5966c26f8ad90 --grace-hours 72");
    command->callback([=, &context] { rotate(context, *client, *id, *hours); });
  }
}

}  // namespace errand::cli
