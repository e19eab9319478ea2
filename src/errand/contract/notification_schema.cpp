#include "errand/contract/notification_schema.h"

namespace errand::contract {

std::string_view notification_types_sdl() noexcept {
  return R"graphql(
"A way to tell people."
enum NotificationChannel {
  "Mail."
  EMAIL
  "A push message of a browser."
  WEB_PUSH
  "The inbox of the application."
  IN_APP
  "A chat room."
  CHAT
}

"What of a job people are told."
enum NotificationMilestone {
  "It was accepted."
  ENQUEUED
  "The first attempt of a run has begun."
  STARTED
  "A share of the work is done."
  PROGRESS
  "It was suspended, and may wait for a person."
  WAITING
  "It takes longer than nine in ten of its kind."
  OVERDUE
  "It ended with a result."
  SUCCEEDED
  "It ended with an error."
  FAILED
  "It failed and waits for an operator."
  DEAD_LETTERED
  "It was canceled."
  CANCELED
  "It was not done in time."
  EXPIRED
}

"A message of the viewer's inbox."
type NotificationItem {
  "Names it."
  id: ID!
  "One line."
  title: String!
  "What it says."
  text: String!
  "Where more is to be seen."
  link: String
  "What the viewer chooses by."
  category: String!
  "The job that it is about; empty of a message that was gathered of several."
  jobId: ID!
  "The mutation that started the job."
  jobType: String!
  "What of the job it tells."
  milestone: NotificationMilestone
  "When it came to be."
  createdAt: DateTime!
  "Since when the viewer has seen it in a list."
  seenAt: DateTime
  "Since when it is read."
  readAt: DateTime
  "Since when it is put away."
  archivedAt: DateTime
}

"A page of the inbox."
type NotificationItemConnection {
  "The items with their cursors."
  edges: [NotificationItemEdge!]!
  "The items alone."
  nodes: [NotificationItem!]!
  "Where the page lies."
  pageInfo: PageInfo!
  "Items in all that are neither seen nor archived."
  unseenCount: Int! @cost(weight: "10")
  "Items in all that are neither read nor archived."
  unreadCount: Int! @cost(weight: "10")
}

type NotificationItemEdge {
  "Place in the inbox, to go on after."
  cursor: String!
  "The item."
  node: NotificationItem!
}

"What becomes of items of an inbox."
enum NotificationMark {
  "They were in a list that the viewer saw."
  SEEN
  "They are read; seen as well."
  READ
  "They are not read after all."
  UNREAD
  "They are put away."
  ARCHIVED
  "They are back in the inbox."
  UNARCHIVED
}

"What the viewer wants to hear, and how."
type NotificationPreferences {
  "The viewer's choices. The most specific one counts: category and channel, channel, category, all."
  choices: [NotificationChoice!]!
  "When the viewer is left alone: what comes then is held, the inbox excepted."
  quietHours: QuietHours
  "What there is to choose by."
  categories: [NotificationCategory!]!
  "The channels that this server has."
  channels: [NotificationChannel!]!
  "Grows with each change: what `revision` of the input compares with."
  revision: Int!
}

"A choice for one category or all, over one channel or all."
type NotificationChoice {
  "Null: all."
  category: String
  "Null: all."
  channel: NotificationChannel
  "Whether messages are sent; null: what is more general decides."
  enabled: Boolean
  "For how long messages are gathered and sent as one; 0s: they are not; null: what is more general decides."
  digest: Duration
}

"A category, with what holds until the viewer chooses."
type NotificationCategory {
  "As choices name it."
  name: String!
  "For people."
  title: String!
  "Channels that are off."
  off: [NotificationChannel!]!
  "For how long messages are gathered."
  digest: Duration
}

"Weekly windows in the local time of a zone."
type QuietHours {
  "Of the IANA database: Europe/Vienna."
  timeZone: String!
  "The windows."
  windows: [QuietWindow!]!
}

type QuietWindow {
  "On which it begins."
  days: [NotificationWeekday!]!
  "22:00"
  from: String!
  "07:00, on the next day where that is not later; equal to `from`: the whole day."
  to: String!
}

enum NotificationWeekday {
  MONDAY
  TUESDAY
  WEDNESDAY
  THURSDAY
  FRIDAY
  SATURDAY
  SUNDAY
}

"What changes of the preferences; what is left out stays."
input NotificationPreferencesInput {
  "All choices, in place of the present ones."
  choices: [NotificationChoiceInput!]
  "In place of the present ones; null: there are none any more."
  quietHours: QuietHoursInput
  "Of the preferences that this is based on: CONFLICT where they have changed since."
  revision: Int
}

input NotificationChoiceInput {
  "Left out: all."
  category: String
  "Left out: all."
  channel: NotificationChannel
  "Whether messages are sent."
  enabled: Boolean
  "For how long messages are gathered: 1m to 7d; 0s: they are not."
  digest: Duration
}

input QuietHoursInput {
  "Of the IANA database: Europe/Vienna."
  timeZone: String!
  "At most 21."
  windows: [QuietWindowInput!]!
}

input QuietWindowInput {
  "On which it begins."
  days: [NotificationWeekday!]!
  "22:00"
  from: String!
  "07:00"
  to: String!
}

"How the viewer can be reached, and is spoken to."
type NotificationContact {
  "Of mail; null: the viewer's name, where that is one."
  address: String
  "A language tag: de-AT."
  locale: String
  "Of times in messages: Europe/Vienna; null: that of the quiet hours, else UTC."
  timeZone: String
}

"What is left out becomes null."
input NotificationContactInput {
  "Of mail."
  address: String
  "A language tag: de-AT."
  locale: String
  "Of the IANA database: Europe/Vienna."
  timeZone: String
}

"A browser of the viewer that takes Web Push messages. What could be pushed with is never shown."
type WebPushSubscription {
  "Names it."
  id: ID!
  "Scheme and host of its push service."
  service: String!
}

"As the browser has it: subscription.toJSON()."
input WebPushSubscriptionInput {
  "subscription.endpoint"
  endpoint: String!
  "keys.p256dh"
  p256dh: String!
  "keys.auth"
  auth: String!
}

"A message about a job: who is told what of it, and what became of that."
type JobNotification {
  "Names it; the id of a mail's Message-ID."
  id: ID!
  "The run of the job."
  run: Int!
  "What it tells of the run."
  milestone: NotificationMilestone!
  "How."
  channel: NotificationChannel!
  "Whom: a user's name, an address, or a chat."
  recipient: String!
  "What became of it."
  outcome: JobNotificationOutcome!
  "Why it was not sent, or not yet: a stable code such as OPTED_OUT or QUIET_HOURS."
  reason: String
  "The same for people; of a failure what went wrong."
  message: String
  "How often it was tried."
  attempts: Int!
  "When it is decided anew, or tried again."
  nextAttemptAt: DateTime
  "When it came to be."
  createdAt: DateTime!
  "When it ended."
  finishedAt: DateTime
  "Who took it, by the name in the settings."
  provider: String
  "As which it is known there, such as the Message-ID."
  reference: String
}

enum JobNotificationOutcome {
  "It is to be sent, or tried again."
  WAITING
  "It waits for the end of quiet hours."
  HELD
  "It was taken."
  SENT
  "It goes with others as one."
  GATHERED
  "It is not sent; `reason` says why."
  SUPPRESSED
  "It was given up."
  FAILED
}

type JobNotificationConnection {
  "The messages with their cursors."
  edges: [JobNotificationEdge!]!
  "The messages alone."
  nodes: [JobNotification!]!
  "Where the page lies."
  pageInfo: PageInfo!
}

type JobNotificationEdge {
  "Place in the list, to go on after."
  cursor: String!
  "The message."
  node: JobNotification!
}

"Why somebody was not told of something."
type NotSent {
  "What of the job; null: anything."
  milestone: NotificationMilestone
  "Null: no message was made."
  channel: NotificationChannel
  "Null: no message was made."
  recipient: String
  "The policy that it is about: MUTATION/1 for the first @notify, else the name in the settings."
  policy: String
  "A stable code: that of the message, or NO_POLICY, NOT_REACHED, NOBODY, NO_ESTIMATE, NOT_IN_AUDIENCE."
  reason: String!
  "The same for people."
  message: String!
}
)graphql";
}

