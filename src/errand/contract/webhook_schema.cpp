#include "errand/contract/webhook_schema.h"

namespace errand::contract {

std::string_view webhook_types_sdl() noexcept {
  return R"graphql(
"Where events of jobs are posted to."
type WebhookEndpoint {
  "Names it for good. Of an endpoint of the settings its name there."
  id: ID!
  "Whether it was made by the API, or is one of the settings, which the API does not change."
  source: WebhookEndpointSource!
  "Where to. Of one of the settings scheme, host and port alone."
  url: String!
  "For people."
  description: String!
  "Types of events that it gets: \"dev.errand.job.failed\", \"dev.errand.job.*\" or \"*\"."
  eventTypes: [String!]!
  "Only of these mutations; empty: of all."
  jobTypes: [String!]!
  "Only of jobs with one of these tags; empty: of all."
  tags: [String!]!
  "Conditions on an event's data, which all hold."
  data: [WebhookEndpointDataCondition!]! @listSize(assumedSize: 2)
  "What its requests hold."
  payload: WebhookEndpointPayload!
  "Content-Type of its requests; the body is the same with either."
  contentType: String!
  "Names of its further headers. Their values are never shown."
  headers: [String!]!
  "Whether the events of one job come in their order."
  ordering: WebhookEndpointOrdering!
  "Requests at once."
  inFlight: Int!
  "Requests that begin in a second."
  rate: Int!
  "Of one request."
  timeout: Duration!
  "How it is."
  status: WebhookEndpointStatus!
  "Why it is disabled."
  disabledReason: WebhookEndpointDisabledReason
  "Since when it is disabled."
  disabledAt: DateTime
  "Requests that failed in a row, up to four: from then on it is failing."
  failures: Int!
  "When the first of them failed."
  failingSince: DateTime
  "When a request last failed."
  lastFailureAt: DateTime
  "Why it did."
  lastFailure: String
  "When an event was last delivered."
  lastSuccessAt: DateTime
  "What its requests are signed with, the newest first. Secrets are never shown."
  keys: [WebhookEndpointKey!]! @listSize(assumedSize: 2)
  "When it was made; null of one of the settings."
  createdAt: DateTime
  "Who made it."
  createdBy: String
  "When it was last changed."
  changedAt: DateTime
}

enum WebhookEndpointSource {
  "createWebhookEndpoint made it."
  API
  "It is a table [webhooks.endpoints.NAME]."
  SETTINGS
}

enum WebhookEndpointPayload {
  "What happened, and to which job."
  THIN
  "The job's state right after the event too, and with `succeeded` its result."
  FULL
}

enum WebhookEndpointOrdering {
  "As they can: one that is tried again lets later ones pass."
  NONE
  "Events of one job come in their order, each once the one before was delivered or given up."
  PER_JOB
}

enum WebhookEndpointStatus {
  "It gets its events."
  ACTIVE
  "It gets its events, and has failed four times in a row or more."
  FAILING
  "Its deliveries wait."
  PAUSED
  "Its deliveries fail until enableWebhookEndpoint."
  DISABLED
}

enum WebhookEndpointDisabledReason {
  "It said that it is retired, by status 410."
  GONE
  "It has done nothing but fail for five days."
  FAILING
}

"A secret, and the key pair beside it where there is one."
type WebhookEndpointKey {
  "When it was made; null of one of the settings."
  createdAt: DateTime
  "When it ceases to sign; null of the newest."
  expiresAt: DateTime
  "For signatures v1a: \"whpk_\" and the base64 of an Ed25519 public key."
  publicKey: String
}

"What a member of an event's data must be."
type WebhookEndpointDataCondition {
  "A JSON pointer into the event's data, as a thin payload has it."
  path: String!
  "It is one of these."
  in: JSON!
}

"A page of endpoints."
type WebhookEndpointConnection {
  "The endpoints with their cursors."
  edges: [WebhookEndpointEdge!]!
  "The endpoints alone."
  nodes: [WebhookEndpoint!]!
  "Where the page lies."
  pageInfo: PageInfo!
}

type WebhookEndpointEdge {
  "Place in the list, to go on after."
  cursor: String!
  "The endpoint."
  node: WebhookEndpoint!
}

"What became of one event for one endpoint."
type WebhookDelivery {
  "Names it, for redeliverWebhook."
  id: ID!
  "The endpoint's id; \"we_callback\" of a job's own callback."
  endpoint: ID!
  "The event's id, which is the header webhook-id of each attempt."
  eventId: String!
  "The event's type."
  eventType: String!
  "The job that the event is of."
  jobId: ID!
  "How it stands."
  status: WebhookDeliveryStatus!
  "Why it was made."
  trigger: WebhookDeliveryTrigger!
  "When it was made: of a scheduled one when the event happened, or when the endpoint had caught up so far."
  createdAt: DateTime!
  "When the next attempt begins; null while none is planned."
  nextAttemptAt: DateTime
  "When it was delivered or given up."
  finishedAt: DateTime
  "Its attempts, the first one first: 100 at most."
  attempts: [WebhookDeliveryAttempt!]! @listSize(assumedSize: 3)
}

enum WebhookDeliveryStatus {
  "It waits for its first attempt."
  PENDING
  "A request is under way."
  DELIVERING
  "An attempt failed; another one follows."
  RETRYING
  "The endpoint has taken it."
  SUCCEEDED
  "It was given up for what no further attempt can change, such as an endpoint or an event that is gone."
  FAILED
  "It was given up after the last attempt of the schedule."
  EXHAUSTED
  "It was stopped."
  CANCELED
}

enum WebhookDeliveryTrigger {
  "The event, by itself."
  SCHEDULED
  "redeliverWebhook."
  MANUAL
  "recoverWebhookDeliveries."
  RECOVERY
}

"One request of a delivery, or what kept it from being sent."
type WebhookDeliveryAttempt {
  "From 1."
  number: Int!
  "What brought it about: of the first one what made the delivery, of all others the schedule."
  trigger: WebhookDeliveryTrigger!
  "When it began."
  startedAt: DateTime!
  "When its outcome was known; null while it is under way."
  endedAt: DateTime
  "From the request to the end of the answer, in milliseconds; null where there was no answer."
  durationMs: Int
  "Status of the answer; null where there was none."
  statusCode: Int
  "The beginning of the answer's body, as far as it is text: 512 bytes."
  answer: String
  "Why it failed, as a short name: HTTP_500, WEBHOOK_TIMED_OUT, ...; null of one that did not."
  errorClass: String
  "The same for people."
  error: String
}

"A page of deliveries."
type WebhookDeliveryConnection {
  "The deliveries with their cursors."
  edges: [WebhookDeliveryEdge!]!
  "The deliveries alone."
  nodes: [WebhookDelivery!]!
  "Where the page lies."
  pageInfo: PageInfo!
}

type WebhookDeliveryEdge {
  "Place in the list, to go on after."
  cursor: String!
  "The delivery."
  node: WebhookDelivery!
}

"What recoverWebhookDeliveries finds."
type WebhookRecovery {
  "Events that match and have no delivery that waits or has succeeded, of the first 10000 of the log; null where it was not a dry run."
  missing: Int
  "Whether there are more events in the log than were looked at."
  hasMore: Boolean!
  "The internal job that makes the deliveries; null of a dry run."
  recoveryId: ID
}

"What became of a test event."
type WebhookTestResult {
  "Whether the endpoint took it."
  delivered: Boolean!
  "Its id, which begins with \"test_\"."
  eventId: String!
  "Status of the answer; null where there was none."
  statusCode: Int
  "From the request to the end of the answer, in milliseconds."
  durationMs: Int!
  "The beginning of the answer's body, as far as it is text: 512 bytes."
  answer: String
  "Why it failed, as a short name."
  errorClass: String
  "The same for people."
  error: String
}

"An endpoint with a secret that was made just now."
type WebhookEndpointWithSecret {
  "The endpoint."
  endpoint: WebhookEndpoint!
  "What its receiver checks signatures with: \"whsec_...\". Never shown again."
  secret: String!
}

"An endpoint as it is to be. Of a new one `url` and `eventTypes` are needed; what is left out of a change stays as it is."
input WebhookEndpointInput {
  "Where to: https; http and internal addresses as far as the server's settings let requests go there."
  url: String
  "For people."
  description: String
  "Types of events, such as \"dev.errand.job.failed\", \"dev.errand.job.*\" or \"*\"."
  eventTypes: [String!]
  "Only of these mutations."
  jobTypes: [String!]
  "Only of jobs with one of these tags."
  tags: [String!]
  "Conditions on an event's data, which all hold: 8 at most."
  data: [WebhookEndpointDataConditionInput!]
  "THIN where left out."
  payload: WebhookEndpointPayload
  "application/json, or application/cloudevents+json."
  contentType: String
  "All further headers; of one without a value the value that it has is kept."
  headers: [WebhookEndpointHeaderInput!]
  "NONE where left out."
  ordering: WebhookEndpointOrdering
  "Requests at once: 1 to 1000; 20 where left out."
  inFlight: Int
  "Requests that begin in a second: 1 to 100000; 100 where left out."
  rate: Int
  "Of one request: 1s to 60s; 20s where left out."
  timeout: Duration
  "Signs by an Ed25519 key pair too (v1a)."
  signingKey: Boolean
  "How the endpoint shows that it wants events, before this is done."
  verification: WebhookEndpointVerification
}

input WebhookEndpointHeaderInput {
  name: String!
  "Write-only: it is stored encrypted."
  value: String
}

input WebhookEndpointDataConditionInput {
  "A JSON pointer into the event's data, as a thin payload has it, such as \"/error/code\"."
  path: String!
  "A list of 1 to 32 texts, numbers, booleans or nulls: it is one of these."
  in: JSON!
}

enum WebhookEndpointVerification {
  "It need not."
  NONE
  "It answers OPTIONS with WebHook-Allowed-Origin (CloudEvents' HTTP webhook specification)."
  CLOUDEVENTS
  "It answers the event dev.errand.webhook.challenge with the challenge in its data."
  CHALLENGE
}
)graphql";
}

