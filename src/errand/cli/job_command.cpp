#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "errand/cli/audit_command.h"
#include "errand/cli/client_flags.h"
#include "errand/cli/commands.h"
#include "errand/cli/dead_letter_command.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/graphql_client.h"
#include "errand/cli/job_view.h"
#include "errand/cli/schema_index.h"
#include "errand/json/writer.h"

namespace errand::cli {

namespace {

/// Levels of a typed result that are selected; the server's own limit on depth is 12.
constexpr int kResultDepth = 5;

const boost::json::object* job_of(const boost::json::object& data, std::string_view field) {
  const auto* value = data.if_contains(field);
  return value ? value->if_object() : nullptr;
}

/// kJobFields, and the typed result when the job's type is known.
std::string job_selection(const SchemaIndex* schema, std::string_view job_type) {
  std::string fields(kJobFields);
  if (schema && !job_type.empty()) {
    const auto selection = schema->selection(schema->field_type(job_type, "result"), kResultDepth);
    if (!schema->field_type(job_type, "result").empty()) {
      fields += fmt::format(" ... on {} {{ result {} }}", job_type, selection);
    }
  }
  return fields;
}

/// Job `id` with its typed result. The name of its type has to be asked for first.
Result<boost::json::object> fetch_job(const GraphqlClient& client, const std::string& id,
                                      bool with_result) {
  const boost::json::object variables{{"id", id}};
  std::string fields(kJobFields);
  if (with_result) {
    const auto found =
        client.execute("query ($id: ID!) { job(id: $id) { __typename } }", variables);
    if (!found) return std::unexpected(found.error());
    if (const auto* job = job_of(*found, "job")) {
      const auto schema = SchemaIndex::fetch(client);
      // Without introspection the job is shown without its result.
      if (schema)
        fields = job_selection(&*schema, std::string_view(job->at("__typename").as_string()));
    }
  }
  const auto data = client.execute(
      fmt::format("query ($id: ID!) {{ job(id: $id) {{ {} }} }}", fields), variables);
  if (!data) return std::unexpected(data.error());
  const auto* job = job_of(*data, "job");
  if (!job) return fail(ErrorCode::kNotFound, fmt::format("there is no job {}", id));
  return *job;
}

/// Shows a job's progress: one line redrawn on a terminal, a line for each change elsewhere.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(bool as_json)
      : as_json_(as_json), terminal_(::isatty(STDOUT_FILENO) == 1) {}

  void show(const boost::json::object& job) {
    const JobView view(job);
    if (as_json_) {
      fmt::print("{}\n", json::to_text(job));
    } else if (terminal_) {
      fmt::print("\r\x1b[2K{}", view.progress_line(30));
    } else if (const auto line = view.progress_line(30); line != last_) {
      fmt::print("{}\n", line);
      last_ = line;
    }
    std::fflush(stdout);
  }

  void end_line() const {
    if (terminal_ && !as_json_) fmt::print("\n");
  }

