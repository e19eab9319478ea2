#include "errand/codegen/python.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "errand/codegen/name_table.h"
#include "errand/codegen/python_client.h"
#include "errand/codegen/source_text.h"
#include "errand/json/writer.h"

namespace errand::codegen {

namespace {

namespace type = graphql::type;

constexpr std::initializer_list<std::string_view> kKeywords{
    "False",  "None",     "True",   "and", "as",    "assert", "async",  "await",    "break", "case",
    "class",  "continue", "def",    "del", "elif",  "else",   "except", "finally",  "for",   "from",
    "global", "if",       "import", "in",  "is",    "lambda", "match",  "nonlocal", "not",   "or",
    "pass",   "raise",    "return", "try", "while", "with",   "yield"};

/// What annotations and the fixed parts of the text mean by these names.
constexpr std::initializer_list<std::string_view> kBuiltins{"AttributeError",
                                                            "Exception",
                                                            "OSError",
                                                            "TimeoutError",
                                                            "ValueError",
                                                            "any",
                                                            "bool",
                                                            "bytes",
                                                            "callable",
                                                            "dict",
                                                            "float",
                                                            "getattr",
                                                            "int",
                                                            "isinstance",
                                                            "issubclass",
                                                            "len",
                                                            "list",
                                                            "max",
                                                            "min",
                                                            "property",
                                                            "range",
                                                            "str",
                                                            "super",
                                                            "tuple",
                                                            "type"};

constexpr std::initializer_list<std::string_view> kOwnNames{
    "Client",          "ErrandError",   "Handlers",  "JobFailure", "JobHandle",
    "JobNotSucceeded", "JobProgress",   "JobState",  "JobType",    "_Result",
    "_client",         "_dataclasses",  "_datetime", "_decimal",   "_enum",
    "_functools",      "_json",         "_random",   "_request",   "_t",
    "_time",           "_urllib_error", "_uuid",     "_worker",    "annotations"};

/// What an Enum has beside its members.
constexpr std::initializer_list<std::string_view> kEnumNames{"mro", "name", "value"};

/// Of Client.
constexpr std::initializer_list<std::string_view> kClientNames{
    "_data",    "_follow", "_network_error", "_open",   "_pause", "_submit",
    "attempts", "follow",  "request",        "timeout", "token",  "url"};

NameTable with(std::initializer_list<std::initializer_list<std::string_view>> lists) {
  NameTable table;
  for (const auto& list : lists) {
    for (const auto name : list) table.reserve(name);
  }
  return table;
}

std::string quoted(std::string_view text) {
  std::string result;
  json::append_string(result, text);
  return result;
}

/// A JSON value as Python writes it.
std::string python_json(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "None";
    case boost::json::kind::bool_:
      return value.get_bool() ? "True" : "False";
    case boost::json::kind::array: {
      std::string text;
      for (const auto& item : value.get_array())
        text += (text.empty() ? "" : ", ") + python_json(item);
      return "[" + text + "]";
    }
    case boost::json::kind::object: {
      std::string text;
      for (const auto& [key, member] : value.get_object())
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", quoted(key), python_json(member));
      return "{" + text + "}";
    }
    default:
      return json::to_text(value);
  }
}

/// One field of a dataclass.
struct Field {
  std::string name;
  std::string json_name;
  std::string type;
  std::optional<std::string> value;  ///< its default
  bool is_factory = false;           ///< the default is made anew each time
  std::vector<std::string> documentation;
};

/// A decorator of Handlers.
struct Registration {
  const JobModel* job = nullptr;
  std::string method;
  std::string handler;  ///< the type variable of handlers
  std::string input;
};

class Generator {
 public:
  Generator(const Model& model, const Options& options) : model_(model), options_(options) {}

