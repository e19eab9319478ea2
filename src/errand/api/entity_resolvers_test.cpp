#include "errand/api/entity_resolvers.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"

namespace errand::api {
namespace {

using testing::Server;

constexpr std::string_view kAsk =
    "query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on ExportReportJob { "
    "id status } ... on ChargeJob { id amount: priority } } }";

class EntityResolversTest : public ::testing::Test {
 protected:
  static std::string reference(std::string_view type, std::string_view id) {
    return R"({"__typename":")" + std::string(type) + R"(","id":")" + std::string(id) + "\"}";
  }

  /// The response to `representations`, which are JSON.
  boost::json::value ask(const std::string& representations,
                         std::shared_ptr<Context> as = Server::context()) {
    return server_.execute(std::string(kAsk), std::move(as),
                           {{"r", boost::json::parse("[" + representations + "]")}});
  }

  Server server_{{.entities_max = 5}, {.federation = true}};
};

TEST_F(EntityResolversTest, ServiceGivesTheSubgraphsSdl) {
  const auto data = server_.data("{ _service { sdl } }");
  const std::string sdl(data.at("_service").at("sdl").as_string());
  EXPECT_EQ(sdl, server_.contract->subgraph_sdl());
  EXPECT_NE(sdl.find("type ExportReportJob implements Job & Node @key(fields: \"id\")"),
            std::string::npos);
}

TEST_F(EntityResolversTest, EntitiesComeInTheOrderOfTheRepresentations) {
  const std::string first = server_.submit();
  const std::string second = server_.submit();
  const auto response =
      ask(reference("ExportReportJob", second) + "," + reference("Job", first) + "," +
          reference("ExportReportJob", "018f0000-0000-7000-8000-000000000000") + "," +
          reference("ExportReportJob", second));
  EXPECT_EQ(response, boost::json::parse(R"({"data":{"_entities":[
    {"__typename":"ExportReportJob","id":")" +
                                         second + R"(","status":"PENDING"},
    {"__typename":"ExportReportJob","id":")" +
                                         first + R"(","status":"PENDING"},
    null,
    {"__typename":"ExportReportJob","id":")" +
                                         second + R"(","status":"PENDING"}]}})"));
  EXPECT_EQ(ask(""), boost::json::parse(R"({"data":{"_entities":[]}})"));
}

TEST_F(EntityResolversTest, AJobOfAnotherTypeTenantOrNoJobIsNull) {
  const std::string id = server_.submit();
  const auto none = boost::json::parse(R"({"data":{"_entities":[null]}})");
  EXPECT_EQ(ask(reference("ChargeJob", id)), none);
  EXPECT_EQ(ask(reference("Job", "no id")), none);
  EXPECT_EQ(ask(R"({"__typename":"Job","id":5})"), none);
  const auto other = Server::context("umbrella");
  EXPECT_EQ(ask(reference("ExportReportJob", id), other), none);
  EXPECT_EQ(ask(reference("Job", id), other), none);
}

TEST_F(EntityResolversTest, AWrongRepresentationIsAnErrorOfItsOwnItem) {
  const std::string id = server_.submit();
  const auto error_of = [&](const std::string& wrong) {
    const auto response = ask(reference("Job", id) + "," + wrong);
    EXPECT_EQ(response.at("data").at("_entities").at(0).at("id"), id.c_str());
    EXPECT_TRUE(response.at("data").at("_entities").at(1).is_null());
    const auto& errors = response.at("errors").as_array();
    EXPECT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors.at(0).at("path"), boost::json::parse(R"(["_entities",1])"));
    EXPECT_EQ(errors.at(0).at("extensions").at("code"), "BAD_USER_INPUT");
    return std::string(errors.at(0).at("message").as_string());
  };
  EXPECT_EQ(error_of("5"), "A representation is an object with __typename, a string.");
  EXPECT_EQ(error_of(R"({"id":"x"})"), "A representation is an object with __typename, a string.");
  EXPECT_EQ(error_of(R"({"__typename":null})"),
            "A representation is an object with __typename, a string.");
  EXPECT_EQ(error_of(R"({"__typename":"Nix","id":"x"})"),
            "The _entities resolver tried to load an entity for type \"Nix\", but no object or "
            "interface type of that name was found in the schema");
  EXPECT_EQ(error_of(R"({"__typename":"JobStatus","id":"x"})"),
            "The _entities resolver tried to load an entity for type \"JobStatus\", but no object "
            "or interface type of that name was found in the schema");
  EXPECT_EQ(error_of(R"({"__typename":"Node","id":"x"})"),
            "The type \"Node\" is no entity of this subgraph: only jobs are.");
  EXPECT_EQ(error_of(R"({"__typename":"Job"})"),
            "A representation of Job needs the field of its key: id, a string.");
  EXPECT_EQ(error_of(R"({"__typename":"Job","id":{"x":1}})"),
            "A representation of Job needs the field of its key: id, a string.");
}

TEST_F(EntityResolversTest, NeedsTheScopeWhetherOrNotThereIsSuchAJob) {
  const std::string id = server_.submit();
  const auto as = Server::context("acme", {"jobs:submit"});
  for (const std::string& asked : {id, std::string("x")}) {
    const auto response = ask(reference("Job", asked), as);
    EXPECT_EQ(response.at("errors").at(0).at("extensions").at("code"), "FORBIDDEN");
    EXPECT_TRUE(response.at("data").is_null());
  }
}

TEST_F(EntityResolversTest, TakesABoundedNumberOfRepresentations) {
  std::string many = reference("Job", "x");
  for (int i = 1; i < 5; ++i) many += "," + reference("Job", "x");
  EXPECT_FALSE(ask(many).as_object().contains("errors"));
  const auto response = ask(many + "," + reference("Job", "x"));
  EXPECT_EQ(response.at("errors").at(0).at("extensions").at("code"), "LIMIT_EXCEEDED");
  EXPECT_EQ(response.at("errors").at(0).at("message"),
            "_entities takes at most 5 representations at once; ask for the rest in another "
            "request.");
}

}  // namespace
}  // namespace errand::api
