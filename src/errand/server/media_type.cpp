#include "errand/server/media_type.h"

#include <algorithm>
#include <array>

#include "errand/net/http_message.h"

namespace errand::server {

namespace {

/// tchar of RFC 9110, 5.6.2.
bool is_token_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Reads the grammar of media types from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// "" when there is none.
  std::string token(bool lower) {
    std::string out;
    while (!rest_.empty() && is_token_char(rest_.front())) {
      out.push_back(lower ? to_lower(rest_.front()) : rest_.front());
      rest_.remove_prefix(1);
    }
    return out;
  }
  std::optional<std::string> quoted_string() {
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      out.push_back(c);
    }
    return std::nullopt;
  }
  /// To behind the next comma outside quotes.
  void skip_element() {
    bool quoted = false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (quoted && c == '\\' && !rest_.empty()) {
        rest_.remove_prefix(1);
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        return;
      }
    }
  }

  /// type "/" subtype *( OWS ";" OWS [ parameter ] )
  std::optional<MediaType> media_type() {
    MediaType out;
    out.type = token(true);
    if (out.type.empty() || !take('/')) return std::nullopt;
    out.subtype = token(true);
    if (out.subtype.empty()) return std::nullopt;
    while (true) {
      skip_space();
      if (!take(';')) return out;
      skip_space();
      std::string name = token(true);
      if (name.empty()) continue;  // ";" at the end, or twice
      if (!take('=')) return std::nullopt;
      if (!rest_.empty() && rest_.front() == '"') {
        auto value = quoted_string();
        if (!value) return std::nullopt;
        out.parameters.emplace_back(std::move(name), std::move(*value));
      } else {
        std::string value = token(false);
        if (value.empty()) return std::nullopt;
        out.parameters.emplace_back(std::move(name), std::move(value));
      }
    }
  }

 private:
  std::string_view rest_;
};

/// qvalue of RFC 9110, 12.4.2, in thousandths.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = (text[0] - '0') * 1'000;
  int place = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += (c - '0') * place;
    place /= 10;
  }
  if (weight > 1'000) return std::nullopt;
  return weight;
}

/// How exactly `range` names application/`subtype`: 0 not at all, 1 by "*/*", 2 by "application/*",
/// 3 by name.
int specificity(const MediaType& range, std::string_view subtype) noexcept {
  // A charset other than the one we send is another representation.
  if (const auto charset = range.parameter("charset");
      charset && !net::equals_ignoring_case(*charset, "utf-8") &&
      !net::equals_ignoring_case(*charset, "utf8")) {
    return 0;
  }
  if (range.type == "*" && range.subtype == "*") return 1;
  if (range.type != "application") return 0;
  if (range.subtype == "*") return 2;
  return range.subtype == subtype ? 3 : 0;
}

struct Candidate {
  GraphqlMediaType type;
  std::string_view subtype;
  int weight = 0;
  int specificity = 0;
  std::size_t at = 0;
};

}  // namespace

bool MediaType::is(std::string_view full_name) const noexcept {
  return full_name.size() == type.size() + 1 + subtype.size() && full_name.starts_with(type) &&
         full_name[type.size()] == '/' && full_name.ends_with(subtype);
}

std::optional<std::string_view> MediaType::parameter(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<MediaType> parse_media_type(std::string_view text) {
  Reader reader(text);
  reader.skip_space();
  auto type = reader.media_type();
  reader.skip_space();
  if (!reader.at_end()) return std::nullopt;
  return type;
}

std::vector<AcceptRange> parse_accept(std::string_view accept) {
  std::vector<AcceptRange> out;
  Reader reader(accept);
  for (std::size_t at = 0; !reader.at_end(); ++at) {
    reader.skip_space();
    Reader element = reader;
    reader.skip_element();
    auto range = element.media_type();
    element.skip_space();
    if (!range || (!element.at_end() && !element.take(','))) continue;
    AcceptRange entry{.range = std::move(*range), .at = at};
    bool valid = true;
    auto& parameters = entry.range.parameters;
    const auto q = std::ranges::find(parameters, "q", [](const auto& p) { return p.first; });
    if (q != parameters.end()) {
      const auto weight = parse_weight(q->second);
      valid = weight.has_value();
      entry.weight = weight.value_or(0);
      // What follows q was an extension of Accept once, never part of the range.
      parameters.erase(q, parameters.end());
    }
    if (valid) out.push_back(std::move(entry));
  }
  return out;
}

std::string_view content_type(GraphqlMediaType type) noexcept {
  return type == GraphqlMediaType::kJson ? "application/json; charset=utf-8"
                                         : "application/graphql-response+json; charset=utf-8";
}

std::optional<GraphqlMediaType> negotiate(std::string_view accept) {
  if (accept.find_first_not_of(" \t") == std::string_view::npos) return GraphqlMediaType::kJson;
  const std::vector<AcceptRange> ranges = parse_accept(accept);
  // In the order in which equals are preferred.
  std::array candidates = {
      Candidate{.type = GraphqlMediaType::kJson, .subtype = "json"},
      Candidate{.type = GraphqlMediaType::kGraphqlResponse, .subtype = "graphql-response+json"}};
  for (Candidate& candidate : candidates) {
    for (const AcceptRange& range : ranges) {
      const int match = specificity(range.range, candidate.subtype);
      if (match <= candidate.specificity) continue;
      candidate.specificity = match;
      candidate.weight = range.weight;
      candidate.at = range.at;
    }
  }
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (candidate.weight == 0) continue;
    const bool better = best == nullptr || candidate.weight > best->weight ||
                        (candidate.weight == best->weight &&
                         (candidate.specificity > best->specificity ||
                          (candidate.specificity == best->specificity && candidate.at < best->at)));
    if (better) best = &candidate;
  }
  if (best == nullptr) return std::nullopt;
  return best->type;
}

}  // namespace errand::server
