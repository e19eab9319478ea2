// The scripted handler of the conformance program (tests/ways/README.md) within the server: a
// program that is started as `errand serve` is, and says where it is as that does.
//
// ERRAND_TYPES names the mutations that it handles, each with its slots: "success:4,cancel:1".

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "scripted.h"
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "errand/embedded/server.h"

namespace {

/// @return false for a flag that it does not have
bool read_flags(int count, char** words, errand::ServerOptions& options) {
  for (int i = 1; i < count; ++i) {
    const std::string_view flag = words[i];
    if (flag == "--json") continue;
    if (flag == "--test-clock") {
      options.test_clock = true;
      continue;
    }
    if (++i == count) return false;
    const std::string value = words[i];
    if (flag == "--config") {
      options.config_file = value;
    } else if (flag == "--schema") {
      options.schema_files.push_back(value);
    } else if (flag == "--data") {
      options.data = value;
    } else if (flag == "--port") {
      options.port = static_cast<std::uint16_t>(std::stoi(value));
    } else if (flag == "--credentials") {
      options.settings["auth.credentials"] = value;
    } else if (flag == "--log-level") {
      options.settings["log.level"] = value;
    } else if (flag == "--log-format") {
      options.settings["log.format"] = value;
    } else {
      return false;
    }
  }
  return true;
}

void print_summary(const errand::Server& server) {
  boost::json::object summary{{"url", server.url()}};
  if (!server.client_token().empty()) {
    summary["tokens"] =
        boost::json::object{{"client", server.client_token()}, {"worker", server.worker_token()}};
  }
  std::printf("%s\n", boost::json::serialize(summary).c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  errand::ServerOptions options;
  if (!read_flags(count, words, options)) {
    std::fprintf(stderr, "it takes flags of `errand serve`\n");
    return 2;
  }
  // Blocked before any thread starts, so that sigwait() gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  errand::Server server(options);
  for (const std::string& type : scripted::split(scripted::variable("ERRAND_TYPES"))) {
    const auto colon = type.find(':');
    server.handle(type.substr(0, colon), scripted::perform, std::stoi(type.substr(colon + 1)));
  }
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s [%s]\n", started.error().message.c_str(),
                 std::string(to_string(started.error().code)).c_str());
    return 1;
  }
  print_summary(server);
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
}
