#include "errand/graphql/comparison/case.h"

#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace errand::graphql::comparison {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<std::string_view, Operation>, 6> kOperations = {{
    {"parse", Operation::kParse},
    {"validate", Operation::kValidate},
    {"schema", Operation::kSchema},
    {"introspect", Operation::kIntrospect},
    {"execute", Operation::kExecute},
    {"subscribe", Operation::kSubscribe},
}};

std::unexpected<Error> unfit(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

/// The member `name`; nullptr when it is absent or null.
const json::value* member_of(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains({name.data(), name.size()});
  return member == nullptr || member->is_null() ? nullptr : member;
}

Result<std::optional<std::string>> read_text(const json::object& object, std::string_view name) {
  const json::value* member = member_of(object, name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_string()) return unfit(fmt::format("\"{}\" is no string", name));
  return std::string(member->get_string());
}

Result<std::vector<language::Source>> read_sources(const json::object& object) {
  std::vector<language::Source> sources;
  const json::value* schema = member_of(object, "schema");
  if (schema == nullptr) return sources;
  const auto add = [&](const json::value& text) {
    if (!text.is_string()) return false;
    sources.push_back({.body = std::string(text.get_string()),
                       .name = fmt::format("schema {}", sources.size() + 1)});
    return true;
  };
  bool all_texts = true;
  if (const json::array* list = schema->if_array()) {
    for (const json::value& text : *list) all_texts = all_texts && add(text);
  } else {
    all_texts = add(*schema);
  }
  if (!all_texts) return unfit("\"schema\" is neither a string nor a list of strings");
  return sources;
}

}  // namespace

std::optional<Operation> operation_of(std::string_view name) {
  for (const auto& [known, operation] : kOperations) {
    if (known == name) return operation;
  }
  return std::nullopt;
}

Result<Case> read_case(const json::value& text) {
  const json::object* members = text.if_object();
  if (members == nullptr) return unfit("a case is a JSON object");
  auto operation_name = read_text(*members, "op");
  if (!operation_name) return std::unexpected(operation_name.error());
  const std::optional<Operation> operation = operation_of(operation_name->value_or(""));
  if (!operation) {
    return unfit("\"op\" is none of parse, validate, schema, introspect, execute and subscribe");
  }
  Case result;
  result.operation = *operation;
  auto sources = read_sources(*members);
  if (!sources) return std::unexpected(sources.error());
  result.schema = std::move(*sources);
  auto query = read_text(*members, "query");
  if (!query) return std::unexpected(query.error());
  result.query = std::move(*query);
  auto name = read_text(*members, "operationName");
  if (!name) return std::unexpected(name.error());
  result.operation_name = std::move(*name);
  if (const json::value* variables = member_of(*members, "variables")) {
    if (!variables->is_object()) return unfit("\"variables\" is no object");
    result.variables = variables->get_object();
  }
  if (const json::value* data = member_of(*members, "data")) {
    result.data = std::make_shared<const json::value>(*data);
  }
  if (auto fit = check_case(result); !fit) return std::unexpected(fit.error());
  return result;
}

Result<void> check_case(const Case& question) {
  if (question.operation != Operation::kParse && question.schema.empty()) {
    return unfit("there is no schema");
  }
  const bool needs_query =
      question.operation != Operation::kSchema && question.operation != Operation::kIntrospect;
  if (needs_query && !question.query) return unfit("there is no query");
  return {};
}

}  // namespace errand::graphql::comparison