  std::string run() {
    name_types();
    header();
    for (const auto* one : model_.enums()) write_enum(*one);
    for (const auto* input : model_.inputs()) write_input(*input);
    if (options_.worker) {
      for (const auto& job : model_.jobs()) {
        if (job.input == nullptr) write_arguments(job);
      }
    }
    for (const auto* output : model_.outputs()) write_object(*output);
    if (options_.client) {
      for (const auto& job : model_.jobs()) write_partial(job);
    }
    for (const auto* output : model_.outputs()) write_abstract(*output);
    for (const auto& alias : aliases_) two_blanks(), out_.line(alias);
    if (options_.worker) write_worker();
    if (options_.client) write_client();
    return out_.take();
  }

 private:
  // --- names ---------------------------------------------------------------------------------

  void name_types() {
    const auto name = [&](const auto& all) {
      for (const auto* named : all) {
        names_[named->index] = table_.claim(named->name);
        attributes_.reserve(names_[named->index]);
      }
    };
    name(model_.enums());
    name(model_.inputs());
    name(model_.outputs());
    for (const auto& job : model_.jobs()) {
      const auto base = capitalized(job.name);
      arguments_.push_back(table_.claim(base + "Arguments"));
      results_.push_back(table_.claim(base + "Result"));
      constants_.push_back(table_.claim(upper_snake_case(job.name)));
    }
    for (const auto& known : {arguments_, results_, constants_}) {
      for (const auto& each : known) attributes_.reserve(each);
    }
  }

  // --- types ---------------------------------------------------------------------------------

  [[nodiscard]] std::string scalar(const type::ScalarType& scalar) const {
    switch (scalar.scalar) {
      case type::BuiltInScalar::kInt:
        return "int";
      case type::BuiltInScalar::kFloat:
        return "float";
      case type::BuiltInScalar::kBoolean:
        return "bool";
      case type::BuiltInScalar::kString:
      case type::BuiltInScalar::kId:
        return "str";
      case type::BuiltInScalar::kNone:
        break;
    }
    if (const auto given = options_.scalars.find(std::string(scalar.name));
        given != options_.scalars.end()) {
      const auto& text = given->second;
      if (text == "Any") return "_t.Any";
      const auto dot = text.rfind('.');
      return dot == std::string::npos ? text : module_name(text.substr(0, dot)) + text.substr(dot);
    }
    static const std::map<std::string_view, std::string_view> kKnown{
        {"DateTime", "_datetime.datetime"}, {"Duration", "str"}, {"UUID", "_uuid.UUID"}};
    const auto known = kKnown.find(scalar.name);
    return std::string(known == kKnown.end() ? "_t.Any" : known->second);
  }

  /// Modules are imported under names that no field has.
  static std::string module_name(std::string module) {
    std::ranges::replace(module, '.', '_');
    return "_" + module;
  }

  [[nodiscard]] std::string name_of(const type::NamedType& named) const {
    if (const auto* leaf = named.get_if<type::ScalarType>()) return scalar(*leaf);
    return names_.at(named.index);
  }

  static std::string wrapped(const type::TypeRef& ref, const std::string& inner) {
    const auto text =
        ref.is_list() ? fmt::format("_t.List[{}]", wrapped(ref.item(), inner)) : inner;
    return ref.is_non_null() || text == "_t.Any" ? text : fmt::format("_t.Optional[{}]", text);
  }

  [[nodiscard]] std::string text_of(const type::TypeRef& ref) const {
    return wrapped(ref, name_of(ref.named()));
  }

