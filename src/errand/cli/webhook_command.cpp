#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/webhook_delivery_commands.h"
#include "errand/cli/webhook_endpoint_commands.h"
#include "errand/crypto/master_key.h"
#include "errand/notification/callback_handler.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/notification/webhook_handler.h"

namespace errand::cli {

namespace {

struct SecretFlags {
  std::string name;
  std::string tenant;
  std::string data = "errand-data";
  int generation = 1;
};

void show_secret(Context& context, const SecretFlags& flags) {
  if (flags.name.empty() == flags.tenant.empty()) {
    return report(context, kUsage, "name an endpoint, or a tenant with --callbacks-of");
  }
  if (flags.tenant.empty() && !notification::is_endpoint_name(flags.name)) {
    return report(context, kUsage,
                  fmt::format("\"{}\" is no endpoint's name: it is what stands behind "
                              "webhooks.endpoints. in errand.toml",
                              flags.name));
  }
  const auto key = crypto::MasterKey::load(std::filesystem::path(flags.data) / "master.key");
  if (!key) return report(context, kUsage, key.error().message);
  fmt::print("{}\n",
             flags.tenant.empty()
                 ? notification::webhook_secret(*key, flags.name, flags.generation)
                 : notification::callback_secret(*key, TenantId(flags.tenant), flags.generation));
}

}  // namespace

void add_webhook_commands(CLI::App& app, Context& context) {
  auto* webhook = app.add_subcommand("webhook", "Events that the server posts to endpoints")
                      ->require_subcommand(1);
  add_webhook_endpoint_commands(*webhook, context);
  add_webhook_delivery_commands(*webhook, context);
  auto* command = webhook->add_subcommand(
      "secret", "Print the secret that requests to an endpoint of the settings are signed with");
  auto flags = std::make_shared<SecretFlags>();
  command->add_option("name", flags->name, "the endpoint, as in [webhooks.endpoints.NAME]");
  command->add_option("--callbacks-of", flags->tenant,
                      "a tenant: the secret of its jobs' callbacks instead");
  command->add_option("--data", flags->data, "the server's data directory, for its master key")
      ->capture_default_str();
  command->add_option("--generation", flags->generation, "as webhooks.secret_generation")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->footer(
      "The endpoint verifies requests by it as Standard Webhooks says. To change it, count "
      "webhooks.secret_generation\nup: requests then carry signatures by the new and by the old "
      "secret.\n\nExamples:\n  errand webhook secret billing --data /var/lib/errand\n  errand "
      "webhook secret "
      "--callbacks-of acme --data /var/lib/errand");
  command->callback([=, &context] { show_secret(context, *flags); });
}

}  // namespace errand::cli
