#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "errand/app/config.h"
#include "errand/app/outbound_requests.h"
#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/time_text.h"
#include "errand/base/uuid.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/notification_query_commands.h"
#include "errand/crypto/master_key.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/make_channels.h"
#include "errand/notification/vapid.h"

namespace errand::cli {

namespace {

constexpr std::array<std::string_view, 1> kSettings{"store.data"};
constexpr std::size_t kSubscriptionBytesMax = 64 << 10;

struct TestFlags {
  ConfigFlags config;
  std::string to;  ///< address, chat or file
  std::string id;  ///< of the message; empty: a new one
  std::string title = "A test message of Errand";
  std::string text = "This message shows that Errand can reach you. Nothing else is to be done.\n";
  std::string html;
  std::string unsubscribe_url;
  std::string timeout = "60s";
};

/// What a channel works with, made once a command knows which one it needs.
struct Ground {
  app::Config config;
  SystemClock clock;
  SystemRandom random;
  telemetry::Metrics metrics;
  boost::asio::io_context context;
  async::BlockingPool pool{{.threads = 1}};  ///< ends before `context`, to which it posts
};

Result<std::unique_ptr<Ground>> make_ground(const Context& context, const TestFlags& flags) {
  app::ConfigSources sources;
  if (!flags.config.file.empty()) sources.file = flags.config.file;
  sources.environment = context.environment;
  sources.flags = flags.config.values;
  auto loaded = app::load_config(sources);
  if (!loaded) return std::unexpected(loaded.error());
  auto ground = std::make_unique<Ground>();
  ground->config = std::move(loaded->config);
  return ground;
}

Result<notification::Message> make_message(const TestFlags& flags, Ground& ground) {
  notification::Message message{.id = flags.id,
                                .recipient = {.tenant = TenantId("default")},
                                .category = "test",
                                .mandatory = true,
                                .title = flags.title,
                                .text = flags.text,
                                .html = flags.html,
                                .unsubscribe_url = flags.unsubscribe_url,
                                .time = ground.clock.now().wall};
  if (message.id.empty()) {
    message.id = "test-" + Uuid::v7(std::chrono::system_clock::now(), ground.random).str();
  }
  const bool plain =
      message.id.size() <= 64 &&
      message.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!plain) {
    return fail(ErrorCode::kInvalidArgument, "--id is 1 to 64 of a-z, 0-9 and \"-\"");
  }
  return message;
}

/// Sends, and says what became of it.
void send(Context& context, const TestFlags& flags, Ground& ground, notification::Channel& channel,
          notification::Message message) {
  const auto timeout = parse_duration(flags.timeout);
  if (!timeout || *timeout <= Milliseconds::zero()) {
    return report(context, kUsage, "--timeout takes a time such as \"60s\"");
  }
  auto future = boost::asio::co_spawn(ground.context, channel.send(message, *timeout, {}),
                                      boost::asio::use_future);
  ground.context.run();
  const notification::SendOutcome sent = future.get();
  if (sent) {
    fmt::print("sent by {}{}\n", sent->provider,
               sent->reference.empty() ? "" : " as " + sent->reference);
    return;
  }
  const worker::Failure& failure = sent.error();
  report(context, kRefused, fmt::format("{} [{}]", failure.message, failure.code));
  if (failure.details) fmt::print(stderr, "  {}\n", json::to_text(*failure.details));
  if (failure.remediation) fmt::print(stderr, "  {}\n", *failure.remediation);
  if (failure.kind == worker::FailureKind::kTransient) {
    fmt::print(stderr, "  A message of a job would be tried again{}.\n",
               failure.retry_after
                   ? ", not before " + format_duration(*failure.retry_after) + " have passed"
                   : "");
  }
}

std::string_view outcome_text(outbound::SmtpResult::Kind kind) {
  using Kind = outbound::SmtpResult::Kind;
  switch (kind) {
    case Kind::kAccepted:
      return "accepted";
    case Kind::kTransient:
      return "not now";
    case Kind::kPermanent:
      return "refused the message";
    case Kind::kMisconfigured:
      return "refused us";
    case Kind::kUnreachable:
      return "cannot be reached";
    case Kind::kAmbiguous:
      return "may have taken it";
  }
  return "";
}

void test_email(Context& context, const TestFlags& flags) {
  auto ground = make_ground(context, flags);
  if (!ground) return report(context, kUsage, ground.error().message);
  auto message = make_message(flags, **ground);
  if (!message) return report(context, kUsage, message.error().message);
  message->recipient.address = flags.to;
  const auto show = [](const std::string& provider, const outbound::SmtpResult& result) {
    fmt::print("{}: {}{}\n", provider, outcome_text(result.kind),
               result.text.empty() ? "" : ": " + result.text);
    std::fflush(stdout);
  };
  auto channel =
      notification::make_email_channel((*ground)->config.notifications.email, (*ground)->clock,
                                       telemetry::Log(), (*ground)->metrics, show);
  if (!channel) return report(context, kUsage, channel.error().message);
  if (*channel == nullptr) {
    return report(context, kUsage,
                  "there is no mail server: write [notifications.email.providers.NAME]");
  }
  send(context, flags, **ground, **channel, *std::move(message));
}

void test_chat(Context& context, const TestFlags& flags) {
  auto ground = make_ground(context, flags);
  if (!ground) return report(context, kUsage, ground.error().message);
  Ground& g = **ground;
  auto message = make_message(flags, g);
  if (!message) return report(context, kUsage, message.error().message);
  message->recipient.hook = flags.to;
  app::OutboundRequests requests(g.config, g.metrics);
  if (auto opened = requests.open(); !opened)
    return report(context, kUsage, opened.error().message);
  auto channel = notification::make_chat_channel(
      g.config.notifications.chats,
      {.client = requests.client(), .pool = g.pool, .clock = g.clock, .random = g.random});
  if (!channel) return report(context, kUsage, channel.error().message);
  if (*channel == nullptr) {
    return report(context, kUsage, "there is no chat: write [notifications.chats.NAME]");
  }
  send(context, flags, g, **channel, *std::move(message));
}

/// The one subscription of a file.
class FileSubscription final : public notification::PushSubscriptions {
 public:
  /// Reads what a browser's PushSubscription.toJSON() gives.
  static Result<FileSubscription> load(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto wrong = [&] {
      return fail(ErrorCode::kInvalidArgument,
                  name +
                      " is to hold a browser's subscription: {\"endpoint\": \"https://...\", "
                      "\"keys\": {\"p256dh\": \"...\", \"auth\": \"...\"}}");
    };
    if (!in || text.size() > kSubscriptionBytesMax) return wrong();
    const auto value = json::parse(text);
    if (!value || !value->is_object()) return wrong();
    const auto member = [](const boost::json::object& object, std::string_view key) {
      const auto* found = object.if_contains(key);
      const auto* string = found != nullptr ? found->if_string() : nullptr;
      return string != nullptr ? std::string(*string) : std::string();
    };
    const auto* keys = value->get_object().if_contains("keys");
    if (keys == nullptr || !keys->is_object()) return wrong();
    FileSubscription result;
    result.one_ = {.id = name,
                   .endpoint = member(value->get_object(), "endpoint"),
                   .p256dh = member(keys->get_object(), "p256dh"),
                   .auth = member(keys->get_object(), "auth")};
    if (result.one_.endpoint.empty()) return wrong();
    return result;
  }

