#include "errand/app/relay_setting_tables.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/app/setting.h"
#include "errand/base/time_text.h"
#include "errand/contract/event_pattern.h"
#include "errand/relay/relay_settings.h"
#include "errand/relay/topic.h"

namespace errand::app {
namespace {

constexpr std::size_t kNameMax = 64;

std::unexpected<Error> wrong(std::string_view name, std::string_view what) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("{} takes {}", name, what));
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Result<TextList> read_texts(std::string_view name, const toml::node& node) {
  TextList texts;
  const auto* array = node.as_array();
  if (array == nullptr || array->empty()) return wrong(name, "a list of texts that is not empty");
  for (const toml::node& item : *array) {
    const auto* text = item.as_string();
    if (text == nullptr) return wrong(name, "a list of texts");
    texts.push_back(text->get());
  }
  return texts;
}

/// One of the members that are lists.
Result<void> read_filter_member(relay::Filter& filter, std::string_view name,
                                const toml::node& node) {
  const auto texts = read_texts(name, node);
  if (!texts) return std::unexpected(texts.error());
  if (name == "tenants") {
    for (const std::string& text : *texts) filter.tenants.emplace(text);
  } else if (name == "job_types") {
    for (const std::string& text : *texts) filter.job_types.emplace(text);
  } else {
    for (const std::string& text : *texts) {
      if (contract::is_event_pattern(text)) continue;
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("types: \"{}\" is no type of events, such as "
                              "\"dev.errand.job.failed\", \"dev.errand.job.*\" or \"*\"",
                              text));
    }
    filter.types = *texts;
  }
  return {};
}

/// Which member of BrokerSettings is a text of that name; null for none.
std::string* text_member(relay::BrokerSettings& broker, std::string_view name) {
  if (name == "url") return &broker.url;
  if (name == "credentials_file") return &broker.credentials_file;
  if (name == "ca_file") return &broker.ca_file;
  return nullptr;
}

/// What both kinds of brokers have, and what is written alike for both.
Result<void> read_broker_member(relay::BrokerSettings& broker, std::string_view name,
                                const toml::node& node) {
  if (name == "create") {
    const auto* value = node.as_boolean();
    if (value == nullptr) return wrong(name, "true or false");
    broker.create = value->get();
    return {};
  }
  const auto* text = node.as_string();
  if (text == nullptr) return wrong(name, "a text in quotes");
  if (name == "timeout") {
    const auto timeout = parse_duration(text->get());
    if (!timeout || *timeout < std::chrono::seconds(1) || *timeout > std::chrono::seconds(60)) {
      return wrong(name, "a time from \"1s\" to \"60s\"");
    }
    broker.timeout = *timeout;
  } else if (name == "subject" || name == "routing_key") {
    if (!relay::is_topic_prefix(text->get())) {
      return wrong(name, fmt::format("up to {} letters, digits, \"_\" and \"-\", with single dots "
                                     "between; tenant, job type and event follow it",
                                     relay::kTopicPrefixMax));
    }
    broker.topic = text->get();
  } else {
    *text_member(broker, name) = text->get();
  }
  return {};
}

Result<void> read_own_member(relay::NatsSettings& nats, std::string_view name,
                             const toml::node& node) {
  const auto* text = node.as_string();
  if (name != "stream") {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format("unknown key \"{}\"; there are url, credentials_file, ca_file, subject, "
                    "stream, create, timeout, types, tenants, job_types, from and window",
                    name));
  }
  if (text == nullptr || !relay::is_stream_name(text->get())) {
    return wrong(name, "1 to 64 letters, digits, \"_\" and \"-\"");
  }
  nats.stream = text->get();
  return {};
}

Result<void> read_own_member(relay::AmqpSettings& amqp, std::string_view name,
                             const toml::node& node) {
  const auto* text = node.as_string();
  if (name == "exchange") {
    if (text == nullptr || text->get().empty() || text->get().size() > 255) {
      return wrong(name, "the name of a topic exchange");
    }
    amqp.exchange = text->get();
    return {};
  }
  if (name == "unroutable") {
    if (text == nullptr || (text->get() != "wait" && text->get() != "skip")) {
      return wrong(name, "\"wait\" or \"skip\"");
    }
    amqp.unroutable = text->get() == "wait" ? relay::Unroutable::kWait : relay::Unroutable::kSkip;
    return {};
  }
  return fail(
      ErrorCode::kConfigInvalid,
      fmt::format(
          "unknown key \"{}\"; there are url, credentials_file, ca_file, routing_key, "
          "exchange, create, unroutable, timeout, types, tenants, job_types, from and window",
          name));
}

