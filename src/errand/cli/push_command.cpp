#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/crypto/master_key.h"
#include "errand/outbound/target_url.h"
#include "errand/worker/push_handler.h"

namespace errand::cli {

namespace {

struct SecretFlags {
  std::string url;
  std::string data = "errand-data";
  int generation = 1;
};

void show_secret(Context& context, const SecretFlags& flags) {
  const auto url = outbound::parse_target_url(flags.url);
  if (!url) return report(context, kUsage, url.error().message);
  const auto key = crypto::MasterKey::load(std::filesystem::path(flags.data) / "master.key");
  if (!key) return report(context, kUsage, key.error().message);
  fmt::print("{}\n", worker::push_secret(*key, url->origin(), flags.generation));
}

}  // namespace

void add_push_commands(CLI::App& app, Context& context) {
  auto* push =
      app.add_subcommand("push", "Jobs that the server posts to endpoints")->require_subcommand(1);
  auto* command = push->add_subcommand(
      "secret", "Print the secret that requests to an endpoint are signed with");
  auto flags = std::make_shared<SecretFlags>();
  command
      ->add_option("url", flags->url,
                   "the endpoint, as @job(handler:) names it; its path is "
                   "of no account")
      ->required();
  command->add_option("--data", flags->data, "the server's data directory, for its master key")
      ->capture_default_str();
  command->add_option("--generation", flags->generation, "as outbound.secret_generation")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->footer(
      "The endpoint verifies requests by it as Standard Webhooks says. To change it, count "
      "outbound.secret_generation\nup: requests then carry signatures by the new and by the old "
      "secret.\n\nExamples:\n  errand push secret https://jobs.example.com/run --data "
      "/var/lib/errand");
  command->callback([=, &context] { show_secret(context, *flags); });
}

}  // namespace errand::cli
