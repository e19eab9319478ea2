#include "errand/graphql/federation/elements.h"

#include <array>

namespace errand::graphql::federation {
namespace {

constexpr bool kDirective = true;
constexpr bool kScalar = false;

constexpr std::array<Element, 26> kElements{{
    {"FieldSet", kScalar, 0, ""},
    {"Scope", kScalar, 5, ""},
    {"Policy", kScalar, 6, ""},
    {"ContextFieldValue", kScalar, 8, ""},
    {"key", kDirective, 0,
     "(fields: $FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE"},
    {"requires", kDirective, 0, "(fields: $FieldSet!) on FIELD_DEFINITION"},
    {"provides", kDirective, 0, "(fields: $FieldSet!) on FIELD_DEFINITION"},
    {"external", kDirective, 0, "(reason: String) on OBJECT | FIELD_DEFINITION"},
    {"extends", kDirective, 0, " on OBJECT | INTERFACE"},
    {"shareable", kDirective, 0, " on OBJECT | FIELD_DEFINITION"},
    {"shareable", kDirective, 2, " repeatable on OBJECT | FIELD_DEFINITION"},
    {"override", kDirective, 0, "(from: String!) on FIELD_DEFINITION"},
    {"override", kDirective, 7, "(from: String!, label: String) on FIELD_DEFINITION"},
    {"tag", kDirective, 0,
     "(name: String!) repeatable on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | "
     "ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION"},
    {"tag", kDirective, 3,
     "(name: String!) repeatable on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | "
     "ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | "
     "SCHEMA"},
    {"inaccessible", kDirective, 0,
     " on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | "
     "ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION"},
    {"composeDirective", kDirective, 1, "(name: String!) repeatable on SCHEMA"},
    {"interfaceObject", kDirective, 3, " on OBJECT"},
    {"authenticated", kDirective, 5, " on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
    {"requiresScopes", kDirective, 5,
     "(scopes: [[$Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
    {"policy", kDirective, 6,
     "(policies: [[$Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
    {"context", kDirective, 8, "(name: String!) repeatable on INTERFACE | OBJECT | UNION"},
    {"fromContext", kDirective, 8, "(field: $ContextFieldValue) on ARGUMENT_DEFINITION"},
    {"cost", kDirective, 9,
     "(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | "
     "OBJECT | SCALAR"},
    {"listSize", kDirective, 9,
     "(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], "
     "requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION"},
    {"cacheTag", kDirective, 12, "(format: String!) repeatable on OBJECT | FIELD_DEFINITION"},
}};

}  // namespace

std::span<const Element> elements() noexcept { return kElements; }

const Element* find_element(std::string_view name, bool is_directive, int minor) noexcept {
  const Element* found = nullptr;
  for (const Element& element : kElements) {
    if (element.name == name && element.is_directive == is_directive && element.since <= minor) {
      found = &element;
    }
  }
  return found;
}

}  // namespace errand::graphql::federation
