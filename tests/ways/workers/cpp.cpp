// The scripted handler of the conformance program (tests/ways/README.md) on the C++ SDK.

#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scripted.h"
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <errand_worker/worker.h>

namespace {

namespace json = boost::json;
using scripted::split;
using scripted::variable;

template <class Value>
Value read_variable(const char* name) {
  const std::string text = variable(name);
  return text.empty() ? Value() : json::value_to<Value>(json::parse(text));
}

errand_worker::WorkerOptions options() {
  return {.url = variable("ERRAND_URL"),
          .token = variable("ERRAND_TOKEN"),
          .slots = std::stoi(variable("ERRAND_SLOTS", "1")),
          .queues = split(variable("ERRAND_QUEUES")),
          .name = variable("ERRAND_WORKER_NAME"),
          .build = variable("ERRAND_BUILD"),
          .labels = read_variable<std::map<std::string, std::string>>("ERRAND_LABELS"),
          .selectors =
              read_variable<std::map<std::string, std::vector<std::string>>>("ERRAND_SELECTORS"),
          .log_level = errand_worker::LogLevel::kDebug};
}

}  // namespace

int main() {
  try {
    errand_worker::Worker worker(options());
    for (std::string& type : split(variable("ERRAND_TYPES", "perform"))) {
      worker.handle(std::move(type), scripted::perform);
    }
    worker.run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
