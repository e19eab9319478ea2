#include "errand/graphql/execution/introspection_resolvers.h"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/introspection.h"

namespace errand::graphql::execution {
namespace {

using type::TypeRef;

FieldValue text(std::string_view value) { return FieldValue::text_view(value); }

FieldValue text(const std::optional<std::string_view>& value) {
  return value ? FieldValue::text_view(*value) : FieldValue();
}

bool include_deprecated(const ResolveInfo& info) {
  const boost::json::value* value = info.argument("includeDeprecated");
  return value != nullptr && value->is_bool() && value->get_bool();
}

/// Makes source objects of the introspection types. The schema outlives every execution, so that
/// its parts need no owner.
class Introspection {
 public:
  explicit Introspection(const type::Schema& schema)
      : type_(object_type(schema, "__Type")),
        field_(object_type(schema, "__Field")),
        input_value_(object_type(schema, "__InputValue")),
        enum_value_(object_type(schema, "__EnumValue")),
        directive_(object_type(schema, "__Directive")),
        schema_(object_type(schema, "__Schema")) {}

  [[nodiscard]] FieldValue schema(const type::Schema& part) const { return ref(schema_, part); }
  /// A reference that is part of the schema.
  [[nodiscard]] FieldValue type_part(const TypeRef& part) const { return ref(type_, part); }
  [[nodiscard]] FieldValue type(const TypeRef& reference) const {
    return ObjectRef{type_, std::make_shared<const TypeRef>(reference)};
  }
  [[nodiscard]] FieldValue type(const type::NamedType* named) const {
    return named == nullptr ? FieldValue() : type(TypeRef(*named));
  }
  template <class Types>
  [[nodiscard]] FieldValue types(const Types& list) const {
    FieldValue::List items;
    items.reserve(list.size());
    for (const auto* named : list)
      items.push_back(type(static_cast<const type::NamedType*>(named)));
    return items;
  }
  [[nodiscard]] FieldValue fields(const std::vector<type::FieldDefinition>& parts,
                                  bool deprecated) const {
    return list(field_, parts, deprecated);
  }
  [[nodiscard]] FieldValue input_values(const std::vector<type::InputValueDefinition>& parts,
                                        bool deprecated) const {
    return list(input_value_, parts, deprecated);
  }
  [[nodiscard]] FieldValue enum_values(const std::vector<type::EnumValueDefinition>& parts,
                                       bool deprecated) const {
    return list(enum_value_, parts, deprecated);
  }
  [[nodiscard]] FieldValue directives(const type::Schema& owner, bool deprecated) const {
    FieldValue::List items;
    for (const type::DirectiveDefinition* directive : owner.directives()) {
      if (!deprecated && directive->deprecation_reason) continue;
      items.push_back(ref(directive_, *directive));
    }
    return items;
  }

 private:
  static const type::ObjectType* object_type(const type::Schema& schema, std::string_view name) {
    const type::NamedType* named = schema.type(name);
    ERRAND_ASSERT(named != nullptr);
    return &named->as<type::ObjectType>();
  }

  template <class T>
  static FieldValue ref(const type::ObjectType* of, const T& part) {
    return ObjectRef{of, std::shared_ptr<const void>(std::shared_ptr<const void>(), &part)};
  }

  template <class T>
  static FieldValue list(const type::ObjectType* of, const std::vector<T>& parts, bool deprecated) {
    FieldValue::List items;
    items.reserve(parts.size());
    for (const T& part : parts) {
      if (!deprecated && part.deprecation_reason) continue;
      items.push_back(ref(of, part));
    }
    return items;
  }

  const type::ObjectType* type_;
  const type::ObjectType* field_;
  const type::ObjectType* input_value_;
  const type::ObjectType* enum_value_;
  const type::ObjectType* directive_;
  const type::ObjectType* schema_;
};

/// Adds resolvers with a source object of type T.
template <class T>
class TypeResolvers {
 public:
  TypeResolvers(const type::Schema& schema, ResolverMap& map, std::string_view type)
      : type_name_(type), type_(schema.type(type)), schema_(schema), map_(map) {
    ERRAND_ASSERT(type_ != nullptr);
  }

  /// Leaves out a field that the schema's edition of the introspection types does not have.
  template <class F>
  TypeResolvers& add(std::string_view field, F function) {
    if (schema_.field(*type_, field) == nullptr) return *this;
    map_.add(type_name_, field,
             [function = std::move(function)](const ResolveInfo& info) -> FieldResult<FieldValue> {
               return function(info.source_as<T>(), info);
             });
    return *this;
  }