  /// `value` as an expression of `ref`; nullopt where Python's type has no literal.
  [[nodiscard]] std::optional<std::string> literal(const type::TypeRef& ref,
                                                   const boost::json::value& value) const {
    if (value.is_null()) return "None";
    if (ref.is_list()) {
      std::string text;
      for (const auto& each : value.as_array()) {
        const auto item = literal(ref.item(), each);
        if (!item) return std::nullopt;
        text += (text.empty() ? "" : ", ") + *item;
      }
      return "[" + text + "]";
    }
    const auto& named = ref.named();
    if (const auto* one = named.get_if<type::EnumType>())
      return fmt::format("{}.{}", names_.at(one->index), enum_name(*one, value.as_string()));
    if (const auto* input = named.get_if<type::InputObjectType>()) {
      const auto fields = fields_of(*input);
      std::string text;
      for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto& definition = input->fields[i];
        const auto* member = value.as_object().if_contains(definition.name);
        if (member == nullptr) continue;
        const auto item = literal(definition.type, *member);
        if (!item) return std::nullopt;
        text += fmt::format("{}{}={}", text.empty() ? "" : ", ", fields[i].name, *item);
      }
      return fmt::format("{}({})", names_.at(input->index), text);
    }
    const auto kind = scalar(named.as<type::ScalarType>());
    if (kind == "float" && value.is_number())
      return json::to_text(value).find_first_of(".e") == std::string::npos
                 ? json::to_text(value) + ".0"
                 : json::to_text(value);
    if (kind == "int" || kind == "bool" || kind == "str" || kind == "_t.Any")
      return python_json(value);
    return std::nullopt;
  }

  // --- text ----------------------------------------------------------------------------------

  void two_blanks() {
    out_.blank();
    out_.verbatim("\n");
  }

  void docstring(const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    std::string text;
    for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
    std::string escaped;
    for (const char c : text) {
      if (c == '\\' || c == '"') escaped += '\\';
      escaped += c;
    }
    out_.line("\"\"\"" + escaped + (lines.size() == 1 ? "\"\"\"" : "\n\"\"\""));
  }

  void comment(const std::vector<std::string>& lines) {
    for (const auto& line : lines) out_.line(line.empty() ? "#:" : "#: " + line);
  }

  void header() {
    out_.line(fmt::format("# Generated by errand codegen python; do not edit. Schema: {}",
                          file_names(options_.files)));
    out_.line(
        "# ruff: noqa\nfrom __future__ import annotations\n\nimport dataclasses as _dataclasses");
    std::set<std::string> imports{"import datetime as _datetime", "import enum as _enum",
                                  "import typing as _t", "import uuid as _uuid"};
    if (options_.client) {
      imports.insert({"import decimal as _decimal", "import functools as _functools",
                      "import http.client as _client", "import json as _json",
                      "import random as _random", "import time as _time",
                      "import urllib.error as _urllib_error", "import urllib.request as _request"});
    }
    for (const auto& [name, text] : options_.scalars) {
      const auto dot = text.rfind('.');
      if (dot == std::string::npos) continue;
      const auto module = text.substr(0, dot);
      imports.insert(fmt::format("import {} as {}", module, module_name(module)));
    }
    for (const auto& line : imports) out_.line(line);
    if (options_.worker) out_.line("\nimport errand_worker as _worker");
    if (options_.client) out_.line("\n_Result = _t.TypeVar(\"_Result\")");
  }

  [[nodiscard]] static std::string enum_name(const type::EnumType& one, std::string_view value) {
    auto table = with({kKeywords, kEnumNames});
    for (const auto& each : one.values) {
      // Enum keeps `_x_` to itself.
      const bool is_sunder =
          each.name.size() > 2 && each.name.starts_with('_') && each.name.ends_with('_');
      const auto name = table.claim(is_sunder ? std::string(each.name) + "_" : each.name);
      if (each.name == value) return name;
    }
    return std::string(value);
  }

  void write_enum(const type::EnumType& one) {
    two_blanks();
    out_.open(fmt::format("class {}(_enum.Enum):", names_.at(one.index)));
    docstring(documentation(one));
    if (one.description) out_.blank();
    for (const auto& value : one.values) {
      comment(documentation(value));
      out_.line(fmt::format("{} = {}", enum_name(one, value.name), quoted(value.name)));
    }
    out_.close();
  }