 private:
  bool as_json_;
  bool terminal_;
  std::string last_;
};

/// Follows a job to its end over a subscription, which is made anew when the connection breaks.
/// Prints the result. Leaves the exit status of the job's end.
void watch(Context& context, const GraphqlClient& client, const std::string& id, bool as_json) {
  using namespace std::chrono_literals;
  const std::string query =
      fmt::format("subscription ($id: ID!) {{ job(id: $id) {{ {} }} }}", kJobFields);
  ProgressPrinter printer(as_json);
  bool ended = false;
  bool seen = false;
  auto pause = 200ms;
  while (!ended) {
    const auto followed =
        client.subscribe(query, {{"id", id}}, [&](const boost::json::object& data) {
          const auto* job = job_of(data, "job");
          if (!job) return false;
          seen = true;
          pause = 200ms;
          printer.show(*job);
          ended = JobView(*job).ended();
          return !ended;
        });
    if (ended) break;
    if (followed && !seen) {
      return report_error(context,
                          Error{ErrorCode::kNotFound, fmt::format("there is no job {}", id)});
    }
    if (!followed && (followed.error().code != ErrorCode::kUnavailable || !seen)) {
      printer.end_line();
      return report_error(context, followed.error());
    }
    if (!followed) {
      printer.end_line();
      fmt::print(stderr, "errand: the connection broke; trying again in {} s\n",
                 std::chrono::duration<double>(pause).count());
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(5'000));
  }
  printer.end_line();
  const auto job = fetch_job(client, id, true);
  if (!job) return report_error(context, job.error());
  if (as_json) {
    fmt::print("{}\n", json::to_text(*job));
  } else {
    fmt::print("{}\n", JobView(*job).summary());
    if (const auto* result = job->if_contains("result"); result && !result->is_null()) {
      fmt::print("{}\n", pretty(*result));
    }
  }
  context.status = JobView(*job).exit_status();
}

struct SubmitFlags {
  std::string type;
  std::string input;
  std::vector<std::string> arguments;
  std::string key;
  std::optional<int> priority;
  std::string delay;
  std::string run_at;
  std::string deadline;
  std::vector<std::string> tags;
  std::string correlation_id;
  std::string wait_for;
  bool validate_only = false;
  bool watch = false;
};

Result<boost::json::object> submit_variables(const SubmitFlags& flags,
                                             const std::vector<SchemaIndex::Argument>& known) {
  boost::json::object variables;
  const auto set = [&](const std::string& name, const std::string& source) -> Result<void> {
    const bool exists = std::ranges::any_of(known, [&](const auto& a) { return a.name == name; });
    if (!exists) {
      std::vector<std::string> names;
      for (const auto& argument : known) names.push_back(argument.name + ": " + argument.type);
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} has no argument \"{}\"; it takes {}", flags.type, name,
                              fmt::join(names, ", ")));
    }
    auto value = read_json(source);
    if (!value)
      return fail(value.error().code, fmt::format("argument {}: {}", name, value.error().message));
    variables[name] = *std::move(value);
    return {};
  };
  if (!flags.input.empty()) {
    if (const auto done = set("input", flags.input); !done) return std::unexpected(done.error());
  }
  for (const auto& argument : flags.arguments) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--arg takes name=JSON, not \"{}\"", argument));
    }
    if (const auto done = set(argument.substr(0, equals), argument.substr(equals + 1)); !done)
      return std::unexpected(done.error());
  }
  boost::json::object options;
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) options[name] = value;
  };
  put("idempotencyKey", flags.key);
  put("delay", flags.delay);
  put("runAt", flags.run_at);
  put("deadline", flags.deadline);
  put("correlationId", flags.correlation_id);
  put("waitFor", flags.wait_for);
  if (flags.priority) options["priority"] = *flags.priority;
  if (!flags.tags.empty())
    options["tags"] = boost::json::array(flags.tags.begin(), flags.tags.end());
  if (flags.validate_only) options["validateOnly"] = true;
  if (!options.empty()) {
    const auto argument = std::ranges::find_if(
        known, [](const auto& a) { return a.named_type.ends_with("JobOptions"); });
    if (argument == known.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is no mutation that starts a job", flags.type));
    }
    variables[argument->name] = std::move(options);
  }
  return variables;
}

void submit(Context& context, const ClientFlags& client_flags, const SubmitFlags& flags) {
  const auto client = connect(context, client_flags);
  if (!client) return;
  const auto schema = SchemaIndex::fetch(*client);
  if (!schema) return report_error(context, schema.error());
  const auto* known = schema->mutation_arguments(flags.type);
  if (!known) {
    return report(context, kUsage,
                  fmt::format("there is no mutation \"{}\"; the server has: {}", flags.type,
                              fmt::join(schema->job_mutations(), ", ")));
  }
  const auto variables = submit_variables(flags, *known);
  if (!variables) return report(context, kUsage, variables.error().message);
  std::string definitions;
  std::string arguments;
  for (const auto& argument : *known) {
    if (!variables->contains(argument.name)) continue;
    definitions += fmt::format("${}: {} ", argument.name, argument.type);
    arguments += fmt::format("{}: ${} ", argument.name, argument.name);
  }
  if (!definitions.empty()) {
    definitions = "(" + definitions + ")";
    arguments = "(" + arguments + ")";
  }
  const std::string fields = job_selection(
      &*schema, flags.wait_for.empty() ? "" : schema->mutation_field_type(flags.type));
  const auto data = client->execute(
      fmt::format("mutation {} {{ {}{} {{ {} }} }}", definitions, flags.type, arguments, fields),
      *variables);
  if (!data) return report_error(context, data.error());
  const auto* job = job_of(*data, flags.type);
  if (!job) {
    fmt::print("{}\n", client_flags.as_json ? std::string("{\"validated\":true}")
                                            : std::string("The input is valid; no job was made."));
    return;
  }
  const JobView view(*job);
  if (client_flags.as_json) {
    fmt::print("{}\n", json::to_text(*job));
  } else {
    fmt::print("{} {} {}\n", view.type(), view.id(), view.status());
    if (!flags.watch && !view.ended()) fmt::print("Follow it: errand job watch {}\n", view.id());
  }
  std::fflush(stdout);
  if (flags.watch) watch(context, *client, view.id(), client_flags.as_json);
}

