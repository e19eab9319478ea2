#include "errand/graphql/comparison/case_runner.h"

#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "errand/graphql/comparison/data_resolvers.h"
#include "errand/graphql/comparison/introspection_query.h"
#include "errand/graphql/comparison/lone_surrogates.h"
#include "errand/graphql/execution/error_json.h"
#include "errand/graphql/execution/response_stream.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/validation/validate.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::graphql::comparison {
namespace {

namespace asio = boost::asio;
using language::GraphQLError;

constexpr std::size_t kSchemasBytesMax = std::size_t{64} << 20;
/// A case may hold a document of 10 MB, and another in its data.
constexpr json::ParseLimits kLineLimits = {
    .bytes_max = std::size_t{256} << 20, .depth_max = 4'000, .check_utf8 = false};

language::ParseOptions parse_options() {
  language::ParseOptions options;
  options.max_depth = language::ParseOptions::kMaxDepthMax;
  return options;
}

/// Runs `task` to its end on a context of its own.
template <class T>
T run(asio::awaitable<T> task) {
  asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  io.run();
  return std::move(*result);
}

void write_errors(json::Writer& writer, std::span<const GraphQLError> errors, bool with_source) {
  writer.begin_array();
  for (GraphQLError error : errors) {
    error.code.reset();
    // A line and a column of one of several files.
    if (with_source && !error.locations.empty()) {
      error.extensions_json =
          json::to_text(boost::json::object{{"source", std::string_view(error.source_name)}});
    }
    execution::write_error(writer, error);
  }
  writer.end_array();
}

std::string verdict(std::span<const GraphQLError> errors, bool with_source = false,
                    const std::optional<std::string>& printed = std::nullopt) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.key("ok");
  writer.boolean(errors.empty());
  writer.key("errors");
  write_errors(writer, errors, with_source);
  if (printed) {
    writer.key("printed");
    writer.string(*printed);
  }
  writer.end_object();
  return text;
}

/// The response to a request that was not executed.
std::string request_error(std::span<const GraphQLError> errors) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.key("errors");
  write_errors(writer, errors, false);
  writer.end_object();
  return text;
}

std::string parse_verdict(const std::string& query) {
  const auto document = language::parse({.body = query}, parse_options());
  if (!document) return verdict({&document.error(), 1});
  return verdict({}, false, language::print(*document));
}

/// All responses of the subscription, with commas between them.
asio::awaitable<std::expected<std::string, GraphQLError>> run_stream(
    execution::OperationRequest request) {
  auto execution = std::make_unique<execution::OperationExecution>(std::move(request));
  auto source = co_await execution->create_source_stream();
  if (!source) co_return std::unexpected(std::move(source.error()));
  const auto stream = execution::map_source_to_response(std::move(execution), std::move(*source));
  std::string results;
  while (auto response = co_await stream->next()) {
    if (!results.empty()) results += ',';
    results += response->body;
  }
  co_return results;
}

}  // namespace

CaseRunner::BuiltSchema& CaseRunner::schema_of(const std::vector<language::Source>& sources) {
  std::string key;
  for (const language::Source& source : sources) {
    key += fmt::format("{}\n", source.body.size());
    key += source.body;
  }
  if (const auto found = schemas_.find(key); found != schemas_.end()) return found->second;
  if (schemas_bytes_ + key.size() > kSchemasBytesMax) {
    schemas_.clear();
    schemas_bytes_ = 0;
  }
  type::BuildOptions options = build_options();
  options.parse = parse_options();
  BuiltSchema built;
  if (auto schema = type::build_schema(sources, options)) {
    built.schema = std::move(*schema);
  } else {
    built.errors = std::move(schema.error());
  }
  schemas_bytes_ += key.size();
  return schemas_.emplace(std::move(key), std::move(built)).first->second;
}

