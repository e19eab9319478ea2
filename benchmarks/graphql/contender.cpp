// Errand's side of `./dev bench graphql`: answers request bodies with graphql::request::Service
// from memory, as the HTTP server does behind its socket. Speaks the protocol of contender.mjs.

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/request/service.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/json/parse.h"

namespace {

namespace asio = boost::asio;
namespace execution = errand::graphql::execution;
namespace request = errand::graphql::request;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "errand_graphql_bench: {}\n", why);
  std::exit(1);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) give_up("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Processor time of this process so far, in seconds.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Root fields answer with their member of the prepared data, `data`, which outlives the result;
/// the fields below take the member of their name, as the default resolvers of graphql-js do.
request::Service make_service(const std::string& sdl, const boost::json::object& data,
                              std::size_t cache_bytes_max) {
  const errand::graphql::language::Source source{sdl, "schema.graphql"};
  auto schema = errand::graphql::type::build_schema(std::span(&source, 1));
  if (!schema) give_up(schema.error().front().message);
  execution::ResolverMap map;
  const auto answer = [&](const char* type, const char* field) {
    map.add(type, field,
            [&value = data.at(field)](
                const execution::ResolveInfo&) -> execution::FieldResult<execution::FieldValue> {
              return execution::FieldValue::json_view(value);
            });
  };
  answer("Query", "job");
  answer("Mutation", "exportReport");
  auto resolvers = execution::Resolvers::bind(*schema, std::move(map));
  if (!resolvers) give_up(resolvers.error().message);
  return {std::move(*resolvers), {.cache_bytes_max = cache_bytes_max}};
}

/// From the bytes of a request to those of its response.
asio::awaitable<std::string> answer(request::Service& service, const std::string& body) {
  auto memory = request::RequestMemory::make();
  auto json = errand::json::parse(body, {}, memory.storage());
  if (!json) give_up(json.error().message);
  auto parameters = request::parse_request_parameters(*std::move(json), std::move(memory));
  if (!parameters) give_up(parameters.error().message);
  auto response = co_await service.execute(std::move(*parameters),
                                           std::make_shared<execution::RequestContext>());
  co_return std::move(response.body);
}

/// Reads commands until the end of the input; one answer a line.
asio::awaitable<void> serve(request::Service& service, const std::string& folder) {
  std::map<std::string, std::string> bodies;
  for (const char* name : {"mutation", "query"}) {
    bodies[name] = read_file(folder + "/" + name + ".json");
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    std::string name;
    double seconds = 0;
    words >> command >> name >> seconds;
    const std::string& body = bodies.at(name);
    if (command == "answer") {
      fmt::print("{}\n", co_await answer(service, body));
    } else {
      constexpr int kBatch = 64;  // between two looks at the clock
      std::uint64_t count = 0;
      std::size_t bytes = 0;
      const double begin = cpu_seconds();
      double used = 0;
      do {
        for (int i = 0; i < kBatch; ++i) bytes += (co_await answer(service, body)).size();
        count += kBatch;
        used = cpu_seconds() - begin;
      } while (used < seconds);
      if (bytes == 0) give_up("the answers are empty");
      fmt::print("{} {}\n", count, used);
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  std::size_t cache_bytes_max = 16 << 20;
  CLI::App app{"Answers GraphQL requests from memory: one contender of ./dev bench graphql.",
               "errand_graphql_bench"};
  app.add_option("--folder", folder, "holds schema.graphql, data.json, mutation.json, query.json")
      ->required();
  app.add_option("--cache-bytes", cache_bytes_max, "weight of the document cache; 0: none");
  CLI11_PARSE(app, argc, argv);

  const auto data = errand::json::parse(read_file(folder + "/data.json"));
  if (!data || !data->is_object()) give_up("data.json is no JSON object");
  request::Service service =
      make_service(read_file(folder + "/schema.graphql"), data->get_object(), cache_bytes_max);
  asio::io_context io;
  asio::co_spawn(io, serve(service, folder), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  return 0;
}
