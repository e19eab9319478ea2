#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/allocator_interface.h>
#endif

#include "errand/graphql/request/service.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace {

/// Counts what this thread takes from the heap.
thread_local std::size_t allocations = 0;

}  // namespace

// The sanitizers bring operators of their own, which tell whoever asks.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++allocations; }, [](const volatile void*) {});
}  // namespace
#else
namespace {
void* allocate(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace errand::graphql::request {
namespace {

using execution::FieldResult;
using execution::FieldValue;
using execution::ObjectRef;
using execution::ResolveInfo;

constexpr const char* kSdl = R"(
type Query { job(id: ID!): ExportReportJob }
type Mutation {
  exportReport(input: ExportReportInput!, options: JobOptions): ExportReportJob!
}
type ExportReportJob {
  id: ID! type: String! status: JobStatus! queue: String! priority: Int! tags: [String!]!
  attempt: Int! maxAttempts: Int! createdAt: String! startedAt: String pollAfter: Int
  nextSteps: [String!]! progress: JobProgress
}
type JobProgress { completed: Float! total: Float stage: String }
enum JobStatus { PENDING RUNNING SUCCEEDED }
input ExportReportInput { accountId: ID! year: Int! format: ReportFormat = PDF }
enum ReportFormat { PDF CSV }
input JobOptions { idempotencyKey: String priority: Int tags: [String!] }
)";

constexpr const char* kFields =
    "{ id type status queue priority tags attempt maxAttempts createdAt startedAt pollAfter "
    "nextSteps progress { completed total stage } }";

struct Job {
  std::string id = "01985f2a-7c3e-7b1d-9a54-2f6c0d8e4b11";
};

/// A service whose resolvers answer at once, as those of a job handle do.
class AllocationsTest : public ::testing::Test {
 protected:
  AllocationsTest() {
    const language::Source source{kSdl, "schema.graphql"};
    auto schema = type::build_schema({&source, 1});
    EXPECT_TRUE(schema.has_value());
    const auto* job_type = &(*schema)->type("ExportReportJob")->as<type::ObjectType>();
    const auto* progress_type = &(*schema)->type("JobProgress")->as<type::ObjectType>();
    execution::ResolverMap map;
    const auto job = [this, job_type](const ResolveInfo&) -> FieldResult<FieldValue> {
      return ObjectRef{job_type, job_};
    };
    map.add("Query", "job", job);
    map.add("Mutation", "exportReport", job);
    const auto text = [&](const char* type, const char* field, const char* value) {
      map.add(type, field, [value](const ResolveInfo&) -> FieldResult<FieldValue> {
        return FieldValue::text_view(value);
      });
    };
    const auto number = [&](const char* type, const char* field, auto value) {
      map.add(type, field,
              [value](const ResolveInfo&) -> FieldResult<FieldValue> { return value; });
    };
    // A copy for a field that makes its text, as Errand's own resolvers of ids and times do.
    map.add("ExportReportJob", "id", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      return FieldValue(info.source_as<Job>().id);
    });
    map.add("ExportReportJob", "createdAt", [](const ResolveInfo&) -> FieldResult<FieldValue> {
      return FieldValue(std::string("2026-08-06T09:00:00.125Z"));
    });
    for (const char* field : {"tags", "nextSteps"}) {
      map.add("ExportReportJob", field, [](const ResolveInfo&) -> FieldResult<FieldValue> {
        FieldValue::List list;
        list.push_back(FieldValue::text_view("The job runs; ask again in a second."));
        return FieldValue(std::move(list));
      });
    }
    map.add("ExportReportJob", "progress",
            [progress_type](const ResolveInfo& info) -> FieldResult<FieldValue> {
              return ObjectRef{progress_type, *info.source.owner};
            });
    text("ExportReportJob", "type", "exportReport");
    text("ExportReportJob", "status", "RUNNING");
    text("ExportReportJob", "queue", "reports");
    text("ExportReportJob", "startedAt", "2026-08-06T09:00:02.125Z");
    text("JobProgress", "stage", "rendering");
    number("ExportReportJob", "priority", 10);
    number("ExportReportJob", "attempt", 1);
    number("ExportReportJob", "maxAttempts", 5);
    number("ExportReportJob", "pollAfter", 1000);
    number("JobProgress", "completed", 12.5);
    number("JobProgress", "total", 40.0);
    auto bound = execution::Resolvers::bind(std::move(*schema), std::move(map));
    EXPECT_TRUE(bound.has_value());
    service_ = std::make_unique<Service>(std::move(*bound), Service::Options{});
  }

  /// Allocations from the body of a request, whose document is known already, to its response.
  std::size_t count(const std::string& query, const char* variables) {
    boost::asio::io_context io;
    std::size_t counted = 0;
    Response response;
    const std::string body = "{\"query\":" + json::to_text(boost::json::value(query)) +
                             ",\"variables\":" + variables + "}";
    const auto requests = [&]() -> boost::asio::awaitable<void> {
      const auto context = std::make_shared<RequestContext>();
      for (int i = 0; i < 5; ++i) {
        const std::size_t before = allocations;
        auto memory = RequestMemory::make();
        auto json = json::parse(body, {}, memory.storage());
        auto parameters = parse_request_parameters(*std::move(json), std::move(memory));
        response = co_await service_->execute(*std::move(parameters), context);
        counted = allocations - before;
      }
    };
    boost::asio::co_spawn(io, requests(), boost::asio::detached);
    io.run();
    EXPECT_FALSE(response.has_errors) << response.body;
    EXPECT_GT(response.body.size(), 300U) << response.body;
    return counted;
  }

 private:
  std::shared_ptr<const Job> job_ = std::make_shared<const Job>();
  std::unique_ptr<Service> service_;
};

// Of these the resolvers take six: two texts, and two lists with their items. The others are the
// request's memory, the text of the query, and the response.
#ifdef BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
constexpr std::size_t kAllocationsMax =
    10;  // and a coroutine, whose memory is used again elsewhere
#else
constexpr std::size_t kAllocationsMax = 9;
#endif

TEST_F(AllocationsTest, OfAKnownMutationWithVariablesAreFew) {
  const std::size_t counted =
      count(std::string("mutation ExportReport($input: ExportReportInput!, $options: JobOptions) { "
                        "exportReport(input: $input, options: $options) ") +
                kFields + " }",
            R"({"input":{"accountId":"account-42-of-the-north","year":2026},
          "options":{"idempotencyKey":"order-4711-2026-08","priority":10,"tags":["billing"]}})");
  std::cout << "allocations of a known mutation: " << counted << '\n';
  EXPECT_LE(counted, kAllocationsMax);
}

TEST_F(AllocationsTest, OfAKnownQueryAreFew) {
  const std::size_t counted = count(std::string("query($id: ID!) { job(id: $id) ") + kFields + " }",
                                    R"({"id":"01985f2a-7c3e-7b1d-9a54-2f6c0d8e4b11"})");
  std::cout << "allocations of a known query: " << counted << '\n';
  EXPECT_LE(counted, kAllocationsMax);
}

}  // namespace
}  // namespace errand::graphql::request
