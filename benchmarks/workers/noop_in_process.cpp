// A server on SCHEMA, DATA and PORT that runs the benchmark's jobs within itself.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>

#include "errand/embedded/server.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  errand::Server server({.schema_files = {argv[1]},
                         .data = argv[2],
                         .port = static_cast<std::uint16_t>(std::stoi(argv[3])),
                         .settings = {{"log.level", "warn"}}});
  server.handle(
      "work", [](errand_worker::Job& job) -> boost::json::value { return job.arguments().at("n"); },
      64);
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  std::printf(R"({"url":"%s","tokens":{"client":"%s"}})"
              "\n",
              server.url().c_str(), server.client_token().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
}
