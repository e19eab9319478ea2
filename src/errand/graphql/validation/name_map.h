#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace errand::graphql::validation {

/// Values by name for the short lists that documents have: searched while they are short, without
/// an allocation, and hashed once they are not. Names are not copied. Values stay where they are
/// until the next one is added.
template <class T>
class NameMap {
 public:
  /// Adds `value` unless the name is known.
  /// @return the name's value, and whether it is the new one
  std::pair<T*, bool> try_emplace(std::string_view name, T value) {
    if (T* known = find(name)) return {known, false};
    if (count_ < kSearchMax) {
      few_[count_] = {name, value};
      return {&few_[count_++].second, true};
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return {&many_.emplace(name, value).first->second, true};
  }

  /// The name's value; nullptr where it is not known.
  [[nodiscard]] T* find(std::string_view name) {
    if (!many_.empty()) {
      const auto found = many_.find(name);
      return found == many_.end() ? nullptr : &found->second;
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (few_[i].first == name) return &few_[i].second;
    }
    return nullptr;
  }

  [[nodiscard]] bool contains(std::string_view name) { return find(name) != nullptr; }

 private:
  static constexpr std::size_t kSearchMax = 8;

  std::array<std::pair<std::string_view, T>, kSearchMax> few_{};
  std::size_t count_ = 0;
  std::unordered_map<std::string_view, T> many_;
};

}  // namespace errand::graphql::validation