void list(Context& context, const ClientFlags& flags, int first, const std::string& status,
          const std::string& type, const std::string& after) {
  const auto client = connect(context, flags);
  if (!client) return;
  boost::json::object filter;
  if (!status.empty()) filter["status"] = boost::json::array{boost::json::value(status)};
  if (!type.empty()) filter["type"] = boost::json::array{boost::json::value(type)};
  boost::json::object variables{{"first", first}, {"filter", std::move(filter)}};
  if (!after.empty()) variables["after"] = after;
  const auto data = client->execute(
      fmt::format("query ($first: Int, $after: String, $filter: JobFilter) {{ jobs(first: $first, "
                  "after: $after, filter: $filter) "
                  "{{ edges {{ node {{ {} }} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                  kJobFields),
      variables);
  if (!data) return report_error(context, data.error());
  const auto& connection = data->at("jobs").as_object();
  for (const auto& edge : connection.at("edges").as_array()) {
    const auto& job = edge.as_object().at("node").as_object();
    fmt::print("{}\n", flags.as_json ? json::to_text(job) : JobView(job).line());
  }
  const auto& page = connection.at("pageInfo").as_object();
  if (page.at("hasNextPage").as_bool() && !flags.as_json) {
    fmt::print(stderr, "There are more; go on with --after {}\n",
               std::string_view(page.at("endCursor").as_string()));
  }
}

void show(Context& context, const ClientFlags& flags, const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto job = fetch_job(*client, id, true);
  if (!job) return report_error(context, job.error());
  fmt::print("{}", flags.as_json ? json::to_text(*job) + "\n" : JobView(*job).details());
}

void cancel(Context& context, const ClientFlags& flags, const std::string& id,
            const std::string& reason) {
  const auto client = connect(context, flags);
  if (!client) return;
  boost::json::object variables{{"id", id}};
  if (!reason.empty()) variables["reason"] = reason;
  const auto data = client->execute(
      fmt::format(
          "mutation ($id: ID!, $reason: String) {{ cancelJob(id: $id, reason: $reason) {{ {} }} }}",
          kJobFields),
      variables);
  if (!data) return report_error(context, data.error());
  const auto* job = job_of(*data, "cancelJob");
  if (!job)
    return report_error(context,
                        Error{ErrorCode::kNotFound, fmt::format("there is no job {}", id)});
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(*job));
  } else {
    fmt::print("{} {}\n", JobView(*job).id(), JobView(*job).status());
  }
}

void forget(Context& context, const ClientFlags& flags, const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute("mutation ($id: ID!) { forgetJob(id: $id) }", {{"id", id}});
  if (!data) return report_error(context, data.error());
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(boost::json::object{{"forgotten", id}}));
  } else {
    fmt::print("{} is forgotten\n", id);
  }
}

}  // namespace

