#include "errand/graphql/execution/incremental_payload.h"

#include <utility>

#include "errand/graphql/execution/error_json.h"
#include "errand/json/writer.h"

namespace errand::graphql::execution {
namespace {

/// Begins one more object of a list that is written without its brackets.
void begin_entry(std::string& list) { list += list.empty() ? "{" : ",{"; }

void add_text(std::string& out, std::string_view member, std::string_view text) {
  out += member;
  json::append_string(out, text);
}

void add_label(std::string& out, std::optional<std::string_view> label) {
  if (label) add_text(out, ",\"label\":", *label);
}

void add_errors(std::string& out, std::span<const language::GraphQLError> errors) {
  if (errors.empty()) return;
  out += ",\"errors\":";
  json::Writer writer(out);
  write_errors(writer, errors);
}

void add_path(std::string& out, std::string_view member,
              std::span<const language::PathSegment> path) {
  out += member;
  json::Writer writer(out);
  write_path(writer, path);
}

/// Moves a list into `body` as a member; nothing where it is empty.
void take_list(std::string& body, std::string_view member, std::string& list) {
  if (list.empty()) return;
  if (body.size() > 1) body += ',';
  body += member;
  body += list;
  body += ']';
  list.clear();
}

}  // namespace

void IncrementalPayload::add_pending(std::string_view id,
                                     std::span<const language::PathSegment> path,
                                     std::optional<std::string_view> label) {
  if (!is_draft()) return;
  begin_entry(pending_);
  add_text(pending_, "\"id\":", id);
  add_path(pending_, ",\"path\":", path);
  add_label(pending_, label);
  pending_ += '}';
}

void IncrementalPayload::add_data(const Target& target, std::string_view data,
                                  std::span<const language::GraphQLError> errors) {
  begin_increment(target) += ",\"data\":";
  incremental_ += data;
  end_increment(errors);
}

void IncrementalPayload::add_item(const Target& target, std::size_t index, std::string_view item,
                                  std::span<const language::GraphQLError> errors) {
  if (!items_.empty() && items_id_ == target.id) {
    items_ += ',';
  } else {
    flush_items();
    items_id_ = target.id;
    items_path_.assign(target.path.begin(), target.path.end());
    items_path_.emplace_back(index);
    items_label_ = target.label;
  }
  items_ += item;
  items_errors_.insert(items_errors_.end(), errors.begin(), errors.end());
}

void IncrementalPayload::add_completed(std::string_view id) {
  flush_items();
  if (!is_draft()) return;
  begin_entry(completed_);
  add_text(completed_, "\"id\":", id);
  completed_ += '}';
}

void IncrementalPayload::add_failed_group(std::string_view id,
                                          std::span<const language::PathSegment> path,
                                          std::optional<std::string_view> label,
                                          const language::GraphQLError& error) {
  add_failed(id, path, label, error, ",\"data\":null");
}

void IncrementalPayload::add_failed_stream(std::string_view id,
                                           std::span<const language::PathSegment> path,
                                           std::optional<std::string_view> label,
                                           const language::GraphQLError& error) {
  add_failed(id, path, label, error, ",\"items\":null");
}

void IncrementalPayload::add_failed(std::string_view id,
                                    std::span<const language::PathSegment> path,
                                    std::optional<std::string_view> label,
                                    const language::GraphQLError& error,
                                    std::string_view null_member) {
  if (is_draft()) {
    flush_items();
    begin_entry(completed_);
    add_text(completed_, "\"id\":", id);
    add_errors(completed_, {&error, 1});
    completed_ += '}';
    return;
  }
  begin_increment({.id = id, .sub_path = {}, .path = path, .label = label}) += null_member;
  end_increment({&error, 1});
}

std::string& IncrementalPayload::begin_increment(const Target& target) {
  flush_items();
  begin_entry(incremental_);
  if (is_draft()) {
    add_text(incremental_, "\"id\":", target.id);
    if (!target.sub_path.empty()) add_path(incremental_, ",\"subPath\":", target.sub_path);
  } else {
    add_path(incremental_, "\"path\":", target.path);
    add_label(incremental_, target.label);
  }
  return incremental_;
}

void IncrementalPayload::end_increment(std::span<const language::GraphQLError> errors) {
  add_errors(incremental_, errors);
  incremental_ += '}';
}

void IncrementalPayload::flush_items() {
  if (items_.empty()) return;
  const std::string items = std::exchange(items_, {});
  begin_increment({.id = items_id_, .sub_path = {}, .path = items_path_, .label = items_label_}) +=
      ",\"items\":[";
  incremental_ += items;
  incremental_ += ']';
  end_increment(items_errors_);
  items_errors_.clear();
}

std::string IncrementalPayload::take_initial(std::string body) {
  body.pop_back();  // the brace
  take_list(body, "\"pending\":[", pending_);
  body += ",\"hasNext\":true}";
  return body;
}

std::string IncrementalPayload::take_open(bool has_next) {
  flush_items();
  std::string body = "{";
  take_list(body, "\"pending\":[", pending_);
  take_list(body, "\"incremental\":[", incremental_);
  take_list(body, "\"completed\":[", completed_);
  if (body.size() > 1) body += ',';
  body += has_next ? "\"hasNext\":true" : "\"hasNext\":false";
  return body;
}

}  // namespace errand::graphql::execution
