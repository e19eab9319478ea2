#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "errand/base/result.h"
#include "errand/graphql/execution/resolver.h"
#include "errand/graphql/execution/source_stream.h"

namespace errand::graphql::execution {

/// How one field of one object type gets its value. A field that nobody registered (monostate)
/// takes the member of its name from a JSON source, null when it is missing.
using FieldSlot =
    std::variant<std::monostate, ImmediateResolver, AwaitableResolver, StreamResolver>;

/// Collects resolvers by type and field name, before they are bound to a schema. Registering on an
/// interface serves all object types that implement it and have no resolver of their own.
class ResolverMap {
 public:
  /// Registers a resolver; a later one for the same field replaces the earlier.
  void add(std::string_view type, std::string_view field, ImmediateResolver resolver);
  void add_awaitable(std::string_view type, std::string_view field, AwaitableResolver resolver);
  /// For fields of the subscription type.
  void add_stream(std::string_view type, std::string_view field, StreamResolver resolver);
  /// Registers what deferred fragments on objects of `type` wait for; on an interface, on all that
  /// implement it.
  void add_deferral(std::string_view type, DeferralResolver resolver);

 private:
  friend class Resolvers;
  struct Entry {
    std::string type;
    std::string field;
    FieldSlot slot;
  };
  void put(std::string_view type, std::string_view field, FieldSlot slot);
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, DeferralResolver>> deferrals_;
};

/// Resolvers bound to the fields of one schema. Immutable, hence safe to share between threads as
/// far as the resolvers are.
class Resolvers {
 public:
  /// Binds `map` to `schema`, which must outlive the result.
  /// @return kInvalidArgument naming the first entry whose type or field the schema lacks, or a
  ///         stream outside the subscription type.
  static Result<Resolvers> bind(std::shared_ptr<const type::Schema> schema, ResolverMap map);

  [[nodiscard]] const type::Schema& schema() const noexcept { return *schema_; }
  [[nodiscard]] const std::shared_ptr<const type::Schema>& shared_schema() const noexcept {
    return schema_;
  }

  /// The slot of `field`, which is one of an object type of the schema.
  [[nodiscard]] const FieldSlot& slot(const type::FieldDefinition& field) const {
    return slots_[field.index];
  }

  /// What deferred fragments on objects of `type` wait for; nullptr where they do not.
  [[nodiscard]] const DeferralResolver* deferral(const type::ObjectType& type) const {
    const auto found = deferrals_.find(&type);
    return found == deferrals_.end() ? nullptr : &found->second;
  }

 private:
  explicit Resolvers(std::shared_ptr<const type::Schema> schema) : schema_(std::move(schema)) {}

  std::shared_ptr<const type::Schema> schema_;
  std::vector<FieldSlot> slots_;  ///< by FieldDefinition::index
  std::unordered_map<const type::ObjectType*, DeferralResolver> deferrals_;
};

}  // namespace errand::graphql::execution
