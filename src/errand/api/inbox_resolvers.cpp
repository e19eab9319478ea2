#include "errand/api/inbox_resolvers.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "errand/api/connection.h"
#include "errand/api/field_values.h"
#include "errand/api/job_access.h"
#include "errand/api/job_watch.h"
#include "errand/api/typed_resolvers.h"
#include "errand/notification/inbox.h"
#include "errand/notification/notice.h"
#include "errand/notification/notifications.h"

namespace errand::api {

namespace asio = boost::asio;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;
using graphql::execution::SourceEvent;
using graphql::execution::SourceStream;
using notification::Inbox;
using notification::InboxItem;

namespace {

/// A page with whose it is, for the counts.
struct InboxPage : Page<InboxItem> {
  TenantId tenant;
  SubjectId subject;
};

FieldValue item_value(const Backend& backend, InboxItem item) {
  return ObjectRef{backend.object_type("NotificationItem"),
                   std::make_shared<const InboxItem>(std::move(item))};
}

asio::awaitable<FieldResult<FieldValue>> inbox(BackendPtr backend, const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kUseNotifications);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  const Result<std::size_t> first = read_first(info.argument("first"));
  if (!first) co_return std::unexpected(api_error(first.error()));
  const TenantId tenant = context.principal->tenant;
  const SubjectId subject = context.principal->subject;
  Inbox::Page wanted{.limit = *first,
                     .archived = info.argument("archived")->as_bool(),
                     .unread = info.argument("unread")->as_bool()};
  if (const auto after = text_argument(info, "after")) {
    Result<std::string> id = backend->cursors.read_name_cursor(tenant, *after);
    if (!id) co_return std::unexpected(api_error(id.error()));
    wanted.after = *std::move(id);
  }
  const bool has_previous = wanted.after.has_value();
  auto found = co_await backend->reads.run([reader = backend->reader, tenant, subject, wanted] {
    return Inbox(*reader).list(tenant, subject, wanted);
  });
  if (!found) co_return std::unexpected(api_error(std::move(found.error())));
  InboxPage page;
  page.has_next = found->more;
  page.has_previous = has_previous;
  page.tenant = tenant;
  page.subject = subject;
  for (InboxItem& item : found->items) {
    std::string cursor = backend->cursors.name_cursor(tenant, item.id);
    page.edges.push_back({std::move(cursor), std::make_shared<const InboxItem>(std::move(item))});
  }
  co_return FieldValue(ObjectRef{backend->object_type("NotificationItemConnection"),
                                 std::make_shared<const InboxPage>(std::move(page))});
}

/// Marks and answers with what was changed.
asio::awaitable<Result<Inbox::Marked>> mark(BackendPtr backend, const ResolveInfo& info,
                                            std::optional<std::vector<std::string>> ids) {
  const Context& context = context_of(info);
  if (auto allowed = authorize(*backend, context, auth::Action::kUseNotifications); !allowed) {
    co_return std::unexpected(std::move(allowed.error()));
  }
  const auto as = notification::parse_inbox_mark(*text_argument(info, "as"));
  const TenantId tenant = context.principal->tenant;
  const SubjectId subject = context.principal->subject;
  const Timestamp now = context.clock->now().wall;
  // An item that somebody marks meanwhile is read again.
  for (int attempt = 0;; ++attempt) {
    auto marked = co_await backend->reads.run(
        [reader = backend->reader, tenant, subject, ids, as = *as, now] {
          return Inbox(*reader).mark(tenant, subject, ids, as, now);
        });
    if (!marked) co_return std::unexpected(std::move(marked.error()));
    if (marked->changes.empty()) co_return std::move(marked);
    const auto written =
        co_await backend->lane.execute(engine::WriteRecords{.changes = marked->changes});
    if (written) co_return std::move(marked);
    if (written.error().code != ErrorCode::kConflict || attempt == 2) {
      co_return std::unexpected(written.error());
    }
  }
}

asio::awaitable<FieldResult<FieldValue>> mark_inbox(BackendPtr backend, const ResolveInfo& info) {
  std::vector<std::string> ids;
  for (const auto& id : info.argument("ids")->as_array()) ids.emplace_back(id.as_string());
  if (ids.size() > engine::kRecordChangesMax) {
    co_return std::unexpected(
        api_error({ErrorCode::kBadUserInput, "\"ids\" has more than 200 items."}));
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  auto marked = co_await mark(backend, info, std::move(ids));
  if (!marked) co_return std::unexpected(api_error(std::move(marked.error())));
  FieldValue::List list;
  for (InboxItem& item : marked->items) list.push_back(item_value(*backend, std::move(item)));
  co_return FieldValue(std::move(list));
}

asio::awaitable<FieldResult<FieldValue>> mark_all(BackendPtr backend, const ResolveInfo& info) {
  const auto marked = co_await mark(backend, info, std::nullopt);
  if (!marked) co_return std::unexpected(api_error(marked.error()));
  co_return FieldValue(static_cast<std::int64_t>(marked->changes.size()));
}

/// Items as the jobs that put them there succeed. One that comes in the moment of an overflow of
/// the bus is in the inbox, and not told.
class InboxStream final : public SourceStream {
 public:
  InboxStream(BackendPtr backend, std::unique_ptr<JobWatch> watch, TenantId tenant,
              SubjectId subject)
      : backend_(std::move(backend)),
        watch_(std::move(watch)),
        tenant_(std::move(tenant)),
        subject_(std::move(subject)) {}

  asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    while (!ended_) {
      while (!ready_.empty()) {
        std::string id = std::move(ready_.front());
        ready_.pop_front();
        auto item = co_await backend_->reads.run(
            [reader = backend_->reader, tenant = tenant_, subject = subject_, id] {
              return Inbox(*reader).find(tenant, subject, id);
            });
        if (!item) co_return std::unexpected(api_error(std::move(item.error())));
        // Of another user, or deleted since.
        if (*item) co_return SourceEvent{item_value(*backend_, **std::move(item)), {}};
      }
      runtime::News news = watch_->take();
      for (const job::StatePtr& state : news.snapshots) {
        if (state->spec.type.view() !=
                notification::message_type(notification::NotifyChannel::kInApp) ||
            state->status != job::JobStatus::kSucceeded) {
          continue;
        }
        ready_.push_back(state->id.str());
      }
      if (!ready_.empty()) continue;
      if (news.closed) break;
      co_await watch_->wait();
    }
    ended_ = true;
    co_return std::nullopt;
  }

  void close() override {
    ended_ = true;
    watch_->wake();
  }

 private:
  const BackendPtr backend_;
  const std::unique_ptr<JobWatch> watch_;
  const TenantId tenant_;
  const SubjectId subject_;
  std::deque<std::string> ready_;
  bool ended_ = false;
};

asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> inbox_stream(BackendPtr backend,
                                                                         const ResolveInfo& info) {
  const Context& context = context_of(info);
  const Result<void> allowed = authorize(*backend, context, auth::Action::kUseNotifications);
  if (!allowed) co_return std::unexpected(api_error(allowed.error()));
  auto watch = std::make_unique<JobWatch>(
      co_await asio::this_coro::executor, backend->bus,
      runtime::Interest{.tenant = context.principal->tenant, .kind = job::JobKind::kInternal});
  co_return std::make_unique<InboxStream>(backend, std::move(watch), context.principal->tenant,
                                          context.principal->subject);
}

void add_types(const BackendPtr& backend, ResolverMap& map) {
  const contract::Names& names = backend->contract->names();
  using Item = InboxItem;
  TypedResolvers<Item>(*backend, map, names.type("NotificationItem"))
      .add("id", [](const Item& i, auto&) { return text_value(i.id); })
      .add("title", [](const Item& i, auto&) { return text_value(i.title); })
      .add("text", [](const Item& i, auto&) { return text_value(i.text); })
      .add("link", [](const Item& i, auto&) { return text_or_null(i.link); })
      .add("category", [](const Item& i, auto&) { return text_value(i.category); })
      .add("jobId", [](const Item& i, auto&) { return text_value(i.job_id); })
      .add("jobType", [](const Item& i, auto&) { return text_value(i.job_type); })
      .add("milestone", [](const Item& i, auto&) { return text_or_null(i.milestone); })
      .add("createdAt", [](const Item& i, auto&) { return time_value(i.created_at); })
      .add("seenAt", [](const Item& i, auto&) { return time_value(i.seen_at); })
      .add("readAt", [](const Item& i, auto&) { return time_value(i.read_at); })
      .add("archivedAt", [](const Item& i, auto&) { return time_value(i.archived_at); });

  const auto count = [backend](std::size_t Inbox::Counts::* member) {
    return [backend, member](const ResolveInfo& info) -> asio::awaitable<FieldResult<FieldValue>> {
      const auto& page = info.source_as<InboxPage>();
      const auto counts = co_await backend->reads.run(
          [reader = backend->reader, tenant = page.tenant, subject = page.subject] {
            return Inbox(*reader).count(tenant, subject);
          });
      if (!counts) co_return std::unexpected(api_error(counts.error()));
      co_return FieldValue(static_cast<std::int64_t>((*counts).*member));
    };
  };
  TypedResolvers<InboxPage>(*backend, map, names.type("NotificationItemConnection"))
      .add_awaitable("unseenCount", count(&Inbox::Counts::unseen))
      .add_awaitable("unreadCount", count(&Inbox::Counts::unread));
  add_connection_resolvers<InboxPage>(
      backend, map, "NotificationItem", [backend](const std::shared_ptr<const InboxItem>& item) {
        return FieldValue(ObjectRef{backend->object_type("NotificationItem"), item});
      });
}

}  // namespace

void add_inbox_resolvers(const BackendPtr& backend, ResolverMap& map) {
  const graphql::type::ObjectType* mutation = backend->schema().mutation_type();
  add_root_field(backend, map, backend->schema().query_type(), "notificationInbox", inbox);
  add_root_field(backend, map, mutation, "markNotifications", mark_inbox);
  add_root_field(backend, map, mutation, "markAllNotifications", mark_all);
  map.add_stream(std::string(backend->schema().subscription_type()->name),
                 backend->contract->names().field("notificationAdded"),
                 [backend](const ResolveInfo& info) { return inbox_stream(backend, info); });
  add_types(backend, map);
}

}  // namespace errand::api
