#include "errand/api/entity_resolvers.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errand/api/job_access.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldError;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;

namespace {

/// What one representation asks for.
struct Reference {
  const contract::JobType* type = nullptr;  ///< nullptr: any job, by the interface Job
  std::optional<JobId> id;                  ///< nullopt: none that a job can have
};

FieldError unusable(std::string message) { return {ErrorCode::kBadUserInput, std::move(message)}; }

/// @return kBadUserInput where `representation` is none of a job.
FieldResult<Reference> read_reference(const Backend& backend,
                                      const boost::json::value& representation) {
  const boost::json::object* members = representation.if_object();
  const boost::json::value* named =
      members == nullptr ? nullptr : members->if_contains("__typename");
  if (named == nullptr || !named->is_string()) {
    return std::unexpected(unusable("A representation is an object with __typename, a string."));
  }
  const std::string name(named->get_string());
  const graphql::type::NamedType* type = backend.schema().type(name);
  // The sentence of @apollo/subgraph, which people know.
  if (type == nullptr || !type->is<graphql::type::FieldsType>()) {
    return std::unexpected(
        unusable("The _entities resolver tried to load an entity for type \"" + name +
                 "\", but no object or interface type of that name was found in the schema"));
  }
  Reference reference{.type = backend.contract->job_type_of_object(name), .id = std::nullopt};
  if (reference.type == nullptr && name != backend.contract->names().type("Job")) {
    return std::unexpected(
        unusable("The type \"" + name + "\" is no entity of this subgraph: only jobs are."));
  }
  const boost::json::value* id = members->if_contains("id");
  // As ID takes input: a string or a whole number, and no job has a number.
  if (id == nullptr || !(id->is_string() || id->is_int64() || id->is_uint64())) {
    return std::unexpected(
        unusable("A representation of " + name + " needs the field of its key: id, a string."));
  }
  if (id->is_string()) {
    const auto& text = id->get_string();
    reference.id = JobId::parse(std::string_view(text.data(), text.size()));
  }
  return reference;
}

asio::awaitable<FieldResult<FieldValue>> entities(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  // The scope first, so that its lack says nothing about any job.
  const Result<void> allowed = authorize(*backend, context, auth::Action::kReadJob);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const boost::json::array& representations = info.argument("representations")->get_array();
  if (representations.size() > backend->options.entities_max) {
    co_return std::unexpected(
        FieldError(ErrorCode::kLimitExceeded,
                   "_entities takes at most " + std::to_string(backend->options.entities_max) +
                       " representations at once; ask for the rest in another request."));
  }
  std::vector<FieldResult<Reference>> references;
  std::vector<JobId> ids;
  for (const boost::json::value& representation : representations) {
    references.push_back(read_reference(*backend, representation));
    if (references.back() && references.back()->id) ids.push_back(*references.back()->id);
  }
  std::vector<job::StatePtr> states;
  if (!ids.empty()) {
    // One turn on the pool for all.
    auto read = co_await backend->reads.run(
        [reader = backend->reader, keys = std::move(ids)]() -> Result<std::vector<job::StatePtr>> {
          std::vector<job::StatePtr> found;
          found.reserve(keys.size());
          for (const JobId& key : keys) {
            Result<job::StatePtr> state = reader->job(key);
            if (!state) return std::unexpected(std::move(state.error()));
            found.push_back(std::move(*state));
          }
          return found;
        });
    if (!read) co_return std::unexpected(api_error(std::move(read.error())));
    states = std::move(*read);
  }
  FieldValue::List list;
  auto next = states.begin();
  for (FieldResult<Reference>& reference : references) {
    if (!reference) {
      list.push_back(FieldValue::error(std::move(reference.error())));
      continue;
    }
    job::StatePtr state = reference->id ? std::move(*next++) : nullptr;
    const bool is_it = may_see(*backend, context, state.get()) &&
                       (reference->type == nullptr || state->spec.type == reference->type->name);
    list.push_back(is_it ? backend->job_value(std::move(state)) : FieldValue());
  }
  co_return FieldValue(std::move(list));
}

}  // namespace

void add_entity_resolvers(const BackendPtr& backend, ResolverMap& map) {
  if (!backend->contract->is_subgraph()) return;
  const std::string root(backend->schema().query_type()->name);
  const graphql::type::ObjectType* service =
      &backend->schema().type("_Service")->as<graphql::type::ObjectType>();
  map.add(root, "_service", [backend, service](const ResolveInfo&) -> FieldResult<FieldValue> {
    return FieldValue(ObjectRef{service, backend->contract});
  });
  map.add("_Service", "sdl", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
    return FieldValue::text_view(info.source_as<contract::Contract>().subgraph_sdl());
  });
  if (backend->schema().type("_Entity") == nullptr) return;
  map.add_awaitable(root, "_entities",
                    [backend](const ResolveInfo& info) { return entities(backend, info); });
}

}  // namespace errand::api
