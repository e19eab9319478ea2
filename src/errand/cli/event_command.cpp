#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/contract/event_samples.h"
#include "errand/contract/event_schemas.h"
#include "errand/contract/event_types.h"
#include "errand/json/indented.h"
#include "errand/json/parse.h"

namespace errand::cli {

namespace {

constexpr std::string_view kPrefix = "dev.errand.job.";

struct EventFlags {
  std::string type;
  int version = 0;  ///< 0: the present one
  bool whole = false;
};

/// Index of the event called `type`, with or without its prefix; reports where there is none.
std::optional<std::size_t> find_event(Context& context, std::string_view type) {
  std::string_view name = type;
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const auto types = contract::event_types();
  const auto found = std::ranges::find(types, name, &contract::EventType::event);
  if (found != types.end()) return static_cast<std::size_t>(found - types.begin());
  report(context, kUsage,
         fmt::format("there is no event \"{}\"; errand events list shows those there are", type));
  return std::nullopt;
}

void list() {
  for (const contract::EventType& type : contract::event_types()) {
    fmt::print("{}{:<20}  {}\n", kPrefix, type.event, type.description);
  }
}

void print_schema(Context& context, const EventFlags& flags) {
  const auto kind = find_event(context, flags.type);
  if (!kind) return;
  const contract::EventType& type = contract::event_types()[*kind];
  const int version = flags.version == 0 ? type.version : flags.version;
  if (version < 1 || version > type.version) {
    return report(
        context, kUsage,
        fmt::format("the schema of {} has the versions 1 to {}", type.event, type.version));
  }
  const auto schema =
      flags.whole ? contract::event_schema(type, version) : contract::data_schema(type, version);
  fmt::print("{}", json::to_indented_text(schema));
}

void print_example(Context& context, const EventFlags& flags) {
  const auto kind = find_event(context, flags.type);
  if (!kind) return;
  const auto event = json::parse(contract::sample_cloud_event(*kind));
  if (!event) return report(context, kRefused, event.error().message);
  fmt::print("{}", json::to_indented_text(*event));
}

}  // namespace

void add_event_commands(CLI::App& app, Context& context) {
  auto* events = app.add_subcommand("events", "What other programs are told of jobs: CloudEvents")
                     ->require_subcommand(1);
  events->footer(
      "A server has the same at /schemas/.\n\n"
      "Examples:\n"
      "  errand events list\n"
      "  errand events schema started\n"
      "  errand events example succeeded > event.json\n"
      "  errand events asyncapi > events.asyncapi.json");

  events->add_subcommand("list", "Every type of event and what it says")->callback([] { list(); });

  auto flags = std::make_shared<EventFlags>();
  auto* schema = events->add_subcommand("schema", "The JSON Schema (2020-12) of a type of event");
  schema->add_option("TYPE", flags->type, "such as started or dev.errand.job.started")->required();
  schema->add_option("--schema-version", flags->version,
                     "of the schema; the present one if not given");
  schema->add_flag("--whole", flags->whole, "of the whole CloudEvent, not of its data alone");
  schema->footer(
      "Examples:\n"
      "  errand events schema started\n"
      "  errand events schema dev.errand.job.attempt_failed --whole");
  schema->callback([flags, &context] { print_schema(context, *flags); });

  auto* example = events->add_subcommand("example", "A made-up event, to try out a receiver");
  example->add_option("TYPE", flags->type, "such as started or dev.errand.job.started")->required();
  example->footer(
      "Examples:\n"
      "  errand events example succeeded\n"
      "  errand events example failed | curl -H 'Content-Type: application/cloudevents+json' "
      "--data-binary @- http://127.0.0.1:8000/hook");
  example->callback([flags, &context] { print_example(context, *flags); });

  events->add_subcommand("asyncapi", "The AsyncAPI 3.1 document of all events")->callback([] {
    fmt::print("{}", json::to_indented_text(contract::events_asyncapi()));
  });
}

}  // namespace errand::cli
