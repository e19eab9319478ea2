#include "errand/sandbox/sandbox.h"

#include <thread>

#include "errand/sandbox/sandbox_test_support.h"
#include "errand/sandbox/scratch.h"

namespace errand::sandbox {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

[[maybe_unused]] const auto* g_scratch_is_empty =
    testing::AddGlobalTestEnvironment(new ScratchIsEmpty);  // gtest owns it

/// Every case by each profile. What this machine cannot do must be refused, by name.
class EachProfile : public testing::TestWithParam<Profile> {
 protected:
  static Request shell(std::string script) {
    Request request;
    request.profile = GetParam();
    request.argv = {"/bin/sh", "-c", std::move(script)};
    request.network = GetParam() == Profile::kNone;
    request.limits.wall = 60s;
    return request;
  }

  /// Whether this machine refuses the profile; then there is nothing more to see.
  static bool refused() {
    const auto good = check(shell("true"), test_machine(), this_machine());
    if (good) return false;
    EXPECT_EQ(good.error().code, ErrorCode::kConfigInvalid);
    EXPECT_THAT(good.error().message, HasSubstr(to_string(GetParam())));
    const Seen seen = run_command(shell("echo ran"));
    EXPECT_FALSE(seen.ended);
    EXPECT_THAT(seen.lines, testing::IsEmpty());
    return true;
  }

  TestFolder folder_;
};

#define ERRAND_RETURN_IF_REFUSED() \
  if (refused()) return

TEST_P(EachProfile, RunsACommandFromInputToOutput) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("cat; echo to the log >&2; printf 'no end'");
  request.input = std::string(1 << 20, 'i') + "\n";
  const Seen seen = run_command(request);
  ASSERT_TRUE(seen.ended) << seen.ended.error().message;
  EXPECT_TRUE(seen.ended->succeeded()) << seen.ended->describe() << seen.ended->log;
  ASSERT_EQ(seen.lines.size(), 2U);
  EXPECT_EQ(seen.lines[0].size(), 1U << 20);
  EXPECT_EQ(seen.lines[1], "no end");
  EXPECT_EQ(seen.ended->log, "to the log\n");
}

TEST_P(EachProfile, SaysHowItEnded) {
  ERRAND_RETURN_IF_REFUSED();
  EXPECT_EQ(run_command(shell("exit 3")).ended->exit_status, 3);
  const auto killed = run_command(shell("kill -SEGV 0")).ended;
  EXPECT_EQ(killed->exit_status, std::nullopt);
  EXPECT_EQ(killed->signal, SIGSEGV);
  EXPECT_EQ(killed->describe(), "it was killed by signal 11 (SEGV)");
}

TEST_P(EachProfile, FindsProgramsInThePath) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("");
  request.argv = {"echo", "found"};
  EXPECT_THAT(run_command(request).lines, ElementsAre("found"));
  request.argv = {"no-such-program"};
  EXPECT_EQ(run_command(request).ended->fault, StartFault::kNotFound);
}

TEST_P(EachProfile, NamesAProgramThatIsMissingOrCannotBeExecuted) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("");
  request.argv = {folder_.path() + "/missing"};
  auto ended = run_command(request).ended;
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->fault, StartFault::kNotFound) << ended->describe();
  request.argv = {folder_.write("plain", "#!/bin/sh\necho ran\n")};
  ended = run_command(request).ended;
  EXPECT_EQ(ended->fault, StartFault::kNotExecutable) << ended->describe();
  request.argv = {folder_.write("text", "echo ran\n", 0755)};
  ended = run_command(request).ended;
  EXPECT_EQ(ended->fault, StartFault::kNotExecutable) << ended->describe();
  request.argv = {folder_.write("interpreter", "#!/no/such/shell\n", 0755)};
  ended = run_command(request).ended;
  EXPECT_EQ(ended->fault, StartFault::kNotFound) << ended->describe();
  request.argv = {folder_.write("script", "#!/bin/sh\necho ran\n", 0755)};
  EXPECT_THAT(run_command(request).lines, ElementsAre("ran"));
}

TEST_P(EachProfile, HandsOverACleanEnvironment) {
  ERRAND_RETURN_IF_REFUSED();
  ::setenv("ERRAND_TEST_SECRET", "secret", 1);
  Request request = shell("env | cut -d= -f1 | sort; echo $GIVEN; umask; ls /proc/self/fd/ 2>&1");
  request.environment = {{"GIVEN", "a = b"}};
  const Seen seen = run_command(request);
  std::vector<std::string> lines = seen.lines;
  std::erase(lines, "PWD");  // the shell's own
  std::erase(lines, "OLDPWD");
  ASSERT_GE(lines.size(), 7U);
  lines.resize(7);
  EXPECT_THAT(lines, ElementsAre("GIVEN", "HOME", "LANG", "PATH", "TMPDIR", "a = b", "0077"));
}

