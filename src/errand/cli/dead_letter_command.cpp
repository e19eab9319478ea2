#include "errand/cli/dead_letter_command.h"

#include <algorithm>
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

/// Fields of a dead letter that are shown.
constexpr std::string_view kFields =
    "id type queue status run attempt finishedAt errorFingerprint error { code message details "
    "retryable remediation attempt }";

constexpr std::string_view kResultFields =
    "matched changed hasMore jobs refused { id code message }";

/// Which dead letters.
struct FilterFlags {
  std::vector<std::string> types;
  std::vector<std::string> queues;
  std::vector<std::string> fingerprints;
  std::string from;
  std::string before;

  [[nodiscard]] boost::json::object json() const {
    boost::json::object filter;
    const auto list = [&](const char* name, const std::vector<std::string>& items) {
      if (!items.empty()) filter[name] = boost::json::array(items.begin(), items.end());
    };
    list("type", types);
    list("queue", queues);
    list("fingerprint", fingerprints);
    if (!from.empty()) filter["finishedFrom"] = from;
    if (!before.empty()) filter["finishedBefore"] = before;
    return filter;
  }
};

std::shared_ptr<FilterFlags> add_filter_flags(CLI::App& command) {
  auto flags = std::make_shared<FilterFlags>();
  // One value each time, so that an id behind it stays an id.
  const auto add_list = [&](const char* name, std::vector<std::string>& to, const char* what) {
    command.add_option(name, to, what)->take_all()->allow_extra_args(false);
  };
  add_list("--type", flags->types, "only of this mutation; may be repeated");
  add_list("--queue", flags->queues, "only of this queue; may be repeated");
  add_list("--fingerprint", flags->fingerprints,
           "only with this error, as `errand job failures` names it; may be repeated");
  command.add_option("--from", flags->from, "failed at this time or later (RFC 3339)");
  command.add_option("--before", flags->before, "failed before this time (RFC 3339)");
  return flags;
}

