#pragma once

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/contract/contract.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// The compiled @constraint directives of a schema. Immutable, hence safe to share between threads;
/// must not outlive the schema. Time is linear in the values: patterns run in RE2.
class ConstraintCheck {
 public:
  ~ConstraintCheck();

  /// Compiles all @constraint directives of `schema`, adding to `errors` those that are wrong: on a
  /// type that they do not fit, a bad pattern, an unknown format, limits that exclude everything, a
  /// default value that breaks its own constraint.
  static std::shared_ptr<const ConstraintCheck> compile(const graphql::type::Schema& schema,
                                                        SchemaErrors& errors);

  /// Whether any argument of `field`, or anything below one, is constrained.
  [[nodiscard]] bool concerns(const graphql::type::FieldDefinition& field) const;

  /// What in the coerced `arguments` of `field` breaks a constraint; at most `violations_max`.
  [[nodiscard]] std::vector<ConstraintViolation> check(const graphql::type::FieldDefinition& field,
                                                       const boost::json::object& arguments,
                                                       std::size_t violations_max = 50) const;

 private:
  struct Constraint;
  class Compiler;
  class Walk;

  ConstraintCheck();

  std::unordered_map<const graphql::type::InputValueDefinition*, std::unique_ptr<const Constraint>>
      constraints_;
  /// Input objects with a constraint somewhere below; others need no look.
  std::unordered_set<const graphql::type::InputObjectType*> concerned_;
};

}  // namespace errand::contract
