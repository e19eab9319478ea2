#include "errand/server/media_type.h"

#include <algorithm>
#include <array>

#include "errand/net/http_message.h"

namespace errand::server {

using graphql::execution::IncrementalFormat;

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

/// A charset other than the one we send is another representation.
bool takes_our_charset(const MediaType& range) noexcept {
  const auto charset = range.parameter("charset");
  return !charset || net::equals_ignoring_case(*charset, "utf-8") ||
         net::equals_ignoring_case(*charset, "utf8");
}

/// How exactly `range` names application/`subtype`: 0 not at all, 1 by "*/*", 2 by "application/*",
/// 3 by name.
int specificity(const MediaType& range, std::string_view subtype) noexcept {
  if (!takes_our_charset(range)) return 0;
  if (range.type == "*" && range.subtype == "*") return 1;
  if (range.type != "application") return 0;
  if (range.subtype == "*") return 2;
  return range.subtype == subtype ? 3 : 0;
}

/// How much a client likes one type. A weight of 0 excludes it.
struct Liking {
  int weight = 0;
  int specificity = 0;
  std::size_t at = 0;

  [[nodiscard]] bool outranks(const Liking& other) const noexcept {
    if (weight != other.weight) return weight > other.weight;
    if (specificity != other.specificity) return specificity > other.specificity;
    return at < other.at;
  }
};

Liking liking_of(const std::vector<AcceptRange>& ranges, std::string_view subtype) noexcept {
  Liking out;
  for (const AcceptRange& range : ranges) {
    const int match = specificity(range.range, subtype);
    if (match > out.specificity) out = {range.weight, match, range.at};
  }
  return out;
}

/// Of a type that has to be named.
template <class Names>
Liking liking_where(const std::vector<AcceptRange>& ranges, const Names& names) {
  Liking out;
  for (const AcceptRange& range : ranges) {
    const Liking found{range.weight, 3, range.at};
    if (names(range.range) && (out.specificity == 0 || found.outranks(out))) out = found;
  }
  return out;
}

/// Whether a range of multipart/mixed is meant for subscriptions.
bool names_subscription_parts(const MediaType& range) noexcept {
  if (!range.is("multipart/mixed")) return false;
  if (const auto spec = range.parameter("subscriptionspec")) return *spec == "1.0";
  return !range.parameter("incrementalspec") && !range.parameter("deferspec");
}

/// The format of increments that a range of multipart/mixed asks for.
IncrementalFormat incremental_format(const MediaType& range) noexcept {
  if (!range.is("multipart/mixed") || range.parameter("subscriptionspec")) {
    return IncrementalFormat::kNone;
  }
  if (const auto spec = range.parameter("incrementalspec")) {
    return *spec == "v0.2" ? IncrementalFormat::kDraft : IncrementalFormat::kNone;
  }
  if (const auto spec = range.parameter("deferspec"); spec && *spec != "20220824") {
    return IncrementalFormat::kNone;
  }
  return IncrementalFormat::k20220824;
}

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
      const auto weight = net::parse_weight(q->second);
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

Acceptable negotiate(std::string_view accept) {
  Acceptable out;
  if (accept.find_first_not_of(" \t") == std::string_view::npos) {
    out.single = GraphqlMediaType::kJson;
    return out;
  }
  const std::vector<AcceptRange> ranges = parse_accept(accept);
  const Liking json = liking_of(ranges, "json");
  const Liking graphql = liking_of(ranges, "graphql-response+json");
  const bool graphql_first = graphql.outranks(json);
  const Liking& single = graphql_first ? graphql : json;
  if (single.weight > 0) {
    out.single = graphql_first ? GraphqlMediaType::kGraphqlResponse : GraphqlMediaType::kJson;
  }

  const Liking events =
      liking_where(ranges, [](const MediaType& range) { return range.is("text/event-stream"); });
  const Liking parts = liking_where(ranges, names_subscription_parts);
  if (events.weight > 0 || parts.weight > 0) {
    out.stream =
        parts.outranks(events) ? StreamMediaType::kMultipart : StreamMediaType::kEventStream;
  }
  out.event_stream_first = events.weight > 0 && events.outranks(single);

  Liking best;
  for (const IncrementalFormat format : {IncrementalFormat::kDraft, IncrementalFormat::k20220824}) {
    const Liking increments = liking_where(
        ranges, [format](const MediaType& range) { return incremental_format(range) == format; });
    // A client that writes @defer and takes parts wants them: not less than one response is enough.
    if (increments.weight == 0 || increments.weight < single.weight) continue;
    if (out.incremental != IncrementalFormat::kNone && !increments.outranks(best)) continue;
    best = increments;
    out.incremental = format;
  }
  return out;
}

}  // namespace errand::server
