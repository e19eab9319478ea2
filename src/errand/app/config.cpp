#include "errand/app/config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <concepts>
#include <filesystem>
#include <functional>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "errand/base/time_text.h"
#include "errand/graphql/type/suggestions.h"
#include "errand/json/writer.h"

namespace errand::app {

namespace {

using Texts = std::span<const std::string>;

/// One setting: how it is called, and how it is read from and written as text.
struct Setting {
  enum class Kind : std::uint8_t { kText, kPath, kNumber, kDuration, kBytes, kTexts, kPaths };

  std::string_view key;
  std::string_view flag;
  std::string_view help;
  Kind kind;
  std::function<Result<void>(Config&, Texts)> set;
  std::function<std::string(const Config&)> get;
  /// Where it can be a table in errand.toml, too: reads that.
  std::function<Result<void>(Config&, const toml::table&)> set_table = {};
};

std::string toml_text(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

template <std::integral Integer>
Result<Integer> read_integer(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || value < low || value > high) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("\"{}\" is not a whole number from {} to {}", text, low, high));
  }
  return static_cast<Integer>(value);
}

/// A number of bytes: "65536", "64KiB", "1MiB".
Result<std::size_t> read_bytes(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t unit = 1;
  std::string_view number = text;
  for (const auto& [name, size] : std::array<std::pair<std::string_view, std::int64_t>, 3>{
           {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}}) {
    if (text.ends_with(name)) {
      unit = size;
      number.remove_suffix(name.size());
    }
  }
  const auto count = read_integer<std::int64_t>(number, 0, high / unit);
  if (!count || *count * unit < low) {
    return fail(
        ErrorCode::kConfigInvalid,
        fmt::format("\"{}\" is not a size from {} to {} bytes, such as \"64KiB\" or \"1MiB\"", text,
                    low, high));
  }
  return static_cast<std::size_t>(*count * unit);
}

Setting text_setting(std::string_view key, std::string_view flag, std::string_view help,
                     std::string& (*member)(Config&), Setting::Kind kind = Setting::Kind::kText) {
  return {key,
          flag,
          help,
          kind,
          [=](Config& config, Texts texts) -> Result<void> {
            member(config) = texts[0];
            return {};
          },
          [=](const Config& config) { return toml_text(member(const_cast<Config&>(config))); }};
}

template <class Integer>
Setting number_setting(std::string_view key, std::string_view flag, std::string_view help,
                       Integer& (*member)(Config&), std::int64_t low, std::int64_t high) {
  return {
      key,
      flag,
      help,
      Setting::Kind::kNumber,
      [=](Config& config, Texts texts) -> Result<void> {
        const auto value = read_integer<Integer>(texts[0], low, high);
        if (!value) return std::unexpected(value.error());
        member(config) = *value;
        return {};
      },
      [=](const Config& config) { return fmt::format("{}", member(const_cast<Config&>(config))); }};
}

Setting bytes_setting(std::string_view key, std::string_view flag, std::string_view help,
                      std::size_t& (*member)(Config&), std::int64_t low, std::int64_t high) {
  return {
      key,
      flag,
      help,
      Setting::Kind::kBytes,
      [=](Config& config, Texts texts) -> Result<void> {
        const auto value = read_bytes(texts[0], low, high);
        if (!value) return std::unexpected(value.error());
        member(config) = *value;
        return {};
      },
      [=](const Config& config) { return fmt::format("{}", member(const_cast<Config&>(config))); }};
}

Setting duration_setting(std::string_view key, std::string_view flag, std::string_view help,
                         Milliseconds& (*member)(Config&), Milliseconds low, Milliseconds high) {
  return {key,
          flag,
          help,
          Setting::Kind::kDuration,
          [=](Config& config, Texts texts) -> Result<void> {
            const auto value = parse_duration(texts[0]);
            if (!value) return fail(ErrorCode::kConfigInvalid, value.error().message);
            if (*value < low || *value > high) {
              return fail(ErrorCode::kConfigInvalid,
                          fmt::format("\"{}\" is not from {} to {}", texts[0], format_duration(low),
                                      format_duration(high)));
            }
            member(config) = *value;
            return {};
          },
          [=](const Config& config) {
            return toml_text(format_duration(member(const_cast<Config&>(config))));
          }};
}

using TextList = std::vector<std::string>;

