// Commands that mean harm, by every profile that claims to contain them. Prints the table. A
// profile that this machine cannot do must refuse; it then has nothing to contain.

#include <algorithm>
#include <csignal>
#include <map>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "errand/sandbox/sandbox_test_support.h"

namespace errand::sandbox {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// A profile on this machine, or on an older one.
struct Column {
  std::string name;
  Profile profile = Profile::kNone;
  int landlock_abi_max = 100;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> all = {{"none", Profile::kNone},
                                          {"restricted", Profile::kRestricted},
                                          {"restricted_landlock_1", Profile::kRestricted, 1},
                                          {"isolated", Profile::kIsolated}};
  return all;
}

/// What came of each deed by each column, in the order of the deeds; printed at the end.
class Table : public testing::Environment {
 public:
  static Table& instance() {
    static auto* table =
        dynamic_cast<Table*>(testing::AddGlobalTestEnvironment(new Table));  // gtest owns it
    return *table;
  }

  void put(const std::string& deed, const std::string& column, std::string outcome) {
    if (!rows_.contains(deed)) order_.push_back(deed);
    auto& cell = rows_[deed][column];
    if (cell != "NOT CONTAINED") cell = std::move(outcome);
  }

  void TearDown() override {
    if (order_.empty()) return;
    fmt::print("\n| hostile command |");
    for (const Column& column : columns()) fmt::print(" {} |", column.name);
    fmt::print("\n| --- |");
    for (std::size_t i = 0; i < columns().size(); ++i) fmt::print(" --- |");
    for (const std::string& deed : order_) {
      fmt::print("\n| {} |", deed);
      for (const Column& column : columns()) fmt::print(" {} |", rows_[deed][column.name]);
    }
    fmt::print("\n\n");
    for (const auto& [profile, why] : refusals_) fmt::print("refused: {}\n", why);
    const auto& machine = this_machine();
    fmt::print("this machine: {}, Landlock ABI {}, {}\n", machine.root ? "root" : "not root",
               machine.landlock_abi,
               machine.no_cgroup.empty() ? "a control group" : machine.no_cgroup);
  }

  std::map<std::string, std::string> refusals_;

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::map<std::string, std::string>> rows_;
};
[[maybe_unused]] const Table& g_table = Table::instance();

class Hostile : public testing::TestWithParam<Column> {
 protected:
  static constexpr int kAll = 7;
  static constexpr int kNotNone = 6;

  /// `deed`, done by arguments of the hostile program.
  Request request(std::vector<std::string> arguments) const {
    Request made;
    made.profile = GetParam().profile;
    made.argv = {folder_.hostile()};
    made.argv.insert(made.argv.end(), arguments.begin(), arguments.end());
    made.argv.push_back(marker_);
    made.network = made.profile == Profile::kNone;
    made.limits.wall = 60s;
    made.limits.grace = 0ms;
    return made;
  }

  /// Runs it. nullopt: refused, as it must be where the machine cannot do what was asked for.
  std::optional<Seen> attempt(const std::string& deed, int promised, const Request& request) {
    deed_ = deed;
    promised_ = (promised & (1 << static_cast<int>(GetParam().profile))) != 0;
    Capabilities capabilities = this_machine();
    capabilities.landlock_abi = std::min(capabilities.landlock_abi, GetParam().landlock_abi_max);
    StopSignal stop;
    Seen seen = run_command(
        request, capabilities,
        [&] {
          if (kill_when_it_speaks_) stop.kill();
          if (stop_when_it_speaks_) stop.terminate(std::chrono::steady_clock::now() + 200ms);
        },
        &stop);
    if (!check(request, test_machine(), capabilities)) {
      EXPECT_FALSE(seen.ended);
      EXPECT_EQ(seen.ended.error().code, ErrorCode::kConfigInvalid);
      EXPECT_THAT(seen.lines, IsEmpty());
      outcome_ = "refused";
      Table::instance().refusals_[deed + GetParam().name] =
          deed + ": " + seen.ended.error().message;
      return std::nullopt;
    }
    EXPECT_TRUE(seen.ended) << seen.ended.error().message;
    if (!seen.ended) return std::nullopt;
    EXPECT_EQ(seen.ended->fault, StartFault::kNone) << seen.ended->describe() << seen.ended->log;
    EXPECT_FALSE(seen.ended->left_over);
    EXPECT_THAT(processes_with(marker_), IsEmpty());
    outcome_ = promised_ ? "contained" : "not promised";
    if (promised_) return seen;
    // Shows that the deed would do harm.
    const auto did = [](const std::string& line) { return line.starts_with("did"); };
    if (std::ranges::any_of(seen.lines, did)) outcome_ += ", done";
    return std::nullopt;
  }

