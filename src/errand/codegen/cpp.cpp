#include "errand/codegen/cpp.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "errand/codegen/cpp_support.h"
#include "errand/codegen/name_table.h"
#include "errand/codegen/source_text.h"
#include "errand/codegen/strong_components.h"
#include "errand/json/writer.h"

namespace errand::codegen {

namespace {

namespace type = graphql::type;

constexpr std::initializer_list<std::string_view> kReserved{
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break",
    "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return",
    "co_yield", "compl", "concept", "const", "const_cast", "consteval", "constexpr", "constinit",
    "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum",
    "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline",
    "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
    "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast",
    "requires", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast",
    "struct", "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef",
    "typeid", "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t",
    "while", "xor", "xor_eq",
    // namespaces that the text uses
    "boost", "errand_worker", "internal", "std",
    // macros of the standard's and of common systems' headers
    "BUFSIZ", "CHAR_MAX", "CHAR_MIN", "DBL_MAX", "DBL_MIN", "DELETE", "DOMAIN", "EDOM", "EOF",
    "ERANGE", "ERROR", "EXIT_FAILURE", "EXIT_SUCCESS", "FALSE", "FLT_MAX", "FLT_MIN", "HUGE_VAL",
    "IGNORE", "IN", "INFINITY", "INT_MAX", "INT_MIN", "LONG_MAX", "LONG_MIN", "NAN", "NULL",
    "OPTIONAL", "OUT", "OVERFLOW", "PI", "RAND_MAX", "SIGABRT", "SIGFPE", "SIGILL", "SIGINT",
    "SIGSEGV", "SIGTERM", "SING", "TRUE", "UNDERFLOW", "assert", "errno", "linux", "major",
    "makedev", "minor", "offsetof", "setjmp", "signals", "slots", "emit", "stderr", "stdin",
    "stdout", "unix", "va_arg"};

constexpr std::initializer_list<std::string_view> kOwnNames{
    "ConversionError", "JobFailure",   "JobProgress",    "JobState",    "JsonPath",
    "RequestError",    "answered",     "object_of",      "read",        "read_member",
    "read_optional",   "read_whole",   "refuse_unknown", "tag_invoke",  "to_string",
    "write",           "write_member", "write_optional", "write_whole", "wrong"};

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

/// One member of a struct.
struct Member {
  std::string name;
  std::string json_name;
  std::string type;
  std::string value;  ///< its default, " = 1" or "{}"; empty: none can be written
  std::vector<std::string> documentation;
  bool required = true;   ///< to be there when it is read
  bool left_out = false;  ///< nothing is not written, rather than written as null
};

class Generator {
 public:
  Generator(const Model& model, const Options& options) : model_(model), options_(options) {}

  std::string run() {
    name_types();
    order_types();
    for (const auto& job : model_.jobs()) write_arguments(job);
    if (options_.client) {
      for (const auto& job : model_.jobs()) write_partial(job);
    }
    for (const auto& job : model_.jobs()) write_job(job);

    SourceText out(2);
    header(out);
    out.verbatim(types_.take());
    out.verbatim("\nnamespace internal {\n\n");
    out.verbatim(declarations_.take());
    out.verbatim("\n");
    out.verbatim(definitions_.take());
    out.verbatim("}  // namespace internal\n");
    out.verbatim(conversions_.take());
    out.verbatim(jobs_.take());
    out.line(fmt::format("\n}}  // namespace {}", options_.cpp_namespace));
    return out.take();
  }

 private:
  // --- names and order -----------------------------------------------------------------------

  void name_types() {
    for (const auto name : kReserved) table_.reserve(name), members_.reserve(name);
    for (const auto name : kOwnNames) table_.reserve(name), members_.reserve(name);
    const auto name = [&](const auto& all) {
      for (const auto* named : all) {
        names_[named->index] = table_.claim(named->name);
        members_.reserve(names_[named->index]);
      }
    };
    name(model_.enums());
    name(model_.inputs());
    name(model_.outputs());
    for (const auto& job : model_.jobs()) {
      const auto base = capitalized(job.name);
      jobs_names_.push_back(table_.claim(job.object_name));
      arguments_.push_back(table_.claim(base + "Arguments"));
      results_.push_back(table_.claim(base + "Result"));
    }
    for (const auto& known : {jobs_names_, arguments_, results_}) {
      for (const auto& each : known) members_.reserve(each);
    }
  }