std::string_view notification_query_fields_sdl() noexcept {
  return R"graphql(
  "The viewer's inbox, the newest first."
  notificationInbox(
    "How many at most: 1 to 100."
    first: Int = 20
    "Only those after this cursor."
    after: String
    "Only what is not read."
    unread: Boolean! = false
    "What is put away, in place of the rest."
    archived: Boolean! = false
  ): NotificationItemConnection @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
  "What the viewer wants to hear, and how."
  notificationPreferences: NotificationPreferences
  "How the viewer can be reached."
  notificationContact: NotificationContact
  "What browsers need to subscribe (applicationServerKey); null where this server has no Web Push."
  webPushPublicKey: String
  "The viewer's browsers that take Web Push messages."
  webPushSubscriptions: [WebPushSubscription!] @listSize(assumedSize: 5)
  "Who is told what of a job. The viewer sees messages to him or her; with the scope notifications:read all."
  jobNotifications(
    jobId: ID!
    "How many at most: 1 to 100."
    first: Int = 20
    "Only those after this cursor."
    after: String
  ): JobNotificationConnection @listSize(assumedSize: 20, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)
  "Why people were not told of a job, or not yet: suppressed, held and failed messages, and milestones without one."
  whyNotSent(
    jobId: ID!
    "Only over this channel."
    channel: NotificationChannel
    "Only to this user, address or chat; to others than the viewer with the scope notifications:read."
    recipient: String
    "Only of this."
    milestone: NotificationMilestone
  ): [NotSent!] @listSize(assumedSize: 20)
)graphql";
}

std::string_view notification_mutation_fields_sdl() noexcept {
  return R"graphql(
  "Marks items of the viewer's inbox. Gives those that are there."
  markNotifications(
    "At most 200."
    ids: [ID!]!
    as: NotificationMark!
  ): [NotificationItem!] @listSize(assumedSize: 20)
  "Marks all of them, up to 200 at once. Gives how many were changed: at 200 send it again."
  markAllNotifications(as: NotificationMark!): Int
  "Changes what the viewer wants to hear."
  setNotificationPreferences(input: NotificationPreferencesInput!): NotificationPreferences
  "Changes how the viewer can be reached."
  setNotificationContact(input: NotificationContactInput!): NotificationContact
  "Lets a browser of the viewer take Web Push messages; at most 20, the oldest goes."
  addWebPushSubscription(input: WebPushSubscriptionInput!): WebPushSubscription
  "Ends that. Gives the id, also where it was not there."
  removeWebPushSubscription(id: ID!): ID
)graphql";
}

std::string_view notification_subscription_fields_sdl() noexcept {
  return R"graphql(
  "Each item that comes to the viewer's inbox from now on."
  notificationAdded: NotificationItem
)graphql";
}

}  // namespace errand::contract
