#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace errand {

/// A string that names one kind of thing, so that a queue cannot be passed where a tenant is due.
/// `Tag` is an empty struct that is used for nothing else.
template <class Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}
  explicit StrongString(std::string_view value) : value_(value) {}
  explicit StrongString(const char* value) : value_(value) {}

  [[nodiscard]] const std::string& str() const noexcept { return value_; }
  [[nodiscard]] std::string_view view() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

  friend bool operator==(const StrongString&, const StrongString&) = default;
  friend auto operator<=>(const StrongString&, const StrongString&) = default;

 private:
  std::string value_;
};

}  // namespace errand

template <class Tag>
struct std::hash<errand::StrongString<Tag>> {
  std::size_t operator()(const errand::StrongString<Tag>& id) const noexcept {
    return std::hash<std::string_view>{}(id.view());
  }
};
