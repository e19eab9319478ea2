#include "errand/api/notification_resolvers.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "errand/api/connection.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/typed_resolvers.h"
#include "errand/base/time_text.h"
#include "errand/notification/notification_log.h"
#include "errand/notification/notifications.h"
#include "errand/outbound/target_url.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;
using notification::Contact;
using notification::MessageRecord;
using notification::NotificationLog;
using notification::Notifications;
using notification::Preferences;
using notification::PushSubscription;
using notification::QuietHours;
using notification::Untold;
using notification::UserBook;

namespace {

constexpr std::array kDays{"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                           "FRIDAY", "SATURDAY", "SUNDAY"};

/// What the types of preferences are made of.
struct PreferencesView {
  UserBook::Kept<Preferences> kept;
};
struct CategoryView {
  std::string name;
  notification::CategoryDefaults defaults;
};
struct NotSentView {
  std::string milestone;  ///< empty: null, as the rest
  std::string channel;
  std::string recipient;
  std::string policy;
  std::string reason;
  std::string message;
};
using MessagePage = Page<MessageRecord>;

/// Who asks, where that is allowed.
FieldResult<const auth::Principal*> viewer(const Backend& backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(backend, context, auth::Action::kUseNotifications);
  if (!allowed) return std::unexpected(api_error(allowed.error()));
  return context.principal.get();
}

std::unexpected<graphql::execution::FieldError> bad_input(std::string why) {
  return std::unexpected(api_error({ErrorCode::kBadUserInput, std::move(why)}));
}

template <class T>
FieldValue object_of(const Backend& backend, std::string_view type, T value) {
  return ObjectRef{backend.object_type(type), std::make_shared<const T>(std::move(value))};
}

const boost::json::value* member_of(const boost::json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_of(const boost::json::object& object, const char* name) {
  const auto* value = member_of(object, name);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

asio::awaitable<Result<UserBook::Kept<Preferences>>> read_preferences(BackendPtr backend,
                                                                      TenantId tenant,
                                                                      SubjectId subject) {
  co_return co_await backend->reads.run([reader = backend->reader, tenant, subject] {
    return UserBook(*reader).preferences(tenant, subject.view());
  });
}

asio::awaitable<FieldResult<FieldValue>> preferences(BackendPtr backend, const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  auto kept = co_await read_preferences(backend, (*who)->tenant, (*who)->subject);
  if (!kept) co_return std::unexpected(api_error(std::move(kept.error())));
  co_return object_of(*backend, "NotificationPreferences", PreferencesView{*std::move(kept)});
}

/// "22:00" as minutes; nullopt for another text.
std::optional<std::uint16_t> minutes_of(const std::string& text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) {
    return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (hour > 23 || minute > 59) return std::nullopt;
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

std::string clock_of(std::uint16_t minutes) {
  const auto two = [](int value) {
    return std::string{static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
  };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

/// @return what is wrong; empty if nothing is
std::string read_choices(const boost::json::array& list, Preferences& into) {
  into.choices.clear();
  for (const auto& item : list) {
    const boost::json::object& object = item.as_object();
    Preferences::Choice choice{.category = text_of(object, "category")};
    if (const auto* channel = member_of(object, "channel")) {
      choice.channel = contract::parse_notify_channel(std::string(channel->as_string()));
    }
    if (const auto* enabled = member_of(object, "enabled")) choice.enabled = enabled->as_bool();
    if (const auto* digest = member_of(object, "digest")) {
      const auto length = parse_duration(std::string(digest->as_string()));
      if (!length) return "A length of time is written 1h, 30m or 0s.";
      choice.digest = *length;
    }
    into.choices.push_back(std::move(choice));
  }
  return {};
}

std::string read_quiet_hours(const boost::json::object& object, QuietHours& into) {
  into = {.zone = text_of(object, "timeZone")};
  if (into.zone.empty()) return "\"timeZone\" is empty; write one such as Europe/Vienna.";
  for (const auto& item : member_of(object, "windows")->as_array()) {
    const boost::json::object& window = item.as_object();
    const auto from = minutes_of(text_of(window, "from"));
    const auto to = minutes_of(text_of(window, "to"));
    if (!from || !to) return "A time of day is written 22:00.";
    QuietHours::Window made{.days = 0, .from = *from, .to = *to};
    for (const auto& day : member_of(window, "days")->as_array()) {
      const auto place = std::ranges::find(kDays, std::string(day.as_string()));
      made.days |= static_cast<std::uint8_t>(1U << (place - kDays.begin()));
    }
    into.windows.push_back(made);
  }
  return {};
}

asio::awaitable<FieldResult<FieldValue>> set_preferences(BackendPtr backend,
                                                         const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  const boost::json::object& input = info.argument("input")->as_object();
  auto kept = co_await read_preferences(backend, (*who)->tenant, (*who)->subject);
  if (!kept) co_return std::unexpected(api_error(std::move(kept.error())));
  if (const auto* revision = member_of(input, "revision")) {
    if (static_cast<std::int64_t>(kept->revision) != revision->as_int64()) {
      co_return std::unexpected(api_error(
          {ErrorCode::kConflict, "The preferences have changed meanwhile: read them again."}));
    }
  }
  std::string fault;
  if (const auto* choices = member_of(input, "choices")) {
    fault = read_choices(choices->as_array(), kept->value);
    const auto known = backend->notifications->categories();
    for (const auto& choice : kept->value.choices) {
      if (!fault.empty() || choice.category.empty() || known.contains(choice.category)) continue;
      fault = "There is no category \"" + choice.category +
              "\"; notificationPreferences { categories { name } } lists them.";
    }
  }
  if (const auto* quiet = input.if_contains("quietHours"); quiet != nullptr && fault.empty()) {
    if (quiet->is_null()) {
      kept->value.quiet = {};
    } else {
      fault = read_quiet_hours(quiet->as_object(), kept->value.quiet);
    }
  }
  if (fault.empty()) {
    if (const auto checked = notification::check_preferences(kept->value); !checked) {
      fault = checked.error().message;
    }
  }
  if (!fault.empty()) co_return bad_input(std::move(fault));
  const auto written = co_await backend->lane.execute_as<engine::RecordsReply>(engine::WriteRecords{
      .changes = {UserBook::write((*who)->tenant, (*who)->subject.view(), *kept)}});
  if (!written) co_return std::unexpected(api_error(written.error()));
  kept->revision = written->records.front().revision;
  co_return object_of(*backend, "NotificationPreferences", PreferencesView{*std::move(kept)});
}

asio::awaitable<Result<UserBook::Kept<Contact>>> read_contact(BackendPtr backend, TenantId tenant,
                                                              SubjectId subject) {
  co_return co_await backend->reads.run([reader = backend->reader, tenant, subject] {
    return UserBook(*reader).contact(tenant, subject.view());
  });
}

asio::awaitable<FieldResult<FieldValue>> contact(BackendPtr backend, const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  auto kept = co_await read_contact(backend, (*who)->tenant, (*who)->subject);
  if (!kept) co_return std::unexpected(api_error(std::move(kept.error())));
  co_return object_of(*backend, "NotificationContact", std::move(kept->value));
}

asio::awaitable<FieldResult<FieldValue>> set_contact(BackendPtr backend, const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  const boost::json::object& input = info.argument("input")->as_object();
  auto kept = co_await read_contact(backend, (*who)->tenant, (*who)->subject);
  if (!kept) co_return std::unexpected(api_error(std::move(kept.error())));
  kept->value = {.address = text_of(input, "address"),
                 .locale = text_of(input, "locale"),
                 .zone = text_of(input, "timeZone")};
  if (const auto checked = notification::check_contact(kept->value); !checked) {
    co_return bad_input(checked.error().message);
  }
  const auto written = co_await backend->lane.execute(engine::WriteRecords{
      .changes = {UserBook::write((*who)->tenant, (*who)->subject.view(), *kept)}});
  if (!written) co_return std::unexpected(api_error(written.error()));
  co_return object_of(*backend, "NotificationContact", std::move(kept->value));
}

asio::awaitable<FieldResult<FieldValue>> push_key(BackendPtr backend, const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  const std::string key = backend->notifications->web_push_key();
  co_return key.empty() ? FieldValue() : FieldValue(key);
}

asio::awaitable<FieldResult<FieldValue>> push_subscriptions(BackendPtr backend,
                                                            const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  auto found =
      co_await backend->notifications->subscriptions().list((*who)->tenant, (*who)->subject);
  if (!found) co_return std::unexpected(api_error(std::move(found.error())));
  FieldValue::List list;
  for (PushSubscription& each : *found) {
    list.push_back(object_of(*backend, "WebPushSubscription", std::move(each)));
  }
  co_return FieldValue(std::move(list));
}

asio::awaitable<FieldResult<FieldValue>> add_subscription(BackendPtr backend,
                                                          const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  const boost::json::object& input = info.argument("input")->as_object();
  auto added =
      co_await backend->notifications->subscriptions().add((*who)->tenant, (*who)->subject,
                                                           {.endpoint = text_of(input, "endpoint"),
                                                            .p256dh = text_of(input, "p256dh"),
                                                            .auth = text_of(input, "auth")},
                                                           context_of(info).clock->now().wall);
  if (!added) co_return std::unexpected(api_error(std::move(added.error())));
  co_return object_of(*backend, "WebPushSubscription", *std::move(added));
}

asio::awaitable<FieldResult<FieldValue>> remove_subscription(BackendPtr backend,
                                                             const ResolveInfo& info) {
  const auto who = viewer(*backend, info);
  if (!who) co_return std::unexpected(who.error());
  std::string id = *text_argument(info, "id");
  const auto done =
      co_await backend->notifications->subscriptions().drop((*who)->tenant, (*who)->subject, id);
  if (!done) co_return std::unexpected(api_error(done.error()));
  co_return FieldValue(std::move(id));
}

std::string recipient_of(const MessageRecord& record) {
  const notification::Recipient& recipient = record.request.recipient;
  if (!recipient.subject.empty()) return recipient.subject.str();
  return recipient.address.empty() ? recipient.hook : recipient.address;
}

/// The messages about a job that the viewer may see.
asio::awaitable<Result<std::vector<MessageRecord>>> visible_messages(BackendPtr backend,
                                                                     const Context& context,
                                                                     job::StatePtr job) {
  auto all = co_await backend->reads.run(
      [reader = backend->reader, &policies = backend->notifications->policies(), job] {
        return NotificationLog(*reader, policies).messages(*job);
      });
  if (!all || authorize(*backend, context, auth::Action::kReadNotifications)) co_return all;
  if (auto own = authorize(*backend, context, auth::Action::kUseNotifications); !own) {
    co_return std::unexpected(std::move(own.error()));
  }
  // Whoever has no name is not the one of an address.
  const SubjectId& viewer_subject = context.principal->subject;
  std::erase_if(*all, [&](const MessageRecord& record) {
    return viewer_subject.empty() || record.request.recipient.subject != viewer_subject;
  });
  co_return all;
}

/// The job of `jobId`; an error where the viewer cannot see it.
asio::awaitable<FieldResult<job::StatePtr>> job_of(BackendPtr backend, const ResolveInfo& info) {
  auto job = co_await find_job(backend, context_of(info), *text_argument(info, "jobId"));
  if (!job) co_return std::unexpected(api_error(std::move(job.error())));
  if (*job == nullptr) {
    co_return std::unexpected(api_error({ErrorCode::kNotFound, std::string(kNoSuchJob)}));
  }
  co_return *std::move(job);
}

asio::awaitable<FieldResult<FieldValue>> notifications(BackendPtr backend,
                                                       const ResolveInfo& info) {
  const Context& context = context_of(info);
  const TenantId& tenant = context.principal->tenant;
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(api_error(first.error()));
  const auto job = co_await job_of(backend, info);
  if (!job) co_return std::unexpected(job.error());
  auto records = co_await visible_messages(backend, context, *job);
  if (!records) co_return std::unexpected(api_error(std::move(records.error())));
  std::ranges::sort(*records, {}, &MessageRecord::id);
  MessagePage page;
  if (const auto after = text_argument(info, "after")) {
    const Result<std::string> id = backend->cursors.read_name_cursor(tenant, *after);
    if (!id) co_return std::unexpected(api_error(id.error()));
    std::erase_if(*records, [&](const MessageRecord& record) { return record.id <= *id; });
    page.has_previous = true;
  }
  page.has_next = records->size() > *first;
  if (page.has_next) records->resize(*first);
  for (MessageRecord& record : *records) {
    std::string cursor = backend->cursors.name_cursor(tenant, record.id);
    page.edges.push_back(
        {std::move(cursor), std::make_shared<const MessageRecord>(std::move(record))});
  }
  co_return object_of(*backend, "JobNotificationConnection", std::move(page));
}

asio::awaitable<FieldResult<FieldValue>> why_not_sent(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const auto job = co_await job_of(backend, info);
  if (!job) co_return std::unexpected(job.error());
  const auto records = co_await visible_messages(backend, context, *job);
  if (!records) co_return std::unexpected(api_error(records.error()));
  const auto channel = text_argument(info, "channel");
  const auto milestone = text_argument(info, "milestone");
  const auto recipient = text_argument(info, "recipient");
  if (recipient && *recipient != context.principal->subject.view()) {
    // The same whether or not there is a message, so that it does not tell who is a recipient.
    const auto allowed = authorize(*backend, context, auth::Action::kReadNotifications);
    if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  }
  bool any = false;
  FieldValue::List list;
  for (const MessageRecord& record : *records) {
    using enum notification::MessageOutcome;
    NotSentView view{.milestone = std::string(contract::to_string(record.request.notice.milestone)),
                     .channel = std::string(contract::to_string(record.request.channel)),
                     .recipient = recipient_of(record),
                     .policy = record.request.notice.policy,
                     .reason = std::string(record.reason ? notification::to_string(*record.reason)
                                                         : notification::to_string(record.outcome)),
                     .message = record.reason ? std::string(notification::describe(*record.reason))
                                              : record.error};
    if ((channel && *channel != view.channel) || (recipient && *recipient != view.recipient) ||
        (milestone && *milestone != view.milestone)) {
      continue;
    }
    any = true;
    if (record.outcome == kSent) continue;
    if (view.message.empty()) view.message = "It is to be sent.";
    list.push_back(object_of(*backend, "NotSent", std::move(view)));
  }
  if (!recipient || !any) {
    auto untold = co_await backend->reads.run(
        [reader = backend->reader, &policies = backend->notifications->policies(), job = *job] {
          return NotificationLog(*reader, policies).untold(*job);
        });
    if (!untold) co_return std::unexpected(api_error(std::move(untold.error())));
    for (Untold& each : *untold) {
      if (milestone && each.milestone && *milestone != contract::to_string(*each.milestone)) {
        continue;
      }
      if (channel && !each.policy.empty()) {
        const auto* policy = backend->notifications->policies().find(each.policy);
        const auto wanted = contract::parse_notify_channel(*channel);
        if (policy != nullptr &&
            std::ranges::find(policy->rule.channels, *wanted) == policy->rule.channels.end()) {
          continue;
        }
      }
      list.push_back(
          object_of(*backend, "NotSent",
                    NotSentView{.milestone = each.milestone
                                                 ? std::string(contract::to_string(*each.milestone))
                                                 : std::string(),
                                .policy = std::move(each.policy),
                                .reason = std::move(each.code),
                                .message = std::move(each.message)}));
    }
  }
  if (!any && list.empty()) {
    list.push_back(object_of(
        *backend, "NotSent",
        NotSentView{.milestone = milestone.value_or(""),
                    .channel = channel.value_or(""),
                    .recipient = recipient.value_or(""),
                    .reason = "NOT_IN_AUDIENCE",
                    .message = "No message of that kind was made: no policy that takes the job "
                               "names this milestone, channel and recipient together."}));
  }
  co_return FieldValue(std::move(list));
}

FieldValue channels_value(const auto& channels) {
  FieldValue::List list;
  for (const auto& channel : channels) {
    list.push_back(FieldValue::text_view(contract::to_string(channel)));
  }
  return FieldValue(std::move(list));
}

FieldValue duration_or_null(const std::optional<Milliseconds>& duration) {
  return duration ? FieldValue(format_duration(*duration)) : FieldValue();
}

void add_preferences_types(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  TypedResolvers<PreferencesView>(*backend, map, names.type("NotificationPreferences"))
      .add("choices",
           [backend](const PreferencesView& p, const ResolveInfo& info) {
             FieldValue::List list;
             for (const auto& choice : p.kept.value.choices) {
               list.push_back(part_value(info, backend->object_type("NotificationChoice"), choice));
             }
             return FieldValue(std::move(list));
           })
      .add("quietHours",
           [backend](const PreferencesView& p, const ResolveInfo& info) {
             const QuietHours& quiet = p.kept.value.quiet;
             return quiet.windows.empty()
                        ? FieldValue()
                        : part_value(info, backend->object_type("QuietHours"), quiet);
           })
      .add("categories",
           [backend](const PreferencesView&, auto&) {
             FieldValue::List list;
             const auto& known = backend->notifications->settings().categories;
             for (const std::string& name : backend->notifications->categories()) {
               const auto found = known.find(name);
               list.push_back(object_of(
                   *backend, "NotificationCategory",
                   CategoryView{name, found == known.end() ? notification::CategoryDefaults{}
                                                           : found->second}));
             }
             return FieldValue(std::move(list));
           })
      .add("channels",
           [backend](const PreferencesView&, auto&) {
             std::vector<notification::NotifyChannel> channels;
             for (const auto& [channel, way] : backend->notifications->channels()) {
               channels.push_back(channel);
             }
             return channels_value(channels);
           })
      .add("revision", [](const PreferencesView& p, auto&) {
        return FieldValue(static_cast<std::int64_t>(p.kept.revision));
      });
  using Choice = Preferences::Choice;
  TypedResolvers<Choice>(*backend, map, names.type("NotificationChoice"))
      .add("category", [](const Choice& c, auto&) { return text_or_null(c.category); })
      .add("channel",
           [](const Choice& c, auto&) {
             return c.channel ? FieldValue::text_view(contract::to_string(*c.channel))
                              : FieldValue();
           })
      .add("enabled",
           [](const Choice& c, auto&) { return c.enabled ? FieldValue(*c.enabled) : FieldValue(); })
      .add("digest", [](const Choice& c, auto&) { return duration_or_null(c.digest); });
  TypedResolvers<CategoryView>(*backend, map, names.type("NotificationCategory"))
      .add("name", [](const CategoryView& c, auto&) { return text_value(c.name); })
      .add("title",
           [](const CategoryView& c, auto&) {
             return text_value(c.defaults.title.empty() ? c.name : c.defaults.title);
           })
      .add("off", [](const CategoryView& c, auto&) { return channels_value(c.defaults.off); })
      .add("digest",
           [](const CategoryView& c, auto&) { return duration_or_null(c.defaults.digest); });
  TypedResolvers<QuietHours>(*backend, map, names.type("QuietHours"))
      .add("timeZone",
           [](const QuietHours& q, auto&) {
             return q.zone.empty() ? FieldValue::text_view("UTC") : text_value(q.zone);
           })
      .add("windows", [backend](const QuietHours& q, const ResolveInfo& info) {
        FieldValue::List list;
        for (const auto& window : q.windows) {
          list.push_back(part_value(info, backend->object_type("QuietWindow"), window));
        }
        return FieldValue(std::move(list));
      });
  using Window = QuietHours::Window;
  TypedResolvers<Window>(*backend, map, names.type("QuietWindow"))
      .add("days",
           [](const Window& w, auto&) {
             FieldValue::List list;
             for (std::size_t day = 0; day < kDays.size(); ++day) {
               if ((w.days & (1U << day)) != 0) list.push_back(FieldValue::text_view(kDays[day]));
             }
             return FieldValue(std::move(list));
           })
      .add("from", [](const Window& w, auto&) { return FieldValue(clock_of(w.from)); })
      .add("to", [](const Window& w, auto&) { return FieldValue(clock_of(w.to)); });
  TypedResolvers<Contact>(*backend, map, names.type("NotificationContact"))
      .add("address", [](const Contact& c, auto&) { return text_or_null(c.address); })
      .add("locale", [](const Contact& c, auto&) { return text_or_null(c.locale); })
      .add("timeZone", [](const Contact& c, auto&) { return text_or_null(c.zone); });
  TypedResolvers<PushSubscription>(*backend, map, names.type("WebPushSubscription"))
      .add("id", [](const PushSubscription& s, auto&) { return text_value(s.id); })
      .add("service", [](const PushSubscription& s, auto&) {
        const auto url = outbound::parse_target_url(s.endpoint);
        return FieldValue(url ? url->origin() : std::string());
      });
}

void add_log_types(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  using Record = MessageRecord;
  TypedResolvers<Record>(*backend, map, names.type("JobNotification"))
      .add("id", [](const Record& r, auto&) { return text_value(r.id); })
      .add("run", [](const Record& r,
                     auto&) { return FieldValue(static_cast<std::int64_t>(r.request.notice.run)); })
      .add("milestone",
           [](const Record& r, auto&) {
             return FieldValue::text_view(contract::to_string(r.request.notice.milestone));
           })
      .add("channel",
           [](const Record& r, auto&) {
             return FieldValue::text_view(contract::to_string(r.request.channel));
           })
      .add("recipient", [](const Record& r, auto&) { return FieldValue(recipient_of(r)); })
      .add("outcome",
           [](const Record& r, auto&) {
             return FieldValue::text_view(notification::to_string(r.outcome));
           })
      .add("reason",
           [](const Record& r, auto&) {
             return r.reason ? FieldValue::text_view(notification::to_string(*r.reason))
                             : FieldValue();
           })
      .add("message",
           [](const Record& r, auto&) {
             return r.reason ? FieldValue::text_view(notification::describe(*r.reason))
                             : text_or_null(r.error);
           })
      .add("attempts",
           [](const Record& r, auto&) { return FieldValue(static_cast<std::int64_t>(r.attempts)); })
      .add("nextAttemptAt", [](const Record& r, auto&) { return time_value(r.next_attempt_at); })
      .add("createdAt", [](const Record& r, auto&) { return time_value(r.created_at); })
      .add("finishedAt", [](const Record& r, auto&) { return time_value(r.finished_at); })
      .add("provider", [](const Record& r, auto&) { return text_or_null(r.provider); })
      .add("reference", [](const Record& r, auto&) { return text_or_null(r.reference); });
  add_connection_resolvers<MessagePage>(
      backend, map, "JobNotification", [backend](const std::shared_ptr<const Record>& record) {
        return FieldValue(ObjectRef{backend->object_type("JobNotification"), record});
      });
  using View = NotSentView;
  TypedResolvers<View>(*backend, map, names.type("NotSent"))
      .add("milestone", [](const View& v, auto&) { return text_or_null(v.milestone); })
      .add("channel", [](const View& v, auto&) { return text_or_null(v.channel); })
      .add("recipient", [](const View& v, auto&) { return text_or_null(v.recipient); })
      .add("policy", [](const View& v, auto&) { return text_or_null(v.policy); })
      .add("reason", [](const View& v, auto&) { return text_value(v.reason); })
      .add("message", [](const View& v, auto&) { return text_value(v.message); });
}

}  // namespace

void add_notification_resolvers(const BackendPtr& backend, ResolverMap& map) {
  // A server without the parts, such as one of a test, answers with an error.
  const auto add = [&](const graphql::type::ObjectType* root, std::string_view field,
                       auto function) {
    add_root_field(backend, map, root, field,
                   [function](BackendPtr b,
                              const ResolveInfo& info) -> asio::awaitable<FieldResult<FieldValue>> {
                     if (b->notifications == nullptr) {
                       co_return std::unexpected(api_error(
                           {ErrorCode::kUnavailable, "This server has no notifications."}));
                     }
                     co_return co_await function(std::move(b), info);
                   });
  };
  const graphql::type::ObjectType* query = backend->schema().query_type();
  const graphql::type::ObjectType* mutation = backend->schema().mutation_type();
  add(query, "notificationPreferences", preferences);
  add(query, "notificationContact", contact);
  add(query, "webPushPublicKey", push_key);
  add(query, "webPushSubscriptions", push_subscriptions);
  add(query, "jobNotifications", notifications);
  add(query, "whyNotSent", why_not_sent);
  add(mutation, "setNotificationPreferences", set_preferences);
  add(mutation, "setNotificationContact", set_contact);
  add(mutation, "addWebPushSubscription", add_subscription);
  add(mutation, "removeWebPushSubscription", remove_subscription);
  add_preferences_types(backend, map);
  add_log_types(backend, map);
}

}  // namespace errand::api