  void TearDown() override {
    Table::instance().put(deed_, GetParam().name, HasFailure() ? "NOT CONTAINED" : outcome_);
  }

  static int number_behind(const std::string& line) {
    return std::stoi(line.substr(line.rfind(' ') + 1));
  }

  const TestFolder folder_;
  const std::string marker_ = unique_name("marker-");
  std::string deed_;
  std::string outcome_;
  bool promised_ = false;
  bool kill_when_it_speaks_ = false;
  bool stop_when_it_speaks_ = false;
};

TEST_P(Hostile, ForkBomb) {
  Request bomb = request({"fork-bomb"});
  bomb.limits.processes = 20;
  kill_when_it_speaks_ = true;
  const auto seen = attempt("fork bomb", kAll, bomb);
  if (!seen) return;
  EXPECT_EQ(seen->ended->signal, SIGKILL);
  ASSERT_FALSE(seen->lines.empty());
  // Elsewhere the kernel counts what else the user has, which comes and goes.
  const int slack = GetParam().profile == Profile::kIsolated ? 0 : 300;
  EXPECT_LE(number_behind(seen->lines[0]), 20 + slack);
}

TEST_P(Hostile, RunAway) {
  const auto seen = attempt("processes that fork and end in turn", kAll, request({"run-away"}));
  if (seen) EXPECT_THAT(seen->lines, ElementsAre("did start"));
}

TEST_P(Hostile, MemoryHog) {
  for (const char* kind : {"private", "shared"}) {
    Request hog = request({"hog", kind});
    hog.limits.memory_bytes = 256 << 20;
    const auto seen = attempt("memory hog", kAll, hog);
    if (!seen) return;
    EXPECT_EQ(seen->ended->limit, LimitHit::kMemory) << seen->ended->describe();
    EXPECT_THAT(seen->lines, ElementsAre(StartsWith("megabytes 2")));
  }
}

TEST_P(Hostile, UncountedMemory) {
  const auto seen = attempt("memory that no limit of a process counts (memfd, System V)", kNotNone,
                            request({"hog-uncounted"}));
  if (seen) EXPECT_THAT(seen->lines, Each(StartsWith("could not")));
}

TEST_P(Hostile, MemoryHogOfManyProcesses) {
  Request hog = request({"hog-tree", "64"});
  hog.limits.memory_total_bytes = 256 << 20;
  hog.limits.wall = 20s;
  const auto seen = attempt("memory hog of many processes (memoryTotal demanded)", kAll, hog);
  if (seen) EXPECT_EQ(seen->ended->limit, LimitHit::kMemory) << seen->ended->describe();
}

TEST_P(Hostile, OneLargeFile) {
  Request filler = request({"fill", ".", "1", "16"});
  filler.limits.file_bytes = 4 << 20;
  const auto seen = attempt("disk filler, one file", kAll, filler);
  if (seen) EXPECT_THAT(seen->lines, ElementsAre("megabytes 4"));
}

TEST_P(Hostile, ManyFiles) {
  Request filler = request({"fill", "/tmp", "100", "1"});
  filler.limits.disk_bytes = 16 << 20;
  auto seen = attempt("disk filler, many files (disk demanded)", kAll, filler);
  if (!seen) return;
  ASSERT_EQ(seen->lines.size(), 1U);
  EXPECT_LE(number_behind(seen->lines[0]), 16);
  for (const char* folder : {"/", "/dev", "/dev/shm", "/run", "/usr", "/etc", "/proc", "/lib"}) {
    filler = request({"fill", folder, "100", "1"});
    filler.limits.disk_bytes = 16 << 20;
    seen = attempt("disk filler, many files (disk demanded)", kAll, filler);
    ASSERT_EQ(seen->lines.size(), 1U);
    EXPECT_LE(number_behind(seen->lines[0]), std::string_view(folder) == "/dev/shm" ? 16 : 0)
        << folder;
  }
}

/// Somebody to talk to: a TCP port, and a socket with an abstract name.
class Listener {
 public:
  Listener() : tcp_(::socket(AF_INET, SOCK_STREAM, 0)), local_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&here), sizeof(here)), 0);
    EXPECT_EQ(::listen(tcp_.get(), 16), 0);
    socklen_t size = sizeof(here);
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&here), &size);
    port_ = ntohs(here.sin_port);
    sockaddr_un named{};
    named.sun_family = AF_UNIX;
    std::copy(name_.begin(), name_.end(), named.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
    EXPECT_EQ(::bind(local_.get(), reinterpret_cast<sockaddr*>(&named), length), 0);
    EXPECT_EQ(::listen(local_.get(), 16), 0);
  }

  [[nodiscard]] std::string port() const { return std::to_string(port_); }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  const std::string name_ = unique_name("errand-test-");
  FileDescriptor tcp_;
  FileDescriptor local_;
  std::uint16_t port_ = 0;
};