 private:
  std::string_view type_name_;
  const type::NamedType* type_;
  const type::Schema& schema_;
  ResolverMap& map_;
};

/// The named type of a reference without wrappers; nullptr for a list or non-null.
const type::NamedType* bare(const TypeRef& type) {
  return type.is_list() || type.is_non_null() ? nullptr : &type.named();
}

template <class T>
const T* bare_as(const TypeRef& type) {
  const type::NamedType* named = bare(type);
  return named == nullptr ? nullptr : named->get_if<T>();
}

void add_type_resolvers(const type::Schema& schema, const Introspection& make, ResolverMap& map) {
  TypeResolvers<TypeRef>(schema, map, "__Type")
      .add("kind", [](const TypeRef& t, auto&) { return text(type::introspection_kind(t)); })
      .add("name",
           [](const TypeRef& t, auto&) {
             const type::NamedType* named = bare(t);
             return named == nullptr ? FieldValue() : text(named->name);
           })
      .add("description",
           [](const TypeRef& t, auto&) {
             const type::NamedType* named = bare(t);
             return named == nullptr ? FieldValue() : text(named->description);
           })
      .add("specifiedByURL",
           [](const TypeRef& t, auto&) {
             const auto* scalar = bare_as<type::ScalarType>(t);
             return scalar == nullptr ? FieldValue() : text(scalar->specified_by_url);
           })
      .add("fields",
           [make](const TypeRef& t, const ResolveInfo& info) {
             const auto* fields = bare_as<type::FieldsType>(t);
             return fields == nullptr ? FieldValue()
                                      : make.fields(fields->fields, include_deprecated(info));
           })
      .add("interfaces",
           [make](const TypeRef& t, auto&) {
             const auto* fields = bare_as<type::FieldsType>(t);
             return fields == nullptr ? FieldValue() : make.types(fields->interfaces);
           })
      .add("possibleTypes",
           [make](const TypeRef& t, const ResolveInfo& info) {
             const type::NamedType* named = bare(t);
             return named == nullptr || !named->is_abstract()
                        ? FieldValue()
                        : make.types(info.schema.possible_types(*named));
           })
      .add("enumValues",
           [make](const TypeRef& t, const ResolveInfo& info) {
             const auto* enumeration = bare_as<type::EnumType>(t);
             return enumeration == nullptr
                        ? FieldValue()
                        : make.enum_values(enumeration->values, include_deprecated(info));
           })
      .add("inputFields",
           [make](const TypeRef& t, const ResolveInfo& info) {
             const auto* input = bare_as<type::InputObjectType>(t);
             return input == nullptr ? FieldValue()
                                     : make.input_values(input->fields, include_deprecated(info));
           })
      .add("ofType",
           [make](const TypeRef& t, auto&) {
             return bare(t) != nullptr ? FieldValue() : make.type(type::introspection_of_type(t));
           })
      .add("isOneOf", [](const TypeRef& t, auto&) {
        const auto* input = bare_as<type::InputObjectType>(t);
        return input == nullptr ? FieldValue() : FieldValue(input->is_one_of);
      });
}

/// name, description and the two deprecation fields, which most parts have.
template <class T>
TypeResolvers<T> add_described(const type::Schema& schema, ResolverMap& map,
                               std::string_view type) {
  TypeResolvers<T> resolvers(schema, map, type);
  resolvers.add("name", [](const T& part, auto&) { return text(part.name); })
      .add("description", [](const T& part, auto&) { return text(part.description); })
      .add("isDeprecated",
           [](const T& part, auto&) { return FieldValue(part.deprecation_reason.has_value()); })
      .add("deprecationReason", [](const T& part, auto&) { return text(part.deprecation_reason); });
  return resolvers;
}

}  // namespace

void add_introspection_resolvers(const type::Schema& schema, ResolverMap& map) {
  const Introspection make(schema);

  if (schema.query_type() != nullptr) {
    const std::string_view query = schema.query_type()->name;
    map.add(query, "__schema", [make](const ResolveInfo& info) -> FieldResult<FieldValue> {
      return make.schema(info.schema);
    });
    map.add(query, "__type", [make](const ResolveInfo& info) -> FieldResult<FieldValue> {
      const boost::json::value* name = info.argument("name");
      if (name == nullptr || !name->is_string()) return FieldValue();
      return make.type(info.schema.type(name->get_string()));
    });
  }

  TypeResolvers<type::Schema>(schema, map, "__Schema")
      .add("description", [](const type::Schema& s, auto&) { return text(s.description()); })
      .add("types",
           [make](const type::Schema& s, auto&) { return make.types(s.types_by_reference()); })
      .add("queryType", [make](const type::Schema& s, auto&) { return make.type(s.query_type()); })
      .add("mutationType",
           [make](const type::Schema& s, auto&) { return make.type(s.mutation_type()); })
      .add("subscriptionType",
           [make](const type::Schema& s, auto&) { return make.type(s.subscription_type()); })
      .add("directives", [make](const type::Schema& s, const ResolveInfo& info) {
        return make.directives(s, include_deprecated(info));
      });

  add_type_resolvers(schema, make, map);

  add_described<type::FieldDefinition>(schema, map, "__Field")
      .add("args",
           [make](const type::FieldDefinition& field, const ResolveInfo& info) {
             return make.input_values(field.arguments, include_deprecated(info));
           })
      .add("type", [make](const type::FieldDefinition& field, auto&) {
        return make.type_part(field.type);
      });

  add_described<type::InputValueDefinition>(schema, map, "__InputValue")
      .add("type", [make](const type::InputValueDefinition& input,
                          auto&) { return make.type_part(input.type); })
      .add("defaultValue", [](const type::InputValueDefinition& input, auto&) {
        return input.default_literal == nullptr
                   ? FieldValue()
                   : FieldValue(language::print(*input.default_literal));
      });

  add_described<type::EnumValueDefinition>(schema, map, "__EnumValue");

  add_described<type::DirectiveDefinition>(schema, map, "__Directive")
      .add("isRepeatable", [](const type::DirectiveDefinition& directive,
                              auto&) { return FieldValue(directive.repeatable); })
      .add("locations",
           [](const type::DirectiveDefinition& directive, auto&) {
             FieldValue::List items;
             for (const std::string_view location : directive.locations) {
               items.push_back(text(location));
             }
             return FieldValue(std::move(items));
           })
      .add("args", [make](const type::DirectiveDefinition& directive, const ResolveInfo& info) {
        return make.input_values(directive.arguments, include_deprecated(info));
      });
}

}  // namespace errand::graphql::execution
