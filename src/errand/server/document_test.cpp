#include "errand/server/document.h"

#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DocumentTest : public testing::Test {
 protected:
  DocumentTest() {
    add_document_routes(router_, "/schemas/",
                        {{"/schemas/", "application/json", R"({"index":true})"},
                         {"/schemas/a/1.json", "application/schema+json", R"({"a":1})"}});
  }

  net::HttpResponse get(const std::string& path, const std::string& if_none_match = "") {
    net::HttpRequest request;
    request.method = "GET";
    request.path = path;
    if (!if_none_match.empty()) request.headers.add("If-None-Match", if_none_match);
    boost::asio::io_context context;
    auto response =
        boost::asio::co_spawn(context, router_.handle(std::move(request)), boost::asio::use_future);
    context.run();
    return response.get();
  }

  net::Router router_;
};

std::string header(const net::HttpResponse& response, std::string_view name) {
  return response.headers.joined(name);
}

TEST_F(DocumentTest, IsServedToEveryOneWithItsType) {
  const auto schema = get("/schemas/a/1.json");
  EXPECT_EQ(schema.status, 200U);
  EXPECT_EQ(schema.body, R"({"a":1})");
  EXPECT_EQ(header(schema, "Content-Type"), "application/schema+json");
  EXPECT_EQ(header(schema, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(schema, "Cache-Control"), "public, max-age=3600");
  EXPECT_EQ(get("/schemas/").body, R"({"index":true})");
  EXPECT_THAT(router_.listing(), ElementsAre("GET /schemas/*"));
}

TEST_F(DocumentTest, IsNotSentToAClientThatHasIt) {
  const std::string etag = header(get("/schemas/a/1.json"), "ETag");
  EXPECT_THAT(etag, Not(header(get("/schemas/"), "ETag")));
  for (const std::string& known : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
    const auto response = get("/schemas/a/1.json", known);
    EXPECT_EQ(response.status, 304U) << known;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(header(response, "ETag"), etag);
  }
  EXPECT_EQ(get("/schemas/a/1.json", "\"other\"").status, 200U);
}

TEST_F(DocumentTest, ThatDoesNotExistIsAnsweredWithTheIndex) {
  for (const char* path : {"/schemas/a/2.json", "/schemas/a/", "/schemas/../etc/passwd"}) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 404U) << path;
    EXPECT_THAT(response.body, HasSubstr("GET /schemas/"));
    EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "*");
  }
}

}  // namespace
}  // namespace errand::server