std::expected<std::shared_ptr<const execution::ExecutableDocument>, CaseRunner::Errors>
CaseRunner::document_of(const BuiltSchema& built, const std::string& query) {
  if (built.schema == nullptr) return std::unexpected(built.errors);
  auto document = language::parse({.body = query}, parse_options());
  if (!document) return std::unexpected(Errors{std::move(document.error())});
  Errors errors = validation::validate(*built.schema, *document);
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return std::make_shared<const execution::ExecutableDocument>(std::move(*document));
}

std::expected<execution::OperationRequest, CaseRunner::Errors> CaseRunner::prepare(
    const Case& question) {
  BuiltSchema& built = schema_of(question.schema);
  auto document = document_of(built, question.query.value_or(std::string(introspection_query())));
  if (!document) return std::unexpected(std::move(document.error()));
  if (question.operation_name == "") {
    // Over HTTP that is no name; here it is one that no operation has.
    GraphQLError error;
    error.message = "Unknown operation named \"\".";
    return std::unexpected(Errors{std::move(error)});
  }
  auto operation = (*document)->get_operation(question.operation_name);
  if (!operation) return std::unexpected(Errors{std::move(operation.error())});
  auto variables = type::coerce_variable_values(*built.schema, (*document)->document().source(),
                                                **operation, question.variables);
  if (!variables) return std::unexpected(std::move(variables.error()));
  if (built.resolvers == nullptr) {
    auto bound = execution::Resolvers::bind(built.schema, data_resolvers(*built.schema));
    ERRAND_ASSERT(bound.has_value());  // the map was made from the schema
    built.resolvers = std::make_shared<const execution::Resolvers>(std::move(*bound));
  }
  execution::OperationRequest request;
  request.resolvers = built.resolvers;
  request.document = std::move(*document);
  request.operation = *operation;
  request.variables = std::move(*variables);
  request.sent_variables = question.variables;
  request.context = std::make_shared<execution::RequestContext>();
  request.root_value = question.data;
  request.error_codes = false;
  return request;
}

std::string CaseRunner::execute(const Case& question) {
  auto request = prepare(question);
  if (!request) return request_error(request.error());
  execution::OperationExecution execution(std::move(*request));
  return run(execution.execute()).body;
}

std::string CaseRunner::subscribe(const Case& question) {
  auto request = prepare(question);
  if (!request) return request_error(request.error());
  if (request->operation->operation != language::OperationType::kSubscription) {
    GraphQLError error;
    error.message = "Expected subscription operation.";
    return request_error({&error, 1});
  }
  auto results = run(run_stream(std::move(*request)));
  if (!results) return request_error({&results.error(), 1});
  return "{\"results\":[" + *results + "]}";
}

std::string CaseRunner::answer(const Case& question) {
  switch (question.operation) {
    case Operation::kParse:
      return parse_verdict(*question.query);
    case Operation::kSchema:
      return verdict(schema_of(question.schema).errors, question.schema.size() > 1);
    case Operation::kValidate: {
      const auto document = document_of(schema_of(question.schema), *question.query);
      return verdict(document ? Errors() : document.error());
    }
    case Operation::kIntrospect:
    case Operation::kExecute:
      return execute(question);
    case Operation::kSubscribe:
      return subscribe(question);
  }
  std::unreachable();
}

std::string CaseRunner::answer_line(std::string_view line) {
  boost::json::value id;
  const auto refuse = [&](const Error& error) {
    return json::to_text(
        boost::json::object{{"id", id}, {"unsupported", true}, {"reason", error.message}});
  };
  auto text = json::parse(unescape_lone_surrogates(line), kLineLimits);
  if (!text) return refuse(text.error());
  if (const auto* members = text->if_object()) {
    if (const auto* given = members->if_contains("id")) id = *given;
  }
  const auto question = read_case(*text);
  if (!question) return refuse(question.error());
  std::string result = answer(*question);
  result.replace(0, 1, "{\"id\":" + json::to_text(id) + ",");
  return escape_lone_surrogates(std::move(result));
}

}  // namespace errand::graphql::comparison