  /// Writes the types: a struct after what it holds, but where they hold each other in a circle.
  void order_types() {
    std::vector<const type::NamedType*> all(model_.inputs().begin(), model_.inputs().end());
    all.insert(all.end(), model_.outputs().begin(), model_.outputs().end());
    std::map<std::uint32_t, std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i) places[all[i]->index] = i;
    std::vector<std::vector<std::size_t>> edges(all.size());
    const auto add = [&](std::size_t from, const type::NamedType& to) {
      if (const auto place = places.find(to.index); place != places.end())
        edges[from].push_back(place->second);
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (const auto* input = all[i]->get_if<type::InputObjectType>()) {
        for (const auto& field : input->fields) add(i, field.type.named());
      } else if (const auto* object = all[i]->get_if<type::ObjectType>()) {
        for (const auto& field : object->fields) add(i, field.type.named());
      } else {
        for (const auto* possible : model_.possible_types(*all[i])) add(i, *possible);
      }
    }
    const auto components = strong_components(edges);
    for (std::size_t i = 0; i < components.size(); ++i) {
      for (const auto at : components[i]) circles_[all[at]->index] = i;
    }
    for (const auto* one : model_.enums()) write_enum(*one);
    for (const auto& component : components) {
      if (component.size() > 1) {
        types_.blank();
        for (const auto at : component)
          types_.line(fmt::format("struct {};", names_.at(all[at]->index)));
      }
      // A variant needs its members whole; they get by with its name.
      for (const bool is_abstract : {false, true}) {
        for (const auto at : component) {
          if (all[at]->is_abstract() == is_abstract) write_type(*all[at]);
        }
      }
    }
  }

  // --- types ---------------------------------------------------------------------------------

  [[nodiscard]] std::string scalar(const type::ScalarType& scalar) const {
    switch (scalar.scalar) {
      case type::BuiltInScalar::kInt:
        return "std::int32_t";
      case type::BuiltInScalar::kFloat:
        return "double";
      case type::BuiltInScalar::kBoolean:
        return "bool";
      case type::BuiltInScalar::kString:
      case type::BuiltInScalar::kId:
        return "std::string";
      case type::BuiltInScalar::kNone:
        break;
    }
    if (const auto given = options_.scalars.find(std::string(scalar.name));
        given != options_.scalars.end()) {
      return given->second.substr(given->second.find('#') + 1);
    }
    const bool is_text =
        scalar.name == "DateTime" || scalar.name == "Duration" || scalar.name == "UUID";
    return is_text ? "std::string" : "boost::json::value";
  }

  [[nodiscard]] std::string name_of(const type::NamedType& named) const {
    if (const auto* leaf = named.get_if<type::ScalarType>()) return scalar(*leaf);
    return names_.at(named.index);
  }

  /// The same from within a struct of a job, which has members Input and Result of its own.
  [[nodiscard]] std::string qualified(const std::string& name) const {
    return fmt::format("::{}::{}", options_.cpp_namespace, name);
  }
  [[nodiscard]] std::string qualified_text(const type::TypeRef& ref) const {
    const auto& named = ref.named();
    return wrapped(ref, named.is<type::ScalarType>() ? name_of(named) : qualified(name_of(named)));
  }

  /// @param boxed  whether a struct of `inner` cannot stand within, as it would hold itself
  static std::string wrapped(const type::TypeRef& ref, const std::string& inner,
                             bool boxed = false) {
    if (!ref.is_list() && boxed) return fmt::format("std::shared_ptr<{}>", inner);
    const auto text =
        ref.is_list() ? fmt::format("std::vector<{}>", wrapped(ref.item(), inner)) : inner;
    // A JSON value can be null by itself.
    return ref.is_non_null() || text == "boost::json::value"
               ? text
               : fmt::format("std::optional<{}>", text);
  }

  [[nodiscard]] std::string text_of(const type::TypeRef& ref) const {
    return wrapped(ref, name_of(ref.named()));
  }

  [[nodiscard]] bool in_circle(const type::NamedType& of, const type::NamedType& other) const {
    const auto a = circles_.find(of.index);
    const auto b = circles_.find(other.index);
    return a != circles_.end() && b != circles_.end() && a->second == b->second;
  }

