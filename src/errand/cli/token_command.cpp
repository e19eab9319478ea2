#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "errand/auth/credentials.h"
#include "errand/base/random.h"
#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/crypto/master_key.h"
#include "errand/json/writer.h"

namespace errand::cli {

namespace {

struct TokenFlags {
  std::string subject;
  std::string tenant = "default";
  std::vector<std::string> scopes;
  std::vector<std::string> queues;
  std::string append;
  std::string data = "errand-data";
};

std::string toml_list(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const auto& item : items) {
    json::append_string(quoted.emplace_back(), item);
  }
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

void create(Context& context, const TokenFlags& flags) {
  SystemRandom random;
  const std::string token = auth::generate_token(auth::kTokenPrefix, random);
  std::string entry = fmt::format(
      "[[credential]]\ntoken_sha256 = \"{}\"\nsubject = {}\ntenant = {}\nscopes = {}\n",
      crypto::to_hex(crypto::sha256(token)), json::to_text(boost::json::value(flags.subject)),
      json::to_text(boost::json::value(flags.tenant)), toml_list(flags.scopes));
  if (!flags.queues.empty()) entry += fmt::format("queues = {}\n", toml_list(flags.queues));
  // The server reads the file with the same rules: what it would refuse is refused here.
  if (const auto checked = auth::parse_credentials(entry, "the new entry"); !checked) {
    return report(context, kUsage, checked.error().message);
  }
  if (flags.append.empty()) {
    fmt::print("# token, shown only now: {}\n{}", token, entry);
    return;
  }
  const bool is_new = !std::filesystem::exists(flags.append);
  const mode_t old_mask = ::umask(077);
  std::ofstream file(flags.append, std::ios::app);
  ::umask(old_mask);
  file << (is_new ? "" : "\n") << entry;
  file.close();
  if (!file) return report(context, kRefused, fmt::format("cannot write {}", flags.append));
  fmt::print("{}\n", token);
}

void show_development(Context& context, const TokenFlags& flags) {
  const auto key = crypto::MasterKey::load(std::filesystem::path(flags.data) / "master.key");
  if (!key) return report(context, kUsage, key.error().message);
  const auto tokens = auth::development_tokens(*key);
  fmt::print("client {}\nworker {}\n", tokens.client, tokens.worker);
}

}  // namespace

void add_token_commands(CLI::App& app, Context& context) {
  auto* token =
      app.add_subcommand("token", "Make tokens for clients and workers")->require_subcommand(1);
  auto flags = std::make_shared<TokenFlags>();
  {
    auto* command =
        token->add_subcommand("create", "Make a token and its entry of the credentials file");
    command->add_option("--subject", flags->subject, "who uses it, such as service:billing")
        ->required();
    command->add_option("--tenant", flags->tenant,
                        "whose jobs it sees (default: default; * for a worker of all tenants)");
    command
        ->add_option("--scope", flags->scopes,
                     "such as jobs:submit, jobs:read, worker or *; several by commas, or repeated")
        ->required()
        ->delimiter(',')
        ->take_all();
    command->add_option("--queue", flags->queues, "only this queue; may be repeated")->take_all();
    command->add_option("--append", flags->append,
                        "add the entry to this credentials file and print the token alone");
    command->footer(
        "The file holds only the token's SHA-256; the token itself is shown once.\n\n"
        "Examples:\n"
        "  errand token create --subject service:billing --tenant acme --scope 'jobs:*'\n"
        "  errand token create --subject worker:render --scope worker --queue reports --append "
        "credentials.toml");
    command->callback([=, &context] { create(context, *flags); });
  }
  {
    auto* command =
        token->add_subcommand("development", "Print the tokens of a server in development mode");
    command->add_option("--data", flags->data,
                        "the server's data directory (default: errand-data)");
    command->footer(
        "Examples:\n  export ERRAND_TOKEN=$(errand token development | awk '/client/ {print $2}')");
    command->callback([=, &context] { show_development(context, *flags); });
  }
}

}  // namespace errand::cli
