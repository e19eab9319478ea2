#include "errand/notification/webhook_input.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "errand/base/time_text.h"
#include "errand/base/utf8.h"
#include "errand/json/writer.h"
#include "errand/net/http_message.h"
#include "errand/outbound/target_url.h"

namespace errand::notification {
namespace {

using boost::json::value;

constexpr std::size_t kListMax = 50;
constexpr std::size_t kTextMax = 256;
constexpr std::size_t kHeadersMax = 20;
constexpr std::size_t kHeaderNameMax = 64;
constexpr std::size_t kHeaderValueMax = 4'096;

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::kBadUserInput, std::move(message));
}

std::string text_of(const value& of) {
  const auto& text = of.get_string();
  return {text.data(), text.size()};
}

/// Whether the client or the protocol writes a header of this name itself.
bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 15> kReserved{"host",
                                                       "content-length",
                                                       "content-type",
                                                       "content-encoding",
                                                       "connection",
                                                       "expect",
                                                       "te",
                                                       "trailer",
                                                       "transfer-encoding",
                                                       "upgrade",
                                                       "keep-alive",
                                                       "traceparent",
                                                       "tracestate",
                                                       "proxy-authorization",
                                                       "proxy-connection"};
  const auto is = [&](std::string_view other) { return net::equals_ignoring_case(name, other); };
  return std::ranges::any_of(kReserved, is) ||
         (name.size() >= 8 && net::equals_ignoring_case(name.substr(0, 8), "webhook-"));
}

Result<void> check_header(std::string_view name, const std::optional<std::string>& text) {
  if (name.size() > kHeaderNameMax || !net::is_token(name)) {
    return invalid(
        "headers: a name is 1 to 64 characters of a header's name, such as \"X-Api-Key\".");
  }
  if (is_reserved(name)) {
    return invalid("headers: \"" + std::string(name) + "\" is written by the server itself.");
  }
  if (!text) return {};
  const bool printable = std::ranges::all_of(*text, [](char c) { return c >= 0x20 && c <= 0x7E; });
  if (!printable || text->size() > kHeaderValueMax || net::trim(*text) != *text) {
    return invalid("headers: the value of \"" + std::string(name) +
                   "\" is up to 4096 printable ASCII characters, without blanks around it.");
  }
  return {};
}

Result<std::vector<std::string>> read_texts(std::string_view name, const value& list) {
  std::vector<std::string> texts;
  if (list.get_array().size() > kListMax) {
    return invalid(std::string(name) + ": at most 50 are allowed.");
  }
  for (const value& item : list.get_array()) {
    texts.push_back(text_of(item));
    if (texts.back().empty() || texts.back().size() > kTextMax) {
      return invalid(std::string(name) + ": each has 1 to 256 characters.");
    }
  }
  return texts;
}

