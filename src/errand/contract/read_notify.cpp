#include "errand/contract/read_notify.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value_to.hpp>

#include "errand/contract/argument_path.h"

namespace errand::contract {
namespace {

namespace json = boost::json;

constexpr std::size_t kTargetsMax = 20;

std::string_view text_of(const json::value& value) {
  const json::string& text = value.as_string();
  return {text.data(), text.size()};
}

/// Adds what is not there yet.
template <class T>
void add_once(std::vector<T>& list, T item) {
  if (std::ranges::find(list, item) == list.end()) list.push_back(std::move(item));
}

}  // namespace

std::string target_fault(const NotifyTarget& target, const graphql::type::FieldDefinition& field) {
  if (target.kind != NotifyTarget::Kind::kArgument) return {};
  const auto* value = follow_path(field, target.name);
  if (value == nullptr) {
    return "\"" + target.name +
           "\" is neither \"principal\" nor \"group:NAME\", nor an argument of " +
           std::string(field.name) + " or a field below one" + list_hint(field, target.name) +
           "; write one of them, such as \"" + sample_path(field) + "\"";
  }
  if (!value->type.named().is_leaf()) {
    return "\"" + target.name + "\" is a " + value->type.str() +
           "; name a text in it, or a list of texts: addresses or users' ids";
  }
  return {};
}

NotifyRule read_notify(const DirectiveReader& reader, const graphql::type::FieldDefinition& field) {
  NotifyRule rule;
  for (const json::value& item : reader.get("on")->as_array()) {
    add_once(rule.on, parse_milestone(text_of(item)).value());
  }
  for (const json::value& item : reader.get("channels")->as_array()) {
    add_once(rule.channels, parse_notify_channel(text_of(item)).value());
  }
  if (rule.on.empty()) reader.wrong("on", "name at least one milestone, such as SUCCEEDED");
  if (rule.channels.empty()) {
    reader.wrong("channels", "name at least one channel: EMAIL, WEB_PUSH, IN_APP or CHAT");
  }
  for (const json::value& item : reader.get("to")->as_array()) {
    auto target = parse_notify_target(text_of(item));
    if (!target) {
      reader.wrong("to",
                   "\"" + std::string(text_of(item)) +
                       "\" names nobody; write \"principal\", \"group:NAME\" or a path of the "
                       "arguments, such as \"" +
                       sample_path(field) + "\"");
      continue;
    }
    if (const std::string fault = target_fault(*target, field); !fault.empty()) {
      reader.wrong("to", fault);
      continue;
    }
    add_once(rule.to, *std::move(target));
  }
  if (reader.get("to")->as_array().empty() || rule.to.size() > kTargetsMax) {
    reader.wrong("to", "name 1 to 20 targets; write \"principal\" for who submitted the job");
  }
  rule.category = reader.text("category");
  rule.mandatory = reader.get("mandatory")->as_bool();
  rule.template_name = reader.text("template");
  for (const char* name : {"category", "template"}) {
    const std::string& text =
        std::string_view(name) == "category" ? rule.category : rule.template_name;
    if (reader.get(name) != nullptr && !is_notify_name(text)) {
      reader.wrong(name, "a name is 1 to 64 of a-z, 0-9, \"-\" and \"_\"; write \"exports\"");
    }
  }
  if (rule.category.empty()) rule.category = kDefaultCategory;
  if (std::ranges::find(rule.on, Milestone::kProgress) != rule.on.end()) {
    for (const json::value& item : reader.get("progress")->as_array()) {
      rule.progress.push_back(json::value_to<double>(item));
    }
    if (const std::string fault = check_shares(rule.progress); !fault.empty()) {
      reader.wrong("progress", fault);
    }
  }
  return rule;
}

}  // namespace errand::contract