void list(Context& context, const ClientFlags& flags, const FilterFlags& filter, int first,
          const std::string& after) {
  const auto client = connect(context, flags);
  if (!client) return;
  boost::json::object variables{{"first", first}, {"filter", filter.json()}};
  if (!after.empty()) variables["after"] = after;
  const auto data = client->execute(
      fmt::format("query ($first: Int, $after: String, $filter: DeadLetterFilter) {{ "
                  "deadLetters(first: $first, after: $after, filter: $filter) "
                  "{{ nodes {{ {} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                  kFields),
      variables);
  if (!data) return report_error(context, data.error());
  const auto& connection = data->at("deadLetters").as_object();
  for (const auto& node : connection.at("nodes").as_array()) {
    const auto& job = node.as_object();
    if (flags.as_json) {
      fmt::print("{}\n", json::to_text(job));
      continue;
    }
    const auto& error = job.at("error").as_object();
    fmt::print("{}  {}  {:<24} {}  {}: {}\n", printable(job.at("id")),
               printable(job.at("finishedAt")), printable(job.at("type")),
               printable(job.at("errorFingerprint")), printable(error.at("code")),
               printable(error.at("message")));
  }
  const auto& page = connection.at("pageInfo").as_object();
  if (page.at("hasNextPage").as_bool() && !flags.as_json) {
    fmt::print(stderr, "There are more; go on with --after {}\n",
               std::string_view(page.at("endCursor").as_string()));
  }
}

/// What requeue and discard share.
struct ChangeFlags {
  std::vector<std::string> ids;
  bool all = false;
  std::string input;
  bool dry_run = false;
  int limit = 1'000;
};

void change(Context& context, const ClientFlags& client_flags, const FilterFlags& filter,
            const ChangeFlags& flags, bool requeues) {
  const boost::json::object wanted = filter.json();
  if (flags.ids.empty() && wanted.empty() && !flags.all) {
    return report(context, kUsage,
                  "name the jobs, or say which with --type, --queue, --fingerprint, --from or "
                  "--before, or --all for every dead letter");
  }
  if (!flags.ids.empty() && (!wanted.empty() || flags.all)) {
    return report(context, kUsage, "give either ids, or --all or a filter, not both");
  }
  boost::json::object variables{{"dryRun", flags.dry_run}, {"limit", flags.limit}};
  std::string input_definition;
  std::string input_argument;
  if (!flags.input.empty()) {
    if (flags.ids.size() != 1) {
      return report(context, kUsage, "--input goes with exactly one id");
    }
    auto input = read_json(flags.input);
    if (!input) return report(context, kUsage, "--input: " + input.error().message);
    variables["input"] = *std::move(input);
    input_definition = ", $input: JSON";
    input_argument = ", input: $input";
  }
  if (flags.ids.empty()) {
    variables["filter"] = wanted;
  } else {
    variables["ids"] = boost::json::array(flags.ids.begin(), flags.ids.end());
  }
  const auto client = connect(context, client_flags);
  if (!client) return;
  const std::string_view field = requeues ? "requeueDeadLetters" : "discardDeadLetters";
  const auto data = client->execute(
      fmt::format("mutation ($ids: [ID!], $filter: DeadLetterFilter, $dryRun: Boolean, "
                  "$limit: Int{}) {{ {}(ids: $ids, filter: $filter, dryRun: $dryRun, "
                  "limit: $limit{}) {{ {} }} }}",
                  input_definition, field, input_argument, kResultFields),
      variables);
  if (!data) return report_error(context, data.error());
  const auto& result = data->at(field).as_object();
  const auto& refused = result.at("refused").as_array();
  if (!refused.empty()) context.status = kRefused;
  if (client_flags.as_json) {
    fmt::print("{}\n", json::to_text(result));
    return;
  }
  const auto& jobs = result.at("jobs").as_array();
  for (const auto& id : jobs) fmt::print("{}\n", printable(id));
  const auto shown = static_cast<std::int64_t>(jobs.size());
  const std::int64_t count = result.at(flags.dry_run ? "matched" : "changed").as_int64();
  if (count > shown) fmt::print("... and {} more\n", count - shown);
  fmt::print("{} {}{}\n", count, count == 1 ? "job " : "jobs ",
             flags.dry_run ? (requeues ? "would be requeued" : "would be discarded")
                           : (requeues ? "requeued" : "discarded"));
  for (const auto& item : refused) {
    fmt::print(stderr, "{}  {}: {}\n", printable(item.at("id")), printable(item.at("code")),
               printable(item.at("message")));
  }
  if (result.at("hasMore").as_bool()) {
    fmt::print(stderr, "There are more; {}\n",
               flags.dry_run ? "raise --limit to see them counted" : "run the command again");
  }
}

struct FailureFlags {
  std::string period;
  std::string from;
  std::string to;
  int first = 20;
};

void failures(Context& context, const ClientFlags& client_flags, const FailureFlags& flags) {
  const auto client = connect(context, client_flags);
  if (!client) return;
  boost::json::object variables{{"first", flags.first}};
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) variables[name] = value;
  };
  put("period",
      flags.period.empty() && flags.from.empty() && flags.to.empty() ? "24h" : flags.period);
  put("from", flags.from);
  put("to", flags.to);
  const auto data = client->execute(
      "query ($period: Duration, $from: DateTime, $to: DateTime, $first: Int) { failureReport("
      "period: $period, from: $from, to: $to, first: $first) { from to hasMore groups { "
      "fingerprint type code message count deadLetters firstAt lastAt jobs } } }",
      variables);
  if (!data) return report_error(context, data.error());
  const auto& report = data->at("failureReport").as_object();
  const auto& groups = report.at("groups").as_array();
  if (client_flags.as_json) {
    for (const auto& group : groups) fmt::print("{}\n", json::to_text(group));
    return;
  }
  if (groups.empty()) {
    fmt::print("Nothing failed from {} to {}.\n", printable(report.at("from")),
               printable(report.at("to")));
    return;
  }
  fmt::print("{:>7} {:>8}  {:<16}  {:<24}  {:<24}  {}\n", "FAILED", "WAITING", "FINGERPRINT",
             "LAST", "TYPE", "ERROR");
  for (const auto& group : groups) {
    fmt::print("{:>7} {:>8}  {:<16}  {:<24}  {:<24}  {}: {}\n", group.at("count").as_int64(),
               group.at("deadLetters").as_int64(), printable(group.at("fingerprint")),
               printable(group.at("lastAt")), printable(group.at("type")),
               printable(group.at("code")), printable(group.at("message")));
  }
  if (report.at("hasMore").as_bool()) {
    fmt::print(stderr, "There are more; raise --first, up to 100\n");
  }
}

