#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "errand/graphql/federation/linkage.h"
#include "errand/graphql/language/parser.h"

namespace errand::graphql::federation {

/// The document of a subgraph, which must parse.
inline std::vector<language::Document> documents_of(const std::string& sdl) {
  std::vector<language::Document> documents;
  auto document = language::parse({.body = sdl, .name = "schema.graphql"});
  if (!document) {
    ADD_FAILURE() << to_string(document.error());
  } else {
    documents.push_back(std::move(*document));
  }
  return documents;
}

/// Puts each report to `errors`, with line and column.
inline Report report_to(std::vector<std::string>& errors) {
  return [&errors](const type::Place& place, const std::string& message) {
    const language::Location at = place.location();
    errors.push_back(std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + message);
  };
}

}  // namespace errand::graphql::federation