TEST_P(EachProfile, HandsOverNoFilesButTheThree) {
  ERRAND_RETURN_IF_REFUSED();
  const FileDescriptor open_in_server(::dup(0));
  const Seen seen = run_command(
      shell("for n in 3 4 5 6 7 8 9; do if ( true >&$n ) 2>/dev/null; then echo $n; fi; done"));
  EXPECT_TRUE(seen.ended->succeeded());
  EXPECT_THAT(seen.lines, testing::IsEmpty());
}

TEST_P(EachProfile, HasAPrivateFolderThatIsGoneAfterwards) {
  ERRAND_RETURN_IF_REFUSED();
  const Seen seen = run_command(
      shell("pwd; [ $PWD = $HOME ] && [ $PWD = $TMPDIR ] && touch file && mkdir -p a/b && "
            "ln -s /etc a/link && stat -c %a file . | tr '\\n' ' '"));
  ASSERT_EQ(seen.lines.size(), 2U) << seen.ended->log;
  EXPECT_THAT(seen.lines[1], testing::StartsWith("600 7"));
  if (GetParam() == Profile::kIsolated) {
    EXPECT_EQ(seen.lines[0], "/tmp");
  } else {
    EXPECT_FALSE(std::filesystem::exists(seen.lines[0]));
    EXPECT_TRUE(std::filesystem::exists("/etc"));
  }
}

TEST_P(EachProfile, ReadsAndWritesWhatItIsGiven) {
  ERRAND_RETURN_IF_REFUSED();
  std::filesystem::create_directory(folder_.path() + "/in");
  std::filesystem::create_directory(folder_.path() + "/out");
  std::filesystem::permissions(folder_.path() + "/out", std::filesystem::perms(0777));
  folder_.write("in/data", "given\n");
  Request request = shell("cat $IN/data; echo made > $OUT/file && cat $OUT/file");
  request.environment = {{"IN", folder_.path() + "/in"}, {"OUT", folder_.path() + "/out"}};
  request.read_paths = {folder_.path() + "/in"};
  request.write_paths = {folder_.path() + "/out"};
  const Seen seen = run_command(request);
  EXPECT_THAT(seen.lines, ElementsAre("given", "made")) << seen.ended->log;
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/out/file"));
}

/// With a longer wall each time, until a command that speaks once its trap is set has come so far.
Seen run_until_it_speaks(Request request) {
  Seen seen;
  for (auto wall = 1s; seen.lines.empty() && wall < 60s; wall *= 3) {
    request.limits.wall = wall;
    seen = run_command(request);
  }
  return seen;
}

TEST_P(EachProfile, StopsWithSigtermAtItsWallAndTakesWhatItStillSays) {
  ERRAND_RETURN_IF_REFUSED();
  Request request =
      shell("trap 'echo cleaned; exit 0' TERM; echo up; while true; do sleep 0.05; done");
  const Seen seen = run_until_it_speaks(std::move(request));
  EXPECT_THAT(seen.lines, ElementsAre("up", "cleaned"));
  EXPECT_EQ(seen.ended->exit_status, 0);
  EXPECT_EQ(seen.ended->limit, LimitHit::kWall);
  EXPECT_FALSE(seen.ended->succeeded());
}

TEST_P(EachProfile, KillsWhatIgnoresSigtermAfterItsGrace) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("trap '' TERM; echo up; while true; do sleep 0.05; done");
  request.limits.grace = 200ms;
  const Seen seen = run_until_it_speaks(std::move(request));
  EXPECT_THAT(seen.lines, ElementsAre("up"));
  EXPECT_EQ(seen.ended->signal, SIGKILL);
  EXPECT_EQ(seen.ended->limit, LimitHit::kWall);
}

TEST_P(EachProfile, StopsWhenItIsAskedTo) {
  ERRAND_RETURN_IF_REFUSED();
  const auto sandbox = *Sandbox::create(test_machine(), this_machine());
  StopSignal stop;
  std::vector<std::string> lines;
  const auto ended = sandbox->run(
      shell("trap 'echo stopped; exit 7' TERM; echo up; while true; do sleep 0.05; done"), stop,
      [&](std::string_view line) {
        lines.emplace_back(line);
        if (line == "up") {
          std::jthread([&stop] { stop.terminate(std::chrono::steady_clock::now() + 60s); }).join();
        }
        return true;
      });
  EXPECT_THAT(lines, ElementsAre("up", "stopped"));
  EXPECT_EQ(ended->exit_status, 7);
  EXPECT_TRUE(ended->stopped);
}

