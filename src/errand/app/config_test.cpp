#include "errand/app/config.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace errand::app {
namespace {

class ConfigTest : public testing::Test {
 protected:
  ConfigTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("errand-config-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& text) const {
    const auto path = folder_ / "errand.toml";
    std::ofstream(path) << text;
    return path.string();
  }

  static std::string error(const ConfigSources& sources) {
    const auto loaded = load_config(sources);
    return loaded ? "" : loaded.error().message;
  }

  static EffectiveSetting effective(const LoadedConfig& loaded, const std::string& key) {
    for (const auto& setting : loaded.effective) {
      if (setting.key == key) return setting;
    }
    return {};
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigTest, TheFileYieldsToTheEnvironmentAndTheEnvironmentToFlags) {
  ConfigSources sources;
  sources.file = file("[server]\nport = 1\nlisten = \"::1\"\n[log]\nlevel = \"warn\"\n");
  sources.environment = {{"ERRAND_SERVER_PORT", "2"}, {"ERRAND_LOG_LEVEL", "debug"}, {"PATH", "x"}};
  sources.flags = {{"server.port", {"3"}}};
  const auto loaded = load_config(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.server.port, 3);
  EXPECT_EQ(loaded->config.log.level, telemetry::LogLevel::kDebug);
  EXPECT_EQ(loaded->config.server.listen, "::1");
  EXPECT_EQ(effective(*loaded, "server.port").origin, "--port");
  EXPECT_EQ(effective(*loaded, "log.level").origin, "ERRAND_LOG_LEVEL");
  EXPECT_EQ(effective(*loaded, "server.listen").origin, *sources.file + ":3");
  EXPECT_EQ(effective(*loaded, "worker.lease").value, "\"30s\"");
  EXPECT_EQ(effective(*loaded, "worker.lease").origin, "default");
}

TEST_F(ConfigTest, NamesTheMutationsOfAnUpstreamThatAreJobsAsAListOrOneByOne) {
  ConfigSources sources;
  sources.flags = {{"upstream.jobs", {"exportReport", "importCatalog"}}};
  const auto listed = load_config(sources);
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->config.upstream.jobs.at(1), contract::JobForm{.mutation = "importCatalog"});
  EXPECT_EQ(effective(*listed, "upstream.jobs").value, R"(["exportReport", "importCatalog"])");

