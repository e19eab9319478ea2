// Any JSON as the variables of any document: the request is refused with errors or executed with
// `data`, its resolvers giving the coerced arguments back. The same request once more, with its
// document from the cache, is answered with the same bytes.
//
// An input is a document, and after a line of dashes the variables.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "errand/base/assert.h"
#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/request/service.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/json/parse.h"

namespace {

using namespace errand::graphql;

constexpr const char* kSchema = R"(
scalar Any scalar DateTime scalar Duration scalar UUID
enum Color { RED GREEN }
input Filter {
  id: ID  int: Int = 7  float: Float  string: String  flag: Boolean! = true  color: Color = RED
  ids: [ID!]  ints: [Int]! = [1]  grid: [[Int!]]  deep: Filter  deeper: [Filter!]  one: One
  any: Any  at: DateTime  wait: Duration  uuid: UUID
}
input One @oneOf { int: Int text: String filter: Filter list: [One!] }
type Query {
  all(filter: Filter, one: One, filters: [Filter!] = [{int: 1}], must: Filter! = {}): Any
  id(value: ID): Any  int(value: Int): Any  float(value: Float): Any  string(value: String): Any
  flag(value: Boolean): Any  color(value: Color): Any  any(value: Any): Any
  at(value: DateTime): Any  wait(value: Duration): Any  uuid(value: UUID): Any
  ints(value: [Int!]!): Any  grid(value: [[Int]!]): Any  one(value: One!): Any
  self: Query  node: Node
}
interface Node { id: ID! }
type Leaf implements Node { id: ID! int: Int! list: [Int!] color: Color }
type Mutation { add(filter: Filter!): Any }
)";

constexpr std::array kEchoes = {"all", "id", "int",  "float", "string", "flag", "color",
                                "any", "at", "wait", "uuid",  "ints",   "grid", "one"};

execution::FieldResult<execution::FieldValue> echo(const execution::ResolveInfo& info) {
  return execution::FieldValue::json(info.arguments);
}

request::Service make_service() {
  const language::Source source{kSchema, "schema.graphql"};
  const auto schema = type::build_schema(std::span(&source, 1));
  ERRAND_ASSERT(schema.has_value());
  execution::ResolverMap map;
  for (const char* field : kEchoes) map.add("Query", field, echo);
  map.add("Mutation", "add", echo);
  map.add("Query", "self",
          [](const execution::ResolveInfo& info) -> execution::FieldResult<execution::FieldValue> {
            return execution::FieldValue(
                execution::ObjectRef{&info.parent_type, std::make_shared<int>()});
          });
  map.add("Query", "node",
          [](const execution::ResolveInfo&) -> execution::FieldResult<execution::FieldValue> {
            // A null where none may be, and an item of the wrong type.
            return execution::FieldValue::json(boost::json::object{
                {"__typename", "Leaf"}, {"id", 1}, {"list", {1, "x"}}, {"color", "BLUE"}});
          });
  auto resolvers = execution::Resolvers::bind(*schema, std::move(map));
  ERRAND_ASSERT(resolvers.has_value());
  return {std::move(*resolvers), {}};
}

request::Response run(request::Service& service, request::RequestParameters parameters) {
  boost::asio::io_context io;
  request::Response response;
  boost::asio::co_spawn(
      io, service.execute(std::move(parameters), std::make_shared<execution::RequestContext>()),
      [&](const std::exception_ptr& error, request::Response answered) {
        ERRAND_ASSERT(error == nullptr);
        response = std::move(answered);
      });
  io.run();
  return response;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace errand;
  std::string query(reinterpret_cast<const char*>(data), size);
  boost::json::object sent;
  if (const auto line = query.find("\n----\n"); line != std::string::npos) {
    const auto variables = json::parse(std::string_view(query).substr(line + 6));
    if (!variables || !variables->is_object()) return 0;
    sent = variables->get_object();
    query.resize(line);
  }
  const auto parameters = [&](request::RequestMemory memory) {
    boost::json::object variables(sent, memory.storage());
    return request::RequestParameters{
        .query = query, .memory = std::move(memory), .variables = std::move(variables)};
  };

  static request::Service service = make_service();
  const request::Response response = run(service, parameters(request::RequestMemory::make()));
  const auto body = json::parse(response.body, {.bytes_max = response.body.size() + 1});
  ERRAND_ASSERT(body.has_value() && body->is_object());
  ERRAND_ASSERT(body->get_object().contains("data") == !response.request_error());
  ERRAND_ASSERT(body->get_object().contains("errors") ==
                (response.has_errors || response.request_error()));
  ERRAND_ASSERT(run(service, parameters(request::RequestMemory())).body == response.body);
  return 0;
}