  /// `value` as an expression of `ref`; nullopt where there is none.
  [[nodiscard]] std::optional<std::string> literal(const type::TypeRef& ref,
                                                   const boost::json::value& value) const {
    if (value.is_null()) {
      if (text_of(ref).starts_with("std::optional<")) return "std::nullopt";
      return std::nullopt;
    }
    if (ref.is_list()) {
      std::string text;
      for (const auto& each : value.as_array()) {
        const auto item = literal(ref.item(), each);
        if (!item) return std::nullopt;
        text += (text.empty() ? "" : ", ") + *item;
      }
      return fmt::format("{}{{{}}}", text_of(ref.non_null()), text);
    }
    const auto& named = ref.named();
    if (const auto* one = named.get_if<type::EnumType>())
      return fmt::format("{}::{}", names_.at(one->index), enumerator(*one, value.as_string()));
    if (const auto* input = named.get_if<type::InputObjectType>()) {
      const auto members = members_of(*input);
      std::string text;
      for (std::size_t i = 0; i < members.size(); ++i) {
        const auto& definition = input->fields[i];
        const auto* member = value.as_object().if_contains(definition.name);
        if (member == nullptr) continue;
        if (in_circle(*input, definition.type.named())) return std::nullopt;
        const auto item = literal(definition.type, *member);
        if (!item) return std::nullopt;
        text += fmt::format("{}.{} = {}", text.empty() ? "" : ", ", members[i].name, *item);
      }
      return fmt::format("{}{{{}}}", names_.at(input->index), text);
    }
    const auto& leaf = named.as<type::ScalarType>();
    const auto kind = scalar(leaf);
    if (kind == "std::string" && value.is_string()) return quoted(value.as_string());
    if (kind == "std::int32_t" && value.is_int64())
      // The least one is no literal: it would be the negative of what an int does not hold.
      return value.as_int64() == INT32_MIN ? "INT32_MIN" : json::to_text(value);
    if (kind == "bool" && value.is_bool()) return value.as_bool() ? "true" : "false";
    if (kind == "double" && value.is_number()) {
      const auto text = json::to_text(value);
      return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
    return std::nullopt;
  }

  // --- text ----------------------------------------------------------------------------------

  static void comment(SourceText& out, const std::vector<std::string>& lines) {
    for (const auto& line : lines) {
      // A backslash at its end would make the next line part of the comment.
      out.line((line.empty() ? "///" : "/// " + line) + (line.ends_with('\\') ? " ." : ""));
    }
  }

  void header(SourceText& out) const {
    out.line(fmt::format("// Generated by errand codegen cpp; do not edit. Schema: {}",
                         file_names(options_.files)));
    out.line("#pragma once\n");
    for (const auto* name :
         {"cstddef", "cstdint", "initializer_list", "memory", "optional", "stdexcept", "string",
          "string_view", "utility", "variant", "vector"}) {
      out.line(fmt::format("#include <{}>", name));
    }
    out.blank();
    for (const auto* name : {"array", "object", "value", "value_from", "value_to"})
      out.line(fmt::format("#include <boost/json/{}.hpp>", name));
    std::set<std::string> own;
    for (const auto& [name, text] : options_.scalars) {
      if (const auto hash = text.find('#'); hash != std::string::npos)
        own.insert(text.substr(0, hash));
    }
    if (options_.worker) out.line("\n#include <errand_worker/worker.h>");
    if (!own.empty()) out.blank();
    for (const auto& name : own)
      out.line(fmt::format("#include {}", name.starts_with('<') ? name : quoted(name)));
    out.line(fmt::format("\nnamespace {} {{", options_.cpp_namespace));
    out.verbatim(cpp_conversion_text());
    if (options_.client) out.verbatim(cpp_client_text());
    write_scalars(out);
  }

  /// Types that Boost.JSON converts.
  void write_scalars(SourceText& out) const {
    std::set<std::string> known{"bool", "double", "std::int32_t", "std::string",
                                "boost::json::value"};
    for (const auto* each : model_.scalars()) {
      const auto kind = scalar(*each);
      if (!known.insert(kind).second) continue;
      out.verbatim(fmt::format(R"text(
namespace internal {{

inline void read(const boost::json::value& from, {0}& to, const JsonPath& path) {{
  try {{
    to = boost::json::value_to<{0}>(from);
  }} catch (const std::exception& error) {{
    wrong(path, error.what());
  }}
}}

inline void write(boost::json::value& to, const {0}& from, const JsonPath&) {{
  to = boost::json::value_from(from);
}}

}}  // namespace internal
)text",
                               kind));
    }
  }

