#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "errand/json/writer.h"

namespace errand::graphql::execution {

/// The response text of one response position, with a hole for each field that is still awaited.
///
/// Immediate fields are written straight into the text. An awaitable field leaves a hole; when it
/// has its value, that is written into a fragment of its own, and render() puts the pieces
/// together. Null propagation (spec, 6.4.4) within the text cuts it back to a mark. A hole that
/// fails later makes the innermost nullable position around it null, whose bounds were noted when
/// the text was written. No tree is built.
///
/// Work that is left for later increments is noted where it was met, so that what lies in a
/// position that became null is forgotten with it.
///
/// @tparam Pending  what a hole keeps of its field until it is resolved
/// @tparam Later    work for later increments, copyable
template <class Pending, class Later = std::monostate>
class ResponseFragment {
 public:
  struct Hole {
    std::size_t offset;        ///< where the value goes
    std::size_t span = kRoot;  ///< index of the innermost nullable position around it
    std::unique_ptr<Pending> pending;
    std::unique_ptr<ResponseFragment> value;  ///< once resolved
    bool failed = false;                      ///< the field is of a non-null type and has no value
  };
  /// Bounds of a nullable position that has holes in it.
  struct Span {
    std::size_t begin;
    std::size_t end;
    bool nulled = false;
  };
  /// A nullable position that is being written.
  struct Nullable {
    json::Writer::Mark mark;
    std::size_t first_hole;
    std::size_t first_later;
  };

  static constexpr std::size_t kRoot = static_cast<std::size_t>(-1);

  ResponseFragment() : writer_(text_) {}
  ResponseFragment(const ResponseFragment&) = delete;
  ResponseFragment& operator=(const ResponseFragment&) = delete;

  /// Makes room for that many bytes of text.
  void reserve(std::size_t bytes) { text_.reserve(bytes); }

  [[nodiscard]] json::Writer& writer() noexcept { return writer_; }
  [[nodiscard]] std::vector<Hole>& holes() noexcept { return holes_; }

  /// Starts a nullable position; close_nullable() or null_out() ends it.
  Nullable open_nullable() { return {writer_.mark(), holes_.size(), later_.size()}; }

  void close_nullable(const Nullable& nullable) {
    if (holes_.size() == nullable.first_hole) return;
    for (std::size_t i = nullable.first_hole; i < holes_.size(); ++i) {
      if (holes_[i].span == kRoot) holes_[i].span = spans_.size();
    }
    spans_.push_back({nullable.mark.size, text_.size()});
  }

  /// Takes back all that was written since `nullable` began, and writes null.
  void null_out(const Nullable& nullable) {
    holes_.erase(holes_.begin() + static_cast<std::ptrdiff_t>(nullable.first_hole), holes_.end());
    later_.erase(later_.begin() + static_cast<std::ptrdiff_t>(nullable.first_later), later_.end());
    std::erase_if(spans_, [&](const Span& span) { return span.begin >= nullable.mark.size; });
    writer_.rewind(nullable.mark);
    writer_.null();
  }

  /// Leaves a hole for the value of the member whose key was just written.
  void leave_hole(std::unique_ptr<Pending> pending) {
    writer_.raw({});
    holes_.push_back({.offset = text_.size(), .pending = std::move(pending), .value = nullptr});
  }

  /// Notes work that is done later, unless the innermost open object or list becomes null. To be
  /// called before that ends.
  void leave_for_later(Later work) { later_.emplace_back(text_.size(), std::move(work)); }

  /// Hands out the work that was left, but for that in positions which became null, after settle().
  /// In the order of the text.
  template <class Take>
  void for_each_later(const Take& take) const {
    std::size_t next = 0;
    const auto take_up_to = [&](std::size_t end) {
      for (; next < later_.size() && later_[next].first <= end; ++next) {
        if (!is_nulled(later_[next].first)) take(later_[next].second);
      }
    };
    for (const Hole& hole : holes_) {
      take_up_to(hole.offset);
      if (hole.value == nullptr || hole.failed || is_nulled(hole.offset)) continue;
      hole.value->for_each_later(take);
    }
    take_up_to(text_.size());
  }

  /// Draws the consequences of holes that failed.
  /// @return false when the whole fragment is null because of one.
  bool settle() {
    bool ok = true;
    for (const Hole& hole : holes_) {
      if (!hole.failed) continue;
      if (hole.span == kRoot) {
        ok = false;
      } else {
        spans_[hole.span].nulled = true;
      }
    }
    return ok;
  }

  /// Moves the finished text to `out`, after settle().
  void take(std::string& out) {
    if (holes_.empty()) {
      out = std::move(text_);
    } else {
      render(out);
    }
  }

  /// Appends the finished text, after settle().
  void render(std::string& out) const {
    if (holes_.empty()) {
      out += text_;
      return;
    }
    std::size_t at = 0;
    std::size_t hole = 0;
    // An outer position is closed after the inner ones, so that sorting by begin, and by end
    // downwards, meets the outermost first.
    std::vector<Span> nulled;
    for (const Span& span : spans_) {
      if (span.nulled) nulled.push_back(span);
    }
    std::sort(nulled.begin(), nulled.end(), [](const Span& a, const Span& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    const auto fill_up_to = [&](std::size_t end) {
      for (; hole < holes_.size() && holes_[hole].offset <= end; ++hole) {
        out.append(text_, at, holes_[hole].offset - at);
        at = holes_[hole].offset;
        if (holes_[hole].value != nullptr) holes_[hole].value->render(out);
      }
      out.append(text_, at, end - at);
      at = end;
    };
    for (const Span& span : nulled) {
      if (span.begin < at) continue;
      fill_up_to(span.begin);
      out += text_[span.begin] == ',' ? ",null" : "null";
      at = span.end;
      while (hole < holes_.size() && holes_[hole].offset <= at) ++hole;
    }
    fill_up_to(text_.size());
  }

 private:
  /// Whether the place, which is not at the edge of a position, lies in one that became null.
  [[nodiscard]] bool is_nulled(std::size_t offset) const {
    return std::ranges::any_of(spans_, [&](const Span& span) {
      return span.nulled && span.begin < offset && offset < span.end;
    });
  }

  std::string text_;
  json::Writer writer_;
  std::vector<Hole> holes_;
  std::vector<Span> spans_;
  std::vector<std::pair<std::size_t, Later>> later_;  ///< with its place in the text
};

}  // namespace errand::graphql::execution
