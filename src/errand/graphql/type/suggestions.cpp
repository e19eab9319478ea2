#include "errand/graphql/type/suggestions.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace errand::graphql::type {
namespace {

constexpr std::size_t kSuggestionsMax = 5;
/// Beyond it, names are not compared: the distance costs the product of both lengths.
constexpr std::size_t kNameBytesMax = 256;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// Optimal string alignment distance, in bytes, up to `threshold`.
std::optional<std::size_t> distance(std::string_view input, std::string_view option,
                                    std::size_t threshold) {
  if (input == option) return 0;
  std::string a = lower(option);
  std::string b = lower(input);
  if (a == b) return 1;
  if (a.size() < b.size()) std::swap(a, b);
  if (a.size() - b.size() > threshold) return std::nullopt;

  std::array<std::vector<std::size_t>, 3> rows;
  for (auto& row : rows) row.resize(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const auto& up = rows[(i - 1) % 3];
    auto& row = rows[i % 3];
    std::size_t smallest = row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      std::size_t cell = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cell = std::min(cell, rows[(i - 2) % 3][j - 2] + 1);
      }
      smallest = std::min(smallest, cell);
      row[j] = cell;
    }
    if (smallest > threshold) return std::nullopt;
  }
  const std::size_t result = rows[a.size() % 3][b.size()];
  if (result > threshold) return std::nullopt;
  return result;
}

/// Compares runs of digits by their value, as graphql-js' naturalCompare.
bool natural_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto number = [&is_digit](std::string_view text, std::size_t& at) {
        while (at < text.size() && text[at] == '0') ++at;
        const std::size_t begin = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        return text.substr(begin, at - begin);
      };
      const std::string_view x = number(a, i);
      const std::string_view y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

std::vector<std::string> suggestion_list(std::string_view input,
                                         std::span<const std::string_view> options) {
  if (input.size() > kNameBytesMax) return {};
  const std::size_t threshold = input.size() * 4 / 10 + 1;
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string_view option : options) {
    if (option.size() > kNameBytesMax) continue;
    if (const auto d = distance(input, option, threshold)) near.emplace_back(*d, option);
  }
  std::ranges::sort(near, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : natural_less(a.second, b.second);
  });
  std::vector<std::string> result;
  for (const auto& [d, option] : near) {
    if (std::ranges::find(result, option) == result.end()) result.emplace_back(option);
  }
  return result;
}

std::string did_you_mean(std::span<const std::string> suggestions) {
  return did_you_mean({}, suggestions);
}

std::string did_you_mean(std::string_view what, std::span<const std::string> suggestions) {
  if (suggestions.empty()) return {};
  std::string text = " Did you mean ";
  if (!what.empty()) {
    text += what;
    text += ' ';
  }
  const std::size_t count = std::min(suggestions.size(), kSuggestionsMax);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += count == 2 ? " or " : i + 1 == count ? ", or " : ", ";
    text += '"' + suggestions[i] + '"';
  }
  text += '?';
  return text;
}

}  // namespace errand::graphql::type
