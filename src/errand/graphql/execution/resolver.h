#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "errand/base/assert.h"
#include "errand/graphql/execution/field_error.h"
#include "errand/graphql/execution/field_value.h"
#include "errand/graphql/execution/request_context.h"
#include "errand/graphql/execution/response_path.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::execution {

struct PlannedField;
struct SelectionPlan;
class OperationExecution;

/// The object whose field is being resolved.
struct SourceObject {
  const void* native = nullptr;                        ///< of an ObjectRef; null at the root
  const boost::json::value* json = nullptr;            ///< of a JSON object; outranks `native`
  const std::shared_ptr<const void>* owner = nullptr;  ///< keeps either alive; may be null
};

/// All that a resolver may look at. Valid until the resolver has returned or, for an awaitable one,
/// until its coroutine has ended.
struct ResolveInfo {
  const type::Schema& schema;
  const type::ObjectType& parent_type;
  const type::FieldDefinition& field;
  const ResponsePath& path;
  /// Coerced by CoerceArgumentValues (6.4.1): absent arguments are absent, defaults are filled in.
  /// In the request's memory, and so are copies, unless they are made with a storage of their own.
  const boost::json::object& arguments;
  SourceObject source;
  const std::shared_ptr<RequestContext>& context;
  const PlannedField& planned;
  OperationExecution& execution;
  /// The value goes into a later increment (@defer, @stream): it may wait for what is to come,
  /// longer than the request's deadline.
  bool deferred = false;

  /// The source object as the C++ type that its resolver gave.
  template <class T>
  [[nodiscard]] const T& source_as() const {
    ERRAND_ASSERT(source.native != nullptr);
    return *static_cast<const T*>(source.native);
  }

  /// The caller's request context as its derived class.
  template <class T>
  [[nodiscard]] T& context_as() const {
    static_assert(std::is_base_of_v<RequestContext, T>);
    return static_cast<T&>(*context);
  }

  /// The argument's value; nullptr when it is absent. JSON null when null was given.
  [[nodiscard]] const boost::json::value* argument(std::string_view name) const {
    return arguments.if_contains(boost::json::string_view(name.data(), name.size()));
  }

  /// The arguments as the client sent them: coerced, without the defaults of the schema, so that a
  /// fingerprint of them stays the same when a default is added.
  [[nodiscard]] boost::json::object sent_arguments() const;

  /// Members of the response's `extensions`, which the resolver may add to.
  [[nodiscard]] boost::json::object& response_extensions() const;
};

/// Resolves a field at once: no waiting, no I/O. Costs no coroutine.
using ImmediateResolver = std::function<FieldResult<FieldValue>(const ResolveInfo&)>;

/// Resolves a field later. Called on the request's strand and resumed there; the fields of a query
/// wait side by side, the root fields of a mutation one after the other. `info` outlives the
/// coroutine. Exceptions become the field error INTERNAL, without their text.
using AwaitableResolver =
    std::function<boost::asio::awaitable<FieldResult<FieldValue>>(const ResolveInfo&)>;

/// What a DeferralResolver may look at. Valid until its coroutine has ended.
struct DeferralInfo {
  const type::ObjectType& type;
  const SelectionPlan& selection;  ///< the fields that are deferred
  SourceObject source;
  const std::shared_ptr<RequestContext>& context;

  /// The source object as the C++ type that its resolver gave.
  template <class T>
  [[nodiscard]] const T& source_as() const {
    ERRAND_ASSERT(source.native != nullptr);
    return *static_cast<const T*>(source.native);
  }
};

/// Called before the fields of a deferred fragment are resolved on an object: waits until the
/// object is what such a fragment is after, and gives the object to resolve them on; none (its
/// `object` is nullptr) to go on with the present one. An error makes the fragment null. Called and
/// resumed on the request's strand, beside other deferred fragments.
using DeferralResolver =
    std::function<boost::asio::awaitable<FieldResult<ObjectRef>>(const DeferralInfo&)>;

}  // namespace errand::graphql::execution
