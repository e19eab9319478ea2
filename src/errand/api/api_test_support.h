#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/api/context.h"
#include "errand/api/limits.h"
#include "errand/api/resolvers.h"
#include "errand/graphql/request/service.h"
#include "errand/job/testing/jobs.h"
#include "errand/json/writer.h"
#include "errand/runtime/lane.h"
#include "errand/store/memory_store.h"

/// A whole server but for the sockets, over a store in memory, for the tests of this folder.
namespace errand::api::testing {

inline constexpr std::string_view kSchema = R"(
type Query { hello: String }
type Mutation {
  exportReport(input: ExportInput!, dryRun: Boolean = false): Report
    @job(queue: "reports", timeout: "1m", maxAttempts: 3)
  charge(amount: Int! @constraint(min: 1, max: 100)): Receipt! @job(queue: "money", idempotency: REQUIRED)
  sync(account: ID, full: Boolean): Int
    @job(queue: "sync", concurrency: [{key: "account", limit: 1, fifo: true}, {key: "queue", limit: 9}])
  refresh(page: ID): Int @job(queue: "sync", unique: {by: "page"})
  transfer(amount: Int!): Int @job(queue: "bank", handler: {graphql: {
    url: "https://bank.example/graphql", forwardHeaders: ["Authorization", "X-Team"], onBehalfOf: "X-Subject"}})
  lookUp(name: String!): Int @job(queue: "bank", handler: {graphql: {
    url: "https://bank.example/graphql", forwardHeaders: ["Authorization", "Cookie"]}})
  secret(word: String @sensitive): String @job(queue: "reports") @auth(scopes: ["reports:secret"])
}
input ExportInput { format: Format! title: String @constraint(minLength: 2) }
enum Format { CSV PDF }
type Report { rows: Int! files: [File!]! }
type File { name: String! bytes: Int }
type Receipt { id: ID! }
)";

/// Answers "hello", the one field that is not ours.
inline graphql::execution::ResolverMap hello() {
  graphql::execution::ResolverMap map;
  map.add("Query", "hello",
          [](const graphql::execution::ResolveInfo&)
              -> graphql::execution::FieldResult<graphql::execution::FieldValue> {
            return graphql::execution::FieldValue("hi");
          });
  return map;
}

class Server {
 public:
  /// @param digests  stored before it starts
  explicit Server(ApiOptions options = {}, contract::ContractOptions contract_options = {},
                  std::vector<store::EstimateDigest> digests = {}) {
    const graphql::language::Source source{std::string(kSchema), "schema.graphql"};
    contract_options.has_resolver = [](std::string_view, std::string_view field) {
      return field == "hello";
    };
    auto built = contract::Contract::build({&source, 1}, contract_options);
    if (!built) {
      ADD_FAILURE() << graphql::language::to_string(built.error().front());
      std::abort();
    }
    contract = *built;
    if (!digests.empty()) {
      store::Batch batch{.id = Uuid::v7(clock.now().wall, random), .epoch = store.epoch()};
      batch.estimates = std::move(digests);
      EXPECT_TRUE(store.commit(batch));
    }
    runtime::Lane::Options lane_options;
    lane_options.engine.limits = limits_of(*contract);
    lane = std::make_unique<runtime::Lane>(
        lane_options, store, bus, clock, random,
        [this](std::vector<engine::Action> actions) { take_actions(std::move(actions)); });
    EXPECT_TRUE(lane->start());
    backend = std::make_shared<const Backend>(runtime::LaneClient(*lane), store.reader(), pool, bus,
                                              contract, crypto::MasterKey::generate(random), clock,
                                              random, options);
    auto resolvers = make_resolvers(backend, hello());
    if (!resolvers) {
      ADD_FAILURE() << resolvers.error().message;
      std::abort();
    }
    service = std::make_unique<graphql::request::Service>(std::move(*resolvers),
                                                          graphql::request::Service::Options{});
  }

