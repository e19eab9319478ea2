#pragma once

#include <boost/container/small_vector.hpp>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::validation {

/// Follows a walk over an executable document and knows, at each node, the types of the schema that
/// belong there (TypeInfo of graphql-js). Call enter() before and leave() after the node's
/// children. What the schema does not know is an invalid TypeRef or nullptr.
class TypeInfo {
 public:
  explicit TypeInfo(const type::Schema& schema) : schema_(&schema) {}

  /// Output type of the field, operation or fragment.
  [[nodiscard]] type::TypeRef type() const { return top(types_); }
  /// Composite type that the innermost selection set selects from.
  [[nodiscard]] const type::NamedType* parent_type() const { return top(parent_types_); }
  /// Type that the value here should have.
  [[nodiscard]] type::TypeRef input_type() const { return top(input_types_); }
  /// That of the value around it.
  [[nodiscard]] type::TypeRef parent_input_type() const {
    return input_types_.size() < 2 ? type::TypeRef{} : input_types_[input_types_.size() - 2];
  }
  [[nodiscard]] const type::FieldDefinition* field_definition() const { return top(fields_); }
  [[nodiscard]] const type::DirectiveDefinition* directive() const { return directive_; }
  [[nodiscard]] const type::InputValueDefinition* argument() const { return argument_; }
  /// Whether the argument or input field here has a default in the schema.
  [[nodiscard]] bool has_default() const { return top(has_default_) != 0; }

  void enter(const language::Node&) {}
  void enter(const language::OperationDefinition& node);
  void enter(const language::FragmentDefinition& node);
  void enter(const language::VariableDefinition& node);
  void enter(const language::SelectionSet& node);
  void enter(const language::Field& node);
  void enter(const language::InlineFragment& node);
  void enter(const language::Directive& node);
  void enter(const language::Argument& node);
  void enter(const language::ListValue& node);
  void enter(const language::ObjectField& node);

  void leave(const language::Node&) {}
  void leave(const language::OperationDefinition&) { types_.pop_back(); }
  void leave(const language::FragmentDefinition&) { types_.pop_back(); }
  void leave(const language::VariableDefinition&) { input_types_.pop_back(); }
  void leave(const language::SelectionSet&) { parent_types_.pop_back(); }
  void leave(const language::Field&) {
    fields_.pop_back();
    types_.pop_back();
  }
  void leave(const language::InlineFragment&) { types_.pop_back(); }
  void leave(const language::Directive&) { directive_ = nullptr; }
  void leave(const language::Argument&) {
    argument_ = nullptr;
    pop_input();
  }
  void leave(const language::ListValue&) { pop_input(); }
  void leave(const language::ObjectField&) { pop_input(); }

 private:
  /// Deep enough for nearly all documents without an allocation.
  template <class T>
  using Stack = boost::container::small_vector<T, 16>;

  template <class T>
  static T top(const Stack<T>& stack) {
    return stack.empty() ? T{} : stack.back();
  }

  void push_condition(const language::NamedType* condition);
  void push_input(type::TypeRef type, bool has_default) {
    input_types_.push_back(type);
    has_default_.push_back(has_default ? 1 : 0);
  }
  void pop_input() {
    input_types_.pop_back();
    has_default_.pop_back();
  }

  const type::Schema* schema_;
  Stack<type::TypeRef> types_;
  Stack<const type::NamedType*> parent_types_;
  Stack<type::TypeRef> input_types_;
  Stack<char> has_default_;
  Stack<const type::FieldDefinition*> fields_;
  const type::DirectiveDefinition* directive_ = nullptr;
  const type::InputValueDefinition* argument_ = nullptr;
};

}  // namespace errand::graphql::validation
