#include "errand/codegen/typescript.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "errand/codegen/name_table.h"
#include "errand/codegen/source_text.h"
#include "errand/json/writer.h"

namespace errand::codegen {

namespace {

namespace type = graphql::type;

/// Words of the language that cannot name a type, global types that the text uses, and its own.
constexpr std::initializer_list<std::string_view> kReservedTypes{
    "any", "as", "async", "await", "bigint", "boolean", "break", "case", "catch", "class", "const",
    "continue", "debugger", "declare", "default", "delete", "do", "else", "enum", "export",
    "extends", "false", "finally", "for", "function", "if", "implements", "import", "in",
    "instanceof", "interface", "keyof", "let", "never", "new", "null", "number", "object",
    "package", "private", "protected", "public", "readonly", "return", "static", "string", "super",
    "switch", "symbol", "this", "throw", "true", "try", "type", "typeof", "undefined", "unique",
    "unknown", "var", "void", "while", "with", "yield", "arguments", "eval", "Array",
    "AsyncGenerator", "Exclude", "Object", "Omit", "Partial", "Promise", "Readonly", "Record",
    // imported
    "ErrandClient", "FollowOptions", "Handler", "Job", "JobHandle", "JobState", "SubmitOptions",
    "SucceededJob", "WaitOptions", "Worker",
    // made here
    "Handlers", "JobResults", "JobTypes", "Jobs", "TypedJob", "defineHandlers", "documents",
    "handle", "results"};

/// Members of `Jobs` that are no mutations, and what a class cannot have.
constexpr std::initializer_list<std::string_view> kReservedMethods{
    "client", "constructor", "prototype", "state", "states", "wait"};

class Generator {
 public:
  Generator(const Model& model, const Options& options) : model_(model), options_(options) {}

  std::string run() {
    name_types();
    find_sent_types();
    header();
    for (const auto* scalar : model_.scalars()) write_scalar(*scalar);
    for (const auto* one : model_.enums()) write_enum(*one);
    for (const auto* input : model_.inputs()) write_input(*input);
    for (const auto& job : model_.jobs()) write_arguments(job);
    if (options_.worker) {
      for (const auto* output : model_.outputs()) write_output(*output);
      write_worker();
    }
    if (options_.client) write_client();
    return out_.take();
  }

 private:
  // --- names ---------------------------------------------------------------------------------

  void name_types() {
    const auto name = [&](const auto& all) {
      for (const auto* named : all) names_[named->index] = table_.claim(named->name);
    };
    name(model_.scalars());
    name(model_.enums());
    name(model_.inputs());
    name(model_.outputs());
    for (const auto& job : model_.jobs()) {
      const auto base = capitalized(job.name);
      arguments_.push_back(table_.claim(base + "Arguments"));
      variables_.push_back(table_.claim(base + "Variables"));
      results_.push_back(table_.claim(base + "Result"));
    }
  }

  /// Input objects that clients send in another form than workers get them: with fields that may be
  /// left out because they have a default, at any depth.
  void find_sent_types() {
    if (!options_.worker || !options_.client) return;
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto* input : model_.inputs()) {
        if (sent_names_.contains(input->index) || model_.for_options_alone(*input)) continue;
        for (const auto& field : input->fields) {
          if (!input->is_one_of && !field.default_value &&
              !sent_names_.contains(field.type.named().index))
            continue;
          if (input->is_one_of && !sent_names_.contains(field.type.named().index)) continue;
          sent_names_[input->index] = table_.claim(fmt::format("{}AsSent", input->name));
          changed = true;
          break;
        }
      }
    }
  }

  // --- types ---------------------------------------------------------------------------------

  [[nodiscard]] std::string name_of(const type::NamedType& named, bool sent) const {
    if (const auto* scalar = named.get_if<type::ScalarType>()) {
      switch (scalar->scalar) {
        case type::BuiltInScalar::kInt:
        case type::BuiltInScalar::kFloat:
          return "number";
        case type::BuiltInScalar::kBoolean:
          return "boolean";
        case type::BuiltInScalar::kString:
        case type::BuiltInScalar::kId:
          return "string";
        case type::BuiltInScalar::kNone:
          break;
      }
    }
    if (const auto found = sent_names_.find(named.index); sent && found != sent_names_.end())
      return found->second;
    return names_.at(named.index);
  }

  /// `inner` in the lists and nulls of `ref`.
  /// @param is_union  whether `inner` is several types with bars between them
  static std::string wrapped(const type::TypeRef& ref, const std::string& inner,
                             bool is_union = false) {
    std::string text = inner;
    if (ref.is_list()) {
      const auto item = ref.item();
      text = wrapped(item, inner, is_union);
      const bool bars = !item.is_non_null() || (is_union && !item.is_list());
      text = bars ? "(" + text + ")[]" : text + "[]";
    }
    return ref.is_non_null() ? text : text + " | null";
  }