  [[nodiscard]] static std::string enumerator(const type::EnumType& one, std::string_view value) {
    NameTable table(kReserved);
    for (const auto& each : one.values) {
      const auto name = table.claim(each.name);
      if (each.name == value) return name;
    }
    return std::string(value);
  }

  void write_enum(const type::EnumType& one) {
    const auto& name = names_.at(one.index);
    types_.blank();
    comment(types_, documentation(one));
    types_.open(fmt::format("enum class {} {{", name));
    for (const auto& value : one.values) {
      comment(types_, documentation(value));
      types_.line(enumerator(one, value.name) + ",");
    }
    types_.close("};");
    types_.blank();
    comment(types_, {"As GraphQL spells it."});
    types_.open(fmt::format("inline std::string_view to_string({} value) {{", name));
    types_.line("switch (value) {");
    for (const auto& value : one.values) {
      types_.line(fmt::format("  case {}::{}:\n    return {};", name, enumerator(one, value.name),
                              quoted(value.name)));
    }
    types_.line("}\nreturn {};");
    types_.close("}");

    declare(name);
    begin_read(name);
    definitions_.line("const auto* text = from.if_string();");
    definitions_.line(
        "const std::string_view given = text == nullptr ? std::string_view() : "
        "std::string_view(text->data(), text->size());");
    for (const auto& value : one.values) {
      definitions_.line(fmt::format("if (given == {}) {{\n  to = {}::{};\n  return;\n}}",
                                    quoted(value.name), name, enumerator(one, value.name)));
    }
    definitions_.line(
        fmt::format("wrong(path, {});", quoted(fmt::format("expected a value of {}", one.name))));
    definitions_.close("}\n");
    begin_write(name);
    definitions_.line(
        "const auto text = to_string(from);\nto = boost::json::string_view(text.data(), "
        "text.size());\nstatic_cast<void>(path);");
    definitions_.close("}\n");
    convert(name);
  }

  void declare(const std::string& name) {
    declarations_.line(fmt::format(
        "void read(const boost::json::value& from, {}& to, const JsonPath& path);", name));
    declarations_.line(fmt::format(
        "void write(boost::json::value& to, const {}& from, const JsonPath& path);", name));
  }

  void begin_read(const std::string& name) {
    definitions_.open(fmt::format(
        "inline void read(const boost::json::value& from, {}& to, const JsonPath& path) {{", name));
  }

  void begin_write(const std::string& name) {
    definitions_.open(fmt::format(
        "inline void write(boost::json::value& to, const {}& from, const JsonPath& path) {{",
        name));
  }

  /// For Boost.JSON's value_to() and value_from().
  void convert(const std::string& name) {
    conversions_.verbatim(fmt::format(R"text(
inline {0} tag_invoke(boost::json::value_to_tag<{0}>, const boost::json::value& from) {{
  return internal::read_whole<{0}>(from, "{0}");
}}
inline void tag_invoke(boost::json::value_from_tag, boost::json::value& to, const {0}& from) {{
  internal::write(to, from, internal::JsonPath{{nullptr, "{0}"}});
}}
)text",
                                      name));
  }

  void write_struct(const std::string& name, const std::vector<std::string>& lines,
                    const std::vector<Member>& members, bool is_input) {
    types_.blank();
    comment(types_, lines);
    types_.open(fmt::format("struct {} {{", name));
    for (const auto& member : members) {
      comment(types_, member.documentation);
      types_.line(fmt::format("{} {}{};", member.type, member.name, member.value));
    }
    types_.close("};");

    declare(name);
    begin_read(name);
    definitions_.line(members.empty() && !is_input
                          ? "object_of(from, path);\nstatic_cast<void>(to);"
                          : "const auto& members = object_of(from, path);");
    if (is_input) {
      std::string known;
      for (const auto& member : members)
        known += (known.empty() ? "" : ", ") + quoted(member.json_name);
      definitions_.line(fmt::format("refuse_unknown(members, {{{}}}, path);", known));
      if (members.empty()) definitions_.line("static_cast<void>(to);");
    }
    for (const auto& member : members) {
      definitions_.line(fmt::format("{}(members, {}, to.{}, path);",
                                    member.required ? "read_member" : "read_optional",
                                    quoted(member.json_name), member.name));
    }
    definitions_.close("}\n");
    begin_write(name);
    definitions_.line(
        members.empty() ? "to.emplace_object();\nstatic_cast<void>(from);\nstatic_cast<void>(path);"
                        : "auto& members = to.emplace_object();");
    for (const auto& member : members) {
      definitions_.line(fmt::format("{}(members, {}, from.{}, path);",
                                    member.left_out ? "write_optional" : "write_member",
                                    quoted(member.json_name), member.name));
    }
    definitions_.close("}\n");
    convert(name);
  }