Result<std::vector<WebhookDataCondition>> read_data(const value& list) {
  std::vector<WebhookDataCondition> conditions;
  if (list.get_array().size() > kDataConditionsMax) {
    return invalid("data: at most 8 conditions are allowed.");
  }
  for (const value& item : list.get_array()) {
    const auto& members = item.get_object();
    WebhookDataCondition condition{.path = text_of(members.at("path")), .in = {}};
    if (!is_data_path(condition.path)) {
      return invalid("data: \"" + condition.path +
                     "\" is no JSON pointer into an event's data, such as \"/error/code\".");
    }
    const auto* in = members.at("in").if_array();
    if (in == nullptr || in->empty() || in->size() > kDataValuesMax) {
      return invalid("data: \"in\" is a list of 1 to 32 values.");
    }
    for (const value& each : *in) {
      if (each.is_structured()) {
        return invalid("data: \"in\" holds texts, numbers, booleans and null.");
      }
      condition.in.push_back(json::to_text(each));
      if (condition.in.back().size() > kTextMax) {
        return invalid("data: a value of \"in\" has 256 characters at most.");
      }
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

Result<void> read_number(std::string_view name, const value& of, std::int64_t high,
                         std::optional<std::uint32_t>& out) {
  const std::int64_t number = of.get_int64();
  if (number < 1 || number > high) {
    return invalid(std::string(name) + ": must lie between 1 and " + std::to_string(high) + ".");
  }
  out = static_cast<std::uint32_t>(number);
  return {};
}

Result<void> read_member(std::string_view name, const value& of, WebhookChange& change) {
  if (name == "url") {
    change.url = text_of(of);
  } else if (name == "description") {
    change.description = text_of(of);
    if (change.description->size() > kTextMax) {
      return invalid("description: has 256 characters at most.");
    }
  } else if (name == "eventTypes") {
    auto types = read_texts(name, of);
    if (!types) return std::unexpected(types.error());
    for (const std::string& type : *types) {
      if (!is_type_pattern(type)) {
        return invalid("eventTypes: \"" + type +
                       "\" is no type of events, such as \"dev.errand.job.failed\", "
                       "\"dev.errand.job.*\" or \"*\".");
      }
    }
    if (types->empty()) return invalid("eventTypes: names one at least; \"*\" are all.");
    change.types = *std::move(types);
  } else if (name == "jobTypes" || name == "tags") {
    auto texts = read_texts(name, of);
    if (!texts) return std::unexpected(texts.error());
    (name == "tags" ? change.tags : change.job_types) = *std::move(texts);
  } else if (name == "data") {
    auto data = read_data(of);
    if (!data) return std::unexpected(data.error());
    change.data = *std::move(data);
  } else if (name == "payload") {
    change.full = text_of(of) == "FULL";
  } else if (name == "contentType") {
    change.content_type = text_of(of);
    if (*change.content_type != "application/json" &&
        *change.content_type != "application/cloudevents+json") {
      return invalid("contentType: is application/json or application/cloudevents+json.");
    }
  } else if (name == "headers") {
    auto& headers = change.headers.emplace();
    if (of.get_array().size() > kHeadersMax) return invalid("headers: at most 20 are allowed.");
    for (const value& item : of.get_array()) {
      const auto& members = item.get_object();
      const value* text = members.if_contains("value");
      std::optional<std::string> given;
      if (text != nullptr && text->is_string()) given = text_of(*text);
      headers.emplace_back(text_of(members.at("name")), std::move(given));
      if (auto good = check_header(headers.back().first, headers.back().second); !good) return good;
    }
  } else if (name == "ordering") {
    change.ordering = text_of(of) == "PER_JOB" ? WebhookOrdering::kPerJob : WebhookOrdering::kNone;
  } else if (name == "inFlight") {
    return read_number(name, of, kWebhookConcurrencyMax, change.concurrency);
  } else if (name == "rate") {
    return read_number(name, of, 100'000, change.rate);
  } else if (name == "timeout") {
    const auto timeout = parse_duration(text_of(of));
    if (!timeout || *timeout < std::chrono::seconds(1) || *timeout > std::chrono::seconds(60)) {
      return invalid("timeout: lies between 1s and 60s.");
    }
    change.timeout = *timeout;
  } else if (name == "signingKey") {
    change.signing = of.get_bool();
  } else if (name == "verification") {
    const std::string kind = text_of(of);
    change.verification = kind == "CLOUDEVENTS" ? WebhookVerification::kCloudEvents
                          : kind == "CHALLENGE" ? WebhookVerification::kChallenge
                                                : WebhookVerification::kNone;
  }
  return {};
}

}  // namespace

Result<WebhookChange> read_webhook_input(const boost::json::object& input) {
  WebhookChange change;
  for (const auto& member : input) {
    // The schema has coerced every value: null counts as absent here.
    if (member.value().is_null()) continue;
    if (auto read = read_member({member.key().data(), member.key().size()}, member.value(), change);
        !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  return change;
}

Result<void> apply_webhook_change(const WebhookChange& change, const outbound::AddressGuard& guard,
                                  RegisteredWebhook& webhook) {
  WebhookEndpoint& endpoint = webhook.endpoint;
  if (change.url) {
    const auto url = outbound::parse_target_url(*change.url);
    if (!url) return invalid("url: " + url.error().message);
    if (const auto allowed = guard.check_url(*url); !allowed) {
      return invalid("url: " + allowed.error().message);
    }
    endpoint.url = *change.url;
  }
  const auto take = [](const auto& from, auto& to) {
    if (from) to = *from;
  };
  take(change.description, endpoint.description);
  take(change.types, endpoint.types);
  if (change.job_types) {
    endpoint.job_types.clear();
    for (const std::string& type : *change.job_types) endpoint.job_types.emplace(type);
  }
  if (change.tags) endpoint.tags = {change.tags->begin(), change.tags->end()};
  take(change.data, endpoint.data);
  take(change.full, endpoint.full);
  take(change.content_type, endpoint.content_type);
  take(change.ordering, endpoint.ordering);
  take(change.concurrency, endpoint.concurrency);
  take(change.rate, endpoint.rate);
  take(change.timeout, endpoint.timeout);
  if (change.headers) {
    std::vector<std::pair<std::string, std::string>> headers;
    for (const auto& [name, text] : *change.headers) {
      const auto is_it = [&](const auto& other) {
        return net::equals_ignoring_case(other.first, name);
      };
      if (std::ranges::any_of(headers, is_it)) {
        return invalid("headers: \"" + name + "\" stands there twice.");
      }
      if (text) {
        headers.emplace_back(name, *text);
        continue;
      }
      const auto known = std::ranges::find_if(webhook.headers, is_it);
      if (known == webhook.headers.end()) {
        return invalid("headers: \"" + name + "\" has no value yet: give one.");
      }
      headers.push_back(*known);
    }
    webhook.headers = std::move(headers);
  }
  if (endpoint.url.empty()) return invalid("url: is needed.");
  if (endpoint.types.empty()) return invalid("eventTypes: is needed.");
  return {};
}

}  // namespace errand::notification
