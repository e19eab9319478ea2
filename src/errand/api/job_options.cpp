#include "errand/api/job_options.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "errand/api/idempotency.h"
#include "errand/base/time_text.h"

namespace errand::api {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::kBadUserInput, std::move(message));
}

std::string_view text_of(const boost::json::value& value) {
  const boost::json::string& text = value.get_string();
  return {text.data(), text.size()};
}

Result<void> read_tags(const boost::json::array& tags, std::vector<std::string>& out) {
  if (tags.size() > kTagsMax) return invalid("options.tags: at most 32 tags are allowed.");
  for (const boost::json::value& tag : tags) {
    const std::string_view text = text_of(tag);
    if (text.empty() || text.size() > kTagBytesMax) {
      return invalid("options.tags: a tag has 1 to 128 bytes.");
    }
    if (std::ranges::find(out, text) == out.end()) out.emplace_back(text);
  }
  return {};
}

/// Labels come as a JSON object of strings, or as a list of {name, value}.
Result<void> read_labels(const boost::json::value& labels,
                         std::map<std::string, std::string>& out) {
  const auto add = [&](std::string_view name, const boost::json::value* value) -> Result<void> {
    if (value == nullptr || !value->is_string()) {
      return invalid("options.labels: every label is a string.");
    }
    if (name.empty() || name.size() > kTagBytesMax || text_of(*value).size() > kTagBytesMax) {
      return invalid("options.labels: names have 1 to 128 bytes, values at most 128.");
    }
    out.insert_or_assign(std::string(name), std::string(text_of(*value)));
    if (out.size() > kLabelsMax) return invalid("options.labels: at most 32 labels are allowed.");
    return {};
  };
  if (const boost::json::object* object = labels.if_object()) {
    for (const auto& member : *object) {
      const Result<void> added = add({member.key().data(), member.key().size()}, &member.value());
      if (!added) return added;
    }
    return {};
  }
  const boost::json::array* list = labels.if_array();
  if (list == nullptr) return invalid("options.labels: must be an object of strings.");
  for (const boost::json::value& item : *list) {
    const boost::json::object* pair = item.if_object();
    const boost::json::value* name = pair == nullptr ? nullptr : pair->if_contains("name");
    if (name == nullptr || !name->is_string()) {
      return invalid("options.labels: every label has a name.");
    }
    const Result<void> added = add(text_of(*name), pair->if_contains("value"));
    if (!added) return added;
  }
  return {};
}

}  // namespace

Result<std::string> check_correlation_id(std::string_view id) {
  const bool printable = std::ranges::all_of(id, [](char c) { return c >= 0x20 && c <= 0x7E; });
  if (id.empty() || id.size() > kCorrelationIdBytesMax || !printable) {
    return invalid("A correlation id has 1 to 255 printable ASCII characters.");
  }
  return std::string(id);
}

Result<JobOptions> read_job_options(const boost::json::value* json) {
  JobOptions options;
  if (json == nullptr || json->is_null()) return options;
  const boost::json::object& members = json->get_object();
  // The schema has coerced every value: null counts as absent here.
  const auto member = [&](const char* name) -> const boost::json::value* {
    const boost::json::value* value = members.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  const auto timestamp = [&](const char* name, std::optional<Timestamp>& out) -> Result<void> {
    const boost::json::value* value = member(name);
    if (value == nullptr) return {};
    Result<Timestamp> read = parse_timestamp(text_of(*value));
    if (!read) return invalid("options." + std::string(name) + ": " + read.error().message);
    out = *read;
    return {};
  };
  const auto duration = [&](const char* name, std::optional<Milliseconds>& out) -> Result<void> {
    const boost::json::value* value = member(name);
    if (value == nullptr) return {};
    Result<Milliseconds> read = parse_duration(text_of(*value));
    if (!read) return invalid("options." + std::string(name) + ": " + read.error().message);
    out = *read;
    return {};
  };

  if (const boost::json::value* value = member("callback")) {
    const boost::json::object& callback = value->get_object();
    auto& out = options.callback.emplace();
    out.url = text_of(callback.at("url"));
    const boost::json::value* types = callback.if_contains("types");
    if (types != nullptr && types->is_array()) {
      for (const boost::json::value& type : types->get_array())
        out.types.emplace_back(text_of(type));
    }
  }
  if (const boost::json::value* key = member("idempotencyKey")) {
    Result<std::string> checked = check_idempotency_key(text_of(*key));
    if (!checked) return std::unexpected(std::move(checked.error()));
    options.idempotency_key = std::move(*checked);
  }
  std::optional<Milliseconds> wait_for;
  for (const Result<void>& read :
       {timestamp("runAt", options.run_at), duration("delay", options.delay),
        timestamp("deadline", options.deadline), duration("queueTimeout", options.queue_timeout),
        duration("waitFor", wait_for)}) {
    if (!read) return std::unexpected(read.error());
  }
  if (options.run_at && options.delay) {
    return invalid("options: give runAt or delay, not both.");
  }
  options.wait_for = wait_for.value_or(Milliseconds(0));
  if (const boost::json::value* priority = member("priority")) {
    const std::int64_t number = priority->get_int64();
    if (number < -100 || number > 100) {
      return invalid("options.priority: must lie between -100 and 100.");
    }
    options.priority = static_cast<int>(number);
  }
  if (const boost::json::value* tags = member("tags")) {
    const Result<void> read = read_tags(tags->get_array(), options.tags);
    if (!read) return std::unexpected(read.error());
  }
  if (const boost::json::value* labels = member("labels")) {
    const Result<void> read = read_labels(*labels, options.labels);
    if (!read) return std::unexpected(read.error());
  }
  if (const boost::json::value* id = member("correlationId")) {
    Result<std::string> checked = check_correlation_id(text_of(*id));
    if (!checked) {
      return invalid("options.correlationId: " + checked.error().message);
    }
    options.correlation_id = std::move(*checked);
  }
  if (const boost::json::value* only = member("validateOnly")) {
    options.validate_only = only->get_bool();
  }
  return options;
}

}  // namespace errand::api
