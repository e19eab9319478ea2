// Runs the benchmark's jobs by the C++ SDK, connected to the server at ERRAND_URL.
#include <cstdlib>

#include "errand_worker/worker.h"

int main() {
  errand_worker::Worker worker({.url = std::getenv("ERRAND_URL"),
                                .token = std::getenv("ERRAND_TOKEN"),
                                .slots = 64,
                                .log_level = errand_worker::LogLevel::kError});
  worker.handle("work", [](errand_worker::Job& job) -> boost::json::value {
    return job.arguments().at("n");
  });
  worker.run();
}