  [[nodiscard]] std::string text_of(const type::TypeRef& ref, bool sent = false) const {
    return wrapped(ref, name_of(ref.named(), sent));
  }

  // --- text ----------------------------------------------------------------------------------

  void comment(std::vector<std::string> lines) {
    if (lines.empty()) return;
    for (auto& line : lines) {
      // Editors strike such names through.
      if (line.starts_with("Deprecated:")) line.replace(0, 11, "@deprecated");
      for (auto at = line.find("*/"); at != std::string::npos; at = line.find("*/", at))
        line.replace(at, 2, "*\\/");
    }
    if (lines.size() == 1) return out_.line("/** " + lines.front() + " */");
    out_.line("/**");
    for (const auto& line : lines) out_.line(line.empty() ? " *" : " * " + line);
    out_.line(" */");
  }

  void header() {
    out_.line(fmt::format("// Generated by errand codegen typescript; do not edit. Schema: {}",
                          file_names(options_.files)));
    out_.line("/* eslint-disable */");
    if (options_.worker) out_.line("import type { Handler, Job, Worker } from \"@errand/worker\";");
    if (options_.client) {
      out_.line(
          "import type {\n  ErrandClient,\n  FollowOptions,\n  JobHandle,\n  JobState,\n  "
          "SubmitOptions,\n"
          "  SucceededJob,\n  WaitOptions,\n} from \"@errand/client\";");
    }
    for (const auto* scalar : model_.scalars()) {
      const auto given = options_.scalars.find(std::string(scalar->name));
      if (given == options_.scalars.end()) continue;
      const auto hash = given->second.find('#');
      if (hash == std::string::npos) continue;
      std::string module;
      json::append_string(module, given->second.substr(0, hash));
      out_.line(fmt::format("import type {{ {} as Imported{} }} from {};",
                            given->second.substr(hash + 1), names_.at(scalar->index), module));
    }
  }

  void write_scalar(const type::ScalarType& scalar) {
    static const std::map<std::string_view, std::string_view> kKnown{
        {"DateTime", "string"}, {"Duration", "string"}, {"UUID", "string"}};
    std::string text = "unknown";
    if (const auto known = kKnown.find(scalar.name); known != kKnown.end()) text = known->second;
    if (const auto given = options_.scalars.find(std::string(scalar.name));
        given != options_.scalars.end()) {
      text = given->second.contains('#') ? "Imported" + names_.at(scalar.index) : given->second;
    }
    out_.blank();
    comment(documentation(scalar));
    out_.line(fmt::format("export type {} = {};", names_.at(scalar.index), text));
  }

  void write_enum(const type::EnumType& one) {
    out_.blank();
    comment(documentation(one));
    out_.open(fmt::format("export type {} =", names_.at(one.index)));
    for (const auto& value : one.values) {
      comment(documentation(value));
      out_.line(fmt::format("| \"{}\"{}", value.name, &value == &one.values.back() ? ";" : ""));
    }
    out_.close();
  }

  /// What workers get, and what clients send where that is something else.
  void write_input(const type::InputObjectType& input) {
    const bool both = sent_names_.contains(input.index);
    write_input(input, !options_.worker || model_.for_options_alone(input));
    if (both) write_input(input, true);
  }

  void write_input(const type::InputObjectType& input, bool sent) {
    out_.blank();
    auto lines = documentation(input);
    if (sent && sent_names_.contains(input.index))
      lines.push_back("As a client sends it: what has a default may be left out.");
    comment(std::move(lines));
    const auto name = name_of(input, sent);
    if (input.is_one_of) return write_one_of(input, name, sent);
    out_.open(fmt::format("export interface {} {{", name));
    for (const auto& field : input.fields) write_input_value(field, sent);
    out_.close("}");
  }

  /// Exactly one member: each alternative forbids the others.
  void write_one_of(const type::InputObjectType& input, const std::string& name, bool sent) {
    out_.open(fmt::format("export type {} =", name));
    for (const auto& field : input.fields) {
      std::string text = fmt::format("{}: {}", field.name, text_of(field.type.non_null(), sent));
      for (const auto& other : input.fields) {
        if (&other != &field) text += fmt::format("; {}?: never", other.name);
      }
      comment(documentation(field));
      out_.line(fmt::format("| {{ {} }}{}", text, &field == &input.fields.back() ? ";" : ""));
    }
    out_.close();
  }