  /// A list of what is not complete yet cannot be made there.
  static std::string initializer(const type::TypeRef& ref, bool circular) {
    return circular && ref.is_list() ? "" : "{}";
  }

  [[nodiscard]] Member member_of(const type::InputValueDefinition& value, NameTable& names,
                                 const type::NamedType* owner) const {
    const auto& named = value.type.named();
    const bool circular = owner != nullptr && in_circle(*owner, named);
    Member member{.name = names.claim(value.name),
                  .json_name = std::string(value.name),
                  .type = wrapped(value.type, name_of(named), circular),
                  .value = initializer(value.type, circular),
                  .documentation = documentation(value),
                  .required = value.type.is_non_null() && !value.default_value,
                  .left_out = !value.type.is_non_null() && !value.default_value};
    if (!value.default_value) return member;
    const auto given = circular ? std::nullopt : literal(value.type, *value.default_value);
    if (given) {
      member.value = " = " + *given;
      return member;
    }
    if (circular && value.type.is_non_null() && value.type.is_list() &&
        value.default_value->as_array().empty())
      return member;  // as it begins
    member.type = wrapped(value.type.nullable(), name_of(named), circular);
    if (member.type == "boost::json::value") member.type = "std::optional<boost::json::value>";
    member.left_out = true;
    member.documentation.emplace_back("Left out unless it is set.");
    return member;
  }

  [[nodiscard]] std::vector<Member> members_of(const type::InputObjectType& input) const {
    NameTable names = members_;
    std::vector<Member> members;
    for (const auto& field : input.fields) members.push_back(member_of(field, names, &input));
    return members;
  }

  [[nodiscard]] Member member_of(const type::FieldDefinition& field, std::string_view json_name,
                                 const std::string& inner, bool circular, NameTable& names) const {
    return {.name = names.claim(json_name),
            .json_name = std::string(json_name),
            .type = wrapped(field.type, inner, circular),
            .value = initializer(field.type, circular),
            .documentation = documentation(field),
            .required = field.type.is_non_null()};
  }

  void write_type(const type::NamedType& named) {
    const auto& name = names_.at(named.index);
    if (const auto* input = named.get_if<type::InputObjectType>()) {
      auto lines = documentation(named);
      if (input->is_one_of) lines.emplace_back("Exactly one member is set.");
      return write_struct(name, lines, members_of(*input), true);
    }
    if (const auto* object = named.get_if<type::ObjectType>()) {
      NameTable names = members_;
      std::vector<Member> members;
      for (const auto& field : object->fields) {
        members.push_back(member_of(field, field.name, name_of(field.type.named()),
                                    in_circle(named, field.type.named()), names));
      }
      return write_struct(name, documentation(named), members, false);
    }
    std::vector<std::pair<std::string, std::string>> possible;
    for (const auto* object : model_.possible_types(named))
      possible.emplace_back(names_.at(object->index), object->name);
    write_variant(name, documentation(named), possible);
  }

  /// @param possible  names of structs, and of what they are in GraphQL
  void write_variant(const std::string& name, const std::vector<std::string>& lines,
                     const std::vector<std::pair<std::string, std::string>>& possible) {
    types_.blank();
    comment(types_, lines);
    std::string list;
    for (const auto& [each, _] : possible) list += (list.empty() ? "" : ", ") + each;
    types_.line(fmt::format("struct {} {{\n  std::variant<{}> value;\n}};", name, list));
    declare(name);
    begin_read(name);
    definitions_.line(
        "std::string name;\nread_member(object_of(from, path), \"__typename\", name, path);");
    for (const auto& [each, graphql_name] : possible) {
      definitions_.line(
          fmt::format("if (name == {}) return read(from, to.value.emplace<{}>(), path);",
                      quoted(graphql_name), each));
    }
    definitions_.line("wrong(path, \"no type that this program knows: \" + name);");
    definitions_.close("}\n");
    begin_write(name);
    for (const auto& [each, graphql_name] : possible) {
      definitions_.open(
          fmt::format("if (const auto* one = std::get_if<{}>(&from.value)) {{", each));
      definitions_.line(fmt::format("write(to, *one, path);\nto.get_object()[\"__typename\"] = {};",
                                    quoted(graphql_name)));
      definitions_.close("}");
    }
    definitions_.close("}\n");
    convert(name);
  }

