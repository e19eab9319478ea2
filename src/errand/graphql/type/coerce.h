#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/source.h"
#include "errand/graphql/type/schema.h"

/// Input coercion (specification, 3.5 to 3.12, 6.1.2 and 6.4.1). Coerced values are JSON: enum
/// values are strings by their names, an absent value is an absent member, null is null. Members of
/// input objects come in the order of the type's fields. Pure.
namespace errand::graphql::type {

/// What stands for defaults that the schema declares (of arguments and input fields).
enum class SchemaDefaults : std::uint8_t {
  kFill,  ///< absent values take their default, as the specification says
  kOmit,  ///< absent values stay absent: what the client itself sent
};

struct CoercionOptions {
  SchemaDefaults defaults = SchemaDefaults::kFill;
  std::size_t errors_max = 50;  ///< further ones are cut off with a last error saying so
  /// Memory of the coerced values, such as a request's own arena; must outlive them.
  boost::json::storage_ptr storage;
};

/// CoerceVariableValues(): the operation's variables from what the client sent.
/// @param source  the source of `operation`, for locations
/// @return a member for each variable that has a value, given or by default; or the errors, worded
///         as by graphql-js, with ErrorCode::kBadUserInput.
std::expected<boost::json::object, std::vector<language::GraphQLError>> coerce_variable_values(
    const Schema& schema, const language::Source& source,
    const language::OperationDefinition& operation, const boost::json::object& sent,
    const CoercionOptions& options = {});

/// Whether coerce_variable_values() would give `sent` just as it is, so that it need not be copied.
/// False where telling that takes more than a look, or where members stand in another order.
bool are_coerced(const Schema& schema, const language::OperationDefinition& operation,
                 const boost::json::object& sent);

/// Whether coerce_argument_values() of `field` would give `variables` just as they are: each
/// argument that has a value is the variable of its own name, and there is no other variable.
bool are_arguments(const FieldDefinition& definition, const language::Field& field,
                   const boost::json::object& variables);

/// CoerceArgumentValues() of a field.
/// @param source     the source of `field`, for locations
/// @param variables  coerced variables
/// @param storage    memory of the result; must outlive it
/// @return a member for each argument that has a value; or the first error, with
///         ErrorCode::kBadUserInput.
std::expected<boost::json::object, language::GraphQLError> coerce_argument_values(
    const language::Source& source, const FieldDefinition& definition, const language::Field& field,
    const boost::json::object& variables, SchemaDefaults defaults = SchemaDefaults::kFill,
    boost::json::storage_ptr storage = {});
/// The same of a directive in a document, such as `@skip(if: $short)`.
std::expected<boost::json::object, language::GraphQLError> coerce_argument_values(
    const language::Source& source, const DirectiveDefinition& definition,
    const language::Directive& directive, const boost::json::object& variables,
    SchemaDefaults defaults = SchemaDefaults::kFill);

/// Arguments of `directive`, an application of `definition` in a valid schema (constant, checked
/// when the schema was built), with defaults filled in.
boost::json::object directive_values(const DirectiveDefinition& definition,
                                     const AppliedDirective& directive);

/// Coerces a literal to `type`. An undefined variable inside an object literal makes its field
/// absent, inside a list null.
/// @param variables  coerced variables; nullptr where the literal must be constant
/// @return nullopt where the literal is not valid for `type`, or is an undefined variable.
std::optional<boost::json::value> coerce_literal(const language::Value& literal,
                                                 const TypeRef& type,
                                                 const boost::json::object* variables,
                                                 SchemaDefaults defaults = SchemaDefaults::kFill,
                                                 boost::json::storage_ptr storage = {});

/// Coerces JSON to `type`, reporting each fault with its path below the value.
struct InputFault {
  std::vector<language::PathSegment> path;
  std::string message;
};
std::expected<boost::json::value, std::vector<InputFault>> coerce_json(
    const boost::json::value& value, const TypeRef& type, const CoercionOptions& options = {});

/// Reports each fault of a literal against `type`, as the rule "values of correct type" (5.6.1)
/// words them, at the node it concerns. Variables are taken to fit.
void check_literal(
    const language::Value& literal, const TypeRef& type,
    const std::function<void(const language::Node& node, std::string message)>& report);

/// Coerces one literal, which is no variable and not null, to a scalar or enum type.
LeafResult parse_leaf_literal(const NamedType& leaf, const language::Value& literal,
                              const boost::json::object* variables = nullptr);
/// Coerces one JSON value, which is not null, to a scalar or enum type.
LeafResult parse_leaf_value(const NamedType& leaf, const boost::json::value& value);
/// Result coercion (6.4.3) of one value, which is not null.
LeafResult serialize_leaf(const NamedType& leaf, const boost::json::value& value);

}  // namespace errand::graphql::type
