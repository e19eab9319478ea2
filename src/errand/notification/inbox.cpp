#include "errand/notification/inbox.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/base/utf8.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/runtime/lane_client.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

constexpr const char* kCollection = "inbox";
/// Of an item's text, for a list; the link leads to the rest.
constexpr std::size_t kTextBytes = 4'000;

/// Begins the keys of a user's items. A digest, as names of users may begin with each other's.
std::string prefix_of(const SubjectId& subject) {
  const crypto::Digest digest = crypto::sha256(subject.view());
  return crypto::to_hex(std::span(digest).first(16)) + "/";
}

std::string to_json(const InboxItem& item) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  const auto write = [&out](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.key(name);
    out.string(value);
  };
  write("title", item.title);
  write("text", item.text);
  write("link", item.link);
  write("category", item.category);
  write("jobId", item.job_id);
  write("jobType", item.job_type);
  write("milestone", item.milestone);
  const auto write_time = [&out](std::string_view name, const std::optional<Timestamp>& at) {
    if (!at) return;
    out.key(name);
    out.integer(at->time_since_epoch().count());
  };
  write_time("created", item.created_at);
  write_time("seen", item.seen_at);
  write_time("read", item.read_at);
  write_time("archived", item.archived_at);
  out.end_object();
  return text;
}

std::optional<InboxItem> read_item(const store::Record& record) {
  const auto value = json::parse(record.text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  const auto text = [&](const char* name) {
    const auto* member = object->if_contains(name);
    return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                    : std::string();
  };
  const auto time = [&](const char* name) -> std::optional<Timestamp> {
    const auto* member = object->if_contains(name);
    if (member == nullptr || !member->is_int64()) return std::nullopt;
    return Timestamp(Milliseconds(member->get_int64()));
  };
  return InboxItem{.id = record.id.key.substr(record.id.key.find('/') + 1),
                   .title = text("title"),
                   .text = text("text"),
                   .link = text("link"),
                   .category = text("category"),
                   .job_id = text("jobId"),
                   .job_type = text("jobType"),
                   .milestone = text("milestone"),
                   .created_at = time("created").value_or(Timestamp{}),
                   .seen_at = time("seen"),
                   .read_at = time("read"),
                   .archived_at = time("archived")};
}

/// Whether `mark` changes anything.
bool apply(InboxItem& item, InboxMark mark, Timestamp now) {
  const InboxItem before = item;
  const auto set = [now](std::optional<Timestamp>& at) {
    if (!at) at = now;
  };
  switch (mark) {
    case InboxMark::kSeen:
      set(item.seen_at);
      break;
    case InboxMark::kRead:
      set(item.seen_at);
      set(item.read_at);
      break;
    case InboxMark::kUnread:
      item.read_at.reset();
      break;
    case InboxMark::kArchived:
      set(item.archived_at);
      break;
    case InboxMark::kUnarchived:
      item.archived_at.reset();
      break;
  }
  return item != before;
}

}  // namespace

std::optional<InboxMark> parse_inbox_mark(std::string_view text) noexcept {
  constexpr std::array<std::pair<std::string_view, InboxMark>, 5> kMarks{
      {{"SEEN", InboxMark::kSeen},
       {"READ", InboxMark::kRead},
       {"UNREAD", InboxMark::kUnread},
       {"ARCHIVED", InboxMark::kArchived},
       {"UNARCHIVED", InboxMark::kUnarchived}}};
  for (const auto& [name, mark] : kMarks) {
    if (name == text) return mark;
  }
  return std::nullopt;
}

Result<std::vector<store::Record>> Inbox::all(const TenantId& tenant,
                                              const SubjectId& subject) const {
  // Some more than are kept: room is made after a message, not before.
  return reader_.records(
      {.collection = kCollection, .tenant = tenant, .prefix = prefix_of(subject)},
      {.descending = true, .limit = kItemsMax + kItemsMax / 4});
}

Result<Inbox::Items> Inbox::list(const TenantId& tenant, const SubjectId& subject,
                                 const Page& page) const {
  const std::string prefix = prefix_of(subject);
  store::RecordPage place{.descending = true, .limit = kItemsMax + kItemsMax / 4};
  if (page.after) place.after = store::RecordId{kCollection, tenant, prefix + *page.after};
  const auto records =
      reader_.records({.collection = kCollection, .tenant = tenant, .prefix = prefix}, place);
  if (!records) return std::unexpected(records.error());
  Items found;
  for (const store::Record& record : *records) {
    auto item = read_item(record);
    if (!item || item->archived_at.has_value() != page.archived || (page.unread && item->read_at)) {
      continue;
    }
    if (found.items.size() == page.limit) {
      found.more = true;
      break;
    }
    found.items.push_back(*std::move(item));
  }
  return found;
}

