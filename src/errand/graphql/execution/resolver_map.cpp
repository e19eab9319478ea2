#include "errand/graphql/execution/resolver_map.h"

#include <utility>

#include "errand/graphql/execution/introspection_resolvers.h"

namespace errand::graphql::execution {

void ResolverMap::put(std::string_view type, std::string_view field, FieldSlot slot) {
  for (Entry& entry : entries_) {
    if (entry.type == type && entry.field == field) {
      entry.slot = std::move(slot);
      return;
    }
  }
  entries_.push_back({std::string(type), std::string(field), std::move(slot)});
}

void ResolverMap::add(std::string_view type, std::string_view field, ImmediateResolver resolver) {
  put(type, field, FieldSlot(std::move(resolver)));
}

void ResolverMap::add_awaitable(std::string_view type, std::string_view field,
                                AwaitableResolver resolver) {
  put(type, field, FieldSlot(std::move(resolver)));
}

void ResolverMap::add_stream(std::string_view type, std::string_view field,
                             StreamResolver resolver) {
  put(type, field, FieldSlot(std::move(resolver)));
}

void ResolverMap::add_deferral(std::string_view type, DeferralResolver resolver) {
  deferrals_.emplace_back(type, std::move(resolver));
}

Result<Resolvers> Resolvers::bind(std::shared_ptr<const type::Schema> schema, ResolverMap map) {
  Resolvers result(std::move(schema));
  const type::Schema& types = *result.schema_;
  result.slots_.resize(types.field_count());
  add_introspection_resolvers(types, map);

  const auto name_of = [](const ResolverMap::Entry& entry) {
    return entry.type + "." + entry.field;
  };
  // Interfaces first, so that an object type's own resolver has the last word.
  for (const bool interfaces : {true, false}) {
    for (const ResolverMap::Entry& entry : map.entries_) {
      const type::NamedType* named = types.type(entry.type);
      if (named == nullptr) {
        return fail(ErrorCode::kInvalidArgument,
                    "Resolver for " + name_of(entry) + ": the schema has no such type.");
      }
      if (named->is<type::InterfaceType>() != interfaces) continue;
      const type::FieldDefinition* declared = types.field(*named, entry.field);
      if (declared == nullptr) {
        return fail(ErrorCode::kInvalidArgument,
                    "Resolver for " + name_of(entry) + ": the type has no such field.");
      }
      const bool stream = std::holds_alternative<StreamResolver>(entry.slot);
      if (stream != (named == types.subscription_type())) {
        return fail(ErrorCode::kInvalidArgument,
                    "Resolver for " + name_of(entry) +
                        ": fields of the subscription type, and only they, have streams.");
      }
      for (const type::ObjectType* object : types.possible_types(*named)) {
        const type::FieldDefinition* field = types.field(*object, entry.field);
        if (field != nullptr) result.slots_[field->index] = entry.slot;
      }
    }
  }
  for (const auto& [name, resolver] : map.deferrals_) {
    const type::NamedType* named = types.type(name);
    if (named == nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  "Deferral of " + name + ": the schema has no such type.");
    }
    for (const type::ObjectType* object : types.possible_types(*named)) {
      result.deferrals_[object] = resolver;
    }
  }
  return result;
}

}  // namespace errand::graphql::execution
