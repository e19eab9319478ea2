#include "errand/graphql/federation/linkage.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "errand/graphql/federation/elements.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::federation {
namespace {

/// The specification of @link itself.
constexpr std::string_view kLinkSdl = R"graphql(
directive @link(url: String!, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
)graphql";

std::string example_link(int minor) {
  return "@link(url: \"" + std::string(kFederationUrl) + "/v2." + std::to_string(minor) +
         "\", import: [\"@key\"])";
}

const language::Value* argument(const language::Directive& directive, std::string_view name) {
  for (const language::Argument* node : directive.arguments) {
    if (node->name.value == name) return node->value;
  }
  return nullptr;
}

/// The text of a string literal; nullopt for other values, which the definition of @link refuses.
std::optional<std::string_view> text(const language::Value* value) {
  if (value == nullptr || !value->is<language::StringValue>()) return std::nullopt;
  return value->as<language::StringValue>().value;
}

/// "v2.3" -> {2, 3}.
std::optional<std::pair<int, int>> parse_version(std::string_view version) {
  if (!version.starts_with('v')) return std::nullopt;
  const char* end = version.data() + version.size();
  std::pair<int, int> numbers;
  const auto major = std::from_chars(version.data() + 1, end, numbers.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, numbers.second);
  if (minor.ec != std::errc() || minor.ptr != end) return std::nullopt;
  return numbers;
}

}  // namespace

/// Reads one application of @link.
class LinkReader {
 public:
  LinkReader(const language::Source& source, const Report& report)
      : source_(source), report_(report) {}

  /// nullopt where `link` is of another specification, or wrong.
  std::optional<Linkage> read(const language::Directive& link) {
    const language::Value* url = argument(link, "url");
    const auto address = text(url);
    if (!address || !address->starts_with(kFederationUrl)) return std::nullopt;
    std::string_view version = address->substr(kFederationUrl.size());
    if (!version.starts_with('/')) return std::nullopt;  // "federation-like"
    version.remove_prefix(1);
    if (version.ends_with('/')) version.remove_suffix(1);
    const auto numbers = parse_version(version);
    if (!numbers || numbers->first != 2 || numbers->second < 0 || numbers->second > kNewestMinor) {
      fault(*url, "\"" + std::string(version) +
                      "\" is no version of federation that is known here; write one from v2.0 to "
                      "v2." +
                      std::to_string(kNewestMinor) + ", such as " + example_link(3));
      return std::nullopt;
    }
    linkage_.is_written_ = true;
    linkage_.minor_ = numbers->second;
    if (const auto as = text(argument(link, "as"))) linkage_.name_space_ = *as;
    if (const language::Value* imports = argument(link, "import")) {
      const auto* list = imports->get_if<language::ListValue>();
      if (list == nullptr) {
        fault(*imports, "import is a list; write import: [\"@key\"]");
      } else {
        for (const language::Value* item : list->values) read_import(*item);
      }
    }
    if (failed_) return std::nullopt;
    return std::move(linkage_);
  }

 private:
  void fault(const language::Node& node, std::string message) {
    failed_ = true;
    report_({&source_, &node}, std::move(message));
  }

  void read_import(const language::Value& item) {
    std::optional<std::string_view> name = text(&item);
    std::optional<std::string_view> as = name;
    if (const auto* object = item.get_if<language::ObjectValue>()) {
      for (const language::ObjectField* field : object->fields) {
        if (field->name.value == "name") {
          name = text(field->value);
        } else if (field->name.value == "as") {
          as = text(field->value);
        } else {
          return fault(field->name,
                       "an import has only name and as; write {name: \"@key\", as: "
                       "\"@myKey\"}");
        }
      }
      if (name && !as) as = name;
    }
    if (!name || !as) {
      return fault(item,
                   "an import is a text or an object; write \"@key\" or {name: \"@key\", as: "
                   "\"@myKey\"}");
    }
    const bool is_directive = name->starts_with('@');
    if (is_directive != as->starts_with('@')) {
      return fault(item,
                   "an import keeps its kind; write the at sign in both name and as, or in "
                   "neither");
    }
    const std::string_view own = name->substr(is_directive ? 1 : 0);
    const std::string_view local = as->substr(is_directive ? 1 : 0);
    if (find_element(own, is_directive, linkage_.minor_) == nullptr) {
      return fault(item, unknown(*name, own, is_directive));
    }
    if (!linkage_.imports_.emplace(*name, local).second) {
      return fault(item, std::string(*name) + " is imported twice; remove one of them");
    }
    for (const auto& [other, other_local] : linkage_.imports_) {
      if (other != *name && other_local == local && other.starts_with('@') == is_directive) {
        return fault(item, other + " and " + std::string(*name) + " are both called " +
                               std::string(*as) + "; rename one of them");
      }
    }
  }

