#include "errand/server/stream_response.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace errand::server {
namespace {

namespace asio = boost::asio;
using graphql::execution::ResponseStream;
using graphql::execution::StreamedResponse;

/// The parts of an incremental response, ready-made.
class CannedIncrements final : public ResponseStream {
 public:
  CannedIncrements(std::vector<std::string> parts, bool& open)
      : parts_(std::move(parts)), open_(open) {
    open_ = true;
  }
  ~CannedIncrements() override { open_ = false; }

  [[nodiscard]] Kind kind() const noexcept override { return Kind::kIncremental; }
  asio::awaitable<std::optional<StreamedResponse>> next() override {
    if (at_ == parts_.size()) co_return std::nullopt;
    StreamedResponse response;
    response.body = parts_[at_++];
    co_return response;
  }
  void close() override { at_ = parts_.size(); }

 private:
  const std::vector<std::string> parts_;
  std::size_t at_ = 0;
  bool& open_;
};

StartedOperation canned(std::vector<std::string> parts, bool& open) {
  return std::unique_ptr<ResponseStream>(
      std::make_unique<CannedIncrements>(std::move(parts), open));
}

/// Takes `pieces_max` pieces; then the client is gone.
class Client final : public net::BodyWriter {
 public:
  explicit Client(std::size_t pieces_max = 100) : pieces_max_(pieces_max) {}

  asio::awaitable<bool> write(std::string piece) override {
    if (pieces_ == pieces_max_) co_return false;
    ++pieces_;
    text += piece;
    co_return true;
  }

  std::string text;

 private:
  const std::size_t pieces_max_;
  std::size_t pieces_ = 0;
};

void write_out(const net::HttpResponse& response, Client& client) {
  asio::io_context context;
  auto done = asio::co_spawn(context, response.stream(client), asio::use_future);
  context.run();
  done.get();
}

constexpr const char* kHead = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n";

TEST(StreamResponse, SendsIncrementsAsParts) {
  for (const auto& [form, parameter] :
       {std::pair{StreamForm::kDraftIncrements, "incrementalSpec=v0.2"},
        std::pair{StreamForm::k20220824Increments, "deferSpec=20220824"}}) {
    const std::vector<std::string> parts{
        R"({"data":{"id":"1"},"hasNext":true})",
        R"({"incremental":[{"data":{"result":2},"path":[]}],"hasNext":false})"};
    bool open = false;
    const auto response = stream_response(canned(parts, open), {.form = form});
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.headers.find("Content-Type"),
              "multipart/mixed; boundary=\"graphql\"; " + std::string(parameter));
    // Comes to an end by itself, so that a stop of the server waits for it.
    EXPECT_FALSE(response.endless);
    Client client;
    write_out(response, client);
    EXPECT_EQ(client.text, std::string("\r\n--graphql") + kHead + parts[0] + "\r\n--graphql" +
                               kHead + parts[1] + "\r\n--graphql--\r\n");
    EXPECT_FALSE(open);
  }
}

TEST(StreamResponse, DropsTheIncrementsOfAClientThatLeft) {
  bool open = false;
  const auto response =
      stream_response(canned({"1", "2", "3"}, open), {.form = StreamForm::kDraftIncrements});
  EXPECT_TRUE(open);
  Client client(1);
  write_out(response, client);
  EXPECT_EQ(client.text, std::string("\r\n--graphql") + kHead + "1\r\n--graphql");
  EXPECT_FALSE(open);
}

}  // namespace
}  // namespace errand::server
