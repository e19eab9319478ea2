#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "errand/base/result.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/large_stack.h"
#include "errand/graphql/comparison/case.h"
#include "errand/graphql/comparison/case_runner.h"
#include "errand/graphql/language/source.h"
#include "errand/json/parse.h"

namespace errand::cli {

namespace {

using graphql::comparison::Case;
using graphql::comparison::CaseRunner;
using graphql::comparison::Operation;

struct CaseFlags {
  std::vector<std::string> schema;
  std::string query;
  std::string variables;
  std::string data;
  std::optional<std::string> operation_name;
};

constexpr json::ParseLimits kJsonLimits = {.bytes_max = std::size_t{256} << 20, .depth_max = 4'000};

/// All of a file, of any bytes; "-" is standard input.
Result<std::string> read_file(const std::string& name) {
  const auto read = [](std::istream& stream) {
    return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  };
  if (name == "-") return read(std::cin);
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}", name, std::generic_category().message(errno)));
  }
  std::string text = read(file);
  if (file.bad()) return fail(ErrorCode::kInvalidArgument, name + ": cannot be read");
  return text;
}

Result<boost::json::value> read_json(const std::string& name) {
  auto text = read_file(name);
  if (!text) return std::unexpected(text.error());
  auto value = json::parse(*text, kJsonLimits);
  if (!value) return fail(ErrorCode::kInvalidArgument, name + ": " + value.error().message);
  return value;
}

Result<Case> read_case(Operation operation, const CaseFlags& flags) {
  Case question;
  question.operation = operation;
  question.operation_name = flags.operation_name;
  for (const std::string& name : flags.schema) {
    auto body = read_file(name);
    if (!body) return std::unexpected(body.error());
    question.schema.push_back({.body = std::move(*body), .name = name});
  }
  if (!flags.query.empty()) {
    auto query = read_file(flags.query);
    if (!query) return std::unexpected(query.error());
    question.query = std::move(*query);
  }
  if (!flags.variables.empty()) {
    auto variables = read_json(flags.variables);
    if (!variables) return std::unexpected(variables.error());
    if (!variables->is_object()) {
      return fail(ErrorCode::kInvalidArgument, flags.variables + ": is no JSON object");
    }
    question.variables = std::move(variables->get_object());
  }
  if (!flags.data.empty()) {
    auto data = read_json(flags.data);
    if (!data) return std::unexpected(data.error());
    question.data = std::make_shared<const boost::json::value>(std::move(*data));
  }
  if (auto fit = graphql::comparison::check_case(question); !fit) {
    return std::unexpected(fit.error());
  }
  return question;
}

void answer(Context& context, Operation operation, const CaseFlags& flags) {
  run_on_large_stack(CaseRunner::kStackBytes, [&] {
    const auto question = read_case(operation, flags);
    if (!question) return report(context, kUsage, question.error().message);
    fmt::print("{}\n", CaseRunner().answer(*question));
  });
}

void answer_batch(Context& context, const std::string& name) {
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file) {
      return report(context, kUsage,
                    fmt::format("{}: {}", name, std::generic_category().message(errno)));
    }
  }
  std::istream& lines = name == "-" ? std::cin : file;
  run_on_large_stack(CaseRunner::kStackBytes, [&] {
    CaseRunner runner;
    std::string line;
    while (std::getline(lines, line)) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      fmt::print("{}\n", runner.answer_line(line));
      // A caller on a pipe may wait for this answer before it asks more.
      std::fflush(stdout);
    }
  });
}

struct Command {
  std::string name;
  Operation operation;
  std::string summary;
  std::string example;
};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"parse", Operation::kParse, "Parse a document, and print it formatted",
       "errand graphql parse --query query.graphql"},
      {"validate", Operation::kValidate, "Validate a document against a schema",
       "errand graphql validate --schema schema.graphql --query query.graphql"},
      {"schema", Operation::kSchema, "Check a schema: syntax, SDL rules, type system",
       "errand graphql schema --schema types.graphql --schema more.graphql"},
      {"introspect", Operation::kIntrospect, "Answer an introspection query",
       "errand graphql introspect --schema schema.graphql > introspection.json"},
      {"execute", Operation::kExecute, "Execute an operation over JSON data",
       "errand graphql execute --schema schema.graphql --query query.graphql \\\n"
       "      --variables variables.json --data data.json --operation-name Main"},
      {"subscribe", Operation::kSubscribe, "Execute a subscription over a list of events",
       "errand graphql subscribe --schema schema.graphql --query ticks.graphql --data ticks.json"},
  };
  return all;
}

void add_case_flags(CLI::App& command, CaseFlags& flags) {
  command.add_option("--schema", flags.schema, "SDL file; may be given several times")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--query", flags.query, "the document's file; - reads standard input");
  command.add_option("--variables", flags.variables, "JSON file with the operation's variables");
  command.add_option("--data", flags.data,
                     "JSON file that fields are resolved from: each is the member of its name");
  command.add_option("--operation-name", flags.operation_name,
                     "which operation of the document to execute");
}

}  // namespace

void add_graphql_commands(CLI::App& app, Context& context) {
  auto* graphql =
      app.add_subcommand("graphql", "Ask the GraphQL engine alone, and compare it with another")
          ->require_subcommand(1);
  graphql->footer(
      "Each prints one JSON object, worded as by graphql-js, and exits with 0 once there is a\n"
      "verdict, also a bad one. No server, no job types, no limits on requests.\n\n"
      "Examples:\n"
      "  errand graphql validate --schema schema.graphql --query query.graphql\n"
      "  errand graphql batch --cases cases.jsonl");
  for (const Command& each : commands()) {
    auto* command = graphql->add_subcommand(each.name, each.summary);
    auto flags = std::make_shared<CaseFlags>();
    add_case_flags(*command, *flags);
    command->footer("Examples:\n  " + each.example);
    command->callback(
        [operation = each.operation, flags, &context] { answer(context, operation, *flags); });
  }
  auto* batch = graphql->add_subcommand("batch", "Answer many cases, one JSON object a line");
  auto cases = std::make_shared<std::string>();
  batch->add_option("--cases", *cases, "file of cases, one a line; - reads standard input")
      ->required();
  batch->footer(
      "A case: {\"id\", \"op\", \"schema\", \"query\", \"variables\", \"operationName\", "
      "\"data\"}, "
      "op being one\nof the commands beside this one and schema an SDL text or a list of them. "
      "Answers come in order,\nwith the case's id; {\"id\", \"unsupported\": true} where none is "
      "possible.\n\n"
      "Examples:\n"
      "  errand graphql batch --cases cases.jsonl > answers.jsonl\n"
      "  echo '{\"id\": 1, \"op\": \"parse\", \"query\": \"{ a }\"}' | errand graphql batch "
      "--cases -");
  batch->callback([cases, &context] { answer_batch(context, *cases); });
}

}  // namespace errand::cli