  void write_class(const std::string& name, const std::vector<std::string>& lines,
                   std::vector<Field> fields) {
    two_blanks();
    out_.line("@_dataclasses.dataclass");
    out_.open(fmt::format("class {}:", name));
    docstring(lines);
    if (!lines.empty() && !fields.empty()) out_.blank();
    if (fields.empty() && lines.empty()) out_.line("pass");
    // Python wants those without a default first.
    std::vector<Field> sorted;
    for (const bool with_default : {false, true}) {
      for (auto& field : fields) {
        if (field.value.has_value() == with_default) sorted.push_back(std::move(field));
      }
    }
    for (const auto& field : sorted) {
      comment(field.documentation);
      std::string arguments;
      if (field.value)
        arguments = fmt::format("default{}={}", field.is_factory ? "_factory" : "",
                                (field.is_factory ? "lambda: " : "") + *field.value);
      const bool renamed = field.name != field.json_name;
      if (renamed) {
        arguments += fmt::format("{}metadata={{\"json\": {}}}", arguments.empty() ? "" : ", ",
                                 quoted(field.json_name));
      }
      std::string text = fmt::format("{}: {}", field.name, field.type);
      if (renamed || field.is_factory) {
        text += fmt::format(" = _dataclasses.field({})", arguments);
      } else if (field.value) {
        text += " = " + *field.value;
      }
      out_.line(text);
    }
    out_.close();
  }

  [[nodiscard]] Field field_of(const type::InputValueDefinition& value, NameTable& names) const {
    Field field{.name = names.claim(snake_case(value.name)),
                .json_name = std::string(value.name),
                .type = text_of(value.type),
                .value = {},
                .documentation = documentation(value)};
    if (value.default_value) {
      field.value = literal(value.type, *value.default_value);
      field.is_factory =
          field.value && (field.value->ends_with(']') || field.value->ends_with('}') ||
                          field.value->ends_with(')'));
      if (!field.value) {
        field.value = "None";
        field.type = wrapped(value.type.nullable(), name_of(value.type.named()));
        field.documentation.emplace_back("None leaves it to the server.");
      }
    } else if (!value.type.is_non_null()) {
      field.value = "None";
    }
    return field;
  }

  [[nodiscard]] std::vector<Field> fields_of(const type::InputObjectType& input) const {
    NameTable names = attributes_;
    std::vector<Field> fields;
    for (const auto& each : input.fields) fields.push_back(field_of(each, names));
    return fields;
  }

  void write_input(const type::InputObjectType& input) {
    auto lines = documentation(input);
    if (input.is_one_of) lines.emplace_back("Exactly one field is given.");
    write_class(names_.at(input.index), lines, fields_of(input));
  }

  void write_arguments(const JobModel& job) {
    NameTable names = attributes_;
    std::vector<Field> fields;
    for (const auto* argument : job.arguments) fields.push_back(field_of(*argument, names));
    write_class(arguments_[index_of(job)],
                {fmt::format("The arguments of {}, as its worker gets them.", job.name)},
                std::move(fields));
  }

  static Field typename_field(std::string_view object, NameTable& names) {
    return {.name = names.claim("typename"),
            .json_name = "__typename",
            .type = fmt::format("_t.Literal[{}]", quoted(object)),
            .value = quoted(object),
            .documentation = {}};
  }

  void write_object(const type::NamedType& output) {
    const auto* object = output.get_if<type::ObjectType>();
    if (object == nullptr) return;
    NameTable names = attributes_;
    std::vector<Field> fields;
    for (const auto& each : object->fields) {
      Field field{.name = names.claim(snake_case(each.name)),
                  .json_name = std::string(each.name),
                  .type = text_of(each.type),
                  .value = {},
                  .documentation = documentation(each)};
      if (!each.type.is_non_null()) field.value = "None";
      fields.push_back(std::move(field));
    }
    if (model_.needs_typename(output)) fields.push_back(typename_field(output.name, names));
    write_class(names_.at(output.index), documentation(output), std::move(fields));
  }

