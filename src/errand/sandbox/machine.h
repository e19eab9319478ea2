#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "errand/base/result.h"
#include "errand/sandbox/request.h"

namespace errand::sandbox {

/// A user as the kernel knows it.
struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// Looks a user up by name or number. @return kConfigInvalid when there is none.
Result<User> find_user(const std::string& name);

/// What the operator gives the sandbox.
struct Machine {
  /// Whom commands run as. Needed when the server is root, whom limits do not bind; refused
  /// otherwise, as nobody else may change users.
  std::optional<User> run_as = std::nullopt;
  /// Where bubblewrap is.
  std::string bubblewrap = "/usr/bin/bwrap";
  /// Where private folders of commands are made; must exist.
  std::string scratch = "/tmp";
  /// A control group (v2) handed over to the server, with the controllers memory and pids switched
  /// on for its children; "" for none.
  std::string cgroup;
};

/// What this machine can enforce. A plain value, so that tests can take things away.
struct Capabilities {
  bool root = false;               ///< the server is
  bool seccomp = false;            ///< filters of system calls
  int landlock_abi = 0;            ///< 0: no Landlock
  bool child_lists = false;        ///< /proc/thread-self/children
  bool namespaced_limits = false;  ///< processes are counted for each user namespace (Linux 5.14)
  std::string no_bubblewrap;       ///< why it cannot be used; "" when it can
  std::string no_cgroup;           ///< why memory of a tree cannot be limited; "" when it can

  /// Tries what cannot be asked for: starts bubblewrap once, as the user of commands. Blocks for
  /// some milliseconds.
  static Capabilities probe(const Machine& machine);
};

/// Whether `request` can be run with all that it asks for.
/// @return kConfigInvalid saying what is wrong or what the machine lacks, and what to do.
Result<void> check(const Request& request, const Machine& machine,
                   const Capabilities& capabilities);

}  // namespace errand::sandbox
