#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/cli/graphql_client.h"

namespace errand::cli {

/// What the client commands need to know of a server's schema, read by introspection once: the
/// types of a mutation's arguments, and a selection that prints a typed result whole. Immutable.
class SchemaIndex {
 public:
  /// Asks the server. @return the client's error, or kForbidden when introspection is off.
  static Result<SchemaIndex> fetch(const GraphqlClient& client);

  struct Argument {
    std::string name;
    std::string type;        ///< as written in a variable definition: "[ID!]!"
    std::string named_type;  ///< without list and non-null
  };

  /// Arguments of a mutation field; nullptr when there is no such field.
  [[nodiscard]] const std::vector<Argument>* mutation_arguments(std::string_view field) const;

  /// The named type of a mutation field; empty when there is none.
  [[nodiscard]] std::string mutation_field_type(std::string_view field) const {
    return field_type(mutation_type_, field);
  }

  /// Mutation fields that start jobs.
  [[nodiscard]] std::vector<std::string> job_mutations() const;

  /// Selection set, with braces, of the leaves of object or interface `type` down to `depth`
  /// levels; empty for leaf types. Fields that take required arguments are left out.
  [[nodiscard]] std::string selection(std::string_view type, int depth) const;

  /// The named type of `type`.`field`; empty when there is none.
  [[nodiscard]] std::string field_type(std::string_view type, std::string_view field) const;

 private:
  struct Field {
    std::string type;
    bool needs_arguments = false;
    std::vector<Argument> arguments;
  };
  struct Type {
    std::string kind;
    std::vector<std::pair<std::string, Field>> fields;
    std::vector<std::string> possible_types;
  };

  [[nodiscard]] const Field* find_field(std::string_view type, std::string_view field) const;

  std::string mutation_type_;
  std::map<std::string, Type, std::less<>> types_;
};

}  // namespace errand::cli
