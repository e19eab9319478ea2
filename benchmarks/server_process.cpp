#include "benchmarks/server_process.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace errand::benchmarks {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Starts `arguments` with both outputs in `log`.
Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0)
    return fail(ErrorCode::kUnavailable, "fork: " + std::generic_category().message(errno));
  if (pid == 0) {
    const int out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  return pid;
}

/// Runs `arguments` to the end. @return what it printed.
Result<std::string> run(const std::vector<std::string>& arguments,
                        const std::filesystem::path& log) {
  const auto pid = spawn(arguments, log);
  if (!pid) return std::unexpected(pid.error());
  int status = 0;
  ::waitpid(*pid, &status, 0);
  std::string text = read_file(log);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", fmt::join(arguments, " "), text));
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Result<ServerProcess> ServerProcess::start(const Options& options) {
  ServerProcess server;
  std::string name = (options.parent / "errand-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{}: {}", name, std::generic_category().message(errno)));
  }
  server.folder_ = name;
  const auto& folder = server.folder_;
  server.program_ = std::filesystem::absolute(options.program).string();
  std::ofstream(folder / "schema.graphql") << options.schema;

  const auto token = [&](const char* subject, const char* scope) {
    return run({server.program_, "token", "create", "--subject", subject, "--scope", scope,
                "--append", (folder / "credentials.toml").string()},
               folder / "token.log");
  };
  auto client = token("bench:client", "*");
  if (!client) return std::unexpected(client.error());
  auto worker = token("bench:worker", "worker");
  if (!worker) return std::unexpected(worker.error());
  server.client_token_ = *std::move(client);
  server.worker_token_ = *std::move(worker);

  if (auto launched = server.launch(); !launched) return std::unexpected(launched.error());
  return server;
}

Result<void> ServerProcess::launch() {
  const auto log = folder_ / "server.log";
  // What an earlier one has said is not to be taken for this one's.
  std::filesystem::remove(log);
  const auto pid = spawn({program_, "serve", "--schema", (folder_ / "schema.graphql").string(),
                          "--data", (folder_ / "data").string(), "--credentials",
                          (folder_ / "credentials.toml").string(), "--port", "0"},
                         log);
  if (!pid) return std::unexpected(pid.error());
  pid_ = *pid;

  // The server says where it listens once it does.
  const std::regex address("http://127\\.0\\.0\\.1:([0-9]+)");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    const std::string text = read_file(log);
    if (std::smatch match; std::regex_search(text, match, address)) {
      port_ = static_cast<std::uint16_t>(std::stoi(match[1]));
      return {};
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return fail(ErrorCode::kUnavailable, "the server ended: " + text);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return fail(ErrorCode::kUnavailable, "the server did not start: " + read_file(log));
}

void ServerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<void> ServerProcess::restart() {
  kill();
  return launch();
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : program_(std::move(other.program_)),
      pid_(std::exchange(other.pid_, -1)),
      port_(other.port_),
      folder_(std::exchange(other.folder_, {})),
      client_token_(std::move(other.client_token_)),
      worker_token_(std::move(other.worker_token_)) {}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace errand::benchmarks