TEST_P(Hostile, NetworkCall) {
  const Listener listener;
  Request call = request({"network", listener.port(), listener.name()});
  auto seen = attempt("network call", kNotNone, call);
  if (!seen) return;
  EXPECT_EQ(seen->lines.size(), 5U);
  EXPECT_THAT(seen->lines, Each(StartsWith("could not")));
}

TEST_P(Hostile, LocalSocketsWithTheNetworkOn) {
  const Listener listener;
  Request call = request({"network", listener.port(), listener.name()});
  call.network = true;
  const auto seen = attempt("other programs' local sockets, network allowed", kNotNone, call);
  if (!seen) return;
  ASSERT_EQ(seen->lines.size(), 5U);
  EXPECT_EQ(seen->lines[0], "did connect");
  EXPECT_THAT(std::vector(seen->lines.begin() + 1, seen->lines.end()),
              Each(StartsWith("could not")));
}

TEST_P(Hostile, ReadingTheServersFiles) {
  const std::string file = folder_.write("master.key", "secret");
  for (const std::string& path : {file, std::string("/etc/passwd"), std::string("/proc/1/environ"),
                                  std::string("/sys/kernel/notes")}) {
    const auto seen = attempt("reading the server's files", kNotNone, request({"read", path}));
    if (seen) EXPECT_THAT(seen->lines, ElementsAre(StartsWith("could not"))) << path;
  }
}

TEST_P(Hostile, SpoilingTheServersFiles) {
  std::filesystem::create_directory(folder_.path() + "/data");
  const std::string file = folder_.write("data/store.db", "jobs", 0666);
  std::filesystem::permissions(folder_.path() + "/data", std::filesystem::perms(0777));
  // The command's user owns it, as with a server that is not root.
  if (::geteuid() == 0) ASSERT_EQ(::chown(file.c_str(), 65'534, 65'534), 0);
  const auto seen = attempt("spoiling the server's files", kNotNone, request({"spoil", file}));
  if (!seen) return;
  EXPECT_EQ(seen->lines.size(), 7U);
  EXPECT_THAT(seen->lines, Each(StartsWith("could not")));
  std::string text;
  std::ifstream(file) >> text;
  EXPECT_EQ(text, "jobs");
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0666));
}

/// A process of the commands' user, with a secret in its environment.
class Victim {
 public:
  Victim() : pid_(::fork()) {
    if (pid_ != 0) return;
    if (::geteuid() == 0 &&
        (::setresgid(65'534, 65'534, 65'534) != 0 || ::setresuid(65'534, 65'534, 65'534) != 0)) {
      ::_exit(1);
    }
    ::execle("/bin/sleep", "sleep", "600", nullptr,
             std::array<const char*, 2>{"TOKEN=secret", nullptr}.data());
    ::_exit(1);
  }
  ~Victim() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool lives() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