constexpr std::string_view topic_key(const relay::NatsSettings&) { return "subject"; }
constexpr std::string_view topic_key(const relay::AmqpSettings&) { return "routing_key"; }

template <class Broker>
Result<void> read_member(relay::RelaySettings& settings, Broker& broker, std::string_view name,
                         const toml::node& node) {
  if (name == "types" || name == "tenants" || name == "job_types") {
    return read_filter_member(settings.filter, name, node);
  }
  if (name == "from") {
    const auto* text = node.as_string();
    if (text == nullptr || (text->get() != "now" && text->get() != "beginning")) {
      return wrong(name, "\"now\" or \"beginning\"");
    }
    settings.from = text->get() == "now" ? relay::StartFrom::kNow : relay::StartFrom::kBeginning;
    return {};
  }
  if (name == "window") {
    const auto* value = node.as_integer();
    if (value == nullptr || value->get() < 1 ||
        value->get() > static_cast<std::int64_t>(relay::kWindowMax)) {
      return wrong(name, fmt::format("a whole number from 1 to {}", relay::kWindowMax));
    }
    settings.window = static_cast<std::size_t>(value->get());
    return {};
  }
  if (name == topic_key(broker) || name == "create" || name == "timeout" ||
      text_member(broker.broker, name) != nullptr) {
    return read_broker_member(broker.broker, name, node);
  }
  return read_own_member(broker, name, node);
}

Result<void> check(const relay::NatsSettings& nats) {
  if (!nats.broker.url.empty() && !nats.stream.empty()) return {};
  return fail(ErrorCode::kConfigInvalid, "needs url and stream");
}

Result<void> check(const relay::AmqpSettings& amqp) {
  if (!amqp.broker.url.empty() && !amqp.exchange.empty()) return {};
  return fail(ErrorCode::kConfigInvalid, "needs url and exchange");
}

template <class Broker>
Result<void> read_relays(Config& config, const toml::table& table, std::string_view kind) {
  std::erase_if(config.relays, [](const relay::RelaySettings& each) {
    return std::holds_alternative<Broker>(each.broker);
  });
  for (const auto& [name, node] : table) {
    const auto in_it = [&, own = name.str()](std::string_view what) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("{}: {}", own, what));
    };
    if (!is_name(name.str())) {
      return in_it("a relay's name is 1 to 64 of a-z, 0-9, \"-\" and \"_\"");
    }
    const auto* members = node.as_table();
    if (members == nullptr) return in_it("takes a table");
    relay::RelaySettings settings{.name = fmt::format("{}.{}", kind, name.str())};
    Broker broker;
    for (const auto& [key, member] : *members) {
      if (const auto done = read_member(settings, broker, key.str(), member); !done) {
        return in_it(done.error().message);
      }
    }
    if (const auto done = check(broker); !done) return in_it(done.error().message);
    settings.broker = std::move(broker);
    if (const auto made = relay::make_publisher(settings); !made) {
      return in_it(made.error().message);
    }
    config.relays.push_back(std::move(settings));
  }
  return {};
}

template <class Broker>
std::string show_relays(const Config& config) {
  TextList shown;
  for (const relay::RelaySettings& each : config.relays) {
    const auto* broker = std::get_if<Broker>(&each.broker);
    if (broker == nullptr) continue;
    shown.push_back(fmt::format("{} = {{url = {}, ...}}", each.name.substr(each.name.find('.') + 1),
                                toml_text(broker->broker.url)));
  }
  return fmt::format("{{{}}}", fmt::join(shown, ", "));
}

}  // namespace

Result<void> read_nats_relays(Config& config, const toml::table& table) {
  return read_relays<relay::NatsSettings>(config, table, "nats");
}
Result<void> read_amqp_relays(Config& config, const toml::table& table) {
  return read_relays<relay::AmqpSettings>(config, table, "amqp");
}
std::string show_nats_relays(const Config& config) {
  return show_relays<relay::NatsSettings>(config);
}
std::string show_amqp_relays(const Config& config) {
  return show_relays<relay::AmqpSettings>(config);
}

}  // namespace errand::app
