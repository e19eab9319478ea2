#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "errand/sandbox/sandbox.h"
#include "errand/sandbox/unique_name.h"

namespace errand::sandbox {

using namespace std::chrono_literals;

/// A folder that every user can read, with the program of hostile deeds in it.
class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::temp_directory_path() / unique_name("errand-test-")) {
    std::filesystem::create_directory(path_);
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
    std::filesystem::copy_file(ERRAND_HOSTILE, hostile());
    std::filesystem::permissions(hostile(), std::filesystem::perms(0755));
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string hostile() const { return path_ / "hostile"; }
  [[nodiscard]] std::string path() const { return path_; }

  std::string write(const std::string& name, const std::string& text, int mode = 0644) const {
    const auto file = path_ / name;
    std::ofstream(file) << text;
    std::filesystem::permissions(file, std::filesystem::perms(mode));
    return file;
  }

 private:
  std::filesystem::path path_;
};

/// Where private folders of commands are made. Whoever ends a run removes what it made there.
inline std::filesystem::path scratch_folder() {
  static const auto path = [] {
    auto made = std::filesystem::temp_directory_path() / unique_name("errand-test-scratch-");
    std::filesystem::create_directory(made);
    std::filesystem::permissions(made, std::filesystem::perms(0755));
    return made;
  }();
  return path;
}

/// Holds it against the promise, once all tests have run.
class ScratchIsEmpty : public testing::Environment {
 public:
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(scratch_folder()));
    std::filesystem::remove_all(scratch_folder());
  }
};

/// This machine, as a server would be told to use it: by root, commands are nobody's.
inline Machine test_machine() {
  Machine machine{.scratch = scratch_folder()};
  if (::geteuid() == 0) machine.run_as = User{.uid = 65'534, .gid = 65'534};
  if (const char* cgroup = std::getenv("ERRAND_TEST_CGROUP")) machine.cgroup = cgroup;
  return machine;
}

inline const Capabilities& this_machine() {
  static const Capabilities capabilities = Capabilities::probe(test_machine());
  return capabilities;
}

/// What a command wrote, and how it ended.
struct Seen {
  Result<Ended> ended;
  std::vector<std::string> lines;
};

/// @param heard  called after each line
inline Seen run_command(const Request& request, const Capabilities& capabilities = this_machine(),
                        const std::function<void()>& heard = {}, StopSignal* signal = nullptr) {
  const auto sandbox = Sandbox::create(test_machine(), capabilities);
  Seen seen;
  if (!sandbox) {
    seen.ended = std::unexpected(sandbox.error());
    return seen;
  }
  StopSignal own;
  StopSignal& stop = signal == nullptr ? own : *signal;
  seen.ended = (*sandbox)->run(request, stop, [&](std::string_view line) {
    seen.lines.emplace_back(line);
    if (heard) heard();
    return true;
  });
  EXPECT_FALSE(seen.ended && seen.ended->left_over);
  return seen;
}

/// Processes, of any user, that were started with `argument` among their arguments.
inline std::vector<int> processes_with(const std::string& argument) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (line.find(argument) != std::string::npos) found.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace errand::sandbox