  void write_input_value(const type::InputValueDefinition& value, bool sent) {
    comment(documentation(value));
    const bool may_lack = value.default_value ? sent : !value.type.is_non_null();
    // Null is no value of a non-null type, also where a default stands in for what is left out.
    out_.line(fmt::format("{}{}: {};", value.name, may_lack ? "?" : "", text_of(value.type, sent)));
  }

  void write_arguments(const JobModel& job) {
    const auto at = index_of(job);
    if (options_.worker) {
      out_.blank();
      comment({fmt::format("The arguments of {}, as its worker gets them.", job.name)});
      out_.open(fmt::format("export interface {} {{", arguments_[at]));
      for (const auto* argument : job.arguments) write_input_value(*argument, false);
      out_.close("}");
    }
    if (options_.client) {
      out_.blank();
      comment({fmt::format("What {} is submitted with.", job.name)});
      out_.open(fmt::format("export interface {} {{", variables_[at]));
      for (const auto* argument : job.arguments) write_input_value(*argument, true);
      out_.line(fmt::format("{}?: {} | null;", model_.options_argument(),
                            name_of(*model_.job_options(), true)));
      out_.close("}");
    }
  }

  /// A type of a result, as a worker returns it.
  void write_output(const type::NamedType& output) {
    out_.blank();
    comment(documentation(output));
    const auto& name = names_.at(output.index);
    if (const auto* object = output.get_if<type::ObjectType>()) {
      out_.open(fmt::format("export interface {} {{", name));
      if (model_.needs_typename(output))
        out_.line(fmt::format("__typename?: \"{}\";", output.name));
      for (const auto& field : object->fields) {
        comment(documentation(field));
        out_.line(fmt::format("{}{}: {};", field.name, field.type.is_non_null() ? "" : "?",
                              text_of(field.type)));
      }
      out_.close("}");
      return;
    }
    const auto possible = model_.possible_types(output);
    out_.open(fmt::format("export type {} =", name));
    for (const auto* object : possible) {
      out_.line(fmt::format("| ({} & {{ __typename: \"{}\" }}){}", names_.at(object->index),
                            object->name, object == possible.back() ? ";" : ""));
    }
    out_.close();
  }

  // --- worker --------------------------------------------------------------------------------

