#pragma once

#include <array>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::type {

/// Makes one Schema; private to build_schema(). Steps: parse, check the SDL, collect the
/// definitions, fill the types in, check applied directives, link, check the type system, coerce
/// defaults. Errors of one step stop the next, which may rely on what the steps before have
/// checked.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(const BuildOptions& options) : options_(options) {}

  std::expected<std::shared_ptr<const Schema>, std::vector<language::GraphQLError>> build(
      std::span<const language::Source> sources);

 private:
  /// A definition or extension with its file.
  template <class T>
  struct Part {
    const T* node;
    const language::Source* source;
  };
  struct PendingType {
    std::unique_ptr<NamedType> type;
    Part<language::TypeDefinition> definition;
    std::vector<Part<language::TypeDefinition>> extensions;
  };
  struct PendingDirective {
    std::unique_ptr<DirectiveDefinition> directive;
    Part<language::DirectiveDefinition> definition;
    std::vector<Part<language::DirectiveExtension>> extensions;
  };

  // Reading (build_schema.cpp).
  void parse(std::span<const language::Source> sources);
  void collect();
  void collect_definition(const language::Definition& node, const language::Source& source,
                          bool built_in);
  void collect_type(const language::TypeDefinition& node, const language::Source& source,
                    bool built_in);
  void collect_directive(const language::DirectiveDefinition& node, const language::Source& source,
                         bool built_in);
  void attach_extensions();

  // Filling in (fill_types.cpp).
  void fill();
  void fill_directive(PendingDirective& pending);
  void fill_type(PendingType& pending);
  void fill_part(NamedType& type, const Part<language::TypeDefinition>& part);
  void fill_fields(FieldsType& type, language::NodeList<language::NamedType> interfaces,
                   language::NodeList<language::FieldDefinition> fields,
                   const language::Source& source);
  void fill_union(UnionType& type, language::NodeList<language::NamedType> members);
  void fill_enum(EnumType& type, language::NodeList<language::EnumValueDefinition> values,
                 const language::Source& source);
  void fill_input(InputObjectType& type, language::NodeList<language::InputValueDefinition> fields,
                  const language::Source& source);
  void fill_roots();
  std::vector<InputValueDefinition> arguments_of(
      language::NodeList<language::InputValueDefinition> nodes, const language::Source& source);
  bool input_value(InputValueDefinition& out, const language::InputValueDefinition& node,
                   const language::Source& source);
  /// What all definitions have; `node` is one.
  template <class T>
  static void described(Described& out, const T& node, const language::Source& source);
  TypeRef resolve(const language::TypeReference& reference, const language::Source& source);
  NamedType* resolve_name(const language::Name& name);

  // Applied directives (check_applied_directives.cpp).
  void check_applied_directives();
  void check_applied(std::span<const AppliedDirective> directives);
  void check_input_values(std::span<const InputValueDefinition> values);

  // Linking (build_schema.cpp).
  void link();
  void order_by_reference();
  void coerce_defaults();
  void coerce_default(InputValueDefinition& value);
  void coerce_needed_defaults(const language::Value& literal, const NamedType& type);

  void error(const language::Source& source, const language::Node& node, std::string message) {
    errors_.push_back(language::error_at(source, node, std::move(message)));
  }
  void error(std::initializer_list<Place> places, std::string message) {
    errors_.push_back(error_at(std::span(places.begin(), places.size()), std::move(message)));
  }

  const BuildOptions& options_;
  std::shared_ptr<Schema> schema_;
  std::size_t user_documents_ = 0;
  std::vector<PendingType> types_;
  std::unordered_map<std::string_view, std::size_t> types_by_name_;
  std::vector<PendingDirective> directives_;
  std::unordered_map<std::string_view, std::size_t> directives_by_name_;
  std::vector<Part<language::TypeDefinition>> type_extensions_;
  std::vector<Part<language::DirectiveExtension>> directive_extensions_;
  std::vector<Part<language::SchemaDefinition>> schema_parts_;  ///< the definition is first
  std::array<Place, 3> root_places_;
  std::array<const NamedType*, 3> root_types_{};
  std::set<std::string_view> referenced_;  ///< names of types that something refers to
  std::vector<language::GraphQLError> errors_;
};

/// Deprecation reason that `directives` declare; "No longer supported" where they give none.
std::optional<std::string_view> deprecation_reason(std::span<const AppliedDirective> directives);

}  // namespace errand::graphql::type
