// What a team's own project looks like: it sees the installed package and nothing else.
#include <cstdio>
#include <string>

#include <boost/describe/class.hpp>
#include <errand_worker/testing.h>
#include <errand_worker/worker.h>

#ifdef BOOST_ASIO_VERSION
#error "the public headers must not include Asio"
#endif

struct GreetInput {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(GreetInput, (), (name))

struct Greeting {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Greeting, (), (text))

int main() {
  const auto greet = [](errand_worker::Job& job, const GreetInput& input) {
    job.progress({.completed = 1, .total = 1});
    return Greeting{.text = "Hello, " + input.name + "!"};
  };
  errand_worker::Worker worker({.url = "https://127.0.0.1:1", .token = "ert_test"});
  worker.handle<GreetInput, Greeting>("greet", greet);

  const auto outcome = errand_worker::run_job<GreetInput, Greeting>(greet, {{"name", "Ada"}});
  if (outcome.result != boost::json::value{{"text", "Hello, Ada!"}}) return 1;
  std::puts(outcome.result.at("text").as_string().c_str());
  return 0;
}