std::shared_ptr<ChangeFlags> add_change_flags(CLI::App& command) {
  auto flags = std::make_shared<ChangeFlags>();
  command.add_option("id", flags->ids, "ids of the jobs");
  command.add_flag("--all", flags->all, "every dead letter");
  command.add_flag("--dry-run", flags->dry_run, "change nothing, say what would be changed");
  command.add_option("--limit", flags->limit, "how many at most, up to 10000; default 1000")
      ->check(CLI::Range(1, 10'000));
  return flags;
}

}  // namespace

void add_dead_letter_commands(CLI::App& job, Context& context) {
  {
    auto* command = job.add_subcommand(
        "dead-letters", "List failed jobs that wait for an operator, the last to fail first");
    auto client = add_client_flags(*command, context);
    auto filter = add_filter_flags(*command);
    auto first = std::make_shared<int>(20);
    auto after = std::make_shared<std::string>();
    command->add_option("--first", *first, "how many, up to 100")->check(CLI::Range(1, 100));
    command->add_option("--after", *after, "cursor where the last page ended");
    command->footer(
        "Examples:\n  errand job dead-letters --type exportReport\n  errand job dead-letters "
        "--fingerprint 9c1185a5c5e9fc54 --first 100 --json");
    command->callback([=, &context] { list(context, *client, *filter, *first, *after); });
  }
  {
    auto* command = job.add_subcommand("requeue", "Start the next run of dead letters");
    auto client = add_client_flags(*command, context);
    auto filter = add_filter_flags(*command);
    auto flags = add_change_flags(*command);
    command->add_option("--input", flags->input,
                        "with one id: JSON of the mutation's arguments that the job works on from "
                        "now on: text, @file or - for standard input");
    command->footer(
        "Exit status: 1 where a job was refused; the others are requeued all the same.\n\n"
        "Examples:\n"
        "  errand job requeue 0190163d-8694-739b-aea5-966c26f8ad90\n"
        "  errand job requeue 0190163d-8694-739b-aea5-966c26f8ad90 --input "
        "'{\"input\": {\"year\": 2026}}'\n"
        "  errand job requeue --fingerprint 9c1185a5c5e9fc54 --dry-run\n"
        "  errand job requeue --type exportReport --before 2026-11-30T06:00:00Z");
    command->callback([=, &context] { change(context, *client, *filter, *flags, true); });
  }
  {
    auto* command = job.add_subcommand("discard", "Put dead letters away; they stay FAILED");
    auto client = add_client_flags(*command, context);
    auto filter = add_filter_flags(*command);
    auto flags = add_change_flags(*command);
    command->footer(
        "Exit status: 1 where a job was refused; the others are discarded all the same.\n\n"
        "Examples:\n"
        "  errand job discard 0190163d-8694-739b-aea5-966c26f8ad90\n"
        "  errand job discard --queue reports --dry-run\n"
        "  errand job discard --all --limit 10000");
    command->callback([=, &context] { change(context, *client, *filter, *flags, false); });
  }
  {
    auto* command =
        job.add_subcommand("failures", "Count failed jobs by their error, the most frequent first");
    auto client = add_client_flags(*command, context);
    auto flags = std::make_shared<FailureFlags>();
    command->add_option("--period", flags->period, "in the last so long; default 24h");
    command->add_option("--from", flags->from, "failed at this time or later (RFC 3339)");
    command->add_option("--to", flags->to, "failed before this time (RFC 3339); default now");
    command->add_option("--first", flags->first, "how many errors, up to 100")
        ->check(CLI::Range(1, 100));
    command->footer(
        "Examples:\n  errand job failures --period 24h\n  errand job failures --from "
        "2026-11-29T00:00:00Z --to 2026-11-30T00:00:00Z --json");
    command->callback([=, &context] { failures(context, *client, *flags); });
  }
}

}  // namespace errand::cli
