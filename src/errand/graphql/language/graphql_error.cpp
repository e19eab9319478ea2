#include "errand/graphql/language/graphql_error.h"

#include <utility>

#include <fmt/format.h>

namespace errand::graphql::language {

GraphQLError error_at(const Source& source, std::span<const Node* const> nodes, std::string message,
                      std::optional<ErrorCode> code) {
  GraphQLError error;
  error.message = std::move(message);
  error.code = code;
  error.locations.reserve(nodes.size());
  for (const Node* node : nodes) error.locations.push_back(source.location(node->start));
  if (!nodes.empty()) error.source_name = source.name;
  return error;
}

GraphQLError error_at(const Source& source, std::initializer_list<const Node*> nodes,
                      std::string message, std::optional<ErrorCode> code) {
  return error_at(source, std::span<const Node* const>(nodes.begin(), nodes.size()),
                  std::move(message), code);
}

GraphQLError error_at(const Source& source, const Node& node, std::string message,
                      std::optional<ErrorCode> code) {
  return error_at(source, {&node}, std::move(message), code);
}

std::string to_string(const GraphQLError& error) {
  if (error.locations.empty()) return error.message;
  std::string text;
  for (std::size_t i = 0; i < error.locations.size(); ++i) {
    const Location& at = error.locations[i];
    if (i > 0) text += '\n';
    text += fmt::format("{}:{}:{}: {}", error.source_name, at.line, at.column,
                        i == 0 ? std::string_view(error.message) : "also here");
  }
  return text;
}

}  // namespace errand::graphql::language