  void write_abstract(const type::NamedType& output) {
    if (!output.is_abstract()) return;
    two_blanks();
    for (const auto& line : documentation(output)) out_.line(line.empty() ? "#" : "# " + line);
    std::string members;
    for (const auto* object : model_.possible_types(output))
      members += (members.empty() ? "" : ", ") + names_.at(object->index);
    out_.line(fmt::format("{} = _t.Union[{}]", names_.at(output.index), members));
  }

  // --- results that clients do not select as a whole -------------------------------------------

  void write_partial(const JobModel& job) {
    const auto at = index_of(job);
    if (!job.selection || job.selection->complete) {
      result_types_.push_back(text_of(job.result));
      return;
    }
    result_types_.push_back(wrapped(job.result, partial(*job.selection, results_[at], true)));
  }

  /// Writes a class for what is selected, those below it first; gives its name.
  std::string partial(const Selection& selection, const std::string& wanted, bool claimed) {
    if (selection.complete) return name_of(*selection.type);
    const auto name = claimed ? wanted : table_.claim(wanted);
    std::string members;
    for (const auto& object : selection.objects) {
      NameTable names = attributes_;
      std::vector<Field> fields;
      for (const auto& each : object.fields) {
        const auto inner = each.selection.empty() ? name_of(each.field->type.named())
                                                  : partial(each.selection.front(),
                                                            name + capitalized(each.alias), false);
        Field field{.name = names.claim(snake_case(each.alias)),
                    .json_name = each.alias,
                    .type = wrapped(each.field->type, inner),
                    .value = {},
                    .documentation = documentation(*each.field)};
        if (!each.field->type.is_non_null()) field.value = "None";
        fields.push_back(std::move(field));
      }
      const bool is_abstract = selection.type->is_abstract();
      if (is_abstract) fields.push_back(typename_field(object.object->name, names));
      const auto own =
          is_abstract ? table_.claim(fmt::format("{}On{}", name, object.object->name)) : name;
      write_class(own, {fmt::format("What a client selects of {}.", object.object->name)},
                  std::move(fields));
      members += (members.empty() ? "" : ", ") + own;
    }
    if (selection.type->is_abstract()) {
      aliases_.push_back(fmt::format("{} = _t.Union[{}]", name, members));
    }
    return name;
  }

  // --- worker --------------------------------------------------------------------------------