Setting list_setting(std::string_view key, std::string_view flag, std::string_view help,
                     TextList& (*member)(Config&), Setting::Kind kind = Setting::Kind::kTexts) {
  return {key,
          flag,
          help,
          kind,
          [=](Config& config, Texts texts) -> Result<void> {
            member(config).assign(texts.begin(), texts.end());
            return {};
          },
          [=](const Config& config) {
            TextList quoted;
            for (const auto& text : member(const_cast<Config&>(config))) {
              quoted.push_back(toml_text(text));
            }
            return fmt::format("[{}]", fmt::join(quoted, ", "));
          }};
}

template <class Enum>
using Choices = std::vector<std::pair<std::string_view, Enum>>;

template <class Enum>
Setting choice_setting(std::string_view key, std::string_view flag, std::string_view help,
                       Enum& (*member)(Config&), Choices<Enum> choices) {
  return {key,
          flag,
          help,
          Setting::Kind::kText,
          [=](Config& config, Texts texts) -> Result<void> {
            std::vector<std::string_view> names;
            for (const auto& [name, value] : choices) {
              names.push_back(name);
              if (texts[0] != name) continue;
              member(config) = value;
              return {};
            }
            return fail(ErrorCode::kConfigInvalid,
                        fmt::format("\"{}\" is not one of {}", texts[0], fmt::join(names, ", ")));
          },
          [=](const Config& config) {
            for (const auto& [name, value] : choices) {
              if (member(const_cast<Config&>(config)) == value) return toml_text(name);
            }
            return std::string();
          }};
}

/// A limit on one GraphQL request; 0 switches it off.
Setting limit_setting(std::string_view key, std::string_view help, std::size_t& (*member)(Config&),
                      std::int64_t low = 0) {
  return number_setting<std::size_t>(key, "", help, member, low, 1'000'000);
}

Setting switch_setting(std::string_view key, std::string_view help, bool& (*member)(Config&)) {
  return choice_setting<bool>(key, "", help, member, {{"on", true}, {"off", false}});
}

