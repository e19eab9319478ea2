#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/graphql/request/cost_model.h"
#include "errand/graphql/request/document_cache.h"
#include "errand/graphql/request/limits.h"
#include "errand/graphql/request/request_parameters.h"
#include "errand/graphql/request/response.h"
#include "errand/graphql/request/trusted_documents.h"

namespace errand::graphql::request {

/// What trusted documents are to requests for others.
enum class TrustedDocumentsMode : std::uint8_t {
  kAllow,    ///< any document may run
  kRequire,  ///< only trusted documents run: DOCUMENT_NOT_TRUSTED for others
};

/// Gets the document that a request means, ready to be executed: a trusted one by its id, hash or
/// text; one that a client has registered by its hash (Apollo's automatic persisted queries); one
/// that is in the cache; or the text, parsed, held against the limits and validated.
///
/// Thread-safe but for trust(). Must not outlive the schema.
class DocumentLoader {
 public:
  struct Options {
    Limits limits;
    std::size_t cache_bytes_max = 16 << 20;             ///< 0: no cache
    std::size_t persisted_queries_bytes_max = 4 << 20;  ///< 0: no automatic persisted queries
    TrustedDocumentsMode trusted_documents_mode = TrustedDocumentsMode::kAllow;
    /// In LimitsMode::kWarn: called for each limit that a request is beyond, before it runs. From
    /// any thread.
    std::function<void(ErrorCode)> on_warning;
  };

  DocumentLoader(const type::Schema& schema, const Options& options);

  /// Adds trusted documents; before the first load(). They stay for good and are bound by no limit
  /// but that on recursion; what variables make of them is (cost, list sizes). A client may name
  /// one by its id, by `sha256:` and the SHA-256 of its text, by that hash as a persisted query, or
  /// send its text.
  /// @return kConfigInvalid naming the document that does not parse, is not valid or whose id is
  ///         taken, one `document ID:line:column: message` for each fault.
  Result<void> trust(std::span<const TrustedDocument> documents);

  /// @return the document, or a request error. Takes the text out of `parameters`.
  std::expected<DocumentCache::Entry, Response> load(RequestParameters& parameters);

  /// The document that `parameters` name by a hash or an id instead of its text; nullptr where they
  /// do not, or it is not known.
  DocumentCache::Entry find_named(const RequestParameters& parameters);

  /// Holds `operation` of a loaded document against the limits that depend on variables, once these
  /// are known, and reports warnings. To be called before each execution.
  /// @param variables  coerced
  std::optional<Response> check(const LoadedDocument& document,
                                const language::OperationDefinition& operation,
                                const boost::json::object& variables) const;

  [[nodiscard]] CacheStatistics cache_statistics() const { return cache_.statistics(); }

 private:
  using Loaded = std::expected<DocumentCache::Entry, Response>;

  [[nodiscard]] DocumentCache::Entry find_trusted(const RequestParameters& parameters,
                                                  std::string_view hash) const;
  Loaded load_persisted(RequestParameters& parameters, std::string_view hash);
  Loaded load_text(std::string text);
  struct Refusal {
    Outcome outcome;
    std::vector<language::GraphQLError> errors;
  };
  /// Parses, holds against the limits and validates.
  [[nodiscard]] std::expected<DocumentCache::Entry, Refusal> build(language::Source source,
                                                                   bool trusted) const;
  [[nodiscard]] std::vector<language::GraphQLError> exceeded(
      const CostModel::Measured& measured, const LoadedDocument& document,
      const language::OperationDefinition& operation) const;

  const type::Schema& schema_;
  const Options options_;
  const CostModel cost_model_;
  DocumentCache cache_;
  DocumentCache persisted_;                                        // by the hash of the text
  std::unordered_map<std::string, DocumentCache::Entry> trusted_;  // by id and by hash
  std::unordered_map<std::string_view, DocumentCache::Entry> trusted_by_text_;
};

}  // namespace errand::graphql::request
