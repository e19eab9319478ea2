// An Errand server within a C++ program: the mutation countWords is run by a function of this
// process.
//
//     build/dev/examples/embedded/errand_example_embedded examples/embedded/schema.graphql
//     errand job submit countWords --input '{"text": "to be or not to be"}' --watch

#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "errand/embedded/server.h"

namespace {

boost::json::value count_words(errand_worker::Job& job) {
  std::istringstream text(std::string(job.input().at("text").as_string()));
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  std::string longest;
  for (std::size_t i = 0; i < words.size(); ++i) {
    job.progress({.completed = static_cast<double>(i),
                  .total = static_cast<double>(words.size()),
                  .message = words[i]});
    job.sleep_for(std::chrono::seconds(1));  // throws when the job is canceled
    if (words[i].size() > longest.size()) longest = words[i];
  }
  return {{"words", words.size()}, {"longest", longest}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s schema.graphql\n", argv[0]);
    return 2;
  }
  // Blocked before any thread starts, so that sigwait() gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  errand::Server server({.schema_files = {argv[1]}});
  server.handle("countWords", count_words, 4);
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  std::printf("%s/graphql\nERRAND_TOKEN=%s\n", server.url().c_str(), server.client_token().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
}