TEST_P(EachProfile, AKillOutranksAStop) {
  ERRAND_RETURN_IF_REFUSED();
  const auto sandbox = *Sandbox::create(test_machine(), this_machine());
  StopSignal stop;
  int told = 0;
  const auto ended =
      sandbox->run(shell("trap 'echo asked' TERM; echo up; while true; do sleep 0.05; done"), stop,
                   [&](std::string_view) {
                     if (++told == 1) stop.terminate(std::chrono::steady_clock::now() + 60s);
                     if (told == 2) stop.kill();
                     return true;
                   });
  EXPECT_EQ(told, 2);
  EXPECT_EQ(ended->signal, SIGKILL);
  EXPECT_FALSE(ended->left_over);
}

TEST_P(EachProfile, AStopBeforeTheStartIsHeard) {
  ERRAND_RETURN_IF_REFUSED();
  const auto sandbox = *Sandbox::create(test_machine(), this_machine());
  StopSignal stop;
  stop.kill();
  const auto ended = sandbox->run(shell("sleep 60"), stop, {});
  EXPECT_EQ(ended->signal, SIGKILL);
  EXPECT_TRUE(ended->stopped);
  EXPECT_FALSE(ended->left_over);
}

TEST_P(EachProfile, AKillFindsAShellWhereverItIs) {
  ERRAND_RETURN_IF_REFUSED();
  const auto sandbox = *Sandbox::create(test_machine(), this_machine());
  for (int i = 0; i < 20; ++i) {
    StopSignal stop;
    // A shell that makes one process after another, also by vfork(), which holds it up.
    const auto ended =
        sandbox->run(shell("echo up; while true; do /bin/true; done"), stop, [&](std::string_view) {
          stop.kill();
          return true;
        });
    EXPECT_EQ(ended->signal, SIGKILL);
    EXPECT_FALSE(ended->left_over);
  }
}

TEST_P(EachProfile, EndsWhenASinkRefusesALine) {
  ERRAND_RETURN_IF_REFUSED();
  const auto sandbox = *Sandbox::create(test_machine(), this_machine());
  StopSignal stop;
  int lines = 0;
  const auto ended = sandbox->run(shell("while true; do echo line; done"), stop,
                                  [&](std::string_view) { return ++lines < 3; });
  EXPECT_EQ(lines, 3);
  EXPECT_TRUE(ended->refused);
  EXPECT_FALSE(ended->succeeded());
}

TEST_P(EachProfile, LimitsOutputAndItsLines) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("exec \"$0\" flood");
  request.argv = {folder_.hostile(), "flood"};
  request.limits.output_bytes = 100'000;
  Seen seen = run_command(request);
  EXPECT_EQ(seen.ended->limit, LimitHit::kOutput);
  EXPECT_LE(seen.lines.size(), 100'000U / 4'096);

  request = shell("head -c 5000 /dev/zero | tr '\\0' x");
  request.limits.line_bytes = 4'000;
  seen = run_command(request);
  EXPECT_EQ(seen.ended->limit, LimitHit::kLine);
  EXPECT_THAT(seen.lines, testing::IsEmpty());

  request = shell("while true; do echo to the log; done >&2");
  request.limits.output_bytes = 100'000;
  request.limits.log_bytes = 1'000;
  seen = run_command(request);
  EXPECT_EQ(seen.ended->limit, LimitHit::kOutput);
  EXPECT_EQ(seen.ended->log.size(), 1'000U);
}

TEST_P(EachProfile, LimitsCpuTime) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("while :; do :; done");
  request.limits.cpu = 1s;
  auto ended = run_command(request).ended;
  EXPECT_EQ(ended->limit, LimitHit::kCpu) << ended->describe();
  // As a child of a shell.
  request.argv = {"/bin/sh", "-c", folder_.hostile() + " burn; exit $?"};
  request.read_paths = {folder_.path()};
  ended = run_command(request).ended;
  EXPECT_EQ(ended->limit, LimitHit::kCpu) << ended->describe();
  EXPECT_GE(ended->cpu, 500ms);
}

