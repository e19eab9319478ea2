#include "errand/graphql/execution/response_stream.h"

#include <utility>

#include "errand/graphql/execution/error_json.h"
#include "errand/graphql/execution/operation_execution.h"

namespace errand::graphql::execution {
namespace {

class MappedStream final : public ResponseStream {
 public:
  MappedStream(std::unique_ptr<OperationExecution> execution, std::unique_ptr<SourceStream> source)
      : execution_(std::move(execution)), source_(std::move(source)) {}

  ~MappedStream() override { source_->close(); }

  boost::asio::awaitable<std::optional<StreamedResponse>> next() override {
    if (ended_) co_return std::nullopt;
    FieldResult<std::optional<SourceEvent>> event = co_await source_->next();
    if (!event) {
      ended_ = true;
      co_return failure(std::move(event.error()));
    }
    if (!*event) {
      ended_ = true;
      co_return std::nullopt;
    }
    ExecutionResult result =
        co_await execution_->execute_subscription_event(std::move((*event)->value));
    co_return StreamedResponse{
        .body = std::move(result.body), .failed = false, .event_id = std::move((*event)->id)};
  }

  void close() override { source_->close(); }

 private:
  static StreamedResponse failure(FieldError error) {
    language::GraphQLError graphql_error;
    graphql_error.message = std::move(error.message);
    graphql_error.code = error.code;
    if (!error.extensions.empty()) graphql_error.extensions_json = json::to_text(error.extensions);
    StreamedResponse response;
    response.failed = true;
    response.body = "{\"errors\":";
    json::Writer writer(response.body);
    write_errors(writer, {&graphql_error, 1});
    response.body += '}';
    return response;
  }

  std::unique_ptr<OperationExecution> execution_;
  std::unique_ptr<SourceStream> source_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ResponseStream> map_source_to_response(
    std::unique_ptr<OperationExecution> execution, std::unique_ptr<SourceStream> source) {
  return std::make_unique<MappedStream>(std::move(execution), std::move(source));
}

}  // namespace errand::graphql::execution
