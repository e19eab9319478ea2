#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/graphql/execution/incremental_format.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::execution {

/// Writes what follows the initial result, in the format that the client reads, until it is taken:
/// so all that is ready goes in one payload.
class IncrementalPayload {
 public:
  /// To what an increment belongs. The draft's format names it by id, that of 2022 by path and
  /// label.
  struct Target {
    std::string_view id;
    std::span<const language::PathSegment> sub_path;  ///< from the id's path to the data
    std::span<const language::PathSegment> path;
    std::optional<std::string_view> label;
  };

  explicit IncrementalPayload(IncrementalFormat format) : format_(format) {}

  /// A fragment or a list is to come.
  void add_pending(std::string_view id, std::span<const language::PathSegment> path,
                   std::optional<std::string_view> label);
  /// Fields of a fragment.
  void add_data(const Target& target, std::string_view data,
                std::span<const language::GraphQLError> errors);
  /// One more item, the `index`th of its list. Those of the same list that follow each other are
  /// sent together.
  void add_item(const Target& target, std::size_t index, std::string_view item,
                std::span<const language::GraphQLError> errors);
  /// A fragment or a list is complete.
  void add_completed(std::string_view id);
  /// A fragment has become null, or a list ends before its end, by `error`.
  void add_failed_group(std::string_view id, std::span<const language::PathSegment> path,
                        std::optional<std::string_view> label, const language::GraphQLError& error);
  void add_failed_stream(std::string_view id, std::span<const language::PathSegment> path,
                         std::optional<std::string_view> label,
                         const language::GraphQLError& error);

  [[nodiscard]] bool empty() const noexcept {
    return pending_.empty() && incremental_.empty() && completed_.empty() && items_.empty();
  }
  /// Whether it should be sent before more is added.
  [[nodiscard]] bool full() const noexcept {
    return incremental_.size() + items_.size() >= kBytesEnough;
  }

  /// The initial result: `body`, a JSON object, with what is to come.
  std::string take_initial(std::string body);

  /// The payload, which is empty afterwards.
  /// @param add_members  appends further members to the JSON text that it is given
  template <class AddMembers>
  std::string take(bool has_next, const AddMembers& add_members) {
    std::string body = take_open(has_next);
    add_members(body);
    body += '}';
    return body;
  }

 private:
  static constexpr std::size_t kBytesEnough = 64 * 1024;

  [[nodiscard]] bool is_draft() const noexcept { return format_ == IncrementalFormat::kDraft; }
  /// Begins an increment with what names `target`.
  std::string& begin_increment(const Target& target);
  void end_increment(std::span<const language::GraphQLError> errors);
  void flush_items();
  void add_failed(std::string_view id, std::span<const language::PathSegment> path,
                  std::optional<std::string_view> label, const language::GraphQLError& error,
                  std::string_view null_member);
  /// The payload without its closing brace.
  std::string take_open(bool has_next);

  const IncrementalFormat format_;
  std::string pending_;
  std::string incremental_;
  std::string completed_;
  // Items of one list that are not part of `incremental_` yet.
  std::string items_;
  std::string items_id_;
  std::vector<language::PathSegment> items_path_;  ///< with the index of the first
  std::optional<std::string_view> items_label_;
  std::vector<language::GraphQLError> items_errors_;
};

}  // namespace errand::graphql::execution
