#include "errand/graphql/request/request_parameters.h"

namespace errand::graphql::request {
namespace {

/// The member `name`, null counting as absent.
const boost::json::value* member(const boost::json::object& object, const char* name) {
  const boost::json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace

Result<RequestParameters> parse_request_parameters(const boost::json::value& json) {
  const boost::json::object* object = json.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "The request must be a JSON object.");
  }
  RequestParameters parameters;
  if (const boost::json::value* id = member(*object, "documentId")) {
    if (!id->is_string()) {
      return fail(ErrorCode::kInvalidArgument, "\"documentId\" must be a string.");
    }
    parameters.document_id = std::string(id->get_string());
  }
  if (const boost::json::value* name = member(*object, "operationName")) {
    if (!name->is_string()) {
      return fail(ErrorCode::kInvalidArgument, "\"operationName\" must be a string.");
    }
    parameters.operation_name = std::string(name->get_string());
  }
  if (const boost::json::value* variables = member(*object, "variables")) {
    if (!variables->is_object()) {
      return fail(ErrorCode::kInvalidArgument, "\"variables\" must be a JSON object.");
    }
    parameters.variables = variables->get_object();
  }
  if (const boost::json::value* extensions = member(*object, "extensions")) {
    if (!extensions->is_object()) {
      return fail(ErrorCode::kInvalidArgument, "\"extensions\" must be a JSON object.");
    }
    parameters.extensions = extensions->get_object();
  }
  const boost::json::value* query = member(*object, "query");
  const bool named_otherwise =
      parameters.document_id || member(parameters.extensions, "persistedQuery") != nullptr;
  if (query == nullptr ? !named_otherwise : !query->is_string()) {
    return fail(ErrorCode::kInvalidArgument, "\"query\" must be a string.");
  }
  if (query != nullptr) parameters.query = query->get_string();
  return parameters;
}

}  // namespace errand::graphql::request