  void write_arguments(const JobModel& job) {
    NameTable names = members_;
    std::vector<Member> members;
    for (const auto* argument : job.arguments)
      members.push_back(member_of(*argument, names, nullptr));
    write_struct(arguments_[index_of(job)], {fmt::format("The arguments of {}.", job.name)},
                 members, true);
  }

  // --- results that clients do not select as a whole -------------------------------------------

  void write_partial(const JobModel& job) {
    if (!job.selection || job.selection->complete) {
      result_types_.push_back(qualified_text(job.result));
      return;
    }
    result_types_.push_back(
        wrapped(job.result, qualified(partial(*job.selection, results_[index_of(job)], true))));
  }

  std::string partial(const Selection& selection, const std::string& wanted, bool claimed) {
    if (selection.complete) return name_of(*selection.type);
    const auto name = claimed ? wanted : table_.claim(wanted);
    const bool is_abstract = selection.type->is_abstract();
    std::vector<std::pair<std::string, std::string>> possible;
    for (const auto& object : selection.objects) {
      NameTable names = members_;
      std::vector<Member> members;
      for (const auto& each : object.fields) {
        const auto inner = each.selection.empty() ? name_of(each.field->type.named())
                                                  : partial(each.selection.front(),
                                                            name + capitalized(each.alias), false);
        members.push_back(member_of(*each.field, each.alias, inner, false, names));
      }
      const auto own =
          is_abstract ? table_.claim(fmt::format("{}On{}", name, object.object->name)) : name;
      write_struct(own, {fmt::format("What a client selects of {}.", object.object->name)}, members,
                   false);
      possible.emplace_back(own, object.object->name);
    }
    if (is_abstract) {
      write_variant(name, {fmt::format("What a client selects of {}.", selection.type->name)},
                    possible);
    }
    return name;
  }

  // --- jobs ----------------------------------------------------------------------------------

  void write_job(const JobModel& job) {
    const auto at = index_of(job);
    jobs_.blank();
    comment(jobs_, description_lines(job.description));
    jobs_.open(fmt::format("struct {} {{", jobs_names_[at]));
    jobs_.line(fmt::format("static constexpr std::string_view kType = {};", quoted(job.name)));
    jobs_.line(fmt::format("using Arguments = {};", qualified(arguments_[at])));
    if (options_.worker) {
      std::string input =
          job.input != nullptr ? qualified_text(job.input->type) : qualified(arguments_[at]);
      jobs_.blank();
      if (job.input_may_be_absent()) {
        comment(jobs_, {fmt::format("Of {} where it is given, else an empty object.",
                                    qualified_text(job.input->type.non_null()))});
        input = "boost::json::value";
      }
      jobs_.line(fmt::format("using Input = {};", input));
      jobs_.line(fmt::format("using Result = {};", qualified_text(job.result)));
      if (job.for_workers) write_handler();
    }
    if (options_.client) write_client(job);
    jobs_.close("};");
  }

  void write_handler() {
    jobs_.blank();
    comment(jobs_,
            {"Registers `function(errand_worker::Job&, const Input&) -> Result`, before run()."});
    jobs_.line(
        "template <class Function>\n"
        "static errand_worker::Worker& handle(errand_worker::Worker& worker, Function function) "
        "{\n"
        "  return worker.handle(std::string(kType), handler(std::move(function)));\n}");
    jobs_.blank();
    comment(jobs_, {"The same as a handler, for errand_worker::run_job()."});
    jobs_.line(
        "template <class Function>\n"
        "static errand_worker::Handler handler(Function function) {\n"
        "  return [function = std::move(function)](errand_worker::Job& job) mutable -> "
        "boost::json::value {\n"
        "    const Input input = [&job] {\n"
        "      try {\n"
        "        return internal::read_whole<Input>(job.input(), \"input\");\n"
        "      } catch (const ConversionError& error) {\n"
        "        throw errand_worker::PermanentError(error.what(), {.code = "
        "\"INPUT_INVALID\"});\n"
        "      }\n"
        "    }();\n"
        "    return internal::write_whole<Result>(function(job, input), \"result\");\n"
        "  };\n}");
  }

