#include "errand/codegen/generate.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "errand/codegen/cpp.h"
#include "errand/codegen/model.h"
#include "errand/codegen/python.h"
#include "errand/codegen/typescript.h"

namespace errand::codegen {

namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// "a" or "a::b".
bool is_namespace(std::string_view text) {
  while (true) {
    const auto end = text.find("::");
    const auto part = text.substr(0, end);
    if (part.empty() || (part.front() >= '0' && part.front() <= '9') ||
        !std::ranges::all_of(part, is_word))
      return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 2);
  }
}

/// What is wrong with the options for their language.
std::optional<std::string> check_for_language(const contract::Contract& contract,
                                              const Options& options) {
  for (const auto& [name, type] : options.scalars) {
    // It goes into the text as it is.
    if (type.empty() || std::ranges::any_of(type, [](unsigned char c) { return c < 0x20; }))
      return fmt::format("--scalar {}: the type has to be text in one line", name);
    if (options.language == Language::kPython &&
        !std::ranges::all_of(type, [](char c) { return is_word(c) || c == '.'; })) {
      return fmt::format(
          "--scalar {}={}: write str, int, float, bool, Any or a class with its "
          "module, such as decimal.Decimal",
          name, type);
    }
  }
  if (options.language == Language::kCpp && !is_namespace(options.cpp_namespace)) {
    return fmt::format("--namespace {}: write names with :: between them, such as acme::jobs",
                       options.cpp_namespace);
  }
  if (options.language == Language::kTypeScript && options.client &&
      !contract.names().prefix().empty()) {
    return "@errand/client knows the server's own fields without [schema] prefix; generate the "
           "worker alone with --part worker";
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> generate(const contract::Contract& contract, const Options& options) {
  auto model = Model::build(contract, options);
  if (!model) return std::unexpected(model.error());
  for (const auto& [name, type] : options.scalars) {
    const auto known = [&](const graphql::type::ScalarType* scalar) {
      return scalar->name == name;
    };
    if (std::ranges::none_of(model->scalars(), known)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--scalar {}={}: no job reaches a scalar {}; those that can be named "
                              "are the schema's own and DateTime, Duration, JSON, UUID",
                              name, type, name));
    }
  }
  if (auto bad = check_for_language(contract, options)) {
    return fail(ErrorCode::kInvalidArgument, *std::move(bad));
  }
  switch (options.language) {
    case Language::kTypeScript:
      return typescript(*model, options);
    case Language::kPython:
      return python(*model, options);
    case Language::kCpp:
      return cpp(*model, options);
  }
  std::unreachable();
}

Result<std::vector<ClientDocument>> client_documents(const contract::Contract& contract,
                                                     const Options& options) {
  std::vector<ClientDocument> documents;
  if (!options.client) return documents;
  const auto model = Model::build(contract, options);
  if (!model) return std::unexpected(model.error());
  for (const auto& job : model->jobs())
    documents.push_back({.job_type = std::string(job.name), .text = model->mutation(job, true)});
  return documents;
}

}  // namespace errand::codegen