  boost::asio::awaitable<Result<std::vector<notification::PushSubscription>>> list(
      TenantId /*tenant*/, SubjectId /*subject*/) override {
    co_return std::vector{one_};
  }
  boost::asio::awaitable<Result<void>> drop(TenantId /*tenant*/, SubjectId /*subject*/,
                                            std::string /*id*/) override {
    fmt::print("the push service knows the subscription no longer: it would be dropped\n");
    co_return Result<void>{};
  }

 private:
  notification::PushSubscription one_;
};

void test_web_push(Context& context, const TestFlags& flags) {
  auto ground = make_ground(context, flags);
  if (!ground) return report(context, kUsage, ground.error().message);
  Ground& g = **ground;
  auto message = make_message(flags, g);
  if (!message) return report(context, kUsage, message.error().message);
  message->recipient.subject = SubjectId("test");
  auto subscription = FileSubscription::load(flags.to);
  if (!subscription) return report(context, kUsage, subscription.error().message);
  const auto key =
      crypto::MasterKey::load(std::filesystem::path(g.config.store.data) / "master.key");
  if (!key) return report(context, kUsage, key.error().message);
  app::OutboundRequests requests(g.config, g.metrics);
  if (auto opened = requests.open(); !opened)
    return report(context, kUsage, opened.error().message);
  auto channel = notification::make_web_push_channel(
      g.config.notifications.web_push, *key, *subscription,
      {.client = requests.client(), .pool = g.pool, .clock = g.clock, .random = g.random},
      telemetry::Log());
  if (!channel) return report(context, kUsage, channel.error().message);
  if (*channel == nullptr) {
    return report(context, kUsage,
                  "there is no Web Push: write contact = \"mailto:...\" into "
                  "[notifications.web_push]");
  }
  send(context, flags, g, **channel, *std::move(message));
}

void show_web_push_key(Context& context, const std::string& data) {
  const auto key = crypto::MasterKey::load(std::filesystem::path(data) / "master.key");
  if (!key) return report(context, kUsage, key.error().message);
  fmt::print("{}\n", notification::Vapid(notification::vapid_key(*key), "").public_key());
}

using Test = void (*)(Context&, const TestFlags&);

CLI::App* add_test(CLI::App& tests, Context& context, const char* name, const char* help,
                   const char* flag, const char* flag_help, Test run) {
  auto* command = tests.add_subcommand(name, help);
  auto flags = std::make_shared<TestFlags>();
  add_config_flags(*command, flags->config, kSettings);
  command->add_option(flag, flags->to, flag_help)->required();
  command->add_option("--title", flags->title, "its title");
  command->add_option("--text", flags->text, "its text");
  command->add_option("--html", flags->html, "the text as HTML, of mail");
  command->add_option("--unsubscribe-url", flags->unsubscribe_url,
                      "its one-click link to unsubscribe, of mail");
  command->add_option("--id", flags->id,
                      "its name; one that was sent before is the same message again");
  command->add_option("--timeout", flags->timeout, "longest wait")->capture_default_str();
  command->callback([=, &context] { run(context, *flags); });
  return command;
}

}  // namespace

