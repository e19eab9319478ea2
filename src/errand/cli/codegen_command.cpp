#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "errand/app/schema_files.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/codegen/generate.h"
#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/request/check_limits.h"
#include "errand/graphql/request/cost_model.h"
#include "errand/graphql/request/limits.h"

namespace errand::cli {

namespace {

struct CodegenFlags {
  std::vector<std::string> schema;
  std::string out = "-";
  std::vector<std::string> parts;
  std::vector<std::string> scalars;
  std::size_t depth = 3;
  std::string cpp_namespace = "errand_jobs";
  std::string prefix;
  std::string options_argument = "options";
  bool federation = false;
  bool check = false;
};

/// nullopt after an error was reported.
std::optional<codegen::Options> options_of(Context& context, codegen::Language language,
                                           const CodegenFlags& flags) {
  codegen::Options options{.language = language,
                           .files = flags.schema,
                           .depth = flags.depth,
                           .scalars = {},
                           .cpp_namespace = flags.cpp_namespace};
  if (!flags.parts.empty()) {
    options.worker = std::ranges::find(flags.parts, "worker") != flags.parts.end();
    options.client = std::ranges::find(flags.parts, "client") != flags.parts.end();
  }
  for (const auto& scalar : flags.scalars) {
    const auto equals = scalar.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == scalar.size()) {
      report(context, kUsage,
             fmt::format("--scalar {}: write NAME=TYPE, such as --scalar Date=string", scalar));
      return std::nullopt;
    }
    options.scalars[scalar.substr(0, equals)] = scalar.substr(equals + 1);
  }
  return options;
}

/// Number of the first line in which two texts differ, from 1.
std::size_t first_difference(std::string_view a, std::string_view b) {
  const auto [at, _] = std::ranges::mismatch(a, b);
  return 1 + static_cast<std::size_t>(std::count(a.begin(), at, '\n'));
}

void check(Context& context, const std::string& file, const std::string& text) {
  const auto present = app::read_text_file(file, ErrorCode::kInvalidArgument);
  const std::string remedy = "generate it again with the same command without --check";
  if (!present) return report(context, kRefused, present.error().message + "; " + remedy);
  if (*present == text) return;
  report(context, kRefused,
         fmt::format("{}:{}: is not what the schema gives now; {}", file,
                     first_difference(*present, text), remedy));
}

/// The file whole or not at all; one that is right already is left alone, for the sake of builds.
void write(Context& context, const std::string& file, const std::string& text) {
  if (const auto present = app::read_text_file(file, ErrorCode::kInvalidArgument);
      present && *present == text)
    return;
  const auto fault = [&](const std::string& why) {
    report(context, kRefused, fmt::format("{}: cannot be written: {}", file, why));
  };
  const auto draft = fmt::format("{}.{}.new", file, ::getpid());
  std::ofstream stream(draft, std::ios::binary);
  if (!stream) return fault(std::generic_category().message(errno));
  stream << text;
  stream.close();
  std::error_code error;
  if (!stream) {
    const int number = errno;
    std::filesystem::remove(draft, error);
    return fault(std::generic_category().message(number));
  }
  std::filesystem::rename(draft, file, error);
  if (!error) return;
  const auto why = error.message();
  std::filesystem::remove(draft, error);
  fault(why);
}

/// Says which documents a server refuses unless its limits are other than the default ones.
void warn_of_limits(const contract::Contract& contract, const codegen::Options& options) {
  const auto documents = codegen::client_documents(contract, options);
  if (!documents) return;
  const graphql::request::Limits limits;
  const graphql::request::CostModel costs(*contract.served_schema(), limits);
  for (const auto& [job_type, text] : *documents) {
    auto parsed = graphql::language::parse({.body = text, .name = job_type});
    if (!parsed) continue;  // no document of ours; a test would have told
    const graphql::execution::ExecutableDocument document(*std::move(parsed));
    std::string beyond;
    if (const auto errors = graphql::request::check_limits(document, limits); !errors.empty()) {
      beyond = errors.front().message;
    } else if (const auto cost = costs.measure(document, *document.operations().front(), {}).cost;
               cost > static_cast<double>(limits.cost_max)) {
      beyond = fmt::format("The operation costs {}, more than {}.", cost, limits.cost_max);
    }
    if (beyond.empty()) continue;
    fmt::print(
        stderr,
        "errand: warning: {}: a server with the limits that are the default refuses this. {} "
        "Take less with --depth, or give lists an @listSize.\n",
        job_type, beyond);
  }
}

void generate(Context& context, codegen::Language language, const CodegenFlags& flags) {
  if (flags.check && flags.out == "-") {
    return report(context, kUsage, "--check compares a file: name it with --out FILE");
  }
  const auto options = options_of(context, language, flags);
  if (!options) return;
  contract::ContractOptions contract_options;
  contract_options.prefix = flags.prefix;
  contract_options.options_argument = flags.options_argument;
  contract_options.federation = flags.federation;
  // What a server may serve otherwise is of no interest here.
  contract_options.has_resolver = [](std::string_view, std::string_view) { return true; };
  contract_options.refuse_unsupported = false;
  const auto contract = app::load_contract(flags.schema, contract_options);
  if (!contract)
    return report(context, kUsage, "the schema is not valid\n" + contract.error().message);
  const auto text = codegen::generate(**contract, *options);
  if (!text) return report(context, kUsage, text.error().message);
  warn_of_limits(**contract, *options);
  if (flags.check) return check(context, flags.out, *text);
  if (flags.out == "-") {
    fmt::print("{}", *text);
    return;
  }
  write(context, flags.out, *text);
}

void add_flags(CLI::App& command, codegen::Language language, CodegenFlags& flags) {
  command.add_option("--schema", flags.schema, "SDL files, as the server has them")
      ->required()
      ->delimiter(',');
  command.add_option("--out", flags.out, "file to write; - is standard output")
      ->capture_default_str();
  command.add_flag("--check", flags.check,
                   "write nothing; exit 1 where --out is not what would be written, for CI");
  command
      .add_option("--part", flags.parts,
                  "worker or client, or both by giving it twice; both unless given. The types come "
                  "with either")
      ->check(CLI::IsMember({"worker", "client"}));
  command
      .add_option("--depth", flags.depth,
                  "how deep clients select results: 1 is a result's own leaves")
      ->check(CLI::Range(1, 20))
      ->capture_default_str();
  command.add_option("--scalar", flags.scalars, "NAME=TYPE: the type for a custom scalar");
  if (language == codegen::Language::kCpp) {
    command.add_option("--namespace", flags.cpp_namespace, "namespace of all that is generated")
        ->capture_default_str();
  }
  command.add_option("--prefix", flags.prefix, "schema.prefix, as the server has it");
  command.add_option("--options-argument", flags.options_argument,
                     "schema.options_argument, as the server has it");
  command.add_flag("--federation", flags.federation,
                   "be a subgraph without an @link of federation: schema.federation = \"on\"");
}

constexpr std::string_view kStatus =
    "Exit status: 0 done, or --check found no difference; 1 a difference, or the file cannot be "
    "written;\n2 wrong flags or schema.\n\n";

}  // namespace

