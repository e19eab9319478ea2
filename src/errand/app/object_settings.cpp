#include "errand/app/object_settings.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/app/setting.h"
#include "errand/base/time_text.h"
#include "errand/json/writer.h"
#include "errand/outbound/target_url.h"

namespace errand::app {
namespace {

/// One member of a table in `upstream.jobs`.
Result<void> read_job_form_member(contract::JobForm& form, std::string_view name,
                                  const toml::node& node) {
  if (name == "replace") {
    const auto* value = node.as_boolean();
    if (value == nullptr) return fail(ErrorCode::kConfigInvalid, "replace takes true or false");
    form.replace = value->get();
    return {};
  }
  for (const auto& [known, member] : {std::pair{"name", &contract::JobForm::name},
                                      std::pair{"selection", &contract::JobForm::selection},
                                      std::pair{"job", &contract::JobForm::job}}) {
    if (name != known) continue;
    const auto* value = node.as_string();
    if (value == nullptr) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("{} takes a text in quotes", name));
    }
    form.*member = value->get();
    return {};
  }
  return fail(ErrorCode::kConfigInvalid,
              fmt::format("unknown key \"{}\"; there are name, replace, selection and job", name));
}

/// Reads texts of an array into `list` by `add`.
template <class Add>
Result<void> read_list(std::string_view name, const toml::node& node, const Add& add) {
  const auto* array = node.as_array();
  if (array == nullptr) {
    return fail(ErrorCode::kConfigInvalid, fmt::format("{} takes a list of texts", name));
  }
  for (const auto& item : *array) {
    const auto* text = item.as_string();
    if (text == nullptr) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("{} takes a list of texts", name));
    }
    if (auto added = add(text->get()); !added) return added;
  }
  return {};
}

/// Conditions on the data of an endpoint's events: [{path = "/error/code", in = ["TIMEOUT"]}].
Result<void> read_data(notification::WebhookEndpoint& endpoint, const toml::node& node) {
  const auto wrong = [] {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format("data takes up to {} tables {{path = \"/error/code\", in = [\"TIMEOUT\"]}}"
                    ", whose in has 1 to {} texts, whole numbers and booleans",
                    notification::kDataConditionsMax, notification::kDataValuesMax));
  };
  const auto* list = node.as_array();
  if (list == nullptr || list->size() > notification::kDataConditionsMax) return wrong();
  for (const toml::node& item : *list) {
    const auto* table = item.as_table();
    const auto* path = table == nullptr ? nullptr : table->get_as<std::string>("path");
    const auto* in = table == nullptr ? nullptr : table->get_as<toml::array>("in");
    if (path == nullptr || in == nullptr || table->size() != 2 || in->empty() ||
        in->size() > notification::kDataValuesMax || !notification::is_data_path(path->get())) {
      return wrong();
    }
    notification::WebhookDataCondition condition{.path = path->get(), .in = {}};
    for (const toml::node& value : *in) {
      std::string text;
      json::Writer out(text);
      if (const auto* string = value.as_string()) {
        out.string(string->get());
      } else if (const auto* number = value.as_integer()) {
        out.integer(number->get());
      } else if (const auto* flag = value.as_boolean()) {
        out.boolean(flag->get());
      } else {
        return wrong();
      }
      condition.in.push_back(std::move(text));
    }
    endpoint.data.push_back(std::move(condition));
  }
  return {};
}

/// One member of a table in `webhooks.endpoints`.
Result<void> read_endpoint_member(notification::WebhookEndpoint& endpoint, std::string_view name,
                                  const toml::node& node) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::kConfigInvalid, fmt::format("{} takes {}", name, what));
  };
  const auto number = [&](std::uint32_t& member, std::int64_t high) -> Result<void> {
    const auto* value = node.as_integer();
    if (value == nullptr || value->get() < 1 || value->get() > high) {
      return wrong(fmt::format("a whole number from 1 to {}", high));
    }
    member = static_cast<std::uint32_t>(value->get());
    return {};
  };
  if (name == "concurrency") return number(endpoint.concurrency, 1'000);
  if (name == "rate") return number(endpoint.rate, 100'000);
  if (name == "types") {
    return read_list(name, node, [&](const std::string& text) -> Result<void> {
      if (!notification::is_type_pattern(text)) {
        return fail(ErrorCode::kConfigInvalid,
                    fmt::format("types: \"{}\" is no type of events, such as "
                                "\"dev.errand.job.failed\", \"dev.errand.job.*\" or \"*\"",
                                text));
      }
      endpoint.types.push_back(text);
      return {};
    });
  }
  const auto insert = [](auto& set) {
    return [&set](const std::string& text) -> Result<void> {
      set.emplace(text);
      return {};
    };
  };
  if (name == "tenants") return read_list(name, node, insert(endpoint.tenants));
  if (name == "job_types") return read_list(name, node, insert(endpoint.job_types));
  if (name == "tags") return read_list(name, node, insert(endpoint.tags));
  if (name == "data") return read_data(endpoint, node);
  const auto* text = node.as_string();
  if (text == nullptr) return wrong("a text in quotes");
  if (name == "url") {
    endpoint.url = text->get();
  } else if (name == "description") {
    endpoint.description = text->get();
  } else if (name == "payload") {
    if (text->get() != "thin" && text->get() != "full") return wrong("\"thin\" or \"full\"");
    endpoint.full = text->get() == "full";
  } else if (name == "ordering") {
    if (text->get() != "none" && text->get() != "per-job") return wrong("\"none\" or \"per-job\"");
    endpoint.ordering = text->get() == "per-job" ? notification::WebhookOrdering::kPerJob
                                                 : notification::WebhookOrdering::kNone;
  } else if (name == "content_type") {
    if (text->get() != "application/json" && text->get() != "application/cloudevents+json") {
      return wrong("\"application/json\" or \"application/cloudevents+json\"");
    }
    endpoint.content_type = text->get();
  } else if (name == "headers_file") {
    endpoint.headers_file = text->get();
  } else if (name == "timeout") {
    const auto timeout = parse_duration(text->get());
    if (!timeout || *timeout < std::chrono::seconds(1) || *timeout > std::chrono::seconds(60)) {
      return wrong("a time from \"1s\" to \"60s\"");
    }
    endpoint.timeout = *timeout;
  } else {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format(
            "unknown key \"{}\"; there are url, description, types, tenants, job_types, "
            "tags, data, payload, ordering, content_type, headers_file, concurrency, rate and "
            "timeout",
            name));
  }
  return {};
}

}  // namespace

