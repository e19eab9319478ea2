#include "errand/graphql/validation/type_info.h"

namespace errand::graphql::validation {
namespace {

using type::TypeRef;

TypeRef only_output(TypeRef type) {
  return type.valid() && type.named().is_output() ? type : TypeRef{};
}

TypeRef only_input(TypeRef type) {
  return type.valid() && type.named().is_input() ? type : TypeRef{};
}

}  // namespace

void TypeInfo::enter(const language::OperationDefinition& node) {
  const type::ObjectType* root = schema_->root_type(node.operation);
  types_.push_back(root == nullptr ? TypeRef{} : TypeRef(*root));
}

void TypeInfo::enter(const language::FragmentDefinition& node) {
  push_condition(node.type_condition);
}

void TypeInfo::enter(const language::InlineFragment& node) { push_condition(node.type_condition); }

void TypeInfo::push_condition(const language::NamedType* condition) {
  TypeRef type;
  if (condition != nullptr) {
    if (const type::NamedType* named = schema_->type(condition->name.value)) type = TypeRef(*named);
  } else if (const TypeRef around = this->type(); around.valid()) {
    type = TypeRef(around.named());
  }
  types_.push_back(only_output(type));
}

void TypeInfo::enter(const language::VariableDefinition& node) {
  input_types_.push_back(only_input(schema_->type_from_ast(*node.type).value_or(TypeRef{})));
}

void TypeInfo::enter(const language::SelectionSet&) {
  const TypeRef type = this->type();
  parent_types_.push_back(type.valid() && type.named().is_composite() ? &type.named() : nullptr);
}

void TypeInfo::enter(const language::Field& node) {
  const type::NamedType* parent = parent_type();
  const type::FieldDefinition* field =
      parent == nullptr ? nullptr : schema_->field(*parent, node.name.value);
  fields_.push_back(field);
  types_.push_back(field == nullptr ? TypeRef{} : only_output(field->type));
}

void TypeInfo::enter(const language::Directive& node) {
  directive_ = schema_->directive(node.name.value);
}

void TypeInfo::enter(const language::Argument& node) {
  argument_ = nullptr;
  if (directive_ != nullptr) {
    argument_ = directive_->argument(node.name.value);
  } else if (const type::FieldDefinition* field = field_definition()) {
    argument_ = field->argument(node.name.value);
  }
  push_input(argument_ == nullptr ? TypeRef{} : only_input(argument_->type),
             argument_ != nullptr && argument_->default_literal != nullptr);
}

void TypeInfo::enter(const language::ListValue&) {
  const TypeRef list = input_type();
  // Where no list is wanted there is no item type: a list there is reported as a whole.
  push_input(list.valid() && list.is_list() ? list.item() : TypeRef{}, false);
}

void TypeInfo::enter(const language::ObjectField& node) {
  const TypeRef object = input_type();
  const type::InputValueDefinition* field = nullptr;
  if (object.valid()) {
    if (const auto* input = object.named().get_if<type::InputObjectType>()) {
      field = input->field(node.name.value);
    }
  }
  push_input(field == nullptr ? TypeRef{} : only_input(field->type),
             field != nullptr && field->default_literal != nullptr);
}

}  // namespace errand::graphql::validation
