#include "errand/api/job_arguments.h"

#include <string_view>
#include <utility>

#include "errand/api/input_key.h"
#include "errand/graphql/type/coerce.h"
#include "errand/json/writer.h"

namespace errand::api {

using graphql::execution::FieldError;

namespace {

std::string_view view_of(boost::json::string_view text) { return {text.data(), text.size()}; }

FieldError input_error(std::string message) {
  return {ErrorCode::kBadUserInput, std::move(message)};
}

/// The arguments of `type`'s mutation, coerced from JSON as variables are.
std::expected<boost::json::object, FieldError> coerce_arguments(const contract::JobType& type,
                                                                const boost::json::value& edited) {
  namespace coercion = graphql::type;
  const std::string mutation = type.name.str();
  const boost::json::object* members = edited.if_object();
  if (members == nullptr) {
    return std::unexpected(
        input_error("input: must be an object of the arguments of \"" + mutation + "\"."));
  }
  for (const auto& member : *members) {
    if (type.field->argument(view_of(member.key())) == nullptr) {
      return std::unexpected(input_error("input: \"" + mutation + "\" has no argument \"" +
                                         std::string(view_of(member.key())) + "\"."));
    }
  }
  boost::json::object arguments;
  for (const coercion::InputValueDefinition& argument : type.field->arguments) {
    const boost::json::value* sent = members->if_contains(argument.name);
    if (sent == nullptr) {
      if (argument.is_required()) {
        return std::unexpected(input_error("input: the argument \"" + std::string(argument.name) +
                                           "\" of \"" + mutation + "\" is missing."));
      }
      if (argument.default_value) arguments.emplace(argument.name, *argument.default_value);
      continue;
    }
    auto coerced = coercion::coerce_json(*sent, argument.type);
    if (!coerced) {
      coercion::InputFault& first = coerced.error().front();
      first.path.insert(first.path.begin(), std::string(argument.name));
      return std::unexpected(
          input_error("input." + contract::to_text(first.path) + ": " + first.message));
    }
    arguments.emplace(argument.name, std::move(*coerced));
  }
  return arguments;
}

}  // namespace

FieldError constraint_error(const std::vector<contract::ConstraintViolation>& violations) {
  boost::json::array list;
  for (const contract::ConstraintViolation& violation : violations) {
    list.push_back(boost::json::object{{"path", contract::to_text(violation.path)},
                                       {"message", violation.message},
                                       {"constraint", violation.constraint}});
  }
  const contract::ConstraintViolation& first = violations.front();
  std::string message = contract::to_text(first.path) + " " + first.message + ".";
  if (violations.size() > 1) {
    message += " (" + std::to_string(violations.size() - 1) + " more)";
  }
  return {ErrorCode::kConstraintViolation, std::move(message),
          boost::json::object{{"violations", std::move(list)}}};
}

std::expected<JobInput, FieldError> make_job_input(const Backend& backend,
                                                   const contract::JobType& type,
                                                   const boost::json::object& arguments) {
  JobInput input;
  json::append_value(input.text, boost::json::value(arguments));
  if (input.text.size() > backend.options.input_bytes_max) {
    return std::unexpected(FieldError(
        ErrorCode::kPayloadTooLarge,
        "The arguments have " + std::to_string(input.text.size()) + " bytes as JSON; at most " +
            std::to_string(backend.options.input_bytes_max) + " are allowed."));
  }
  input.ref = {backend.payload_key.sign(input.text), input.text.size()};
  input.limit_key = input_key(backend.input_key, type.limit_key_paths, arguments);
  input.unique_key = input_key(backend.input_key, type.unique.paths, arguments);
  return input;
}

std::expected<JobInput, FieldError> check_edited_input(const Backend& backend,
                                                       const contract::JobType& type,
                                                       const boost::json::value& edited) {
  auto arguments = coerce_arguments(type, edited);
  if (!arguments) return std::unexpected(std::move(arguments.error()));
  const auto violations = backend.contract->check_constraints(type, *arguments);
  if (!violations.empty()) return std::unexpected(constraint_error(violations));
  return make_job_input(backend, type, *arguments);
}

}  // namespace errand::api
