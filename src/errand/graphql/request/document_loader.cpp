#include "errand/graphql/request/document_loader.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/request/check_limits.h"
#include "errand/graphql/validation/validate.h"

namespace errand::graphql::request {

using language::GraphQLError;

namespace {

constexpr std::string_view kHashPrefix = "sha256:";

/// An answer about the document itself, whose status is the same for both media types. Must not be
/// kept: the next request may find the document.
std::unexpected<Response> refuse_document(ErrorCode code, std::string_view message, int status) {
  Response response = Response::failure(Outcome::kOperationUnresolved, code, message);
  response.http_status = status;
  response.cache_control = "private, no-cache, must-revalidate";
  return std::unexpected(std::move(response));
}

/// Limits that hold in LimitsMode::kWarn too.
bool always_enforced(ErrorCode code) {
  return code == ErrorCode::kMaxRecursionLimit || code == ErrorCode::kIntrospectionDisabled;
}

std::string hash_of(std::string_view text) { return crypto::to_hex(crypto::sha256(text)); }

/// The hash by which a client names its document (`extensions.persistedQuery`); empty where it does
/// not. Worded as by Apollo Server.
std::expected<std::string_view, Response> persisted_query_hash(
    const boost::json::object& extensions) {
  const boost::json::value* persisted = extensions.if_contains("persistedQuery");
  if (persisted == nullptr || persisted->is_null()) return std::string_view();
  const boost::json::object* object = persisted->if_object();
  const boost::json::value* version = object == nullptr ? nullptr : object->if_contains("version");
  if (version == nullptr || *version != 1) {
    return refuse_document(ErrorCode::kInvalidArgument, "Unsupported persisted query version", 400);
  }
  const boost::json::value* hash = object->if_contains("sha256Hash");
  if (hash == nullptr || !hash->is_string() || hash->get_string().empty()) {
    return refuse_document(ErrorCode::kInvalidArgument,
                           "\"extensions.persistedQuery.sha256Hash\" must be a string.", 400);
  }
  return std::string_view(hash->get_string());
}

}  // namespace

DocumentLoader::DocumentLoader(const type::Schema& schema, const Options& options)
    : schema_(schema),
      options_(options),
      cost_model_(schema, options.limits),
      cache_(options.cache_bytes_max),
      persisted_(options.persisted_queries_bytes_max) {}

Result<void> DocumentLoader::trust(std::span<const TrustedDocument> documents) {
  for (const TrustedDocument& trusted : documents) {
    const std::string name = "document " + trusted.id;
    const auto document = build({.body = trusted.text, .name = name}, true);
    if (!document) {
      std::vector<std::string> faults;
      for (const GraphQLError& error : document.error().errors) faults.push_back(to_string(error));
      return fail(ErrorCode::kConfigInvalid, fmt::format("{}", fmt::join(faults, "\n")));
    }
    const auto [known, first] = trusted_.emplace(trusted.id, *document);
    if (!first && known->second->text() != trusted.text) {
      return fail(ErrorCode::kConfigInvalid, name + ": the id stands for two documents");
    }
    trusted_.emplace(hash_of(trusted.text), *document);
    trusted_by_text_.emplace((*document)->text(), *document);
  }
  return {};
}

DocumentLoader::Loaded DocumentLoader::load(RequestParameters& parameters) {
  const auto named = persisted_query_hash(parameters.extensions);
  if (!named) return std::unexpected(named.error());
  std::string_view hash = *named;
  if (hash.empty() && parameters.document_id && parameters.document_id->starts_with(kHashPrefix)) {
    hash = std::string_view(*parameters.document_id).substr(kHashPrefix.size());
  }
  if (!trusted_.empty()) {
    if (DocumentCache::Entry trusted = find_trusted(parameters, hash)) return trusted;
  }
  if (options_.trusted_documents_mode == TrustedDocumentsMode::kRequire) {
    return refuse_document(ErrorCode::kDocumentNotTrusted,
                           "This server runs only documents of its manifest, and this is none of "
                           "them. Add it to the manifest, or send a document that is there.",
                           400);
  }
  if (!named->empty()) return load_persisted(parameters, hash);
  if (parameters.query.empty() && parameters.document_id) {
    if (DocumentCache::Entry known = persisted_.find(hash)) return known;
    return refuse_document(ErrorCode::kPersistedQueryNotFound,
                           "No document with this documentId is known here.", 404);
  }
  return load_text(std::move(parameters.query));
}

DocumentCache::Entry DocumentLoader::find_named(const RequestParameters& parameters) {
  if (!parameters.query.empty()) return nullptr;
  std::string_view hash = persisted_query_hash(parameters.extensions).value_or("");
  if (hash.empty() && parameters.document_id && parameters.document_id->starts_with(kHashPrefix)) {
    hash = std::string_view(*parameters.document_id).substr(kHashPrefix.size());
  }
  if (DocumentCache::Entry trusted = find_trusted(parameters, hash)) return trusted;
  return hash.empty() ? nullptr : persisted_.find(hash);
}

DocumentCache::Entry DocumentLoader::find_trusted(const RequestParameters& parameters,
                                                  std::string_view hash) const {
  const auto by_id = [&](std::string_view id) -> DocumentCache::Entry {
    const auto found = trusted_.find(std::string(id));
    return found == trusted_.end() ? nullptr : found->second;
  };
  // The text first: what is sent along with a hash must be what runs.
  if (!parameters.query.empty()) {
    const auto found = trusted_by_text_.find(parameters.query);
    return found == trusted_by_text_.end() ? nullptr : found->second;
  }
  if (parameters.document_id) {
    if (DocumentCache::Entry document = by_id(*parameters.document_id)) return document;
  }
  return hash.empty() ? nullptr : by_id(hash);
}

DocumentLoader::Loaded DocumentLoader::load_persisted(RequestParameters& parameters,
                                                      std::string_view hash) {
  if (options_.persisted_queries_bytes_max == 0) {
    return refuse_document(ErrorCode::kPersistedQueryNotSupported, "PersistedQueryNotSupported",
                           200);
  }
  if (parameters.query.empty()) {
    if (DocumentCache::Entry known = persisted_.find(hash)) return known;
    return refuse_document(ErrorCode::kPersistedQueryNotFound, "PersistedQueryNotFound", 200);
  }
  if (hash_of(parameters.query) != hash) {
    return refuse_document(ErrorCode::kInvalidArgument, "provided sha does not match query", 400);
  }
  Loaded document = load_text(std::move(parameters.query));
  if (document) persisted_.put(std::string(hash), *document);
  return document;
}

DocumentLoader::Loaded DocumentLoader::load_text(std::string text) {
  const std::size_t bytes_max = options_.limits.query_bytes_max;
  if (bytes_max != 0 && text.size() > bytes_max) {
    return std::unexpected(
        Response::failure(Outcome::kLimitExceeded, ErrorCode::kMaxQueryBytesLimit,
                          fmt::format("The query text has {} bytes; this server allows {}.",
                                      text.size(), bytes_max)));
  }
  if (DocumentCache::Entry known = cache_.find(text)) return known;
  auto document = build({.body = std::move(text)}, false);
  if (!document) {
    return std::unexpected(Response::failure(document.error().outcome, document.error().errors));
  }
  cache_.put(*document);
  return *std::move(document);
}

std::expected<DocumentCache::Entry, DocumentLoader::Refusal> DocumentLoader::build(
    language::Source source, bool trusted) const {
  const Limits& limits = options_.limits;
  language::ParseOptions parse_options;
  if (limits.tokens_max != 0 && !trusted) parse_options.max_tokens = limits.tokens_max;
  parse_options.max_depth = recursion_bound(limits);
  auto parsed = language::parse(std::move(source), parse_options);
  if (!parsed) {
    const bool limit = parsed.error().code != ErrorCode::kGraphqlParseFailed;
    return std::unexpected(Refusal{limit ? Outcome::kLimitExceeded : Outcome::kSyntaxError,
                                   {std::move(parsed.error())}});
  }
  const auto document = std::make_shared<LoadedDocument>(std::move(*parsed));
  // Whether that error refuses the document; else it is noted, or does not concern trusted ones.
  const auto refuses = [&](const GraphQLError& error) {
    if (trusted) return error.code == ErrorCode::kMaxRecursionLimit;
    if (limits.mode == LimitsMode::kEnforce || always_enforced(*error.code)) return true;
    if (std::ranges::find(document->warnings, *error.code) == document->warnings.end()) {
      document->warnings.push_back(*error.code);
    }
    return false;
  };
  for (GraphQLError& error : check_limits(document->document, limits)) {
    if (refuses(error))
      return std::unexpected(Refusal{Outcome::kLimitExceeded, {std::move(error)}});
  }
  std::vector<GraphQLError> faults = validation::validate(
      schema_, document->document.document(),
      {.suggestions = trusted || (limits.suggestions && limits.introspection)});
  if (!faults.empty()) {
    for (GraphQLError& fault : faults) {
      if (!fault.code) fault.code = ErrorCode::kGraphqlValidationFailed;
    }
    return std::unexpected(Refusal{Outcome::kValidationError, std::move(faults)});
  }
  if (limits.cost_max == 0 && limits.list_size_max == 0) return document;
  for (const language::OperationDefinition* operation : document->document.operations()) {
    const CostModel::Measured measured = cost_model_.measure(document->document, *operation, {});
    if (measured.reads_variables) {
      document->priced_by_variables.push_back(operation);
      continue;
    }
    for (GraphQLError& error : exceeded(measured, *document, *operation)) {
      if (refuses(error)) {
        return std::unexpected(Refusal{Outcome::kLimitExceeded, {std::move(error)}});
      }
    }
  }
  return document;
}

std::vector<GraphQLError> DocumentLoader::exceeded(
    const CostModel::Measured& measured, const LoadedDocument& document,
    const language::OperationDefinition& operation) const {
  const Limits& limits = options_.limits;
  std::vector<GraphQLError> errors;
  if (limits.list_size_max != 0 && measured.list_size) errors.push_back(*measured.list_size);
  if (limits.cost_max != 0 && measured.cost > static_cast<double>(limits.cost_max)) {
    errors.push_back(language::error_at(
        document.document.document().source(), operation,
        fmt::format("The operation costs {:.0f}; this server allows {}. Ask for fewer items a "
                    "page, or for fewer fields of each.",
                    measured.cost, limits.cost_max),
        ErrorCode::kMaxCostLimit));
  }
  return errors;
}

std::optional<Response> DocumentLoader::check(const LoadedDocument& document,
                                              const language::OperationDefinition& operation,
                                              const boost::json::object& variables) const {
  const auto warn = [&](ErrorCode code) {
    if (options_.on_warning) options_.on_warning(code);
  };
  std::ranges::for_each(document.warnings, warn);
  if (std::ranges::find(document.priced_by_variables, &operation) ==
      document.priced_by_variables.end()) {
    return std::nullopt;
  }
  const auto measured = cost_model_.measure(document.document, operation, variables);
  for (const GraphQLError& error : exceeded(measured, document, operation)) {
    if (options_.limits.mode == LimitsMode::kEnforce) {
      return Response::failure(Outcome::kLimitExceeded, {&error, 1});
    }
    warn(*error.code);
  }
  return std::nullopt;
}

}  // namespace errand::graphql::request