void add_notification_commands(CLI::App& app, Context& context) {
  auto* notification = app.add_subcommand("notification", "What people are told of jobs, and how")
                           ->require_subcommand(1);
  auto* test = notification
                   ->add_subcommand("test",
                                    "Send one message by the settings, and tell what each "
                                    "server said")
                   ->require_subcommand(1);
  test->footer(
      "No server has to run. Examples:\n"
      "  errand notification test email --to ann@example.org --config errand.toml\n"
      "  errand notification test chat --room ops --config errand.toml\n"
      "  errand notification test web-push --subscription subscription.json --config errand.toml");
  add_test(*test, context, "email", "Send a mail", "--to", "the recipient's address", &test_email);
  add_test(*test, context, "chat", "Post to a chat room", "--room",
           "the room, as in [notifications.chats.NAME]", &test_chat);
  add_test(*test, context, "web-push", "Send a Web Push message to one browser", "--subscription",
           "file with the browser's subscription, as its toJSON() gives it", &test_web_push);
  auto* key = notification->add_subcommand(
      "web-push-key", "Print the public key that browsers subscribe with (applicationServerKey)");
  auto data = std::make_shared<std::string>("errand-data");
  key->add_option("--data", *data, "the server's data directory, for its master key")
      ->capture_default_str();
  key->callback([=, &context] { show_web_push_key(context, *data); });
  add_notification_query_commands(*notification, context);
}

}  // namespace errand::cli
