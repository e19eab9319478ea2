#include "errand/graphql/type/read_introspection.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "errand/graphql/language/lexer.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/type_ref.h"

namespace errand::graphql::type {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 5> kBuiltInScalars{"Int", "Float", "String", "Boolean",
                                                          "ID"};
constexpr std::array<std::string_view, 5> kSpecifiedDirectives{"skip", "include", "deprecated",
                                                               "specifiedBy", "oneOf"};
/// Wrappers of the deepest type that is asked for; graphql-js asks for nine.
constexpr int kWrappersMax = 9;
constexpr std::string_view kDefaultDeprecationReason = "No longer supported";

const json::value* member(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  if (object == nullptr) return nullptr;
  const auto* found = object->if_contains(json::string_view(name.data(), name.size()));
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string_view text_of(const json::value* value) {
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

std::string_view text(const json::value& value, std::string_view name) {
  return text_of(member(value, name));
}

bool is_true(const json::value& value, std::string_view name) {
  const auto* found = member(value, name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

const json::array& list(const json::value& value, std::string_view name) {
  static const json::array kEmpty;
  const auto* found = member(value, name);
  return found == nullptr || !found->is_array() ? kEmpty : found->get_array();
}

/// What the probe says of one introspection type.
class Known {
 public:
  Known(const json::value& probed, std::string_view alias) {
    if (const auto* type = member(probed, alias)) fields_ = &list(*type, "fields");
  }

  [[nodiscard]] bool field(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] bool deprecated_argument(std::string_view name) const {
    const auto* field = find(name);
    return field != nullptr && std::ranges::any_of(list(*field, "args"), [](const auto& argument) {
             return text(argument, "name") == "includeDeprecated";
           });
  }

 private:
  [[nodiscard]] const json::value* find(std::string_view name) const {
    if (fields_ == nullptr) return nullptr;
    const auto found = std::ranges::find_if(
        *fields_, [&](const json::value& field) { return text(field, "name") == name; });
    return found == fields_->end() ? nullptr : &*found;
  }

  const json::array* fields_ = nullptr;
};

/// Thrown away at the first fault, which it keeps.
class SdlWriter {
 public:
  Result<std::string> write(const json::value& introspected) {
    const auto* schema = member(introspected, "__schema");
    if (schema == nullptr) return lacks("__schema");
    if (list(*schema, "types").empty()) return lacks("__schema.types");
    roots(*schema);
    for (const json::value& directive : list(*schema, "directives")) this->directive(directive);
    for (const json::value& type : list(*schema, "types")) this->type(type);
    if (!fault_.empty()) return lacks(fault_);
    return std::move(out_);
  }

 private:
  static std::unexpected<Error> lacks(std::string_view what) {
    return fail(ErrorCode::kSchemaInvalid,
                "the response to the introspection query lacks " + std::string(what));
  }

  void fault(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }

  /// The name of `value`, as part of the SDL; never anything else than a name.
  std::string name(const json::value& value, std::string_view of) {
    const std::string_view found = text(value, "name");
    if (language::is_name(found)) return std::string(found);
    fault("a name of " + std::string(of));
    return {};
  }

  void description(const json::value& value, std::string_view indent) {
    const std::string_view found = text(value, "description");
    if (found.empty()) return;
    out_ += indent;
    out_ += language::print_string(found);
    out_ += '\n';
  }

  void deprecated(const json::value& value) {
    if (!is_true(value, "isDeprecated")) return;
    const std::string_view reason = text(value, "deprecationReason");
    out_ += " @deprecated";
    if (!reason.empty() && reason != kDefaultDeprecationReason) {
      out_ += "(reason: " + language::print_string(reason) + ")";
    }
  }

  std::string reference(const json::value* type, std::string_view of, int wrappers = 0) {
    const std::string_view kind = type == nullptr ? std::string_view() : text(*type, "kind");
    if (wrappers > 2 * static_cast<int>(TypeRef::kListDepthMax)) {
      fault("a type of " + std::string(of) + " that ends");
      return {};
    }
    if (kind == "NON_NULL") return reference(member(*type, "ofType"), of, wrappers + 1) + "!";
    if (kind == "LIST") return "[" + reference(member(*type, "ofType"), of, wrappers + 1) + "]";
    if (type != nullptr) return name(*type, of);
    fault("the type of " + std::string(of));
    return {};
  }

  void roots(const json::value& schema) {
    const std::array<std::pair<std::string_view, std::string_view>, 3> operations{
        {{"query", "queryType"},
         {"mutation", "mutationType"},
         {"subscription", "subscriptionType"}}};
    description(schema, "");
    out_ += "schema {\n";
    for (const auto& [operation, key] : operations) {
      const auto* root = member(schema, key);
      if (root == nullptr) continue;
      out_ += "  " + std::string(operation) + ": " + name(*root, "a root type") + "\n";
    }
    out_ += "}\n";
  }

  void input_value(const json::value& value, std::string_view of) {
    const std::string called = name(value, of);
    out_ += called + ": " + reference(member(value, "type"), called);
    // A literal; whether it is one shows when the SDL is parsed.
    const std::string_view literal = text(value, "defaultValue");
    if (!literal.empty()) out_ += " = " + std::string(literal);
    deprecated(value);
  }

  void arguments(const json::value& value, std::string_view of) {
    const json::array& given = list(value, "args");
    for (const json::value& argument : given) {
      out_ += &argument == &given.front() ? "(\n" : "\n";
      description(argument, "    ");
      out_ += "    ";
      input_value(argument, of);
    }
    if (!given.empty()) out_ += "\n  )";
  }

  void directive(const json::value& directive) {
    const std::string called = name(directive, "a directive");
    if (std::ranges::find(kSpecifiedDirectives, called) != kSpecifiedDirectives.end()) return;
    description(directive, "");
    out_ += "directive @" + called;
    arguments(directive, called);
    if (is_true(directive, "isRepeatable")) out_ += " repeatable";
    out_ += " on";
    const json::array& locations = list(directive, "locations");
    for (const json::value& location : locations) {
      const std::string_view place = text_of(&location);
      if (!language::is_name(place)) return fault("a location of @" + called);
      out_ += (&location == &locations.front() ? " " : " | ") + std::string(place);
    }
    if (locations.empty()) fault("the locations of @" + called);
    out_ += '\n';
  }

  void fields(const json::value& type, const std::string& called) {
    std::string_view separator = " implements ";
    for (const json::value& interface : list(type, "interfaces")) {
      out_ += std::string(separator) + name(interface, called);
      separator = " & ";
    }
    out_ += " {\n";
    for (const json::value& field : list(type, "fields")) {
      description(field, "  ");
      const std::string field_name = name(field, called);
      out_ += "  " + field_name;
      arguments(field, called + "." + field_name);
      out_ += ": " + reference(member(field, "type"), called + "." + field_name);
      deprecated(field);
      out_ += '\n';
    }
    out_ += "}\n";
  }

  void type(const json::value& type) {
    const std::string called = name(type, "a type");
    const std::string_view kind = text(type, "kind");
    if (called.starts_with("__") ||
        std::ranges::find(kBuiltInScalars, called) != kBuiltInScalars.end()) {
      return;
    }
    description(type, "");
    if (kind == "SCALAR") {
      out_ += "scalar " + called;
      const std::string_view url = text(type, "specifiedByURL");
      if (!url.empty()) out_ += " @specifiedBy(url: " + language::print_string(url) + ")";
      out_ += '\n';
    } else if (kind == "OBJECT") {
      out_ += "type " + called;
      fields(type, called);
    } else if (kind == "INTERFACE") {
      out_ += "interface " + called;
      fields(type, called);
    } else if (kind == "UNION") {
      out_ += "union " + called;
      std::string_view separator = " = ";
      for (const json::value& member : list(type, "possibleTypes")) {
        out_ += std::string(separator) + name(member, called);
        separator = " | ";
      }
      out_ += '\n';
    } else if (kind == "ENUM") {
      out_ += "enum " + called + " {\n";
      for (const json::value& value : list(type, "enumValues")) {
        description(value, "  ");
        out_ += "  " + name(value, called);
        deprecated(value);
        out_ += '\n';
      }
      out_ += "}\n";
    } else if (kind == "INPUT_OBJECT") {
      out_ += "input " + called + (is_true(type, "isOneOf") ? " @oneOf {\n" : " {\n");
      for (const json::value& field : list(type, "inputFields")) {
        description(field, "  ");
        out_ += "  ";
        input_value(field, called);
        out_ += '\n';
      }
      out_ += "}\n";
    } else {
      fault("the kind of " + called);
    }
  }

  std::string out_;
  std::string fault_;
};

}  // namespace

std::string_view introspection_probe() noexcept {
  return R"(query Probe {
  schema: __type(name: "__Schema") { fields { name args { name } } }
  type: __type(name: "__Type") { fields { name args { name } } }
  field: __type(name: "__Field") { fields { name args { name } } }
  inputValue: __type(name: "__InputValue") { fields { name args { name } } }
  directive: __type(name: "__Directive") { fields { name args { name } } }
})";
}

std::string introspection_query(const boost::json::value& probed) {
  const Known schema(probed, "schema");
  const Known type(probed, "type");
  const Known field(probed, "field");
  const Known input_value(probed, "inputValue");
  const Known directive(probed, "directive");
  const auto deprecated = [](const Known& known, std::string_view name) {
    return known.deprecated_argument(name) ? "(includeDeprecated: true)" : "";
  };
  std::string reference = "kind name";
  for (int i = 0; i < kWrappersMax; ++i) reference = "kind name ofType { " + reference + " }";
  std::string input = "name description type { " + reference + " } defaultValue";
  if (input_value.field("isDeprecated")) input += " isDeprecated deprecationReason";

  std::string query = "query Introspection { __schema { ";
  if (schema.field("description")) query += "description ";
  query +=
      "queryType { name } mutationType { name } subscriptionType { name } directives { name "
      "description ";
  if (directive.field("isRepeatable")) query += "isRepeatable ";
  query += "locations args" + std::string(deprecated(directive, "args")) + " { " + input + " } } ";
  query += "types { kind name description ";
  if (type.field("specifiedByURL")) query += "specifiedByURL ";
  if (type.field("isOneOf")) query += "isOneOf ";
  query += "fields(includeDeprecated: true) { name description args" +
           std::string(deprecated(field, "args")) + " { " + input + " } type { " + reference +
           " } isDeprecated deprecationReason } ";
  query += "inputFields" + std::string(deprecated(type, "inputFields")) + " { " + input + " } ";
  query +=
      "interfaces { name } enumValues(includeDeprecated: true) { name description "
      "isDeprecated deprecationReason } possibleTypes { name } } } }";
  return query;
}

Result<std::string> sdl_from_introspection(const boost::json::value& introspected) {
  return SdlWriter().write(introspected);
}

}  // namespace errand::graphql::type