std::string_view webhook_query_fields_sdl() noexcept {
  return R"graphql(
  "Endpoints that events are posted to: those of the viewer's tenant, and those of the settings that serve it."
  webhookEndpoints(
    "How many at most: 1 to 100."
    first: Int = 20
    "Only those after this cursor."
    after: String
  ): WebhookEndpointConnection! @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
  "The endpoint with this id; null when there is none that the viewer may see."
  webhookEndpoint(id: ID!): WebhookEndpoint
  "What became of the events for an endpoint, the last ones first. Deliveries are kept for seven days after their end."
  webhookDeliveries(
    "The endpoint's id; \"we_callback\" for callbacks of jobs."
    endpoint: ID!
    "Only with one of these."
    status: [WebhookDeliveryStatus!]
    "Only of events of these types."
    types: [String!]
    "Only those made at this time or later."
    since: DateTime
    "How many at most: 1 to 100. With `status` or `types` the newest 10000 deliveries after the cursor are looked through."
    first: Int = 20
    "Only those after this cursor."
    after: String
  ): WebhookDeliveryConnection! @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
)graphql";
}

std::string_view webhook_mutation_fields_sdl() noexcept {
  return R"graphql(
  "Makes an endpoint, which gets the events of the viewer's tenant from now on. Its secret is shown this once."
  createWebhookEndpoint(input: WebhookEndpointInput!): WebhookEndpointWithSecret
  "Changes an endpoint, at once also for deliveries that wait."
  updateWebhookEndpoint(id: ID!, input: WebhookEndpointInput!): WebhookEndpoint
  "Deletes an endpoint. Deliveries that wait for it fail with WEBHOOK_DELETED. Gives its id."
  deleteWebhookEndpoint(id: ID!): ID
  "Lets deliveries to an endpoint wait."
  pauseWebhookEndpoint(id: ID!): WebhookEndpoint
  "Lets them go on."
  resumeWebhookEndpoint(id: ID!): WebhookEndpoint
  "Gives an endpoint a new secret, which is shown this once, and a new key pair where it has one."
  rotateWebhookSecret(
    id: ID!
    "How long the old ones sign beside it: 0 to 168."
    graceHours: Int! = 24
  ): WebhookEndpointWithSecret
  "Lets an endpoint that is disabled get its events again. One of the settings an operator alone enables (scope admin)."
  enableWebhookEndpoint(id: ID!): WebhookEndpoint
  "Delivers the event of a delivery that has ended once more, under the same webhook-id, as a new delivery with attempts of its own."
  redeliverWebhook(deliveryId: ID!): WebhookDelivery
  "Delivers again all events that an endpoint takes now, from `since` on, whose deliveries were given up or are not there."
  recoverWebhookDeliveries(
    endpoint: ID!
    "From events of this time on."
    since: DateTime!
    "Only events before this time; where left out, up to now."
    until: DateTime
    "Counts, and does nothing."
    dryRun: Boolean! = false
  ): WebhookRecovery
  "Sends a made-up event with `\"errandtest\": true` in it, once, and gives what became of it."
  testWebhookEndpoint(
    id: ID!
    "Type of the event."
    type: String! = "dev.errand.job.succeeded"
  ): WebhookTestResult
)graphql";
}

}  // namespace errand::contract
