#include "tests/simulation/submission_simulation.h"

#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "errand/api/api_test_support.h"
#include "errand/base/random.h"

namespace errand::simulation {
namespace {

struct Client {
  std::string tenant;
  bool granted = true;
  std::map<std::string, std::pair<int, std::string>> jobs;  ///< amount and id by key
};

/// `extensions.code` of the first error; empty if there is none.
std::string code_of(const boost::json::value& response) {
  const auto* errors = response.as_object().if_contains("errors");
  if (errors == nullptr) return {};
  return std::string(errors->at(0).at("extensions").at("code").as_string());
}

}  // namespace

std::string simulate_submissions(std::uint64_t seed, int operations) {
  SeededRandom random(seed);
  api::testing::Server server;
  std::array<Client, 2> clients{
      {{.tenant = "acme", .jobs = {}}, {.tenant = "umbrella", .jobs = {}}}};
  std::set<std::string> ids;
  for (int i = 0; i < operations; ++i) {
    Client& client = clients[random.next() % clients.size()];
    if (random.next() % 4 == 0) client.granted = !client.granted;
    const std::string key = fmt::format("k{}", random.next() % 8);
    const int amount = 1 + static_cast<int>(random.next() % 2);
    const auto response = server.execute(
        fmt::format(
            R"(mutation {{ charge(amount: {}, options: {{idempotencyKey: "{}"}}) {{ id }} }})",
            amount, key),
        api::testing::Server::context(client.tenant,
                                      {client.granted ? "jobs:submit" : "jobs:cancel"}));
    const std::string code = code_of(response);
    if (!client.granted) {
      if (code == "FORBIDDEN") continue;
      return fmt::format("a client without a grant got {}",
                         code.empty() ? std::string_view("a job") : std::string_view(code));
    }
    const auto known = client.jobs.find(key);
    if (known != client.jobs.end() && known->second.first != amount) {
      if (code == "IDEMPOTENCY_KEY_REUSED") continue;
      return "I2: a key was taken for other arguments";
    }
    if (!code.empty()) return fmt::format("a client with a grant got {}", code);
    const std::string id(response.at("data").at("charge").at("id").as_string());
    if (known != client.jobs.end()) {
      if (known->second.second != id) return "I2: a key made a second job";
    } else if (!ids.insert(id).second) {
      return "I2, I13: two keys share a job";
    } else {
      client.jobs.emplace(key, std::pair(amount, id));
    }
  }
  return {};
}

}  // namespace errand::simulation
