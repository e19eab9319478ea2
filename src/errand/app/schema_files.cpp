#include "errand/app/schema_files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/format.h>

#include "errand/base/utf8.h"

namespace errand::app {

namespace {

constexpr std::size_t kFileBytesMax = 16 << 20;

}  // namespace

Result<std::string> read_text_file(const std::string& name, ErrorCode code) {
  std::ifstream file(name, std::ios::binary);
  const auto unreadable = [&](std::string_view why) {
    return fail(code, fmt::format("{}: {}", name, why));
  };
  if (!file) return unreadable(std::generic_category().message(errno));
  std::string body;
  body.resize(kFileBytesMax + 1);
  file.read(body.data(), static_cast<std::streamsize>(body.size()));
  body.resize(static_cast<std::size_t>(file.gcount()));
  // A folder opens, and fails here.
  if (file.bad()) return unreadable("cannot be read; is it a file?");
  if (body.size() > kFileBytesMax) return unreadable("is longer than 16 MiB");
  if (!is_valid_utf8(body)) return unreadable("is not UTF-8 text");
  return body;
}

Result<std::vector<graphql::language::Source>> read_schema_files(
    std::span<const std::string> files) {
  if (files.empty()) {
    return fail(ErrorCode::kSchemaInvalid,
                "no schema is given; name its SDL files with --schema FILE, or in errand.toml with "
                "[schema] files = [\"schema.graphql\"]; or stand in front of a GraphQL server with "
                "--upstream URL --job MUTATION");
  }
  std::vector<graphql::language::Source> sources;
  for (const auto& name : files) {
    auto body = read_text_file(name, ErrorCode::kSchemaInvalid);
    if (!body) return std::unexpected(body.error());
    sources.push_back({.body = *std::move(body), .name = name});
  }
  return sources;
}

std::unexpected<Error> schema_refused(const std::vector<graphql::language::GraphQLError>& errors) {
  std::string text;
  for (const auto& error : errors) {
    if (!text.empty()) text += '\n';
    text += graphql::language::to_string(error);
  }
  return fail(ErrorCode::kSchemaInvalid, std::move(text));
}

Result<std::shared_ptr<const contract::Contract>> build_contract(
    std::span<const graphql::language::Source> sources, const contract::ContractOptions& options) {
  auto contract = contract::Contract::build(sources, options);
  if (!contract) return schema_refused(contract.error());
  return *std::move(contract);
}

Result<std::shared_ptr<const contract::Contract>> load_contract(
    std::span<const std::string> files, const contract::ContractOptions& options) {
  const auto sources = read_schema_files(files);
  if (!sources) return std::unexpected(sources.error());
  return build_contract(*sources, options);
}

}  // namespace errand::app
