#include "errand/contract/unsupported_features.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace errand::contract {
namespace {

namespace type = graphql::type;

struct Unsupported {
  std::string_view directive;
  std::string_view argument;  ///< empty: the directive as such
  std::string_view remedy;
};

constexpr std::array<Unsupported, 2> kUnsupported{{
    {"job", "steps", "remove it; let the worker make each part of its work repeatable"},
    {"schedule", "", "remove it; call the mutation from cron"},
}};

void refuse(const type::AppliedDirective& directive, SchemaErrors& errors) {
  for (const Unsupported& feature : kUnsupported) {
    if (directive.name() != feature.directive) continue;
    const std::string name = "@" + std::string(feature.directive);
    if (feature.argument.empty()) {
      errors.add(directive.place(), name + " is not supported by this version of Errand yet; " +
                                        std::string(feature.remedy));
      continue;
    }
    const bool given = std::ranges::any_of(directive.node->arguments, [&](const auto* argument) {
      return argument->name.value == feature.argument;
    });
    if (!given) continue;
    errors.add(argument_place(directive, feature.argument),
               name + "(" + std::string(feature.argument) +
                   ":) is not supported by this version of Errand yet; " +
                   std::string(feature.remedy));
  }
}

}  // namespace

void refuse_unsupported_features(const type::Schema& schema, SchemaErrors& errors) {
  for (const type::NamedType* named : schema.types()) {
    const auto* with_fields = named->get_if<type::FieldsType>();
    if (with_fields == nullptr) continue;
    for (const type::FieldDefinition& field : with_fields->fields) {
      const bool is_job = type::find_directive(field.directives, "job") != nullptr;
      for (const type::AppliedDirective& directive : field.directives) {
        refuse(directive, errors);
        if (directive.name() == "auth" && !is_job) {
          errors.add(directive.place(),
                     "@auth is supported on fields with @job alone by this version of Errand; "
                     "remove it, and let the field's resolver decide");
        }
      }
    }
  }
}

}  // namespace errand::contract
