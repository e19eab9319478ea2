#include <algorithm>
#include <memory>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/cli/client_flags.h"
#include "errand/cli/commands.h"
#include "errand/cli/job_view.h"
#include "errand/cli/worker_run_command.h"
#include "errand/json/writer.h"

namespace errand::cli {

namespace {

constexpr std::string_view kFields =
    "id name subject way sdk build queues types labels selectors slots running draining "
    "connectedAt lastSeenAt";

std::string listed(const boost::json::value& list) {
  std::string text;
  for (const auto& item : list.as_array()) {
    if (!text.empty()) text += ',';
    text += printable(item);
  }
  return text.empty() ? "all" : text;
}

void list(Context& context, const ClientFlags& flags) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(fmt::format("{{ workers {{ {} }} }}", kFields), {});
  if (!data) return report_error(context, data.error());
  const auto& workers = data->at("workers").as_array();
  if (flags.as_json) {
    for (const auto& worker : workers) fmt::print("{}\n", json::to_text(worker));
    return;
  }
  if (workers.empty()) {
    fmt::print("No worker is connected.\n");
    return;
  }
  fmt::print("{:<18} {:<10} {:>9}  {:<24} {:<24} {:<12} {}\n", "ID", "WAY", "AT/SLOTS", "NAME",
             "LAST SEEN", "BUILD", "QUEUES / TYPES");
  for (const auto& each : workers) {
    const auto& worker = each.as_object();
    fmt::print("{:<18} {:<10} {:>9}  {:<24} {:<24} {:<12} {} / {}{}\n", printable(worker.at("id")),
               printable(worker.at("way")),
               fmt::format("{}/{}", printable(worker.at("running")), printable(worker.at("slots"))),
               printable(worker.at("name")), printable(worker.at("lastSeenAt")),
               printable(worker.at("build")), listed(worker.at("queues")),
               listed(worker.at("types")), worker.at("draining").as_bool() ? "  (draining)" : "");
  }
}

void drain(Context& context, const ClientFlags& flags, const std::string& id) {
  const auto client = connect(context, flags);
  if (!client) return;
  const auto data = client->execute(
      fmt::format("mutation ($id: ID!) {{ drainWorker(id: $id) {{ {} }} }}", kFields),
      {{"id", id}});
  if (!data) return report_error(context, data.error());
  const auto* worker = data->at("drainWorker").if_object();
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(data->at("drainWorker")));
  } else if (worker == nullptr) {
    fmt::print("{} has left\n", id);
  } else {
    fmt::print("{} gets no more jobs; it is at {} and leaves when they are done\n", id,
               printable(worker->at("running")));
  }
}

}  // namespace

void add_worker_commands(CLI::App& app, Context& context) {
  auto* worker = app.add_subcommand("worker", "See connected workers, let one leave, and be one")
                     ->require_subcommand(1);
  {
    auto* command = worker->add_subcommand(
        "list", "List workers: those that are connected, and what the server runs itself");
    auto client = add_client_flags(*command, context);
    command->footer("Examples:\n  errand worker list\n  errand worker list --json | jq .labels");
    command->callback([=, &context] { list(context, *client); });
  }
  {
    auto* command = worker->add_subcommand(
        "drain", "Let a worker take no more jobs; it finishes what it has, and leaves");
    auto client = add_client_flags(*command, context);
    auto id = std::make_shared<std::string>();
    command->add_option("id", *id, "the worker's id, as `errand worker list` shows it")->required();
    command->footer(
        "Needs the scope workers:manage.\n\nExamples:\n  errand worker drain w-1f2e3d4c-7");
    command->callback([=, &context] { drain(context, *client, *id); });
  }
  add_worker_run_command(*worker, context);
}

}  // namespace errand::cli
