#include "errand/graphql/request/trusted_documents.h"

#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/json/parse.h"

namespace errand::graphql::request {
namespace {

constexpr std::string_view kApolloFormat = "apollo-persisted-query-manifest";
constexpr std::size_t kManifestBytesMax = 64 << 20;

/// The member `name` where it is a text; else nullptr.
const boost::json::string* text_member(const boost::json::object& object, const char* name) {
  const boost::json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

Result<std::vector<TrustedDocument>> read_apollo(const boost::json::object& manifest) {
  const boost::json::value* version = manifest.if_contains("version");
  if (version == nullptr || *version != 1) {
    return fail(ErrorCode::kConfigInvalid, "\"version\" of the manifest is not 1");
  }
  const boost::json::value* operations = manifest.if_contains("operations");
  if (operations == nullptr || !operations->is_array()) {
    return fail(ErrorCode::kConfigInvalid, "\"operations\" of the manifest is not a list");
  }
  std::vector<TrustedDocument> documents;
  for (const boost::json::value& entry : operations->get_array()) {
    const boost::json::object* operation = entry.if_object();
    const auto* id = operation == nullptr ? nullptr : text_member(*operation, "id");
    const auto* body = operation == nullptr ? nullptr : text_member(*operation, "body");
    if (id == nullptr || body == nullptr) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("operations[{}] has not both of the texts \"id\" and \"body\"",
                              documents.size()));
    }
    documents.push_back({std::string(*id), std::string(*body)});
  }
  return documents;
}

}  // namespace

Result<std::vector<TrustedDocument>> parse_trusted_documents(std::string_view json) {
  const auto parsed = json::parse(json, {.bytes_max = kManifestBytesMax});
  if (!parsed) return fail(ErrorCode::kConfigInvalid, parsed.error().message);
  const boost::json::object* manifest = parsed->if_object();
  if (manifest == nullptr) {
    return fail(ErrorCode::kConfigInvalid, "the manifest is not a JSON object");
  }
  if (const auto* format = text_member(*manifest, "format");
      format != nullptr && std::string_view(*format) == kApolloFormat) {
    return read_apollo(*manifest);
  }
  std::vector<TrustedDocument> documents;
  for (const auto& [id, text] : *manifest) {
    if (!text.is_string()) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("the document of \"{}\" is not a text; the manifest is a map of id "
                              "to document, or has \"format\": \"{}\"",
                              std::string_view(id), kApolloFormat));
    }
    documents.push_back({std::string(id), std::string(text.get_string())});
  }
  return documents;
}

}  // namespace errand::graphql::request