void add_codegen_commands(CLI::App& app, Context& context) {
  auto* codegen = app.add_subcommand("codegen", "Generate typed workers and clients from a schema")
                      ->require_subcommand(1);
  codegen->footer(
      "Examples:\n"
      "  errand codegen typescript --schema schema.graphql --out src/jobs.ts\n"
      "  errand codegen python --schema schema.graphql --out jobs.py\n"
      "  errand codegen cpp --schema schema.graphql --out jobs.h");
  const auto add = [&](const char* name, const char* what, codegen::Language language,
                       const std::string& footer) {
    auto* command = codegen->add_subcommand(name, what);
    auto flags = std::make_shared<CodegenFlags>();
    add_flags(*command, language, *flags);
    command->footer(std::string(kStatus) + footer);
    command->callback([=, &context] { generate(context, language, *flags); });
  };
  add("typescript", "One module: types, handlers for @errand/worker, a client on @errand/client",
      codegen::Language::kTypeScript,
      "The part worker has `handle(worker, {exportReport: (job) => ...})`, the part client\n"
      "`new Jobs(client).exportReport(variables)`, which gives a typed handle to watch and wait.\n"
      "A scalar's TYPE is a type of TypeScript, or MODULE#TYPE to import one. DateTime, Duration\n"
      "and UUID are string, all others unknown.\n\n"
      "Examples:\n"
      "  errand codegen typescript --schema schema.graphql --out src/jobs.ts\n"
      "  errand codegen typescript --schema a.graphql,b.graphql --part worker --out src/jobs.ts\n"
      "  errand codegen typescript --schema schema.graphql --scalar 'Money=./money.js#Money'\n"
      "  errand codegen typescript --schema schema.graphql --out src/jobs.ts --check");
  add("python", "One module: dataclasses, handlers for errand_worker, a client",
      codegen::Language::kPython,
      "The part worker has decorators, `Handlers(worker).export_report`; the part client\n"
      "`Client(url, token).export_report(...)`, on the standard library alone, with a typed "
      "handle\n"
      "to watch and wait. A scalar's TYPE is str, int, float, bool, Any or a class with its "
      "module:\n"
      "decimal.Decimal, datetime.date, datetime.time. DateTime is datetime.datetime, UUID "
      "uuid.UUID,\n"
      "Duration str, all others Any.\n\n"
      "Examples:\n"
      "  errand codegen python --schema schema.graphql --out jobs.py\n"
      "  errand codegen python --schema schema.graphql --part client --depth 5 --out jobs.py\n"
      "  errand codegen python --schema schema.graphql --scalar Money=decimal.Decimal --out "
      "jobs.py");
  add("cpp", "One header: structs, handlers for errand-worker, requests and answers of clients",
      codegen::Language::kCpp,
      "The part worker has `ExportReportJob::handle(worker, function)`. The C++ SDK has no client, "
      "so\n"
      "the part client sends nothing: it has the bodies of requests to POST to /graphql, and "
      "reads\n"
      "their answers; the program sends them with the HTTP library that it has. A scalar's TYPE is "
      "a\n"
      "type that Boost.JSON converts, or HEADER#TYPE to include one. DateTime, Duration and UUID "
      "are\n"
      "std::string, all others boost::json::value.\n\n"
      "Examples:\n"
      "  errand codegen cpp --schema schema.graphql --out jobs.h\n"
      "  errand codegen cpp --schema schema.graphql --part worker --namespace acme::jobs --out "
      "jobs.h\n"
      "  errand codegen cpp --schema schema.graphql --scalar 'Money=money.h#acme::Money' --out "
      "jobs.h");
}

}  // namespace errand::cli