  sources = {.file = file("[upstream]\nurl = \"https://api.example.com/graphql\"\n"
                          "[upstream.jobs.exportReport]\nreplace = true\n"
                          "selection = \"{ id }\"\njob = 'queue: \"reports\"'\n"
                          "[upstream.jobs.touch]\n")};
  const auto each = load_config(sources);
  ASSERT_TRUE(each) << each.error().message;
  EXPECT_EQ(each->config.upstream.jobs,
            (std::vector<contract::JobForm>{{.mutation = "exportReport",
                                             .replace = true,
                                             .selection = "{ id }",
                                             .job = "queue: \"reports\""},
                                            {.mutation = "touch"}}));
  EXPECT_EQ(effective(*each, "upstream.jobs").value,
            "{exportReport = {replace = true, selection = \"{ id }\", job = \"queue: "
            "\\\"reports\\\"\"}, touch = {}}");
  EXPECT_EQ(effective(*each, "upstream.jobs").origin, *sources.file + ":3");
}

TEST_F(ConfigTest, SaysWhatIsWrongWithAMutationOfAnUpstream) {
  EXPECT_EQ(error({.file = file("[upstream.jobs.run]\nreplaces = true\n")}),
            (folder_ / "errand.toml").string() +
                ":1: upstream.jobs.run: unknown key \"replaces\"; there are name, replace, "
                "selection and job");
  EXPECT_NE(error({.file = file("[upstream.jobs.run]\nreplace = \"yes\"\n")})
                .find("replace takes true or false"),
            std::string::npos);
  EXPECT_NE(error({.file = file("[upstream.jobs]\nrun = true\n")})
                .find("run takes a table; write [upstream.jobs.run]"),
            std::string::npos);
}

TEST_F(ConfigTest, ReadsEndpointsOfWebhooks) {
  ConfigSources sources{.file = file("[webhooks.endpoints.billing]\n"
                                     "url = \"https://hooks.example.com/\"\n"
                                     "types = [\"dev.errand.job.*\"]\ntenants = [\"acme\"]\n"
                                     "payload = \"full\"\nordering = \"per-job\"\nrate = 5\n"
                                     "timeout = \"5s\"\n")};
  const auto loaded = load_config(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.webhooks.endpoints,
            (std::vector<notification::WebhookEndpoint>{
                {.name = "billing",
                 .url = "https://hooks.example.com/",
                 .types = {"dev.errand.job.*"},
                 .tenants = {TenantId("acme")},
                 .full = true,
                 .ordering = notification::WebhookOrdering::kPerJob,
                 .rate = 5,
                 .timeout = std::chrono::seconds(5)}}));
}

TEST_F(ConfigTest, SaysWhatIsWrongWithAnEndpoint) {
  const auto wrong = [&](const std::string& members) {
    return error({.file = file("[webhooks.endpoints.a]\n" + members)});
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(
      has(wrong("url = \"https://x.example/\"\n"), "webhooks.endpoints.a: needs url and types"));
  EXPECT_TRUE(has(wrong("types = [\"dev*\"]\n"), "\"dev*\" is no type of events"));
  EXPECT_TRUE(has(wrong("rate = 0\n"), "rate takes a whole number from 1 to 100000"));
  EXPECT_TRUE(has(wrong("timeout = \"2m\"\n"), "timeout takes a time from"));
  EXPECT_TRUE(has(wrong("payload = \"fat\"\n"), "payload takes \"thin\" or \"full\""));
  EXPECT_TRUE(has(wrong("uri = \"x\"\n"), "unknown key \"uri\""));
  EXPECT_TRUE(
      has(error({.file = file("[webhooks.endpoints.\"A b\"]\n")}), "an endpoint's name is"));
}

TEST_F(ConfigTest, ReadsRelaysToBrokers) {
  ConfigSources sources{
      .file = file("[relay.nats.main]\nurl = \"tls://nats.example.com\"\nstream = \"ERRAND\"\n"
                   "create = true\n"
                   "[relay.amqp.main]\nurl = \"amqp://mq.example.com/production\"\n"
                   "exchange = \"events\"\nrouting_key = \"jobs\"\nunroutable = \"skip\"\n"
                   "types = [\"dev.errand.job.failed\"]\ntenants = [\"acme\"]\n"
                   "from = \"beginning\"\nwindow = 10\ntimeout = \"2s\"\n")};
  const auto loaded = load_config(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const relay::RelaySettings nats{
      .name = "nats.main",
      .broker = relay::NatsSettings{.broker = {.url = "tls://nats.example.com", .create = true},
                                    .stream = "ERRAND"}};
  const relay::RelaySettings amqp{
      .name = "amqp.main",
      .filter = {.types = {"dev.errand.job.failed"}, .tenants = {TenantId("acme")}},
      .from = relay::StartFrom::kBeginning,
      .window = 10,
      .broker = relay::AmqpSettings{.broker = {.url = "amqp://mq.example.com/production",
                                               .topic = "jobs",
                                               .timeout = std::chrono::seconds(2)},
                                    .exchange = "events",
                                    .unroutable = relay::Unroutable::kSkip}};
  EXPECT_THAT(loaded->config.relays, ::testing::UnorderedElementsAre(nats, amqp));
  EXPECT_EQ(effective(*loaded, "relay.amqp").value,
            "{main = {url = \"amqp://mq.example.com/production\", ...}}");
}

TEST_F(ConfigTest, SaysWhatIsWrongWithARelay) {
  const auto wrong = [&](const std::string& text) { return error({.file = file(text)}); };
  const auto expect = [&](const std::string& text, std::string_view part) {
    EXPECT_NE(wrong(text).find(part), std::string::npos) << wrong(text);
  };
  const std::string nats = "[relay.nats.a]\nurl = \"nats://x\"\nstream = \"S\"\n";
  const std::string amqp = "[relay.amqp.a]\nurl = \"amqp://x\"\nexchange = \"e\"\n";
  expect("[relay.nats.a]\nurl = \"nats://x\"\n", "relay.nats.a: needs url and stream");
  expect("[relay.amqp.a]\nexchange = \"e\"\n", "relay.amqp.a: needs url and exchange");
  expect("[relay.nats.\"A b\"]\n", "a relay's name is");
  expect("[relay.nats.a]\nurl = \"http://x\"\nstream = \"S\"\n", "url has another scheme");
  expect("[relay.nats.a]\nurl = \"nats://u:s3cret@x\"\nstream = \"S\"\n",
         "url has credentials in it");
  expect("[relay.nats.a]\nurl = \"nats://x\"\nstream = \"a.b\"\n", "stream takes");
  expect(nats + "subject = \"a.*\"\n", "subject takes");
  expect(nats + "routing_key = \"a\"\n", "unknown key \"routing_key\"");
  expect(nats + "types = [\"dev*\"]\n", "\"dev*\" is no type of events");
  expect(nats + "tenants = []\n", "tenants takes a list");
  expect(nats + "from = \"then\"\n", "from takes \"now\" or \"beginning\"");
  expect(nats + "window = 0\n", "window takes a whole number from 1 to 1000");
  expect(nats + "timeout = \"2m\"\n", "timeout takes a time");
  expect(nats + "create = \"yes\"\n", "create takes true or false");
  expect(amqp + "unroutable = \"drop\"\n", "unroutable takes \"wait\" or \"skip\"");
  expect(amqp + "stream = \"S\"\n", "unknown key \"stream\"");
}

TEST_F(ConfigTest, SetsTheLimitsOnGraphqlDocuments) {
  ConfigSources sources;
  sources.file = file(
      "[limits]\nmode = \"warn\"\ncost = 0\nlist_size = 50\nquery_bytes = \"10KiB\"\n"
      "request_timeout = \"5s\"\n"
      "[graphql]\nintrospection = \"off\"\ntrusted_documents_mode = \"require\"\n");
  const auto loaded = load_config(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Config& config = loaded->config;
  EXPECT_EQ(config.limits.graphql.mode, graphql::request::LimitsMode::kWarn);
  EXPECT_EQ(config.limits.graphql.cost_max, 0U);
  EXPECT_EQ(config.limits.graphql.list_size_max, 50U);
  EXPECT_EQ(config.limits.graphql.query_bytes_max, 10U * 1024);
  EXPECT_EQ(config.limits.graphql.tokens_max, 5'000U);
  EXPECT_FALSE(config.limits.graphql.introspection);
  EXPECT_TRUE(config.limits.graphql.suggestions);
  EXPECT_EQ(config.limits.request_timeout, Milliseconds(5'000));
  EXPECT_EQ(config.graphql.trusted_documents_mode, TrustedDocumentsMode::kRequire);
  EXPECT_EQ(effective(*loaded, "limits.aliases").value, "30");
  EXPECT_EQ(effective(*loaded, "graphql.introspection").value, "\"off\"");

  sources.file = file("[limits]\nmode = \"off\"\n");
  EXPECT_NE(error(sources).find("is not one of enforce, warn"), std::string::npos);
}

TEST_F(ConfigTest, SaysWhoRunsCommands) {
  EXPECT_EQ(load_config({.file = file("")})->config.sandbox.run_by, RunCommandsBy::kServer);
  const auto loaded = load_config({.file = file("[sandbox]\nrun_by = \"worker\"\n")});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.sandbox.run_by, RunCommandsBy::kWorker);
  EXPECT_EQ(effective(*loaded, "sandbox.run_by").value, "\"worker\"");
  EXPECT_NE(error({.flags = {{"sandbox.run_by", {"both"}}}}).find("is not one of server, worker"),
            std::string::npos);
}

TEST_F(ConfigTest, PathsOfTheFileAreRelativeToIt) {
  const auto loaded =
      load_config({.file = file("[schema]\nfiles = [\"a.graphql\", \"/b.graphql\"]\n")});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.schema.files,
            (std::vector<std::string>{(folder_ / "a.graphql").string(), "/b.graphql"}));
}

TEST_F(ConfigTest, ListsOfTextsComeFromTheFileOrTheEnvironment) {
  const auto path = file("[cors]\norigins = [\"https://a.example\", \"null\"]\n");
  const auto loaded =
      load_config({.file = path, .environment = {{"ERRAND_GRAPHQL_CSRF_HEADERS", "x-a,x-b"}}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.cors.origins, (std::vector<std::string>{"https://a.example", "null"}));
  EXPECT_EQ(loaded->config.graphql.cross_site.headers, (std::vector<std::string>{"x-a", "x-b"}));
  EXPECT_EQ(effective(*loaded, "cors.origins").value, "[\"https://a.example\", \"null\"]");
  const auto one = load_config({.file = file("[cors]\norigins = \"*\"\n")});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->config.cors.origins, std::vector<std::string>{"*"});
}

TEST_F(ConfigTest, AnUnknownKeyIsAnErrorThatNamesItsLineAndTheNearestKey) {
  const auto path = file("[server]\nprot = 1\n");
  EXPECT_EQ(error({.file = path}),
            path + ":2: unknown key \"server.prot\"; did you mean server.port?");
  EXPECT_EQ(error({.environment = {{"ERRAND_SERVER_PROT", "1"}}}),
            "unknown environment variable ERRAND_SERVER_PROT; did you mean ERRAND_SERVER_PORT?");
}

TEST_F(ConfigTest, AWrongValueIsAnErrorThatSaysWhatIsTaken) {
  const auto path = file("[server]\nport = \"x\"\n");
  EXPECT_EQ(error({.file = path}), path + ":2: server.port takes a whole number, without quotes");
  EXPECT_EQ(error({.flags = {{"server.port", {"70000"}}}}),
            "--port: server.port: \"70000\" is not a whole number from 0 to 65535");
  EXPECT_NE(error({.environment = {{"ERRAND_WORKER_LEASE", "30"}}}).find("not a duration"),
            std::string::npos);
  EXPECT_NE(error({.environment = {{"ERRAND_SERVER_BODY_BYTES_MAX", "1MB"}}}).find("1MiB"),
            std::string::npos);
  const auto broken = file("[server\n");
  EXPECT_NE(error({.file = broken}).find(broken + ":1:"), std::string::npos);
  EXPECT_EQ(error({.file = "/nowhere/errand.toml"}), "/nowhere/errand.toml: there is no such file");
}

}  // namespace
}  // namespace errand::app