Result<Inbox::Counts> Inbox::count(const TenantId& tenant, const SubjectId& subject) const {
  const auto records = all(tenant, subject);
  if (!records) return std::unexpected(records.error());
  Counts counts;
  for (const store::Record& record : *records) {
    const auto item = read_item(record);
    if (!item || item->archived_at) continue;
    if (!item->seen_at) ++counts.unseen;
    if (!item->read_at) ++counts.unread;
  }
  return counts;
}

Result<std::optional<InboxItem>> Inbox::find(const TenantId& tenant, const SubjectId& subject,
                                             std::string_view id) const {
  const auto record = reader_.record({kCollection, tenant, prefix_of(subject) + std::string(id)});
  if (!record) return std::unexpected(record.error());
  if (!*record) return std::optional<InboxItem>();
  return read_item(**record);
}

engine::RecordChange Inbox::put(const TenantId& tenant, const SubjectId& subject,
                                const InboxItem& item) {
  return {.id = {kCollection, tenant, prefix_of(subject) + item.id},
          .text = to_json(item),
          .expires_at = item.created_at + kKept,
          .if_revision = 0};
}

Result<std::vector<engine::RecordChange>> Inbox::overflow(const TenantId& tenant,
                                                          const SubjectId& subject) const {
  const auto records = all(tenant, subject);
  if (!records) return std::unexpected(records.error());
  std::vector<engine::RecordChange> changes;
  for (std::size_t i = kItemsMax; i < records->size() && changes.size() < engine::kRecordChangesMax;
       ++i) {
    changes.push_back({.id = (*records)[i].id, .text = std::nullopt});
  }
  return changes;
}

Result<Inbox::Marked> Inbox::mark(const TenantId& tenant, const SubjectId& subject,
                                  const std::optional<std::vector<std::string>>& ids,
                                  InboxMark mark, Timestamp now) const {
  Marked marked;
  const auto take = [&](const store::Record& record) {
    auto item = read_item(record);
    if (!item) return;
    if (apply(*item, mark, now)) {
      marked.changes.push_back({.id = record.id,
                                .text = to_json(*item),
                                .expires_at = record.expires_at,
                                .if_revision = record.revision});
    } else if (!ids) {
      return;
    }
    marked.items.push_back(*std::move(item));
  };
  if (!ids) {
    const auto records = all(tenant, subject);
    if (!records) return std::unexpected(records.error());
    for (const store::Record& record : *records) {
      if (marked.changes.size() == engine::kRecordChangesMax) break;
      take(record);
    }
    return marked;
  }
  for (const std::string& id : *ids) {
    const auto record = reader_.record({kCollection, tenant, prefix_of(subject) + id});
    if (!record) return std::unexpected(record.error());
    if (*record) take(**record);
  }
  return marked;
}

boost::asio::awaitable<SendOutcome> InAppChannel::send(const Message& message,
                                                       Milliseconds /*timeout*/,
                                                       std::stop_token /*stop*/) {
  using worker::FailureKind;
  const runtime::LaneClient lane(*lane_);
  const TenantId tenant = message.recipient.tenant;
  const SubjectId subject = message.recipient.subject;
  const auto datum = [&](const char* name) {
    const auto* value = message.data.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
  };
  const InboxItem item{.id = message.id,
                       .title = message.title,
                       .text = std::string(cut_utf8(message.text, kTextBytes)),
                       .link = message.link,
                       .category = message.category,
                       .job_id = datum("jobId"),
                       .job_type = datum("jobType"),
                       .milestone = datum("milestone"),
                       .created_at = message.time};
  const auto written =
      co_await lane.execute(engine::WriteRecords{.changes = {Inbox::put(tenant, subject, item)}});
  // It is there: an earlier attempt wrote it, and its user may have marked it since.
  if (!written && written.error().code != ErrorCode::kConflict) {
    co_return std::unexpected(worker::make_failure(FailureKind::kTransient, "INBOX_NOT_WRITTEN",
                                                   written.error().message));
  }
  auto room =
      co_await pool_.run([this, tenant, subject] { return inbox_.overflow(tenant, subject); });
  if (room && !room->empty()) {
    (void)co_await lane.execute(engine::WriteRecords{.changes = *std::move(room)});
  }
  co_return Sent{.provider = {}, .reference = message.id};
}

}  // namespace errand::notification