 private:
  const pid_t pid_;
};

TEST_P(Hostile, ReachingTheServersProcess) {
  const Victim victim;
  const Request reach = request({"process", std::to_string(victim.pid())});
  if (GetParam().profile == Profile::kNone) {
    // Not promised, and tried it would end this very test.
    Table::instance().put("reading the server's environment and memory, signals to it",
                          GetParam().name, "not promised");
    deed_ = "reading the server's environment and memory, signals to it";
    outcome_ = "not promised";
    return;
  }
  const auto seen =
      attempt("reading the server's environment and memory, signals to it", kNotNone, reach);
  if (!seen) return;
  EXPECT_EQ(seen->lines.size(), 8U);
  EXPECT_THAT(seen->lines, Each(StartsWith("could not")));
  EXPECT_TRUE(victim.lives());
  std::ifstream limits(fmt::format("/proc/{}/limits", victim.pid()));
  std::string line;
  while (std::getline(limits, line) && !line.starts_with("Max open files")) {
  }
  EXPECT_THAT(line, testing::MatchesRegex("Max open files +[0-9]{2,} .*"));
}

TEST_P(Hostile, KernelInterfaces) {
  const auto seen =
      attempt("mounts, namespaces, bpf, keys, TIOCSTI, modules", kNotNone, request({"kernel"}));
  if (!seen) return;
  EXPECT_EQ(seen->lines.size(), 12U);
  EXPECT_THAT(seen->lines, Each(StartsWith("could not")));
}

TEST_P(Hostile, EscapingTheGroup) {
  const auto seen = attempt("escaping the group (setsid, two forks)", kAll, request({"escape"}));
  if (seen) EXPECT_THAT(seen->lines, ElementsAre("did escape"));
}

TEST_P(Hostile, IgnoringSigterm) {
  stop_when_it_speaks_ = true;
  const auto seen = attempt("ignoring SIGTERM", kAll, request({"ignore"}));
  if (seen) EXPECT_EQ(seen->ended->signal, SIGKILL);
}

TEST_P(Hostile, BurningCpu) {
  Request burn = request({"burn"});
  burn.limits.cpu = 1s;
  const auto seen = attempt("burning CPU time", kAll, burn);
  if (seen) EXPECT_EQ(seen->ended->limit, LimitHit::kCpu) << seen->ended->describe();
}

TEST_P(Hostile, FloodOfOutput) {
  const auto seen = attempt("flood of output", kAll, request({"flood"}));
  if (seen) EXPECT_EQ(seen->ended->limit, LimitHit::kOutput) << seen->ended->describe();
}

TEST_P(Hostile, DeepFolders) {
  const auto seen = attempt("folders too deep to remove", kAll, request({"nest", "1500"}));
  if (!seen) return;
  ASSERT_EQ(seen->lines.size(), 2U);
  EXPECT_EQ(seen->lines[1], "did nest");
  if (GetParam().profile != Profile::kIsolated) {
    EXPECT_THAT(seen->lines[0], StartsWith(test_machine().scratch));
    EXPECT_FALSE(std::filesystem::exists(seen->lines[0]));
  }
}

TEST_P(Hostile, OutlivingTheServer) {
  Request stubborn = request({"ignore"});
  stubborn.limits.wall = 600s;
  Request harmless = request({"none"});
  deed_ = "outliving a server that is killed";
  if (!attempt(deed_, kAll, harmless)) return;
  const pid_t server = ::fork();
  if (server == 0) {
    Capabilities capabilities = this_machine();
    capabilities.landlock_abi = std::min(capabilities.landlock_abi, GetParam().landlock_abi_max);
    run_command(stubborn, capabilities);
    ::_exit(0);
  }
  while (processes_with(marker_).empty()) std::this_thread::yield();
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  // Waits for the event; without it the test runs into its timeout.
  while (!processes_with(marker_).empty()) std::this_thread::yield();
}

INSTANTIATE_TEST_SUITE_P(Commands, Hostile, testing::ValuesIn(columns()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace errand::sandbox