  ~Server() {
    bus.close();
    lane->stop();
    pool.stop();
  }

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    std::optional<T> result;
    std::exception_ptr failure;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      if (!error) result.emplace(std::move(value));
    });
    io.restart();
    io.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  static std::shared_ptr<Context> context(std::string tenant = "acme",
                                          std::vector<std::string> scopes = {"jobs:*", "queues:*",
                                                                             "workers:*"}) {
    auto principal = std::make_shared<auth::Principal>();
    principal->tenant = TenantId(std::move(tenant));
    principal->subject = SubjectId("user:anna");
    principal->scopes = std::move(scopes);
    auto result = std::make_shared<Context>();
    result->principal = std::move(principal);
    result->request_id = "r1";
    return result;
  }

  /// The whole response.
  boost::json::value execute(std::string query, std::shared_ptr<Context> as = context(),
                             boost::json::object variables = {}) {
    const auto response = run(service->execute({.query = std::move(query),
                                                .operation_name = {},
                                                .variables = std::move(variables),
                                                .extensions = {}},
                                               std::move(as)));
    last_http_status = response.http_status;
    return boost::json::parse(response.body);
  }

  /// Its data; the test fails if there are errors.
  boost::json::object data(std::string query, std::shared_ptr<Context> as = context(),
                           boost::json::object variables = {}) {
    const boost::json::value response =
        execute(std::move(query), std::move(as), std::move(variables));
    EXPECT_FALSE(response.as_object().contains("errors")) << json::to_text(response);
    const boost::json::value& found = response.at("data");
    return found.is_object() ? found.as_object() : boost::json::object();
  }

  /// `extensions.code` of its first error.
  std::string code(std::string query, std::shared_ptr<Context> as = context()) {
    const boost::json::value response = execute(std::move(query), std::move(as));
    const boost::json::value* errors = response.as_object().if_contains("errors");
    if (errors == nullptr) {
      ADD_FAILURE() << json::to_text(response);
      return {};
    }
    return std::string(errors->at(0).at("extensions").at("code").as_string());
  }

  std::unique_ptr<graphql::request::ResponseStream> subscribe(
      std::string query, std::shared_ptr<Context> as = context()) {
    auto stream = run(service->subscribe(
        {.query = std::move(query), .operation_name = {}, .variables = {}, .extensions = {}},
        std::move(as)));
    if (!stream) {
      last_refusal = stream.error().body;
      return nullptr;
    }
    return std::move(*stream);
  }

  /// The data of the stream's next response; null at its end.
  boost::json::value next(graphql::request::ResponseStream& stream) {
    auto response = run(stream.next());
    if (!response) return nullptr;
    boost::json::value body = boost::json::parse(response->body);
    EXPECT_FALSE(body.as_object().contains("errors")) << response->body;
    last_event_id = response->event_id;
    return body.at("data");
  }

  /// Starts an export and gives its id.
  std::string submit(std::string_view options = "", std::shared_ptr<Context> as = context()) {
    const std::string query = "mutation { exportReport(input: {format: CSV}" +
                              (options.empty() ? "" : ", options: {" + std::string(options) + "}") +
                              ") { id } }";
    return std::string(data(query, std::move(as)).at("exportReport").at("id").as_string());
  }

  Result<engine::Reply> ask(engine::Request request) {
    std::promise<Result<engine::Reply>> promise;
    auto future = promise.get_future();
    lane->submit(std::move(request),
                 [&](Result<engine::Reply> reply) { promise.set_value(std::move(reply)); });
    return future.get();
  }

  void add_worker(std::uint32_t credits = 1, std::string id = "w1",
                  std::optional<TenantId> tenant = std::nullopt) {
    engine::RegisterWorker worker;
    worker.id = WorkerId(id);
    worker.tenant = std::move(tenant);
    worker.slots = 10;
    worker.subject = SubjectId("worker:w1");
    EXPECT_TRUE(ask(worker));
    EXPECT_TRUE(ask(engine::AddCredits{WorkerId(id), credits}));
  }

  engine::Dispatch await_dispatch() {
    std::unique_lock lock(mutex_);
    dispatched_.wait(lock, [&] { return !dispatches_.empty(); });
    engine::Dispatch dispatch = std::move(dispatches_.front());
    dispatches_.pop_front();
    return dispatch;
  }

  Result<engine::Reply> report(const job::JobState& state, job::Command command,
                               std::string result = {}) {
    engine::CommandJob request;
    request.id = state.id;
    request.command = std::move(command);
    request.actor = {job::ActorKind::kWorker, SubjectId("worker:w1")};
    request.result = std::move(result);
    return ask(std::move(request));
  }

  /// Puts a job with this history into the store, past the engine, which does not know of it.
  JobId add_history(const job::testing::History& history) {
    std::vector<job::Event> events = history.events();
    std::uint64_t position = to_number(store.last_position());
    for (job::Event& event : events) event.position = LogPosition{++position};
    store::Batch batch;
    batch.id = Uuid::v7(clock.now().wall, random);
    batch.epoch = store.epoch();
    batch.time = clock.now().wall;
    auto state = job::fold(events);
    EXPECT_TRUE(state) << state.error().message;
    batch.jobs.push_back({.before = std::nullopt,
                          .after = std::make_shared<const job::JobState>(*state),
                          .events = std::move(events)});
    const auto committed = store.commit(batch);
    EXPECT_TRUE(committed) << committed.error().error.message;
    return history.state().id;
  }

  Result<engine::Reply> complete(const job::JobState& state, std::string result) {
    job::Complete command{.token = state.token,
                          .result = {backend->payload_key.sign(result), result.size()}};
    return report(state, command, std::move(result));
  }

  store::MemoryStore store;
  runtime::EventBus bus;
  SystemClock clock;
  SystemRandom random;
  boost::asio::io_context io{1};
  async::BlockingPool pool{{.threads = 2}};
  std::shared_ptr<const contract::Contract> contract;
  std::unique_ptr<runtime::Lane> lane;
  BackendPtr backend;
  std::unique_ptr<graphql::request::Service> service;
  std::optional<int> last_http_status;
  std::string last_refusal;
  std::string last_event_id;

 private:
  void take_actions(std::vector<engine::Action> actions) {
    const std::lock_guard lock(mutex_);
    for (engine::Action& action : actions) {
      if (auto* dispatch = std::get_if<engine::Dispatch>(&action)) {
        dispatches_.push_back(std::move(*dispatch));
      }
    }
    dispatched_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable dispatched_;
  std::deque<engine::Dispatch> dispatches_;
};

}  // namespace errand::api::testing
