#include "errand/notification/template_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/type/suggestions.h"

namespace errand::notification {
namespace {

namespace type = graphql::type;

constexpr std::size_t kSectionDepthMax = 16;

/// "{{#name}}"
struct Tag {
  char kind = ' ';  ///< # ^ / or a space for a variable
  std::string_view name;
  std::size_t line = 1;
};

std::unexpected<Error> invalid(std::size_t line, const std::string& why) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("line {}: {}", line, why));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_variable(std::string_view name) {
  if (name == ".") return true;
  return !name.empty() && name.front() != '.' && name.back() != '.' && !name.contains("..") &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.';
         });
}

/// The tags in their order, comments left out.
Result<std::vector<Tag>> read_tags(std::string_view text) {
  std::vector<Tag> tags;
  std::size_t line = 1;
  std::size_t counted = 0;
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    line += static_cast<std::size_t>(std::ranges::count(text.substr(counted, at - counted), '\n'));
    counted = at;
    const bool triple = text.substr(at).starts_with("{{{");
    const std::string_view close = triple ? "}}}" : "}}";
    const std::size_t begin = at + close.size();
    const std::size_t end = text.find(close, begin);
    if (end == std::string_view::npos) {
      return invalid(line, fmt::format("a tag is not closed by {}", close));
    }
    std::string_view inner = trimmed(text.substr(begin, end - begin));
    at = end + close.size();
    const char kind = inner.empty() ? ' ' : inner.front();
    if (!triple && kind == '!') continue;
    if (!triple && (kind == '>' || kind == '=' || kind == '<' || kind == '$')) {
      return invalid(line, fmt::format("{{{{{0}}}}}: there are no partials, blocks or other "
                                       "delimiters here; write the text itself",
                                       inner));
    }
    Tag tag{.line = line};
    if (!triple && (kind == '#' || kind == '^' || kind == '/')) tag.kind = kind;
    if (tag.kind != ' ' || (!triple && kind == '&')) inner = trimmed(inner.substr(1));
    if (!is_variable(inner)) {
      return invalid(
          line, fmt::format("\"{}\" is no variable; write one such as {{{{job.type}}}}", inner));
    }
    tag.name = inner;
    tags.push_back(tag);
  }
  return tags;
}

/// What a name stands for.
struct Scope {
  std::string_view name = {};
  std::vector<Scope> members = {};
  const type::NamedType* named = nullptr;            ///< members are its fields
  const type::FieldDefinition* arguments = nullptr;  ///< members are its arguments
  bool open = false;                                 ///< anything may be in it

  [[nodiscard]] std::optional<Scope> member(std::string_view wanted) const {
    if (open) return *this;
    for (const Scope& member : members) {
      if (member.name == wanted) return member;
    }
    if (arguments != nullptr) {
      const auto* argument = arguments->argument(wanted);
      return argument == nullptr ? std::nullopt : std::optional(of(argument->type.named()));
    }
    if (named == nullptr) return std::nullopt;
    if (const auto* input = named->get_if<type::InputObjectType>()) {
      const auto* field = input->field(wanted);
      return field == nullptr ? std::nullopt : std::optional(of(field->type.named()));
    }
    if (const auto* with_fields = named->get_if<type::FieldsType>()) {
      const auto* field = with_fields->field(wanted);
      return field == nullptr ? std::nullopt : std::optional(of(field->type.named()));
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Scope& member : members) all.emplace_back(member.name);
    const auto add = [&](const auto& definitions) {
      for (const auto& definition : definitions) all.emplace_back(definition.name);
    };
    if (arguments != nullptr) add(arguments->arguments);
    if (named != nullptr) {
      if (const auto* input = named->get_if<type::InputObjectType>()) add(input->fields);
      if (const auto* fields = named->get_if<type::FieldsType>()) add(fields->fields);
    }
    return all;
  }

  static Scope of(const type::NamedType& type) {
    Scope scope{.named = &type};
    // What a scalar of the user's or one member of a union holds, the schema does not say.
    const bool built_in = type.name == "String" || type.name == "Int" || type.name == "Float" ||
                          type.name == "Boolean" || type.name == "ID";
    scope.open = type.kind() == type::TypeKind::kUnion ||
                 (type.kind() == type::TypeKind::kScalar && !built_in);
    return scope;
  }

