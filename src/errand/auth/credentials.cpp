#include "errand/auth/credentials.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>

#include "errand/crypto/encoding.h"

namespace errand::auth {
namespace {

constexpr std::size_t kFileBytesMax = 4 << 20;
constexpr std::array<std::string_view, 5> kKeys{"token_sha256", "subject", "tenant", "scopes",
                                                "queues"};
constexpr std::string_view kHashRemedy =
    "64 hexadecimal digits, the output of: printf %s TOKEN | sha256sum";
constexpr std::string_view kNameRule = "1 to 128 characters of letters, digits and . _ : @ / -";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:@/-").contains(c);
  });
}

/// Reads the tables of one file; the first error ends it.
class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  Result<std::vector<Credential>> read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      if (key != "credential") {
        return wrong(node, "unknown key \"" + std::string(key.str()) +
                               "\"; only [[credential]] tables stand here");
      }
    }
    const toml::array* list = root["credential"].as_array();
    if (root.contains("credential") && list == nullptr) {
      return wrong(*root.get("credential"), "write [[credential]] with two pairs of brackets");
    }
    std::vector<Credential> credentials;
    if (list == nullptr) {
      return fail(ErrorCode::kConfigInvalid,
                  name_ +
                      ": holds no [[credential]] table, so nobody could get in; add one or "
                      "leave the file out for development mode");
    }
    std::set<crypto::Digest> seen;
    for (const toml::node& entry : *list) {
      const toml::table* table = entry.as_table();
      if (table == nullptr) return wrong(entry, "each credential is a table: [[credential]]");
      auto credential = read_credential(*table);
      if (!credential) return std::unexpected(credential.error());
      if (!seen.insert(credential->token_sha256).second) {
        return wrong(*table->get("token_sha256"), "this token is listed a second time");
      }
      credentials.push_back(std::move(*credential));
    }
    return credentials;
  }

 private:
  std::unexpected<Error> wrong(const toml::node& node, std::string_view what) const {
    return fail(ErrorCode::kConfigInvalid, name_ + ":" + std::to_string(node.source().begin.line) +
                                               ":" + std::to_string(node.source().begin.column) +
                                               ": " + std::string(what));
  }

  Result<Credential> read_credential(const toml::table& table) const {
    for (const auto& [key, node] : table) {
      if (std::ranges::find(kKeys, key.str()) == kKeys.end()) {
        return wrong(node, "unknown key \"" + std::string(key.str()) +
                               "\"; known are token_sha256, subject, tenant, scopes, queues");
      }
    }
    const auto hash = text(table, "token_sha256", kHashRemedy);
    if (!hash) return std::unexpected(hash.error());
    const auto digest = crypto::from_hex(*hash);
    if (!digest || digest->size() != sizeof(crypto::Digest)) {
      return wrong(*table.get("token_sha256"), "token_sha256 must be " + std::string(kHashRemedy));
    }
    auto subject = text(table, "subject", kNameRule);
    if (!subject) return std::unexpected(subject.error());
    if (!is_name(*subject)) {
      return wrong(*table.get("subject"), "subject must be " + std::string(kNameRule));
    }
    auto tenant = text(table, "tenant", kNameRule);
    if (!tenant) return std::unexpected(tenant.error());
    if (*tenant != "*" && !is_name(*tenant)) {
      return wrong(*table.get("tenant"), "tenant must be " + std::string(kNameRule) +
                                             ", or \"*\" for a worker that serves every tenant");
    }
    auto scopes = names(table, "scopes");
    if (!scopes) return std::unexpected(scopes.error());
    if (scopes->empty()) {
      return wrong(table,
                   "scopes is missing; for a client write scopes = [\"jobs:submit\", "
                   "\"jobs:read\", \"jobs:cancel\"], for a worker scopes = [\"worker\"]");
    }
    auto queues = names(table, "queues");
    if (!queues) return std::unexpected(queues.error());

    auto principal = std::make_shared<Principal>();
    principal->any_tenant = *tenant == "*";
    principal->tenant = TenantId(std::move(*tenant));
    principal->subject = SubjectId(std::move(*subject));
    principal->scopes = std::move(*scopes);
    for (std::string& queue : *queues) principal->queues.emplace_back(std::move(queue));
    if (principal->any_tenant && principal->scopes != std::vector<std::string>{"worker"}) {
      return wrong(*table.get("tenant"),
                   "tenant \"*\" goes with scopes = [\"worker\"] alone: nobody else acts for all "
                   "tenants");
    }
    const bool works = std::ranges::find(principal->scopes, "worker") != principal->scopes.end();
    principal->kind = works                           ? PrincipalKind::kWorker
                      : principal->has_scope("admin") ? PrincipalKind::kOperator
                                                      : PrincipalKind::kClient;

    Credential credential;
    std::ranges::copy(*digest, credential.token_sha256.begin());
    credential.principal = std::move(principal);
    return credential;
  }

  Result<std::string> text(const toml::table& table, std::string_view key,
                           std::string_view rule) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) {
      return wrong(table, std::string(key) + " is missing: " + std::string(rule));
    }
    const auto* value = node->as_string();
    if (value == nullptr) {
      return wrong(*node, std::string(key) + " must be a string: " + std::string(rule));
    }
    return value->get();
  }

  /// The strings of a list; empty only if the key is not there.
  Result<std::vector<std::string>> names(const toml::table& table, std::string_view key) const {
    std::vector<std::string> result;
    const toml::node* node = table.get(key);
    if (node == nullptr) return result;
    const std::string rule =
        std::string(key) + " must be a list of strings, each " + std::string(kNameRule);
    const toml::array* list = node->as_array();
    if (list == nullptr) return wrong(*node, rule);
    if (list->empty()) {
      return wrong(*node, std::string(key) + " is empty" +
                              (key == "queues" ? "; leave it out to allow every queue" : ""));
    }
    for (const toml::node& entry : *list) {
      const auto* value = entry.as_string();
      if (value == nullptr) return wrong(entry, rule);
      std::string_view name = value->get();
      if (key == "scopes" && (name == "*" || name.ends_with(":*"))) {
        result.emplace_back(name);
        continue;
      }
      if (!is_name(name)) return wrong(entry, rule);
      result.emplace_back(name);
    }
    return result;
  }

  std::string name_;
};

}  // namespace

