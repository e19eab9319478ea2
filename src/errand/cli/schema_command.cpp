#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/app/config.h"
#include "errand/app/schema_change.h"
#include "errand/app/schema_files.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/contract/compare_contracts.h"
#include "errand/json/writer.h"
#include "errand/store/sqlite/sqlite_store.h"

namespace errand::cli {

namespace {

struct SchemaFlags {
  std::string schema;
  std::string new_schema;
  std::string database;
  std::string prefix;
  std::string options_argument = "options";
  bool federation = false;
  bool subgraph = false;
  bool as_json = false;
};

contract::ContractOptions options_of(const SchemaFlags& flags) {
  contract::ContractOptions options;
  options.prefix = flags.prefix;
  options.options_argument = flags.options_argument;
  options.federation = flags.federation || flags.subgraph;
  return options;
}

/// A schema is named by its file, or by several with commas between them.
Result<std::shared_ptr<const contract::Contract>> load(const std::string& schema,
                                                       const SchemaFlags& flags) {
  std::vector<std::string> files;
  for (std::size_t begin = 0; begin <= schema.size();) {
    const auto comma = std::min(schema.find(',', begin), schema.size());
    files.push_back(schema.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return app::load_contract(files, options_of(flags));
}

boost::json::object to_json(const contract::ContractChange& change) {
  return {{"severity", to_string(change.severity)},
          {"type", change.type.view()},
          {"coordinate", change.coordinate},
          {"message", change.message}};
}

/// Checks one schema: its errors, or its job types.
void check_one(Context& context, const SchemaFlags& flags) {
  const auto contract = load(flags.schema, flags);
  if (flags.as_json) {
    boost::json::object answer{{"ok", contract.has_value()}};
    if (contract) {
      boost::json::array types;
      for (const auto& type : (*contract)->job_types()) types.emplace_back(type.name.view());
      answer["types"] = std::move(types);
    } else {
      answer["error"] = contract.error().message;
    }
    fmt::print("{}\n", json::to_text(answer));
    context.status = contract ? kOk : kUsage;
    return;
  }
  if (!contract)
    return report(context, kUsage, "the schema is not valid\n" + contract.error().message);
  fmt::print("The schema is valid. Job types:\n");
  for (const auto& type : (*contract)->job_types()) {
    fmt::print("  {:<24} queue {}, at most {} attempts\n", type.name.view(), type.queue.view(),
               type.retry.max_attempts);
  }
}

/// Compares two schemas, and the new one with the live jobs of a database.
void check_change(Context& context, const SchemaFlags& flags) {
  const auto before = load(flags.schema, flags);
  if (!before)
    return report(context, kUsage, "the old schema is not valid\n" + before.error().message);
  const auto after = load(flags.new_schema, flags);
  if (!after)
    return report(context, kUsage, "the new schema is not valid\n" + after.error().message);
  const auto changes = contract::compare_contracts(**before, **after);
  bool breaks = contract::is_breaking(changes);

  std::vector<app::AffectedType> affected;
  if (!flags.database.empty()) {
    const auto reader = store::sqlite::open_reader(flags.database);
    if (!reader) return report(context, kRefused, reader.error().message);
    auto found = app::find_affected_types(**after, **reader);
    if (!found) return report(context, kRefused, found.error().message);
    affected = *std::move(found);
    for (const auto& type : affected) breaks |= type.broken();
  }

  if (flags.as_json) {
    boost::json::array list;
    for (const auto& change : changes) list.emplace_back(to_json(change));
    boost::json::array types;
    for (const auto& type : affected) {
      types.emplace_back(boost::json::object{{"type", type.type.view()},
                                             {"jobs", type.jobs},
                                             {"removed", type.removed},
                                             {"broken", type.broken()}});
    }
    fmt::print("{}\n", json::to_text(boost::json::object{{"ok", !breaks},
                                                         {"changes", std::move(list)},
                                                         {"liveTypes", std::move(types)}}));
  } else {
    if (changes.empty()) fmt::print("No job type changes.\n");
    for (const auto& change : changes) {
      fmt::print("{:<9} {}: {}\n", to_string(change.severity), change.coordinate, change.message);
    }
    if (!affected.empty())
      fmt::print("Live jobs made under another contract:\n{}\n", app::describe(affected));
  }
  context.status = breaks ? kRefused : kOk;
}

void print(Context& context, const SchemaFlags& flags) {
  const auto contract = load(flags.schema, flags);
  if (!contract)
    return report(context, kUsage, "the schema is not valid\n" + contract.error().message);
  const std::string& sdl = flags.subgraph ? (*contract)->subgraph_sdl() : (*contract)->served_sdl();
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(boost::json::object{{"sdl", sdl}}));
  } else {
    fmt::print("{}", sdl);
  }
}

void add_schema_flags(CLI::App& command, SchemaFlags& flags) {
  command.add_option("--prefix", flags.prefix, "schema.prefix, as the server has it");
  command.add_option("--options-argument", flags.options_argument,
                     "schema.options_argument, as the server has it");
  command.add_flag("--federation", flags.federation,
                   "be a subgraph without an @link of federation: schema.federation = \"on\"");
  command.add_flag("--json", flags.as_json, "print one JSON object");
}

}  // namespace

void add_schema_commands(CLI::App& app, Context& context) {
  auto* schema = app.add_subcommand("schema", "Check and print schemas")->require_subcommand(1);
  {
    auto* command = schema->add_subcommand("check", "Check a schema, or a change of it");
    auto flags = std::make_shared<SchemaFlags>();
    command->add_option("schema", flags->schema, "SDL file; several with commas between them")
        ->required();
    command->add_option(
        "new", flags->new_schema,
        "the schema that is to replace it: lists what changes for clients and jobs");
    command->add_option("--database", flags->database,
                        "a server's errand.db: which live jobs does the new schema break?");
    add_schema_flags(*command, *flags);
    command->footer(
        "Exit status: 0 valid, or no breaking change; 1 a breaking change; 2 not valid.\n\n"
        "Examples:\n"
        "  errand schema check schema.graphql\n"
        "  errand schema check old.graphql new.graphql --database errand-data/errand.db");
    command->callback([=, &context] {
      if (flags->new_schema.empty()) {
        if (flags->database.empty()) return check_one(context, *flags);
        flags->new_schema = flags->schema;
      }
      check_change(context, *flags);
    });
  }
  {
    auto* command = schema->add_subcommand("print", "Print the schema as clients see it");
    auto flags = std::make_shared<SchemaFlags>();
    command->add_option("schema", flags->schema, "SDL file; several with commas between them")
        ->required();
    command->add_flag("--subgraph", flags->subgraph,
                      "what a supergraph is composed of instead, as `_service { sdl }` gives it");
    add_schema_flags(*command, *flags);
    command->footer(
        "Examples:\n"
        "  errand schema print schema.graphql > served.graphql\n"
        "  errand schema print schema.graphql --subgraph > subgraph.graphql");
    command->callback([=, &context] { print(context, *flags); });
  }
}

}  // namespace errand::cli
