#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "errand/api/backend.h"
#include "errand/base/assert.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// Adds the resolver of one of our own root fields: `function(BackendPtr, const ResolveInfo&)`
/// gives an awaitable FieldResult.
template <class F>
void add_root_field(const BackendPtr& backend, graphql::execution::ResolverMap& map,
                    const graphql::type::ObjectType* root, std::string_view field, F function) {
  map.add_awaitable(std::string(root->name), backend->contract->names().field(field),
                    [backend, function](const graphql::execution::ResolveInfo& info) {
                      return function(backend, info);
                    });
}

/// Adds the resolvers of one type of the schema whose source object is a `Source`. A field that the
/// schema does not have is left out: it may know fewer than we do.
template <class Source>
class TypedResolvers {
 public:
  /// @param type  its name in the served schema
  TypedResolvers(const Backend& backend, graphql::execution::ResolverMap& map, std::string type)
      : schema_(backend.schema()), map_(map), type_(std::move(type)), named_(schema_.type(type_)) {}

  /// `function(const Source&, const ResolveInfo&)` gives a FieldValue or a FieldResult.
  template <class F>
  TypedResolvers& add(std::string_view field, F function) {
    if (!has(field)) return *this;
    map_.add(type_, field,
             [function = std::move(function)](const graphql::execution::ResolveInfo& info)
                 -> graphql::execution::FieldResult<graphql::execution::FieldValue> {
               return function(info.source_as<Source>(), info);
             });
    return *this;
  }

  TypedResolvers& add_awaitable(std::string_view field,
                                graphql::execution::AwaitableResolver resolver) {
    if (has(field)) map_.add_awaitable(type_, field, std::move(resolver));
    return *this;
  }

 private:
  [[nodiscard]] bool has(std::string_view field) const {
    return named_ != nullptr && schema_.field(*named_, field) != nullptr;
  }

  const graphql::type::Schema& schema_;
  graphql::execution::ResolverMap& map_;
  std::string type_;
  const graphql::type::NamedType* named_;
};

}  // namespace errand::api