  void write_worker() {
    std::vector<Registration> registrations;
    auto methods = with({kKeywords, {"_errand_worker"}});
    for (const auto& job : model_.jobs()) {
      if (!job.for_workers) continue;
      std::string input =
          job.input != nullptr ? text_of(job.input->type) : arguments_[index_of(job)];
      // The one argument was left out: then `job.input` is all arguments, that is none.
      if (job.input_may_be_absent()) {
        input = fmt::format("_t.Union[{}, _t.Dict[str, _t.Any], None]",
                            text_of(job.input->type.non_null()));
      }
      const auto handler = table_.claim(fmt::format("_{}Handler", capitalized(job.name)));
      two_blanks();
      out_.open(fmt::format("{} = _t.TypeVar(", handler));
      out_.line(fmt::format("\"{}\",", handler));
      out_.open("bound=_t.Union[");
      const auto result = text_of(job.result);
      out_.line(fmt::format("_t.Callable[[_worker.Job[{}]], _t.Awaitable[{}]],", input, result));
      out_.line(fmt::format("_t.Callable[[_worker.SyncJob[{}]], {}],", input, result));
      out_.close("],");
      out_.close(")");
      registrations.push_back({&job, methods.claim(snake_case(job.name)), handler, input});
    }
    if (registrations.empty()) return;
    two_blanks();
    out_.open("class Handlers:");
    out_.verbatim(fmt::format(R"text(    """Registers typed handlers: a decorator for each job type.

        handlers = Handlers(worker)

        @handlers.{}
        async def run(job: Job[...]) -> ...:
    """

    def __init__(self, worker: _worker.Worker) -> None:
        self._errand_worker = worker
)text",
                              registrations.front().method));
    for (const auto& [job, method, handler, input] : registrations) {
      out_.blank();
      out_.open(fmt::format("def {}(self, handler: {}) -> {}:", method, handler, handler));
      docstring(description_lines(job->description));
      out_.line(fmt::format("self._errand_worker.handler({}, input_type={})(handler)",
                            quoted(job->name), input));
      out_.line("return handler");
      out_.close();
    }
    out_.close();
  }

  // --- client --------------------------------------------------------------------------------

  void write_client() {
    std::string text(python_client_text());
    for (const auto& [mark, name] : {std::pair{"@JOB@", "job"}, std::pair{"@CANCEL@", "cancelJob"},
                                     std::pair{"@EVENTS@", "jobEvents"}}) {
      const auto called = model_.root_field(name);
      for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark))
        text.replace(at, std::string_view(mark).size(), called);
    }
    out_.verbatim(text);
    auto methods = with({kKeywords, kClientNames});
    out_.indent();
    for (const auto& job : model_.jobs()) write_submit(job, methods.claim(snake_case(job.name)));
    out_.close();
    for (const auto& job : model_.jobs()) {
      const auto at = index_of(job);
      two_blanks();
      out_.open(fmt::format("{}: JobType[{}] = JobType(", constants_[at], result_types_[at]));
      out_.line(fmt::format("name={},", quoted(job.name)));
      out_.verbatim(fmt::format("    mutation=\"\"\"{}\"\"\",\n", model_.mutation(job, false)));
      out_.line(fmt::format("selection=\"... on {} {{ result{} }}\",", job.object_name,
                            job.selection ? " " + to_text(*job.selection) : ""));
      out_.line(fmt::format("result_type={},", result_types_[at]));
      out_.close(")");
    }
  }

  void write_submit(const JobModel& job, const std::string& method) {
    const auto at = index_of(job);
    auto names = with({kKeywords, {"self", "options", "idempotency_key"}});
    std::string optional;
    std::string required;
    std::string variables;
    for (const auto* argument : job.arguments) {
      const auto name = names.claim(snake_case(argument->name));
      variables += fmt::format("{}: {}, ", quoted(argument->name), name);
      auto& list = argument->is_required() ? required : optional;
      list += fmt::format("        {}: {}{},\n", name,
                          argument->is_required()
                              ? text_of(argument->type)
                              : wrapped(argument->type.nullable(), name_of(argument->type.named())),
                          argument->is_required() ? "" : " = None");
    }
    const auto& options = names_.at(model_.job_options()->index);
    out_.blank();
    out_.verbatim(
        fmt::format("    def {}(\n        self,\n{}{}        *,\n"
                    "        options: _t.Optional[{}] = None,\n"
                    "        idempotency_key: _t.Optional[str] = None,\n"
                    "    ) -> JobHandle[{}]:\n",
                    method, required, optional, options, result_types_[at]));
    out_.indent();
    docstring(description_lines(job.description));
    out_.line(fmt::format("return self._submit({}, {{{}{}: options}}, options, idempotency_key)",
                          constants_[at], variables, quoted(model_.options_argument())));
    out_.close();
  }

  [[nodiscard]] std::size_t index_of(const JobModel& job) const {
    return static_cast<std::size_t>(&job - model_.jobs().data());
  }

  const Model& model_;
  const Options& options_;
  NameTable table_ = with({kKeywords, kBuiltins, kOwnNames});
  NameTable attributes_ = with({kKeywords, {"bool", "float", "int", "str"}});
  std::map<std::uint32_t, std::string> names_;  ///< by NamedType::index
  std::vector<std::string> arguments_;          ///< by job
  std::vector<std::string> results_;
  std::vector<std::string> constants_;
  std::vector<std::string> result_types_;
  std::vector<std::string> aliases_;
  SourceText out_{4};
};

}  // namespace

Result<std::string> python(const Model& model, const Options& options) {
  return Generator(model, options).run();
}

}  // namespace errand::codegen