  [[nodiscard]] std::string unknown(std::string_view name, std::string_view own,
                                    bool is_directive) const {
    const std::string shown(name);
    if (const Element* newer = find_element(own, is_directive, kNewestMinor)) {
      return shown + " came with v2." + std::to_string(newer->since) +
             " of federation, later than v2." + std::to_string(linkage_.minor_) +
             "; link that version, or remove the import";
    }
    if (find_element(own, !is_directive, kNewestMinor) != nullptr) {
      return is_directive ? shown + " is a scalar; write \"" + std::string(own) + "\""
                          : shown + " is a directive; write \"@" + std::string(own) + "\"";
    }
    std::vector<std::string> known;
    for (const Element& element : elements()) {
      known.push_back((element.is_directive ? "@" : "") + std::string(element.name));
    }
    const std::vector<std::string_view> views(known.begin(), known.end());
    return "federation v2." + std::to_string(linkage_.minor_) + " has no " + shown +
           "; remove the import." + type::did_you_mean(type::suggestion_list(name, views));
  }

  const language::Source& source_;
  const Report& report_;
  Linkage linkage_;
  bool failed_ = false;
};

std::optional<Linkage> Linkage::read(std::span<const language::Document> documents,
                                     const Report& report) {
  std::optional<Linkage> found;
  for (const language::Document& document : documents) {
    for (const language::Definition* definition : document.definitions()) {
      const auto* schema = definition->get_if<language::SchemaDefinition>();
      if (schema == nullptr) continue;
      for (const language::Directive* directive : schema->directives) {
        if (directive->name.value != "link") continue;
        auto linkage = LinkReader(document.source(), report).read(*directive);
        if (!linkage) continue;
        if (found) {
          report({&document.source(), directive},
                 "federation is linked twice; keep one @link with all imports");
        }
        found = std::move(linkage);
      }
    }
  }
  return found;
}

Linkage Linkage::unlinked() {
  Linkage linkage;
  linkage.minor_ = kNewestMinor;
  for (const Element& element : elements()) {
    if (!element.is_directive) continue;
    linkage.imports_.emplace("@" + std::string(element.name), element.name);
  }
  return linkage;
}

std::string Linkage::directive(std::string_view name) const {
  const auto found = imports_.find("@" + std::string(name));
  if (found != imports_.end()) return found->second;
  return name_space_ + "__" + std::string(name);
}

std::string Linkage::scalar(std::string_view name) const {
  const auto found = imports_.find(name);
  if (found != imports_.end()) return found->second;
  return name_space_ + "__" + std::string(name);
}

std::string_view Linkage::directive_called(std::string_view local) const {
  for (const Element& element : elements()) {
    if (element.is_directive && element.since <= minor_ && directive(element.name) == local) {
      return element.name;
    }
  }
  return {};
}

std::string Linkage::definitions_sdl(
    const std::function<bool(std::string_view local)>& is_wanted) const {
  std::string sdl;
  if (is_wanted("link")) sdl += kLinkSdl;
  std::set<std::string_view> scalars;
  for (const Element& element : elements()) {
    if (!element.is_directive || find_element(element.name, true, minor_) != &element) continue;
    const std::string local = directive(element.name);
    if (!is_wanted(local)) continue;
    sdl += "directive @" + local;
    std::string_view rest = element.definition;
    for (auto mark = rest.find('$'); mark != std::string_view::npos; mark = rest.find('$')) {
      sdl += rest.substr(0, mark);
      rest.remove_prefix(mark + 1);
      const std::string_view name = rest.substr(0, rest.find_first_of("!])"));
      rest.remove_prefix(name.size());
      scalars.insert(name);
      sdl += scalar(name);
    }
    sdl += rest;
    sdl += '\n';
  }
  for (const std::string_view name : scalars) {
    if (is_wanted(scalar(name))) sdl += "scalar " + scalar(name) + "\n";
  }
  return sdl;
}

std::string Linkage::link_sdl(const std::set<std::string_view>& directives, int minor_min) {
  int minor = minor_min;
  std::string imports;
  for (const std::string_view name : directives) {
    const auto first = std::ranges::find_if(elements(), [&](const Element& element) {
      return element.is_directive && element.name == name;
    });
    if (first == elements().end()) continue;
    minor = std::max(minor, first->since);
    imports += (imports.empty() ? "\"@" : ", \"@") + std::string(name) + "\"";
  }
  return "extend schema @link(url: \"" + std::string(kFederationUrl) + "/v2." +
         std::to_string(minor) + "\", import: [" + imports + "])\n";
}

}  // namespace errand::graphql::federation
