#include "errand/graphql/execution/error_json.h"

#include <string_view>

namespace errand::graphql::execution {
namespace {

/// The members inside the braces of a JSON object text; empty for `{}`.
std::string_view members_of(std::string_view object_text) {
  const auto open = object_text.find('{');
  const auto close = object_text.rfind('}');
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  std::string_view members = object_text.substr(open + 1, close - open - 1);
  return members.find_first_not_of(" \t\r\n") == std::string_view::npos ? std::string_view()
                                                                        : members;
}

}  // namespace

void write_error(json::Writer& writer, const language::GraphQLError& error) {
  writer.begin_object();
  writer.key("message");
  writer.string(error.message);
  if (!error.locations.empty()) {
    writer.key("locations");
    writer.begin_array();
    for (const language::Location& location : error.locations) {
      writer.begin_object();
      writer.key("line");
      writer.integer(location.line);
      writer.key("column");
      writer.integer(location.column);
      writer.end_object();
    }
    writer.end_array();
  }
  if (!error.path.empty()) {
    writer.key("path");
    write_path(writer, error.path);
  }
  const std::string_view members = members_of(error.extensions_json);
  if (error.code || !members.empty()) {
    writer.key("extensions");
    writer.begin_object();
    if (error.code) {
      writer.key("code");
      writer.string(errand::to_string(*error.code));
    }
    if (!members.empty()) writer.raw(members);
    writer.end_object();
  }
  writer.end_object();
}

void write_path(json::Writer& writer, std::span<const language::PathSegment> path) {
  writer.begin_array();
  for (const language::PathSegment& segment : path) {
    if (const auto* name = std::get_if<std::string>(&segment)) {
      writer.string(*name);
    } else {
      writer.unsigned_integer(std::get<std::size_t>(segment));
    }
  }
  writer.end_array();
}

void write_errors(json::Writer& writer, std::span<const language::GraphQLError> errors) {
  writer.begin_array();
  for (const language::GraphQLError& error : errors) write_error(writer, error);
  writer.end_array();
}

}  // namespace errand::graphql::execution