TEST_P(EachProfile, LimitsOpenFiles) {
  ERRAND_RETURN_IF_REFUSED();
  Request request = shell("ulimit -n; ulimit -c; ulimit -f");
  request.limits.open_files = 32;
  request.limits.file_bytes = 1 << 20;
  EXPECT_THAT(run_command(request).lines, ElementsAre("32", "0", "2048"));
}

TEST_P(EachProfile, ManyRunAtOnce) {
  ERRAND_RETURN_IF_REFUSED();
  const auto sandbox = *Sandbox::create(test_machine(), this_machine());
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        for (int j = 0; j < 3; ++j) {
          StopSignal stop;
          std::string said;
          Request request = shell("cat");
          request.input = std::to_string(i * 10 + j);
          const auto ended = sandbox->run(request, stop, [&said](std::string_view line) {
            said = line;
            return true;
          });
          if (ended && ended->succeeded() && said == request.input) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 24);
}

INSTANTIATE_TEST_SUITE_P(Sandbox, EachProfile,
                         testing::Values(Profile::kNone, Profile::kRestricted, Profile::kIsolated),
                         [](const auto& param) { return std::string(to_string(param.param)); });

/// What machines that lack something say. Each case takes one thing away.
class Refusal : public testing::Test {
 protected:
  static std::string why(const Request& request, const Capabilities& capabilities,
                         Machine machine = {}) {
    if (capabilities.root && !machine.run_as) machine.run_as = User{.uid = 65'534, .gid = 65'534};
    const auto good = check(request, machine, capabilities);
    return good ? "" : good.error().message;
  }
  static Request of(Profile profile) {
    return {.profile = profile, .argv = {"/bin/true"}, .network = profile == Profile::kNone};
  }

  const Capabilities all_{.seccomp = true,
                          .landlock_abi = 7,
                          .child_lists = true,
                          .namespaced_limits = true,
                          .no_bubblewrap = "",
                          .no_cgroup = "no group"};
};

TEST_F(Refusal, ACapableMachineRunsEachProfile) {
  for (const Profile profile : {Profile::kNone, Profile::kRestricted, Profile::kIsolated}) {
    EXPECT_EQ(why(of(profile), all_), "");
  }
}

TEST_F(Refusal, NamesWhatTheMachineLacks) {
  Capabilities without = all_;
  without.no_bubblewrap = "/usr/bin/bwrap is not there; install the package bubblewrap";
  EXPECT_THAT(why(of(Profile::kIsolated), without), HasSubstr("install the package bubblewrap"));
  EXPECT_EQ(why(of(Profile::kRestricted), without), "");
  without = all_;
  without.landlock_abi = 0;
  EXPECT_THAT(why(of(Profile::kRestricted), without), HasSubstr("Landlock"));
  EXPECT_EQ(why(of(Profile::kIsolated), without), "");
  without = all_;
  without.seccomp = false;
  EXPECT_THAT(why(of(Profile::kRestricted), without), HasSubstr("seccomp"));
  EXPECT_THAT(why(of(Profile::kIsolated), without), HasSubstr("seccomp"));
  EXPECT_EQ(why(of(Profile::kNone), without), "");
  without = all_;
  without.child_lists = false;
  EXPECT_THAT(why(of(Profile::kNone), without), HasSubstr("cannot be ended"));
  EXPECT_EQ(why(of(Profile::kIsolated), without), "");
}

TEST_F(Refusal, LimitsThatCannotBeHadAreNotDropped) {
  Request request = of(Profile::kIsolated);
  request.limits.memory_total_bytes = 1 << 30;
  EXPECT_THAT(why(request, all_), HasSubstr("no group"));
  request = of(Profile::kRestricted);
  request.limits.disk_bytes = 1 << 30;
  EXPECT_THAT(why(request, all_), HasSubstr("isolated"));
  request = of(Profile::kNone);
  request.network = false;
  EXPECT_THAT(why(request, all_), HasSubstr("network"));
}