  void write_worker() {
    out_.blank();
    comment({"What each job type's worker gets and returns."});
    out_.open("export interface JobTypes {");
    for (const auto& job : model_.jobs()) {
      const auto& arguments = arguments_[index_of(job)];
      std::string input = job.input != nullptr ? text_of(job.input->type) : arguments;
      // The one argument was left out: then `job.input` is all arguments, that is none.
      if (job.input_may_be_absent()) input += " | Record<string, never>";
      comment(description_lines(job.description));
      out_.line(fmt::format("{}: {{ arguments: {}; input: {}; result: {} }};", job.name, arguments,
                            input, text_of(job.result)));
    }
    out_.close("}");
    std::string text = R"text(
/** A job of one type, as its handler gets it. */
export type TypedJob<Type extends keyof JobTypes> = Omit<Job<JobTypes[Type]["input"]>, "arguments"> & {
  readonly arguments: Readonly<JobTypes[Type]["arguments"]>;
};

/** A handler for each job type that workers run. */
export type Handlers = {
  [Type in @TYPES@]: (job: TypedJob<Type>) => Promise<JobTypes[Type]["result"]> | JobTypes[Type]["result"];
};

/** Types `handlers` in a place of its own: `export const handlers = defineHandlers({ ... })`. */
export function defineHandlers<Some extends Partial<Handlers>>(handlers: Some): Some {
  return handlers;
}

/** Registers handlers with `worker`, before its run(). */
export function handle(worker: Worker, handlers: Partial<Handlers>): Worker {
  for (const [type, handler] of Object.entries(handlers)) {
    if (handler) worker.handle(type, handler as Handler);
  }
  return worker;
}
)text";
    std::string others;
    for (const auto& job : model_.jobs()) {
      if (!job.for_workers)
        others += fmt::format("{}\"{}\"", others.empty() ? "" : " | ", job.name);
    }
    constexpr std::string_view kMark = "@TYPES@";
    text.replace(
        text.find(kMark), kMark.size(),
        others.empty() ? "keyof JobTypes" : fmt::format("Exclude<keyof JobTypes, {}>", others));
    out_.verbatim(text);
  }

  // --- client --------------------------------------------------------------------------------

  /// The type of what a selection is answered with, on lines of their own.
  std::string answered(const Selection& selection, std::size_t indent) {
    const bool is_abstract = selection.type->is_abstract();
    std::string text;
    for (const auto& object : selection.objects) {
      if (!text.empty()) text += " | ";
      text += '{';
      const std::string margin(indent + 2, ' ');
      if (is_abstract || object.fields.empty())
        text += fmt::format("\n{}__typename: \"{}\";", margin, object.object->name);
      for (const auto& field : object.fields) {
        const auto* below = field.selection.empty() ? nullptr : &field.selection.front();
        text += fmt::format("\n{}{}: {};", margin, field.alias,
                            answered(field.field->type, below, indent + 2));
      }
      text += fmt::format("\n{}}}", std::string(indent, ' '));
    }
    return text;
  }

  /// The type of a result or of a part of it.
  std::string answered(const type::TypeRef& ref, const Selection* selection, std::size_t indent) {
    if (selection == nullptr) return text_of(ref);
    return wrapped(ref, answered(*selection, indent), selection->objects.size() > 1);
  }

  void write_client() {
    for (const auto& job : model_.jobs()) {
      out_.blank();
      comment({fmt::format("The result of {}, as clients get it.", job.name)});
      out_.line(fmt::format("export type {} = {};", results_[index_of(job)],
                            answered(job.result, job.selection ? &*job.selection : nullptr, 0)));
    }
    out_.blank();
    comment({"The mutation of each job type."});
    out_.open("export const documents = {");
    for (const auto& job : model_.jobs()) {
      out_.verbatim(fmt::format("  {}: `{}`,\n", job.name, model_.mutation(job, true)));
    }
    out_.close("} as const;");
    out_.blank();
    comment({"What is selected of each job type's result."});
    out_.open("export const results = {");
    for (const auto& job : model_.jobs()) {
      out_.line(fmt::format("{}: \"{}\",", job.name, job.selection ? to_text(*job.selection) : ""));
    }
    out_.close("} as const;");
    out_.blank();
    comment({"Submits jobs and follows them: `new Jobs(createClient({ url, token }))`."});
    out_.open("export class Jobs {");
    out_.verbatim(R"text(  readonly client: ErrandClient;

  constructor(client: ErrandClient) {
    this.client = client;
  }
)text");
    NameTable methods(kReservedMethods);
    for (const auto& job : model_.jobs()) {
      const auto at = index_of(job);
      bool required = false;
      for (const auto* argument : job.arguments) required |= argument->is_required();
      out_.blank();
      comment(description_lines(job.description));
      out_.open(fmt::format(
          "{}(variables: {}{}, options: SubmitOptions = {{}}): Promise<JobHandle<{}>> {{",
          methods.claim(job.name), variables_[at], required ? "" : " = {}", results_[at]));
      out_.line(
          fmt::format("return this.client.submit<{}>(documents.{}, {{ ...variables }}, options);",
                      results_[at], job.name));
      out_.close("}");
    }
    out_.verbatim(R"text(
  /** The job `id` of a type as it is now; null if there is none. */
  state<Type extends keyof JobResults>(
    type: Type,
    id: string,
    options: Omit<FollowOptions, "result"> = {},
  ): Promise<JobState<JobResults[Type]> | null> {
    return this.client.job<JobResults[Type]>(id, { ...options, result: results[type] });
  }

  /** The job `id` of a type as it is now, then each change; ends with the job. */
  states<Type extends keyof JobResults>(
    type: Type,
    id: string,
    options: Omit<FollowOptions, "result"> = {},
  ): AsyncGenerator<JobState<JobResults[Type]>, void, void> {
    return this.client.states<JobResults[Type]>(id, { ...options, result: results[type] });
  }

  /** The job `id` of a type once it has SUCCEEDED; rejects where it ends otherwise. */
  wait<Type extends keyof JobResults>(
    type: Type,
    id: string,
    options: Omit<WaitOptions, "result"> = {},
  ): Promise<SucceededJob<JobResults[Type]>> {
    return this.client.wait<JobResults[Type]>(id, { ...options, result: results[type] });
  }
)text");
    out_.close("}");
    out_.blank();
    comment({"The result of each job type."});
    out_.open("export interface JobResults {");
    for (const auto& job : model_.jobs())
      out_.line(fmt::format("{}: {};", job.name, results_[index_of(job)]));
    out_.close("}");
  }

  [[nodiscard]] std::size_t index_of(const JobModel& job) const {
    return static_cast<std::size_t>(&job - model_.jobs().data());
  }

  const Model& model_;
  const Options& options_;
  NameTable table_{kReservedTypes};
  std::map<std::uint32_t, std::string> names_;       ///< by NamedType::index
  std::map<std::uint32_t, std::string> sent_names_;  ///< of those that have another form there
  std::vector<std::string> arguments_;               ///< by job
  std::vector<std::string> variables_;
  std::vector<std::string> results_;
  SourceText out_{2};
};

}  // namespace

Result<std::string> typescript(const Model& model, const Options& options) {
  return Generator(model, options).run();
}

}  // namespace errand::codegen