void add_job_commands(CLI::App& app, Context& context) {
  auto* job = app.add_subcommand("job",
                                 "Submit, follow, list, cancel, forget and verify jobs, and deal "
                                 "with those that failed")
                  ->require_subcommand(1);
  job->footer(
      "Each needs the server's address (--url or ERRAND_URL) and a token (ERRAND_TOKEN or "
      "--token), but for\nverify, which reads the database.");

  {
    auto* command = job->add_subcommand("submit", "Start a job by its mutation");
    auto client = add_client_flags(*command, context);
    auto flags = std::make_shared<SubmitFlags>();
    command->add_option("type", flags->type, "name of the mutation, such as exportReport")
        ->required();
    command->add_option("--input", flags->input,
                        "JSON of the argument `input`: text, @file or - for standard input");
    command->add_option("--arg", flags->arguments, "name=JSON of any argument; may be repeated")
        ->take_all();
    command->add_option("--idempotency-key", flags->key, "one job at most is made for this key");
    command->add_option("--priority", flags->priority, "-100 to 100; higher first");
    command->add_option("--delay", flags->delay, "do not start before this long, such as 10m");
    command->add_option("--run-at", flags->run_at, "do not start before this time (RFC 3339)");
    command->add_option("--deadline", flags->deadline, "do not run beyond this time (RFC 3339)");
    command->add_option("--tag", flags->tags, "tag to find the job by; may be repeated")
        ->take_all();
    command->add_option("--correlation-id", flags->correlation_id,
                        "rides along into logs, events and the worker");
    command->add_option("--wait-for", flags->wait_for,
                        "hold the answer up to this long, so that a quick job comes back done");
    command->add_flag("--validate-only", flags->validate_only, "check the input, make no job");
    command->add_flag("--watch", flags->watch, "follow the job to its end");
    command->footer(
        "Examples:\n"
        "  errand job submit exportReport --input '{\"year\": 2026}'\n"
        "  errand job submit exportReport --input @input.json --idempotency-key 2026-11 --watch\n"
        "  echo '{\"year\": 2026}' | errand job submit exportReport --input - --json");
    command->callback([=, &context] { submit(context, *client, *flags); });
  }
  {
    auto* command = job->add_subcommand("show", "Print one job with its result or error");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    command->add_option("id", *id, "the job's id")->required();
    command->footer(
        "Examples:\n  errand job show 0190163d-8694-739b-aea5-966c26f8ad90\n  errand job show "
        "0190163d-8694-739b-aea5-966c26f8ad90 --json");
    command->callback([=, &context] { show(context, *client, *id); });
  }
  {
    auto* command =
        job->add_subcommand("watch", "Follow one job to its end with a live progress bar");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    command->add_option("id", *id, "the job's id")->required();
    command->footer(
        "Exit status: 0 SUCCEEDED, 3 FAILED, 4 CANCELED or EXPIRED. A broken connection is made "
        "anew.\n\n"
        "Examples:\n  errand job watch 0190163d-8694-739b-aea5-966c26f8ad90");
    command->callback([=, &context] {
      if (const auto connected = connect(context, *client))
        watch(context, *connected, *id, client->as_json);
    });
  }
  {
    auto* command = job->add_subcommand("list", "List jobs, newest first");
    auto client = add_client_flags(*command, context);
    auto first = std::make_shared<int>(20);
    auto status = std::make_shared<std::string>();
    auto type = std::make_shared<std::string>();
    auto after = std::make_shared<std::string>();
    command->add_option("--first", *first, "how many, up to 100")->check(CLI::Range(1, 100));
    command->add_option("--status", *status, "only of this status, such as RUNNING");
    command->add_option("--type", *type, "only of this mutation");
    command->add_option("--after", *after, "cursor where the last page ended");
    command->footer(
        "Examples:\n  errand job list --status RUNNING\n  errand job list --type exportReport "
        "--first 100 --json");
    command->callback([=, &context] { list(context, *client, *first, *status, *type, *after); });
  }
  {
    auto* command = job->add_subcommand("cancel", "Ask for a job to be canceled");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    auto reason = std::make_shared<std::string>();
    command->add_option("id", *id, "the job's id")->required();
    command->add_option("--reason", *reason, "kept in the job's history");
    command->footer(
        "A running job is CANCELING until its worker has stopped.\n\nExamples:\n  errand job "
        "cancel 0190163d-8694-739b-aea5-966c26f8ad90 --reason 'wrong year'");
    command->callback([=, &context] { cancel(context, *client, *id, *reason); });
  }
  {
    auto* command =
        job->add_subcommand("forget", "Erase an ended job with its input, result and events");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    command->add_option("id", *id, "the job's id")->required();
    command->footer(
        "At once and for good; ended jobs go by themselves after their retention. A live job is "
        "refused: cancel\nit first. Its idempotency key stays used until it expires. Needs the "
        "scope "
        "jobs:forget.\n\nExamples:\n  errand job forget 0190163d-8694-739b-aea5-966c26f8ad90");
    command->callback([=, &context] { forget(context, *client, *id); });
  }
  add_job_verify_command(*job, context);
  add_dead_letter_commands(*job, context);
}

}  // namespace errand::cli