Result<void> read_job_forms(Config& config, const toml::table& table) {
  config.upstream.jobs.clear();
  for (const auto& [mutation, node] : table) {
    contract::JobForm form{.mutation = std::string(mutation.str())};
    const auto* members = node.as_table();
    if (members == nullptr) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{0} takes a table; write [upstream.jobs.{0}]", form.mutation));
    }
    for (const auto& [name, member] : *members) {
      if (const auto done = read_job_form_member(form, name.str(), member); !done) {
        return fail(ErrorCode::kConfigInvalid,
                    fmt::format("{}: {}", form.mutation, done.error().message));
      }
    }
    config.upstream.jobs.push_back(std::move(form));
  }
  return {};
}

std::string show_job_forms(const Config& config) {
  TextList shown;
  const auto is_plain = [](const contract::JobForm& form) {
    return form == contract::JobForm{.mutation = form.mutation};
  };
  if (std::ranges::all_of(config.upstream.jobs, is_plain)) {
    for (const auto& form : config.upstream.jobs) shown.push_back(toml_text(form.mutation));
    return fmt::format("[{}]", fmt::join(shown, ", "));
  }
  for (const auto& form : config.upstream.jobs) {
    TextList members;
    if (form.replace) members.emplace_back("replace = true");
    for (const auto& [name, text] :
         {std::pair{"name", form.name}, std::pair{"selection", form.selection},
          std::pair{"job", form.job}}) {
      if (!text.empty()) members.push_back(fmt::format("{} = {}", name, toml_text(text)));
    }
    shown.push_back(fmt::format("{} = {{{}}}", form.mutation, fmt::join(members, ", ")));
  }
  return fmt::format("{{{}}}", fmt::join(shown, ", "));
}

Result<void> read_endpoints(Config& config, const toml::table& table) {
  config.webhooks.endpoints.clear();
  for (const auto& [name, node] : table) {
    notification::WebhookEndpoint endpoint{.name = std::string(name.str())};
    const auto in_it = [&](const Error& error) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("{}: {}", endpoint.name, error.message));
    };
    if (!notification::is_endpoint_name(endpoint.name)) {
      return in_it({ErrorCode::kConfigInvalid,
                    "an endpoint's name is 1 to 64 of a-z, 0-9, \"-\" and \"_\""});
    }
    if (endpoint.name.starts_with(notification::kManagedPrefix)) {
      return in_it({ErrorCode::kConfigInvalid,
                    "names that begin with \"we_\" are those of endpoints that the API makes"});
    }
    const auto* members = node.as_table();
    if (members == nullptr) {
      return in_it({ErrorCode::kConfigInvalid, "takes a table with url and types"});
    }
    for (const auto& [key, member] : *members) {
      if (const auto done = read_endpoint_member(endpoint, key.str(), member); !done) {
        return in_it(done.error());
      }
    }
    if (endpoint.url.empty() || endpoint.types.empty()) {
      return in_it({ErrorCode::kConfigInvalid, "needs url and types"});
    }
    config.webhooks.endpoints.push_back(std::move(endpoint));
  }
  return {};
}

std::string show_endpoints(const Config& config) {
  TextList names;
  for (const auto& endpoint : config.webhooks.endpoints) {
    names.push_back(fmt::format("{} = {{url = {}, ...}}", endpoint.name, toml_text(endpoint.url)));
  }
  return fmt::format("{{{}}}", fmt::join(names, ", "));
}

Result<void> read_callback_hosts(Config& config, const toml::table& table) {
  config.webhooks.callback_hosts.clear();
  for (const auto& [tenant, node] : table) {
    auto& hosts = config.webhooks.callback_hosts[std::string(tenant.str())];
    const auto read = read_list(tenant.str(), node, [&](const std::string& text) -> Result<void> {
      const bool below = text.starts_with("*.");
      const auto host = outbound::normalize_host_name(below ? text.substr(2) : text);
      const auto address = outbound::IpAddress::parse(text);
      if (!host && !address) {
        return fail(ErrorCode::kConfigInvalid,
                    fmt::format("{}: \"{}\" is no host, such as \"hooks.example.com\", or "
                                "\"*.example.com\" for all below it",
                                tenant.str(), text));
      }
      hosts.push_back(address ? text : (below ? "*." : "") + *host);
      return {};
    });
    if (!read) return read;
  }
  return {};
}

std::string show_callback_hosts(const Config& config) {
  TextList shown;
  for (const auto& [tenant, hosts] : config.webhooks.callback_hosts) {
    TextList texts;
    for (const std::string& host : hosts) texts.push_back(toml_text(host));
    shown.push_back(fmt::format("{} = [{}]", toml_text(tenant), fmt::join(texts, ", ")));
  }
  return fmt::format("{{{}}}", fmt::join(shown, ", "));
}

}  // namespace errand::app
