#include "errand/server/transport_ws_message.h"

#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::server::transport_ws {
namespace {

template <class T>
T read(std::string_view text) {
  auto message = parse_client_message(text);
  EXPECT_TRUE(message) << message.error().message;
  return std::get<T>(std::move(*message));
}

TEST(TransportWsMessage, ReadsEveryMessageOfAClient) {
  EXPECT_FALSE(read<ConnectionInit>(R"({"type":"connection_init"})").payload);
  EXPECT_FALSE(read<ConnectionInit>(R"({"type":"connection_init","payload":null})").payload);
  EXPECT_TRUE(read<ConnectionInit>(R"({"type":"connection_init","payload":{"a":1}})").payload);
  EXPECT_TRUE(read<Ping>(R"({"type":"ping","payload":{}})").payload);
  read<Pong>(R"({"type":"pong"})");
  EXPECT_EQ(read<Complete>(R"({"type":"complete","id":"1"})").id, "1");
  const auto subscribe = read<Subscribe>(
      R"({"id":"x","type":"subscribe","payload":{"query":"{a}","operationName":null,)"
      R"("variables":{"v":1},"extensions":null,"more":true}})");
  EXPECT_EQ(subscribe.id, "x");
  EXPECT_EQ(subscribe.parameters.query, "{a}");
  EXPECT_EQ(subscribe.parameters.variables.at("v"), 1);
}

TEST(TransportWsMessage, RefusesEveryWrongShape) {
  for (const char* text :
       {"",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{}",
        R"({"type":1})",
        R"({"type":"start"})",
        R"({"type":"connection_init","payload":1})",
        R"({"type":"connection_init","payload":[]})",
        R"({"type":"ping","payload":"x"})",
        R"({"type":"pong","payload":1})",
        R"({"type":"complete"})",
        R"({"type":"complete","id":1})",
        R"({"type":"complete","id":""})",
        R"({"type":"subscribe","payload":{"query":"{a}"}})",
        R"({"id":"","type":"subscribe","payload":{"query":"{a}"}})",
        R"({"id":"1","type":"subscribe"})",
        R"({"id":"1","type":"subscribe","payload":"{a}"})",
        R"({"id":"1","type":"subscribe","payload":{}})",
        R"({"id":"1","type":"subscribe","payload":{"query":1}})",
        R"({"id":"1","type":"subscribe","payload":{"query":"{a}","variables":[]}})",
        R"({"id":"1","type":"subscribe","payload":{"query":"{a}","extensions":1}})",
        R"({"id":"1","type":"subscribe","payload":{"query":"{a}","operationName":1}})",
        R"({"type":"connection_ack"})",
        R"({"id":"1","type":"next","payload":{}})",
        R"({"id":"1","type":"error","payload":[]})"}) {
    const auto message = parse_client_message(text);
    ASSERT_FALSE(message) << text;
    EXPECT_EQ(message.error().code, ErrorCode::kProtocolError);
    EXPECT_FALSE(message.error().message.empty());
  }
  EXPECT_FALSE(
      parse_client_message(R"({"type":"complete","id":")" + std::string(257, 'i') + "\"}"));
}

TEST(TransportWsMessage, WritesTheServersMessages) {
  EXPECT_EQ(connection_ack(), R"({"type":"connection_ack"})");
  EXPECT_EQ(next("a\"", R"({"data":{}})"), R"({"id":"a\"","type":"next","payload":{"data":{}}})");
  EXPECT_EQ(error("1", "[]"), R"({"id":"1","type":"error","payload":[]})");
  EXPECT_EQ(complete("1"), R"({"id":"1","type":"complete"})");
  EXPECT_EQ(pong(std::nullopt), R"({"type":"pong"})");
  EXPECT_EQ(pong(boost::json::object{{"a", 1}}), R"({"type":"pong","payload":{"a":1}})");
}

RC_GTEST_PROP(TransportWsMessage, NeverFailsOnAnyText, (const std::string& text)) {
  const auto message = parse_client_message(text);
  RC_ASSERT((message.has_value() || !message.error().message.empty()));
}

}  // namespace
}  // namespace errand::server::transport_ws