Result<std::vector<Credential>> parse_credentials(std::string_view text, std::string_view name) {
  try {
    const toml::table root = toml::parse(text, name);
    return Reader(name).read(root);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kConfigInvalid, std::string(name) + ":" +
                                               std::to_string(error.source().begin.line) + ":" +
                                               std::to_string(error.source().begin.column) + ": " +
                                               std::string(error.description()));
  }
}

Result<std::vector<Credential>> load_credentials(const std::filesystem::path& file) {
  const std::string name = file.string();
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) {
    return fail(ErrorCode::kConfigInvalid,
                name + ": " + std::generic_category().message(errno) +
                    "; name another file with --credentials, or make this one");
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kConfigInvalid, name + ": is not a regular file");
  }
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return fail(ErrorCode::kConfigInvalid,
                name + ": its group may write it, or everyone may read it; run: chmod 600 " + name);
  }
  if (static_cast<std::size_t>(status.st_size) > kFileBytesMax) {
    return fail(ErrorCode::kConfigInvalid, name + ": is larger than 4 MiB");
  }
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) {
    return fail(ErrorCode::kConfigInvalid, name + ": cannot be read");
  }
  return parse_credentials(text, name);
}

std::string generate_token(std::string_view prefix, Random& random) {
  crypto::Digest bytes;
  random.fill(bytes);
  return std::string(prefix) + crypto::to_base64url(bytes);
}

DevelopmentTokens development_tokens(const crypto::MasterKey& master_key) {
  const auto key = master_key.hmac_key("development-token");
  return {.client =
              std::string(kTokenPrefix) + "dev_client_" + crypto::to_base64url(key.sign("client")),
          .worker =
              std::string(kTokenPrefix) + "dev_worker_" + crypto::to_base64url(key.sign("worker"))};
}

std::vector<Credential> development_credentials(const DevelopmentTokens& tokens) {
  const auto credential = [](const std::string& token, Principal principal) {
    return Credential{crypto::sha256(token),
                      std::make_shared<const Principal>(std::move(principal))};
  };
  return {credential(tokens.client, {.tenant = TenantId("default"),
                                     .subject = SubjectId("dev:client"),
                                     .kind = PrincipalKind::kOperator,
                                     .scopes = {"*"},
                                     .queues = {}}),
          credential(tokens.worker, {.tenant = TenantId("default"),
                                     .subject = SubjectId("dev:worker"),
                                     .kind = PrincipalKind::kWorker,
                                     .scopes = {"worker"},
                                     .queues = {}})};
}

}  // namespace errand::auth