TEST_F(Refusal, RootRunsCommandsAsSomebodyElse) {
  Capabilities root = all_;
  root.root = true;
  EXPECT_EQ(why(of(Profile::kIsolated), root), "");
  const auto refused = [&](Machine machine) {
    const auto good = check(of(Profile::kIsolated), machine, root);
    return good ? "" : good.error().message;
  };
  EXPECT_THAT(refused({}), HasSubstr("runs as root"));
  EXPECT_THAT(refused({.run_as = User{.uid = 0, .gid = 0}}), HasSubstr("runs as root"));
  EXPECT_THAT(why(of(Profile::kNone), all_, {.run_as = User{.uid = 12'345, .gid = 1}}),
              HasSubstr("only a server that runs as root"));
}

TEST_F(Refusal, NamesWhatIsWrongWithACommand) {
  const auto with = [&](auto change) {
    Request request = of(Profile::kIsolated);
    change(request);
    return why(request, all_);
  };
  EXPECT_THAT(with([](Request& r) { r.argv.clear(); }), HasSubstr("empty"));
  EXPECT_THAT(with([](Request& r) { r.argv = {"bin/x"}; }), HasSubstr("bin/x is neither"));
  EXPECT_THAT(with([](Request& r) { r.argv.emplace_back("a\0b", 3); }), HasSubstr("NUL"));
  EXPECT_THAT(with([](Request& r) { r.environment["a=b"] = ""; }), HasSubstr("a=b"));
  EXPECT_THAT(with([](Request& r) { r.read_paths = {"data"}; }), HasSubstr("data"));
  EXPECT_THAT(with([](Request& r) { r.write_paths = {"/"}; }), HasSubstr("below /"));
  EXPECT_THAT(with([](Request& r) { r.limits.wall = 0ms; }), HasSubstr("wall"));
  EXPECT_THAT(with([](Request& r) { r.limits.cpu = 0s; }), HasSubstr("cpu"));
  EXPECT_THAT(with([](Request& r) { r.limits.processes = 0; }), HasSubstr("processes"));
  EXPECT_THAT(with([](Request& r) { r.limits.disk_bytes = 0; }), HasSubstr("disk"));
  EXPECT_THAT(with([](Request& r) { r.limits.memory_bytes = 1; }), HasSubstr("memory"));
}

TEST_F(Refusal, AMissingBubblewrapIsFoundOut) {
  Machine machine = test_machine();
  machine.bubblewrap = "/no/such/bwrap";
  EXPECT_THAT(Capabilities::probe(machine).no_bubblewrap, HasSubstr("/no/such/bwrap is not there"));
  machine.bubblewrap = "/bin/false";
  EXPECT_THAT(Capabilities::probe(machine).no_bubblewrap, HasSubstr("cannot make namespaces"));
}

TEST_F(Refusal, AFolderThatIsNoControlGroupIsFoundOut) {
  const TestFolder folder;
  EXPECT_THAT(Capabilities::probe({.cgroup = "/no/such/group"}).no_cgroup, HasSubstr("not there"));
  EXPECT_THAT(Capabilities::probe({.cgroup = folder.path()}).no_cgroup,
              HasSubstr("not a control group"));
}

TEST(FindUser, ByNameAndByNumber) {
  EXPECT_EQ(find_user("nobody")->uid, 65'534U);
  EXPECT_EQ(find_user("65534")->gid, 65'534U);
  EXPECT_THAT(find_user("no such user").error().message, HasSubstr("no such user"));
}

TEST(Scratch, IsRemovedHoweverDeepItGoes) {
  const TestFolder folder;
  std::string path;
  {
    const auto scratch = Scratch::create(folder.path(), std::nullopt);
    ASSERT_TRUE(scratch) << scratch.error().message;
    path = scratch->path();
    // Deeper than a path may be long, and than files may be open.
    const std::string run =
        "cd " + path + " && exec env HOME=x " + folder.hostile() + " nest 1500 >/dev/null";
    ASSERT_EQ(std::system(run.c_str()), 0);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
}

TEST(Scratch, LinksOutOfItAreNotFollowed) {
  const TestFolder folder;
  const std::string outside = folder.write("outside", "stays", 0600);
  {
    const auto scratch = Scratch::create(folder.path(), std::nullopt);
    std::filesystem::create_directory_symlink(folder.path(), scratch->path() + "/folder");
    std::filesystem::create_symlink(outside, scratch->path() + "/file");
    std::filesystem::create_directory(scratch->path() + "/closed");
    std::filesystem::permissions(scratch->path() + "/closed", std::filesystem::perms::none);
  }
  EXPECT_TRUE(std::filesystem::exists(outside));
  EXPECT_EQ(std::filesystem::status(outside).permissions(), std::filesystem::perms(0600));
}

TEST(Scratch, SaysWhereItCannotBeMade) {
  const auto scratch = Scratch::create("/no/such/folder", std::nullopt);
  EXPECT_THAT(scratch.error().message, HasSubstr("/no/such/folder"));
}

TEST(Profile, HasNames) {
  EXPECT_EQ(parse_profile("isolated"), Profile::kIsolated);
  EXPECT_EQ(parse_profile("Isolated"), std::nullopt);
}

}  // namespace
}  // namespace errand::sandbox