  void write_client(const JobModel& job) {
    const auto at = index_of(job);
    const auto options = qualified(names_.at(model_.job_options()->index));
    jobs_.blank();
    jobs_.line(fmt::format("using State = JobState<{}>;", result_types_[at]));
    jobs_.verbatim(
        fmt::format("  static constexpr std::string_view kMutation = R\"graphql({})graphql\";\n",
                    model_.mutation(job, false)));
    const auto selection = job.selection ? " " + to_text(*job.selection) : "";
    jobs_.verbatim(
        fmt::format("  static constexpr std::string_view kQuery =\n"
                    "      R\"graphql(query State($id: ID!) {{ job: {}(id: $id) {{ id type status "
                    "run attempt progress {{ completed total "
                    "fraction stage message }} error {{ code message details retryable remediation "
                    "}} ... on {} {{ result{} }} }} "
                    "}})graphql\";\n",
                    model_.root_field("job"), job.object_name, selection));
    jobs_.blank();
    comment(jobs_, {"The body of the POST to /graphql that submits a job. Send it with the header "
                    "Idempotency-Key,",
                    "or with options.idempotencyKey, and it may be sent again."});
    jobs_.open(
        fmt::format("static boost::json::object submit_request(const Arguments& arguments, const "
                    "{}* options = nullptr) {{",
                    options));
    jobs_.line("boost::json::value variables = internal::write_whole(arguments, \"arguments\");");
    jobs_.line(
        fmt::format("if (options != nullptr) internal::write_member(variables.get_object(), {}, "
                    "*options, internal::JsonPath{{}});",
                    quoted(model_.options_argument())));
    jobs_.line(
        "return {{\"query\", boost::json::string_view(kMutation.data(), kMutation.size())}, "
        "{\"variables\", std::move(variables)}};");
    jobs_.close("}");
    jobs_.blank();
    comment(jobs_,
            {"The job's id, from the answer to that. @throws RequestError, ConversionError"});
    jobs_.open("static std::string submitted(const boost::json::value& response) {");
    jobs_.line(
        fmt::format("const auto& job = internal::answered(response, {});", quoted(job.name)));
    jobs_.line(
        "std::string id;\ninternal::read_member(internal::object_of(job, internal::JsonPath{}), "
        "\"id\", id, internal::JsonPath{});\nreturn id;");
    jobs_.close("}");
    jobs_.blank();
    comment(jobs_, {"The body of the POST that asks how a job is."});
    jobs_.open("static boost::json::object state_request(std::string_view id) {");
    jobs_.line(
        "return {{\"query\", boost::json::string_view(kQuery.data(), kQuery.size())},\n"
        "        {\"variables\", {{\"id\", boost::json::string_view(id.data(), id.size())}}}};");
    jobs_.close("}");
    jobs_.blank();
    comment(jobs_, {"The job, from the answer to that. @throws RequestError, ConversionError"});
    jobs_.open("static State state(const boost::json::value& response) {");
    jobs_.line(
        "return internal::read_whole<State>(internal::answered(response, \"job\"), \"job\");");
    jobs_.close("}");
  }

  [[nodiscard]] std::size_t index_of(const JobModel& job) const {
    return static_cast<std::size_t>(&job - model_.jobs().data());
  }

  const Model& model_;
  const Options& options_;
  NameTable table_;
  NameTable members_;                             ///< what members cannot be called
  std::map<std::uint32_t, std::string> names_;    ///< by NamedType::index
  std::map<std::uint32_t, std::size_t> circles_;  ///< the component of each struct
  std::vector<std::string> jobs_names_;           ///< by job
  std::vector<std::string> arguments_;
  std::vector<std::string> results_;
  std::vector<std::string> result_types_;
  SourceText types_{2};
  SourceText declarations_{2};
  SourceText definitions_{2};
  SourceText conversions_{2};
  SourceText jobs_{2};
};

}  // namespace

Result<std::string> cpp(const Model& model, const Options& options) {
  return Generator(model, options).run();
}

}  // namespace errand::codegen