void add_graphql_settings(std::vector<Setting>& t) {
  using namespace std::chrono_literals;
  using graphql::request::LimitsMode;
  t.push_back(choice_setting<server::StatusProfile>(
      "graphql.status_profile", "",
      "HTTP statuses by the public audits (audit) or by the draft of August 2026 (draft)",
      [](Config& c) -> server::StatusProfile& { return c.graphql.status_profile; },
      {{"audit", server::StatusProfile::kAudit}, {"draft", server::StatusProfile::kDraft}}));
  t.push_back(number_setting<std::size_t>(
      "graphql.batch_max", "", "requests of one HTTP batch; 0 refuses batches",
      [](Config& c) -> std::size_t& { return c.graphql.batch_max; }, 0, 10));
  t.push_back(duration_setting(
      "graphql.heartbeat", "", "between two signs of life on an event stream or multipart answer",
      [](Config& c) -> Milliseconds& { return c.graphql.heartbeat; }, 1s, 10min));
  t.push_back(choice_setting<graphql::request::IncrementalFormat>(
      "graphql.websocket_increments", "",
      "increments over WebSocket, where the client does not say: v0.2 or 20220824",
      [](Config& c) -> graphql::request::IncrementalFormat& {
        return c.graphql.websocket_increments;
      },
      {{"v0.2", graphql::request::IncrementalFormat::kDraft},
       {"20220824", graphql::request::IncrementalFormat::k20220824}}));
  t.push_back(switch_setting("graphql.csrf",
                             "refuse a GET that another site's page could have sent: on or off",
                             [](Config& c) -> bool& { return c.graphql.cross_site.enabled; }));
  t.push_back(list_setting("graphql.csrf_headers", "",
                           "headers which show that a GET came from no other site's page",
                           [](Config& c) -> TextList& { return c.graphql.cross_site.headers; }));
  t.push_back(bytes_setting(
      "graphql.document_cache_bytes_max", "", "memory for parsed documents; 0 keeps none",
      [](Config& c) -> std::size_t& { return c.graphql.document_cache_bytes_max; }, 0, 1 << 30));
  t.push_back(bytes_setting(
      "graphql.persisted_queries_bytes_max", "",
      "memory for automatic persisted queries; 0 switches them off",
      [](Config& c) -> std::size_t& { return c.graphql.persisted_queries_bytes_max; }, 0, 1 << 30));
  t.push_back(text_setting(
      "graphql.trusted_documents", "", "manifest of trusted documents (JSON)",
      [](Config& c) -> std::string& { return c.graphql.trusted_documents; }, Setting::Kind::kPath));
  t.push_back(choice_setting<TrustedDocumentsMode>(
      "graphql.trusted_documents_mode", "",
      "allow other documents too, or require that a document is in the manifest",
      [](Config& c) -> TrustedDocumentsMode& { return c.graphql.trusted_documents_mode; },
      {{"allow", TrustedDocumentsMode::kAllow}, {"require", TrustedDocumentsMode::kRequire}}));
  t.push_back(switch_setting("graphql.introspection", "answer __schema and __type: on or off",
                             [](Config& c) -> bool& { return c.limits.graphql.introspection; }));
  t.push_back(switch_setting("graphql.suggestions",
                             "\"Did you mean\" in errors: on or off; off without introspection",
                             [](Config& c) -> bool& { return c.limits.graphql.suggestions; }));
  t.push_back(choice_setting<LimitsMode>(
      "limits.mode", "",
      "enforce the limits on GraphQL documents, or warn: count and log, and let them pass",
      [](Config& c) -> LimitsMode& { return c.limits.graphql.mode; },
      {{"enforce", LimitsMode::kEnforce}, {"warn", LimitsMode::kWarn}}));
  t.push_back(bytes_setting(
      "limits.query_bytes", "", "text of one GraphQL document; 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.query_bytes_max; }, 0, 64 << 20));
  t.push_back(limit_setting(
      "limits.tokens", "tokens of one GraphQL document",
      [](Config& c) -> std::size_t& { return c.limits.graphql.tokens_max; }, 10));
  t.push_back(number_setting<std::size_t>(
      "limits.recursion", "", "nesting that the parser follows, fragments put in place",
      [](Config& c) -> std::size_t& { return c.limits.graphql.recursion_max; }, 10, 1'000));
  t.push_back(number_setting<std::size_t>(
      "limits.depth", "", "nesting of selection sets; introspection has its own limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.depth_max; }, 1, 1'000));
  t.push_back(limit_setting(
      "limits.introspection_depth", "nesting below __schema and __type; 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.introspection_depth_max; }));
  t.push_back(limit_setting("limits.height", "fields of one operation; 0 is no limit",
                            [](Config& c) -> std::size_t& { return c.limits.graphql.height_max; }));
  t.push_back(
      limit_setting("limits.aliases", "aliases of one operation; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.aliases_max; }));
  t.push_back(
      limit_setting("limits.root_fields", "root fields of one operation; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.root_fields_max; }));
  t.push_back(limit_setting(
      "limits.mutation_root_fields", "root fields of one mutation; 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.mutation_root_fields_max; }));
  t.push_back(
      limit_setting("limits.directives", "directives of one document; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.directives_max; }));
  t.push_back(number_setting<std::size_t>(
      "limits.cost", "", "cost of one operation (@cost, @listSize); 0 is no limit",
      [](Config& c) -> std::size_t& { return c.limits.graphql.cost_max; }, 0, 1'000'000'000));
  t.push_back(
      limit_setting("limits.list_size", "items that a list is asked for; 0 is no limit",
                    [](Config& c) -> std::size_t& { return c.limits.graphql.list_size_max; }));
  t.push_back(limit_setting(
      "limits.assumed_list_size", "items that a list of objects without @listSize counts as",
      [](Config& c) -> std::size_t& { return c.limits.graphql.assumed_list_size; }));
}

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

void add_upstream_settings(std::vector<Setting>& t) {
  using namespace std::chrono_literals;
  t.push_back(text_setting("upstream.url", "--upstream",
                           "GraphQL endpoint of a server to stand in front of",
                           [](Config& c) -> std::string& { return c.upstream.url; }));
  t.push_back(text_setting(
      "upstream.schema", "--upstream-schema",
      "SDL file with that server's schema; it is asked over introspection where there is none",
      [](Config& c) -> std::string& { return c.upstream.schema; }, Setting::Kind::kPath));
  t.push_back({"upstream.jobs", "--job",
               "mutations of that server that can be had as jobs; a table for each says more",
               Setting::Kind::kTexts,
               [](Config& config, Texts texts) -> Result<void> {
                 config.upstream.jobs.clear();
                 for (const std::string& text : texts) {
                   config.upstream.jobs.push_back({.mutation = text});
                 }
                 return {};
               },
               show_job_forms, read_job_forms});
  t.push_back(list_setting("upstream.forward_headers", "",
                           "headers of clients that go along with their jobs, kept encrypted",
                           [](Config& c) -> TextList& { return c.upstream.forward_headers; }));
  t.push_back(text_setting(
      "upstream.headers_file", "",
      "file of further headers, one a line, for jobs and introspection; a forwarded one outranks "
      "it",
      [](Config& c) -> std::string& { return c.upstream.headers_file; }, Setting::Kind::kPath));
  t.push_back(text_setting("upstream.on_behalf_of", "",
                           "header that tells the server on whose behalf a job runs",
                           [](Config& c) -> std::string& { return c.upstream.on_behalf_of; }));
  t.push_back(list_setting("upstream.transient", "",
                           "codes of the server's errors after which a job is tried again",
                           [](Config& c) -> TextList& { return c.upstream.transient; }));
  t.push_back(list_setting("upstream.permanent", "", "codes of the server's errors that end a job",
                           [](Config& c) -> TextList& { return c.upstream.permanent; }));
  t.push_back(text_setting("upstream.websocket_url", "",
                           "where that server takes WebSockets (ws or wss), if not at upstream.url",
                           [](Config& c) -> std::string& { return c.upstream.websocket_url; }));
  t.push_back(duration_setting(
      "upstream.timeout", "", "longest wait for its answer to what is passed on",
      [](Config& c) -> Milliseconds& { return c.upstream.timeout; }, 100ms, 1h));
  t.push_back(duration_setting(
      "upstream.idle_timeout", "", "longest wait for the next piece of such an answer",
      [](Config& c) -> Milliseconds& { return c.upstream.idle_timeout; }, 100ms, 24h));
  t.push_back(number_setting<std::size_t>(
      "upstream.requests_max", "", "requests passed on at once, streams included",
      [](Config& c) -> std::size_t& { return c.upstream.requests_max; }, 1, 100'000));
  t.push_back(text_setting("upstream.identity.query", "",
                           "query by which that server says who sends a request",
                           [](Config& c) -> std::string& { return c.upstream.identity.query; }));
  t.push_back(text_setting("upstream.identity.subject", "",
                           "where its answer has the id of who that is, such as \"viewer.id\"",
                           [](Config& c) -> std::string& { return c.upstream.identity.subject; }));
  t.push_back(text_setting("upstream.identity.tenant", "",
                           "where it has the id of the tenant; empty: all are of \"default\"",
                           [](Config& c) -> std::string& { return c.upstream.identity.tenant; }));
  t.push_back(list_setting("upstream.identity.scopes", "", "what such a client may do here",
                           [](Config& c) -> TextList& { return c.upstream.identity.scopes; }));
  t.push_back(list_setting("upstream.identity.queues", "",
                           "queues that such a client may use; none named: all",
                           [](Config& c) -> TextList& { return c.upstream.identity.queues; }));
  t.push_back(list_setting("upstream.identity.headers", "",
                           "headers of a request that are credentials, and go along",
                           [](Config& c) -> TextList& { return c.upstream.identity.headers; }));
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
  const auto* text = node.as_string();
  if (text == nullptr) return wrong("a text in quotes");
  if (name == "url") {
    endpoint.url = text->get();
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
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("unknown key \"{}\"; there are url, types, tenants, job_types, tags, "
                            "payload, ordering, content_type, headers_file, concurrency, rate and "
                            "timeout",
                            name));
  }
  return {};
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

void add_webhook_settings(std::vector<Setting>& t) {
  t.push_back({"webhooks.endpoints", "",
               "where events are posted to: a table for each, [webhooks.endpoints.NAME]",
               Setting::Kind::kTexts,
               [](Config&, Texts) -> Result<void> {
                 return fail(ErrorCode::kConfigInvalid,
                             "endpoints are tables of errand.toml: [webhooks.endpoints.NAME]");
               },
               show_endpoints, read_endpoints});
  t.push_back(number_setting<int>(
      "webhooks.secret_generation", "",
      "generation of the secrets that webhooks are signed with; signatures of the one before are "
      "sent too",
      [](Config& c) -> int& { return c.webhooks.secret_generation; }, 1, 1'000'000));
}

void add_way_settings(std::vector<Setting>& t) {
  t.push_back(list_setting("outbound.allow", "",
                           "subnets, addresses and host names that requests of the server may "
                           "reach in spite of being internal, such as \"10.1.0.0/16\"",
                           [](Config& c) -> TextList& { return c.outbound.guard.allow; }));
  t.push_back(list_setting("outbound.deny", "", "subnets and addresses that they may never reach",
                           [](Config& c) -> TextList& { return c.outbound.guard.deny; }));
  t.push_back({"outbound.ports", "", "ports that they may use", Setting::Kind::kTexts,
               [](Config& config, Texts texts) -> Result<void> {
                 std::vector<std::uint16_t> ports;
                 for (const std::string& text : texts) {
                   const auto port = read_integer<std::uint16_t>(text, 1, 65'535);
                   if (!port) return std::unexpected(port.error());
                   ports.push_back(*port);
                 }
                 config.outbound.guard.ports = std::move(ports);
                 return {};
               },
               [](const Config& config) {
                 return fmt::format("[\"{}\"]", fmt::join(config.outbound.guard.ports, "\", \""));
               }});
  t.push_back(switch_setting("outbound.http", "whether they may go without TLS: on or off",
                             [](Config& c) -> bool& { return c.outbound.guard.allow_http; }));
  t.push_back(text_setting(
      "outbound.ca_file", "", "certificates to trust instead of the system's (PEM)",
      [](Config& c) -> std::string& { return c.outbound.ca_file; }, Setting::Kind::kPath));
  t.push_back(number_setting<int>(
      "outbound.secret_generation", "",
      "generation of the secrets that push is signed with; signatures of the one before are sent "
      "too",
      [](Config& c) -> int& { return c.outbound.secret_generation; }, 1, 1'000'000));
  t.push_back(choice_setting<RunCommandsBy>(
      "sandbox.run_by", "--sandbox-run-by",
      "server, or worker: leave commands to `errand worker run` on other machines",
      [](Config& c) -> RunCommandsBy& { return c.sandbox.run_by; },
      {{"server", RunCommandsBy::kServer}, {"worker", RunCommandsBy::kWorker}}));
  t.push_back(text_setting("sandbox.user", "--sandbox-user",
                           "user that commands run as; needed where their runner is root",
                           [](Config& c) -> std::string& { return c.sandbox.user; }));
  t.push_back(text_setting(
      "sandbox.bubblewrap", "--sandbox-bubblewrap",
      "the program bwrap, for commands of the profile ISOLATED",
      [](Config& c) -> std::string& { return c.sandbox.bubblewrap; }, Setting::Kind::kPath));
  t.push_back(text_setting(
      "sandbox.scratch", "--sandbox-scratch",
      "folder in which the private folders of commands are made",
      [](Config& c) -> std::string& { return c.sandbox.scratch; }, Setting::Kind::kPath));
  t.push_back(text_setting(
      "sandbox.cgroup", "--sandbox-cgroup",
      "control group (v2) handed over to Errand, for limits on the memory of whole commands",
      [](Config& c) -> std::string& { return c.sandbox.cgroup; }, Setting::Kind::kPath));
}

const std::vector<Setting>& table() {
  using namespace std::chrono_literals;
  static const std::vector<Setting> rows = [] {
    std::vector<Setting> t;
    t.push_back(text_setting("server.listen", "--listen",
                             "address to bind; other than loopback only with auth.credentials",
                             [](Config& c) -> std::string& { return c.server.listen; }));
    t.push_back(number_setting<std::uint16_t>(
        "server.port", "--port", "port to bind; 0 takes a free one and prints it",
        [](Config& c) -> std::uint16_t& { return c.server.port; }, 0, 65'535));
    t.push_back(number_setting<int>(
        "server.threads", "--threads", "threads that serve connections; 0 is one a core, at most 8",
        [](Config& c) -> int& { return c.server.threads; }, 0, 256));
    t.push_back(bytes_setting(
        "server.body_bytes_max", "", "largest request body",
        [](Config& c) -> std::size_t& { return c.server.body_bytes_max; }, 1'024, 64 << 20));
    t.push_back(number_setting<std::size_t>(
        "server.connections_max", "", "open connections; more are refused",
        [](Config& c) -> std::size_t& { return c.server.connections_max; }, 1, 1'000'000));
    t.push_back(duration_setting(
        "server.drain_timeout", "", "longest wait for running requests at shutdown",
        [](Config& c) -> Milliseconds& { return c.server.drain_timeout; }, 0ms, 10min));
    t.push_back(choice_setting<ServeGraphiql>(
        "server.graphiql", "", "serve the page /graphiql: on, off, or auto (in development mode)",
        [](Config& c) -> ServeGraphiql& { return c.server.graphiql; },
        {{"auto", ServeGraphiql::kAuto},
         {"on", ServeGraphiql::kOn},
         {"off", ServeGraphiql::kOff}}));
    t.push_back(bytes_setting(
        "server.gzip_bytes_min", "", "shortest answer that is packed with gzip; 0 packs none",
        [](Config& c) -> std::size_t& { return c.server.gzip_bytes_min; }, 0, 64 << 20));
    t.push_back(text_setting(
        "server.public_url", "",
        "address under which others reach this server, such as \"https://errand.example\"",
        [](Config& c) -> std::string& { return c.server.public_url; }));
    t.push_back(list_setting("cors.origins", "",
                             "origins whose pages may use GraphQL, such as \"https://app.example\"",
                             [](Config& c) -> TextList& { return c.cors.origins; }));
    t.push_back(choice_setting<bool>(
        "cors.credentials", "", "whether those pages may send cookies: on or off",
        [](Config& c) -> bool& { return c.cors.credentials; }, {{"on", true}, {"off", false}}));
    t.push_back(list_setting("cors.headers", "", "request headers that those pages may set",
                             [](Config& c) -> TextList& { return c.cors.headers; }));
    t.push_back(duration_setting(
        "cors.max_age", "", "how long a browser may keep the answer to a preflight",
        [](Config& c) -> Milliseconds& { return c.cors.max_age; }, 0ms, 24h));
    t.push_back(list_setting(
        "schema.files", "--schema", "SDL files, in order; the flag may be repeated",
        [](Config& c) -> TextList& { return c.schema.files; }, Setting::Kind::kPaths));
    t.push_back(text_setting("schema.prefix", "",
                             "put before the names of Errand's own types and fields",
                             [](Config& c) -> std::string& { return c.schema.prefix; }));
    t.push_back(text_setting("schema.options_argument", "",
                             "name of the argument that takes JobOptions",
                             [](Config& c) -> std::string& { return c.schema.options_argument; }));
    t.push_back(choice_setting<bool>(
        "schema.federation", "",
        "on or off: be a federation subgraph even where the schema has no @link of federation",
        [](Config& c) -> bool& { return c.schema.federation; }, {{"off", false}, {"on", true}}));
    t.push_back(choice_setting<OnSchemaChange>(
        "schema.on_change", "--on-change",
        "fail, keep-old or drop: what to do when the schema breaks a type with live jobs",
        [](Config& c) -> OnSchemaChange& { return c.schema.on_change; },
        {{"fail", OnSchemaChange::kFail},
         {"keep-old", OnSchemaChange::kKeepOld},
         {"drop", OnSchemaChange::kDrop}}));
    add_upstream_settings(t);
    add_webhook_settings(t);
    t.push_back(text_setting(
        "store.data", "--data", "directory of the database and the master key",
        [](Config& c) -> std::string& { return c.store.data; }, Setting::Kind::kPath));
    t.push_back(text_setting(
        "auth.credentials", "--credentials",
        "credentials file; without one the server is in development mode",
        [](Config& c) -> std::string& { return c.auth.credentials; }, Setting::Kind::kPath));
    t.push_back(duration_setting(
        "worker.lease", "", "how long a job stays with a worker that does not report",
        [](Config& c) -> Milliseconds& { return c.worker.lease; }, 1s, 1h));
    t.push_back(bytes_setting(
        "worker.result_bytes_max", "", "largest result of a job",
        [](Config& c) -> std::size_t& { return c.worker.result_bytes_max; }, 1'024, 64 << 20));
    add_way_settings(t);
    add_graphql_settings(t);
    t.push_back(duration_setting(
        "limits.request_timeout", "",
        "longest work on one request; JobOptions.waitFor and open streams do not count",
        [](Config& c) -> Milliseconds& { return c.limits.request_timeout; }, 100ms, 1h));
    t.push_back(number_setting<std::size_t>(
        "limits.queue_length", "", "waiting jobs of one queue; more are refused with QUEUE_FULL",
        [](Config& c) -> std::size_t& { return c.limits.queue_length; }, 1, 1'000'000'000));
    t.push_back(duration_setting(
        "limits.wait_for", "", "longest waitFor, of JobOptions and of job",
        [](Config& c) -> Milliseconds& { return c.limits.wait_for; }, 0ms, 10min));
    t.push_back(duration_setting(
        "limits.deferred_result", "", "longest that `... @defer { result }` waits for its job",
        [](Config& c) -> Milliseconds& { return c.limits.deferred_result; }, 0ms, 24h));
    t.push_back(choice_setting<telemetry::LogLevel>(
        "log.level", "--log-level", "debug, info, warn, error or off",
        [](Config& c) -> telemetry::LogLevel& { return c.log.level; },
        {{"debug", telemetry::LogLevel::kDebug},
         {"info", telemetry::LogLevel::kInfo},
         {"warn", telemetry::LogLevel::kWarn},
         {"error", telemetry::LogLevel::kError},
         {"off", telemetry::LogLevel::kOff}}));
    t.push_back(choice_setting<telemetry::LogFormat>(
        "log.format", "--log-format", "text or json",
        [](Config& c) -> telemetry::LogFormat& { return c.log.format; },
        {{"text", telemetry::LogFormat::kText}, {"json", telemetry::LogFormat::kJson}}));
    return t;
  }();
  return rows;
}

bool is_list(const Setting& setting) {
  return setting.kind == Setting::Kind::kTexts || setting.kind == Setting::Kind::kPaths;
}
bool is_path(const Setting& setting) {
  return setting.kind == Setting::Kind::kPath || setting.kind == Setting::Kind::kPaths;
}

const Setting* find_setting(std::string_view key) {
  const auto row = std::ranges::find(table(), key, &Setting::key);
  return row == table().end() ? nullptr : &*row;
}

std::string variable_name(std::string_view key) {
  std::string name = "ERRAND_";
  for (const char c : key) {
    name.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

/// Variables of the command-line client and of the place of the file; no settings of the server.
constexpr std::array<std::string_view, 3> kOtherVariables{"ERRAND_URL", "ERRAND_TOKEN",
                                                          "ERRAND_CONFIG"};

/// The nearest known name, as the end of an error text.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  const std::vector<std::string_view> options(known.begin(), known.end());
  const auto nearest = graphql::type::suggestion_list(name, options);
  return nearest.empty() ? "; `errand config show` lists all settings"
                         : fmt::format("; did you mean {}?", nearest.front());
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const auto& row : table()) keys.emplace_back(row.key);
  return keys;
}

/// Applies settings one after the other and remembers where each came from.
class Loader {
 public:
  Loader() {
    for (const auto& row : table()) origins_[row.key] = "default";
  }

  Result<void> set(const Setting& setting, std::vector<std::string> texts, std::string origin) {
    if (texts.empty() || (!is_list(setting) && texts.size() != 1)) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {} takes {}", origin, setting.key,
                              is_list(setting) ? "at least one value" : "one value"));
    }
    if (const auto done = setting.set(loaded_.config, texts); !done) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {}: {}", origin, setting.key, done.error().message));
    }
    origins_[setting.key] = std::move(origin);
    return {};
  }

  Result<void> set_as_table(const Setting& setting, const toml::table& table, std::string origin) {
    if (const auto done = setting.set_table(loaded_.config, table); !done) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {}.{}", origin, setting.key, done.error().message));
    }
    origins_[setting.key] = std::move(origin);
    return {};
  }

  Result<void> set_from_table(const toml::table& table, const std::string& prefix,
                              const std::string& file) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const std::string origin = fmt::format("{}:{}", file, name.source().begin.line);
      if (const auto* sub = node.as_table(); sub && !find_setting(key)) {
        if (const auto done = set_from_table(*sub, key + ".", file); !done) return done;
        continue;
      }
      const Setting* setting = find_setting(key);
      if (!setting) {
        return fail(ErrorCode::kConfigInvalid, fmt::format("{}: unknown key \"{}\"{}", origin, key,
                                                           did_you_mean(key, all_keys())));
      }
      if (const auto* sub = node.as_table(); sub && setting->set_table) {
        if (const auto done = set_as_table(*setting, *sub, origin); !done) return done;
        continue;
      }
      auto texts = read_node(*setting, node, origin);
      if (!texts) return std::unexpected(texts.error());
      if (is_path(*setting)) {
        const auto folder = std::filesystem::path(file).parent_path();
        for (auto& text : *texts) {
          if (!text.empty()) text = (folder / text).lexically_normal().string();
        }
      }
      if (const auto done = set(*setting, *std::move(texts), origin); !done) return done;
    }
    return {};
  }

  LoadedConfig finish() {
    for (const auto& row : table()) {
      loaded_.effective.push_back(
          {std::string(row.key), row.get(loaded_.config), origins_[row.key]});
    }
    return std::move(loaded_);
  }

 private:
  static Result<std::vector<std::string>> read_node(const Setting& setting, const toml::node& node,
                                                    const std::string& origin) {
    const auto wrong_type = [&](std::string_view wanted) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {} takes {}", origin, setting.key, wanted));
    };
    switch (setting.kind) {
      case Setting::Kind::kNumber:
        if (const auto* value = node.as_integer())
          return std::vector{fmt::format("{}", value->get())};
        return wrong_type("a whole number, without quotes");
      case Setting::Kind::kBytes:
        if (const auto* value = node.as_integer())
          return std::vector{fmt::format("{}", value->get())};
        if (const auto* value = node.as_string()) return std::vector{value->get()};
        return wrong_type("a number of bytes or a text such as \"1MiB\"");
      case Setting::Kind::kTexts:
      case Setting::Kind::kPaths:
        if (const auto* array = node.as_array()) {
          std::vector<std::string> texts;
          for (const auto& item : *array) {
            const auto* text = item.as_string();
            if (!text) return wrong_type("a list of texts");
            texts.push_back(text->get());
          }
          return texts;
        }
        [[fallthrough]];
      default:
        if (const auto* value = node.as_string()) return std::vector{value->get()};
        return wrong_type(setting.kind == Setting::Kind::kDuration ? "a text such as \"30s\""
                                                                   : "a text in quotes");
    }
  }

  LoadedConfig loaded_;
  std::map<std::string_view, std::string> origins_;
};

Result<void> load_file(Loader& loader, const std::string& path) {
  try {
    return loader.set_from_table(toml::parse_file(path), "", path);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("{}:{}:{}: {}", path, error.source().begin.line,
                            error.source().begin.column, error.description()));
  }
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

}  // namespace

std::vector<SettingInfo> settings() {
  std::vector<SettingInfo> infos;
  for (const auto& row : table()) {
    infos.push_back({row.key, row.flag, row.help, is_list(row)});
  }
  return infos;
}

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  Loader loader;

  std::optional<std::string> file = sources.file;
  if (const auto variable = sources.environment.find("ERRAND_CONFIG");
      !file && variable != sources.environment.end()) {
    file = variable->second;
  }
  std::error_code ignored;
  if (!file && std::filesystem::exists("errand.toml", ignored)) file = "errand.toml";
  if (file) {
    if (!std::filesystem::is_regular_file(*file, ignored)) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("{}: there is no such file", *file));
    }
    if (const auto done = load_file(loader, *file); !done) return std::unexpected(done.error());
  }

  std::vector<std::string> variables;
  for (const auto& row : table()) variables.push_back(variable_name(row.key));
  for (const auto& [name, value] : sources.environment) {
    if (!name.starts_with("ERRAND_") ||
        std::ranges::find(kOtherVariables, name) != kOtherVariables.end()) {
      continue;
    }
    const auto row = std::ranges::find(variables, name);
    if (row == variables.end()) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("unknown environment variable {}{}", name,
                                                         did_you_mean(name, variables)));
    }
    const Setting& setting = table()[static_cast<std::size_t>(row - variables.begin())];
    auto texts = is_list(setting) ? split_list(value) : std::vector{value};
    if (const auto done = loader.set(setting, std::move(texts), name); !done) {
      return std::unexpected(done.error());
    }
  }

  for (const auto& [key, texts] : sources.flags) {
    const Setting* setting = find_setting(key);
    if (!setting) return fail(ErrorCode::kConfigInvalid, fmt::format("unknown setting {}", key));
    if (const auto done = loader.set(*setting, texts, std::string(setting->flag)); !done) {
      return std::unexpected(done.error());
    }
  }
  return loader.finish();
}

}  // namespace errand::app