  static Scope with(std::initializer_list<std::string_view> leaves) {
    Scope scope;
    for (const std::string_view leaf : leaves) scope.members.push_back({.name = leaf});
    return scope;
  }
};

/// All that messages about jobs of `job` can speak of: the members of message_data().
Scope scope_of(const contract::JobType& job) {
  Scope root = Scope::with({"milestone", "title", "link", "category", "time", "unsubscribeUrl"});
  Scope about =
      Scope::with({"id", "type", "status", "run", "attempt", "maxAttempts", "queue",
                   "correlationId", "tags", "createdAt", "startedAt", "finishedAt", "duration"});
  about.members.push_back({.name = "labels", .open = true});
  const auto add = [&root](std::string_view name, Scope scope) {
    scope.name = name;
    root.members.push_back(std::move(scope));
  };
  add("job", std::move(about));
  add("progress", Scope::with({"percent", "stage", "message"}));
  add("error", Scope::with({"code", "message", "remediation", "retryable"}));
  add("recipient", Scope::with({"subject", "address"}));
  add("input", Scope{.arguments = job.field});
  add("result", Scope::of(job.result_type.named()));
  return root;
}

/// What `name` stands for within `scopes`, the innermost last; or the part that is unknown.
std::optional<Scope> resolve(const std::vector<Scope>& scopes, std::string_view name,
                             std::string_view& unknown, std::vector<std::string>& known) {
  if (name == ".") return scopes.back();
  const auto first = name.substr(0, name.find('.'));
  std::optional<Scope> found;
  for (auto scope = scopes.rbegin(); scope != scopes.rend() && !found; ++scope) {
    found = scope->member(first);
  }
  unknown = first;
  if (!found) {
    known = scopes.front().names();
    for (auto scope = scopes.begin() + 1; scope != scopes.end(); ++scope) {
      for (std::string& each : scope->names()) known.push_back(std::move(each));
    }
    return std::nullopt;
  }
  for (std::size_t at = first.size(); at < name.size();) {
    const std::size_t end = std::min(name.find('.', at + 1), name.size());
    unknown = name.substr(at + 1, end - at - 1);
    auto next = found->member(unknown);
    if (!next) {
      known = found->names();
      return std::nullopt;
    }
    found = std::move(next);
    at = end;
  }
  return found;
}

}  // namespace

Result<void> check_template_syntax(std::string_view text) {
  const auto tags = read_tags(text);
  if (!tags) return std::unexpected(tags.error());
  std::vector<Tag> open;
  for (const Tag& tag : *tags) {
    if (tag.kind == '#' || tag.kind == '^') open.push_back(tag);
    if (open.size() > kSectionDepthMax) {
      return invalid(tag.line, "sections stand within each other more than 16 deep");
    }
    if (tag.kind != '/') continue;
    if (open.empty() || open.back().name != tag.name) {
      return invalid(tag.line, fmt::format("{{{{/{}}}}} closes no section that is open", tag.name));
    }
    open.pop_back();
  }
  if (!open.empty()) {
    return invalid(
        open.back().line,
        fmt::format("the section {{{{{0}{1}}}}} is not closed; write {{{{/{1}}}}} at its "
                    "end",
                    open.back().kind, open.back().name));
  }
  return {};
}

Result<void> check_template_names(std::string_view text, const contract::JobType& type) {
  const auto tags = read_tags(text);
  if (!tags) return std::unexpected(tags.error());
  std::vector<Scope> scopes{scope_of(type)};
  for (const Tag& tag : *tags) {
    if (tag.kind == '/') {
      scopes.pop_back();
      continue;
    }
    std::string_view unknown;
    std::vector<std::string> known;
    auto scope = resolve(scopes, tag.name, unknown, known);
    if (!scope) {
      const std::vector<std::string_view> names(known.begin(), known.end());
      const auto near = graphql::type::suggestion_list(unknown, names);
      return invalid(tag.line,
                     fmt::format("there is no \"{}\" in {{{{{}}}}} for jobs of {}.{}", unknown,
                                 tag.name, type.name.view(), graphql::type::did_you_mean(near)));
    }
    if (tag.kind == '#' || tag.kind == '^') scopes.push_back(*std::move(scope));
  }
  return {};
}

}  // namespace errand::notification
