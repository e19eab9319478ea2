#include "errand/server/status_profile.h"

#include <gtest/gtest.h>

namespace errand::server {
namespace {

using graphql::request::Outcome;
using graphql::request::Response;

constexpr auto kAudit = StatusProfile::kAudit;
constexpr auto kDraft = StatusProfile::kDraft;
constexpr auto kJson = GraphqlMediaType::kJson;
constexpr auto kResponse = GraphqlMediaType::kGraphqlResponse;

Response executed(const char* body, bool has_errors, std::optional<int> wish = std::nullopt) {
  return {.body = body, .has_errors = has_errors, .http_status = wish};
}

Response refused(Outcome outcome) {
  return Response::failure(outcome, ErrorCode::kInvalidArgument, "refused");
}

struct Row {
  const char* name;
  Response response;
  unsigned audit_response;
  unsigned audit_json;
  unsigned draft_response;
  unsigned draft_json;
};

class ResponseStatus : public testing::TestWithParam<Row> {};

TEST_P(ResponseStatus, GoesByProfileAndMediaType) {
  const Row& row = GetParam();
  EXPECT_EQ(response_status(kAudit, row.response, kResponse), row.audit_response);
  EXPECT_EQ(response_status(kAudit, row.response, kJson), row.audit_json);
  EXPECT_EQ(response_status(kDraft, row.response, kResponse), row.draft_response);
  EXPECT_EQ(response_status(kDraft, row.response, kJson), row.draft_json);
}

constexpr const char* kPartial = R"({"data":{"a":null},"errors":[]})";
constexpr const char* kNoData = R"({"data":null,"errors":[]})";

INSTANTIATE_TEST_SUITE_P(
    Profiles, ResponseStatus,
    testing::Values(Row{"Data", executed(R"({"data":{}})", false), 200, 200, 200, 200},
                    Row{"PartialData", executed(kPartial, true), 200, 200, 294, 200},
                    Row{"NullData", executed(kNoData, true), 200, 200, 294, 200},
                    Row{"WishBesideData", executed(kPartial, true, 409), 409, 409, 294, 200},
                    Row{"WishWithoutData", executed(kNoData, true, 409), 409, 409, 409, 409},
                    Row{"WishOfNonsense", executed(kNoData, true, 7), 200, 200, 294, 200},
                    Row{"Syntax", refused(Outcome::kSyntaxError), 400, 200, 400, 400},
                    Row{"Validation", refused(Outcome::kValidationError), 400, 200, 422, 422},
                    Row{"Limit", refused(Outcome::kLimitExceeded), 400, 200, 422, 422},
                    Row{"Operation", refused(Outcome::kOperationUnresolved), 400, 200, 422, 422},
                    Row{"Variables", refused(Outcome::kVariablesInvalid), 400, 200, 422, 422},
                    Row{"NotAllowed", refused(Outcome::kNotAllowed), 405, 405, 405, 405},
                    Row{"Failed", refused(Outcome::kFailed), 503, 503, 503, 503}),
    [](const auto& info) { return info.param.name; });

TEST(RefusalStatus, GoesByProfile) {
  const auto expect = [](RequestFault fault, unsigned audit, unsigned draft) {
    EXPECT_EQ(refusal_status(kAudit, fault), audit);
    EXPECT_EQ(refusal_status(kDraft, fault), draft);
  };
  expect(RequestFault::kBodyMalformed, 400, 400);
  expect(RequestFault::kParametersInvalid, 400, 422);
  expect(RequestFault::kCrossSite, 400, 403);
  expect(RequestFault::kContentType, 415, 415);
}

}  // namespace
}  // namespace errand::server
