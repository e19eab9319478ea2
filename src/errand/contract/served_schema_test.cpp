#include <algorithm>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"
#include "errand/contract/rewrite_schema.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/print_schema.h"

namespace errand::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace type = graphql::type;

constexpr const char* kUserSdl = R"(
directive @owner(team: String!) on FIELD_DEFINITION | OBJECT

type Mutation {
  "Renders the yearly report of one account."
  exportReport(
    "What to render."
    input: ExportReportInput!
  ): Report! @job(queue: "reports", timeout: "15m") @auth(scopes: ["reports:write"]) @owner(team: "r")
  ping: [String!]! @job
}

input ExportReportInput {
  year: Int! @constraint(min: 2000)
  token: String @sensitive
}

type Report @owner(team: "r") {
  rows: Int!
  at: DateTime
}
)";

TEST(ServedSchema, HasTheRewrittenMutations) {
  const auto contract = contract_of(kUserSdl);
  ASSERT_NE(contract, nullptr);
  const std::string& sdl = contract->served_sdl();
  EXPECT_THAT(sdl, HasSubstr(R"(type Mutation {
  "Renders the yearly report of one account."
  exportReport(
    "What to render."
    input: ExportReportInput!
    options: JobOptions
  ): ExportReportJob @owner(team: "r")
  ping(options: JobOptions): PingJob

  "Asks a job to stop. Returns at once; the job ends CANCELED when its worker has stopped."
  cancelJob()"));
  EXPECT_THAT(sdl, HasSubstr(R"(input ExportReportInput {
  year: Int! @constraint(min: 2000)
  token: String
}
)"));
  EXPECT_THAT(sdl, HasSubstr(R"(type Report @owner(team: "r") {
  rows: Int!
  at: DateTime
}
)"));
  EXPECT_THAT(sdl, HasSubstr(R"("""
A job that exportReport started.

Renders the yearly report of one account.
"""
type ExportReportJob implements Job & Node {
  "Identifies the job. Opaque; sorts by time of creation."
  id: ID!
)"));
  EXPECT_THAT(sdl, HasSubstr(R"(  "What the worker gave; null until the job has SUCCEEDED."
  result: Report
}
)"));
  EXPECT_THAT(sdl, HasSubstr("  result: [String!]\n}\n"));
  for (const char* ours :
       {"@job(queue: \"reports\"", "@auth", "@sensitive", "ErrandBackoff", "scalar UUID"}) {
    EXPECT_THAT(sdl, Not(HasSubstr(ours)));
  }
  EXPECT_THAT(sdl, HasSubstr("directive @owner(team: String!) on FIELD_DEFINITION | OBJECT\n"));
}

TEST(ServedSchema, HasTheWholeStatusSchema) {
  const auto contract = contract_of(kUserSdl);
  ASSERT_NE(contract, nullptr);
  const type::Schema& served = *contract->served_schema();
  // The interface of DESIGN.md, section 3, field by field.
  EXPECT_EQ(type::print_type(*served.type("Job"), {.descriptions = false}),
            R"(interface Job implements Node {
  id: ID!
  type: String!
  status: JobStatus!
  queue: String!
  priority: Int!
  tags: [String!]!
  correlationId: String!
  progress: JobProgress
  plan: [JobStep!]!
  estimate: JobEstimate
  estimatedCompletion: DateTime
  nextSteps: [String!]!
  whyWaiting: WaitReason
  pollAfter: Int
  run: Int!
  attempt: Int!
  maxAttempts: Int!
  createdAt: DateTime!
  scheduledFor: DateTime
  startedAt: DateTime
  finishedAt: DateTime
  deadline: DateTime
  expiresAt: DateTime
  error: JobError
  deadLetter: Boolean!
  errorFingerprint: String
  actions: [JobAction!]!
  at(time: DateTime!): Job
  events(first: Int = 20, after: String, types: [String!]): JobEventConnection!
}
)");
  EXPECT_EQ(type::print_type(*served.type("JobOptions"), {.descriptions = false}),
            R"(input JobOptions {
  idempotencyKey: String
  runAt: DateTime
  delay: Duration
  priority: Int
  deadline: DateTime
  queueTimeout: Duration
  tags: [String!]
  labels: JSON
  correlationId: String
  callback: JobCallback
  waitFor: Duration
  validateOnly: Boolean = false
}
)");
  EXPECT_EQ(type::print_type(*served.query_type(), {.descriptions = false}), R"(type Query {
  job(id: ID!, waitFor: Duration, until: [JobStatus!]): Job
  jobs(filter: JobFilter, orderBy: JobOrder! = NEWEST_FIRST, first: Int = 20, after: String): JobConnection!
  deadLetters(filter: DeadLetterFilter, first: Int = 20, after: String): JobConnection!
  failureReport(period: Duration, from: DateTime, to: DateTime, first: Int = 20): FailureReport!
  node(id: ID!): Node
  queues: [QueueInfo!]!
  workers: [WorkerInfo!]!
  limits(all: Boolean! = false): [LimitInfo!]!
  webhookEndpoints(first: Int = 20, after: String): WebhookEndpointConnection!
  webhookEndpoint(id: ID!): WebhookEndpoint
  webhookDeliveries(endpoint: ID!, status: [WebhookDeliveryStatus!], types: [String!], since: DateTime, first: Int = 20, after: String): WebhookDeliveryConnection!
  notificationInbox(first: Int = 20, after: String, unread: Boolean! = false, archived: Boolean! = false): NotificationItemConnection
  notificationPreferences: NotificationPreferences
  notificationContact: NotificationContact
  webPushPublicKey: String
  webPushSubscriptions: [WebPushSubscription!]
  jobNotifications(jobId: ID!, first: Int = 20, after: String): JobNotificationConnection
  whyNotSent(jobId: ID!, channel: NotificationChannel, recipient: String, milestone: NotificationMilestone): [NotSent!]
}
)");
  EXPECT_EQ(type::print_type(*served.subscription_type(), {.descriptions = false}),
            R"(type Subscription {
  job(id: ID!): Job
  jobs(filter: JobFilter): Job!
  jobEvents(id: ID, filter: JobFilter, after: String): JobEvent!
  notificationAdded: NotificationItem
}
)");
  EXPECT_EQ(served.possible_types(*served.type("Node")).size(), 2U);
}

TEST(ServedSchema, DescribesEveryTypeAndFieldOfOurs) {
  const auto contract = contract_of("type Mutation { run: Int @job }");
  ASSERT_NE(contract, nullptr);
  for (const type::NamedType* named : contract->served_schema()->types()) {
    if (named->built_in || named->name == "Mutation" || named->name == "Query" ||
        named->name == "Subscription") {
      continue;
    }
    const auto* with_fields = named->get_if<type::FieldsType>();
    if (with_fields == nullptr) continue;
    for (const type::FieldDefinition& field : with_fields->fields) {
      EXPECT_TRUE(field.description) << named->name << "." << field.name;
    }
  }
}

TEST(ServedSchema, ReadsBackAsTheSame) {
  const auto contract = contract_of(kUserSdl);
  ASSERT_NE(contract, nullptr);
  const graphql::language::Source source{.body = contract->served_sdl(), .name = "served"};
  const auto again = type::build_schema({&source, 1});
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(type::print_schema(**again, {.descriptions = true,
                                         .directives = [](std::string_view) { return true; }}),
            contract->served_sdl());
}

TEST(ServedSchema, KeepsTheUsersRootTypesAndResolvedFields) {
  const auto contract = contract_of(
      "\"Ours\" schema { query: Q mutation: M }\n"
      "type Q { me: String }\ntype M { run: Int @job, save: Int }\ntype Subscription { odd: Int }",
      {.has_resolver = [](auto, auto) { return true; }});
  ASSERT_NE(contract, nullptr);
  const type::Schema& served = *contract->served_schema();
  EXPECT_EQ(served.query_type()->name, "Q");
  EXPECT_NE(served.query_type()->field("me"), nullptr);
  EXPECT_NE(served.query_type()->field("job"), nullptr);
  EXPECT_EQ(served.mutation_type()->field("save")->type.str(), "Int");
  ASSERT_NE(served.subscription_type(), nullptr);
  EXPECT_NE(served.subscription_type()->field("jobEvents"), nullptr);
  EXPECT_EQ(served.description(), "Ours");
}

TEST(ServedSchema, PutsThePrefixToAllNamesOfOurs) {
  const auto contract = contract_of(kUserSdl, {.prefix = "acme"});
  ASSERT_NE(contract, nullptr);
  const type::Schema& served = *contract->served_schema();
  for (const std::string& name : standard_type_names()) {
    EXPECT_EQ(served.type(name), nullptr) << name;
    EXPECT_NE(served.type(contract->names().type(name)), nullptr) << name;
  }
  EXPECT_EQ(served.mutation_type()->field("exportReport")->type.str(), "AcmeExportReportJob");
  EXPECT_NE(served.query_type()->field("acmeJob"), nullptr);
  EXPECT_EQ(served.query_type()->field("job"), nullptr);
  EXPECT_NE(served.subscription_type()->field("acmeJobEvents"), nullptr);
  EXPECT_EQ(served.query_type()->field("acmeJobs")->type.str(), "AcmeJobConnection!");
}

}  // namespace
}  // namespace errand::contract
