#include "errand/graphql/request/request_parameters.h"

#include <utility>

namespace errand::graphql::request {
namespace {

/// The member `name`, null counting as absent.
boost::json::value* member(boost::json::object& object, const char* name) {
  boost::json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::string> text_of(const boost::json::value* string) {
  if (string == nullptr) return std::nullopt;
  return std::string(string->get_string());
}

/// Takes an object with its memory: only moving into a new object does that.
boost::json::object take(boost::json::value* object) {
  return object == nullptr ? boost::json::object() : std::move(object->get_object());
}

}  // namespace

Result<RequestParameters> parse_request_parameters(boost::json::value&& json,
                                                   RequestMemory&& memory) {
  boost::json::object* object = json.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "The request must be a JSON object.");
  }
  const auto must_be = [](const char* name, const char* type) {
    return fail(ErrorCode::kInvalidArgument, '"' + std::string(name) + "\" must be " + type + ".");
  };
  boost::json::value* id = member(*object, "documentId");
  if (id != nullptr && !id->is_string()) return must_be("documentId", "a string");
  boost::json::value* name = member(*object, "operationName");
  if (name != nullptr && !name->is_string()) return must_be("operationName", "a string");
  boost::json::value* variables = member(*object, "variables");
  if (variables != nullptr && !variables->is_object()) return must_be("variables", "a JSON object");
  boost::json::value* extensions = member(*object, "extensions");
  if (extensions != nullptr && !extensions->is_object()) {
    return must_be("extensions", "a JSON object");
  }
  boost::json::value* query = member(*object, "query");
  const bool named_otherwise =
      id != nullptr ||
      (extensions != nullptr && member(extensions->get_object(), "persistedQuery") != nullptr);
  if (query == nullptr ? !named_otherwise : !query->is_string()) {
    return must_be("query", "a string");
  }
  return RequestParameters{.query = text_of(query).value_or(std::string()),
                           .document_id = text_of(id),
                           .operation_name = text_of(name),
                           .memory = std::move(memory),
                           .variables = take(variables),
                           .extensions = take(extensions)};
}

Result<RequestParameters> parse_request_parameters(const boost::json::value& json) {
  auto memory = RequestMemory::make();
  boost::json::value copy(json, memory.storage());
  return parse_request_parameters(std::move(copy), std::move(memory));
}

}  // namespace errand::graphql::request
