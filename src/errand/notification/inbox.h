#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/engine/request.h"
#include "errand/notification/channel.h"
#include "errand/runtime/lane.h"
#include "errand/store/reader.h"

namespace errand::notification {

/// A message of a user's inbox. A plain value.
struct InboxItem {
  std::string id;  ///< Message::id: sorts by time
  std::string title;
  std::string text;
  std::string link;  ///< may be empty
  std::string category;
  std::string job_id;
  std::string job_type;
  std::string milestone;
  Timestamp created_at{};
  std::optional<Timestamp> seen_at;  ///< it was in a list that the user saw
  std::optional<Timestamp> read_at;
  std::optional<Timestamp> archived_at;

  friend bool operator==(const InboxItem&, const InboxItem&) = default;
};

/// What a user does with items.
enum class InboxMark : std::uint8_t { kSeen, kRead, kUnread, kArchived, kUnarchived };
std::optional<InboxMark> parse_inbox_mark(std::string_view text) noexcept;  ///< "SEEN", ...

/// The inboxes of all users. The one place that knows how they are stored: a record an item, which
/// goes after kKept, or when there are more than kItemsMax. Thread-safe; `reader` outlives it.
class Inbox {
 public:
  static constexpr Milliseconds kKept = std::chrono::hours(90 * 24);
  static constexpr std::size_t kItemsMax = 1'000;

  explicit Inbox(const store::Reader& reader) : reader_(reader) {}

  struct Page {
    std::optional<std::string> after;  ///< id, exclusive
    std::size_t limit = 20;
    bool archived = false;  ///< those alone; else the others alone
    bool unread = false;    ///< those alone
  };
  struct Items {
    std::vector<InboxItem> items;  ///< the newest first
    bool more = false;
  };
  struct Counts {
    std::size_t unseen = 0;  ///< neither seen nor archived
    std::size_t unread = 0;  ///< neither read nor archived
  };

  // Calls may block on the disk. @return the store's errors
  [[nodiscard]] Result<Items> list(const TenantId& tenant, const SubjectId& subject,
                                   const Page& page) const;
  [[nodiscard]] Result<Counts> count(const TenantId& tenant, const SubjectId& subject) const;
  [[nodiscard]] Result<std::optional<InboxItem>> find(const TenantId& tenant,
                                                      const SubjectId& subject,
                                                      std::string_view id) const;

  /// What writes a new item; nothing where it is there already.
  [[nodiscard]] static engine::RecordChange put(const TenantId& tenant, const SubjectId& subject,
                                                const InboxItem& item);
  /// What makes room where there are too many.
  [[nodiscard]] Result<std::vector<engine::RecordChange>> overflow(const TenantId& tenant,
                                                                   const SubjectId& subject) const;

  /// Items as `mark` changes them, with what writes that. Those that are not there are left out.
  struct Marked {
    std::vector<InboxItem> items;
    std::vector<engine::RecordChange> changes;
  };
  /// @param ids  nullopt: of all that it would change, up to engine::kRecordChangesMax
  [[nodiscard]] Result<Marked> mark(const TenantId& tenant, const SubjectId& subject,
                                    const std::optional<std::vector<std::string>>& ids,
                                    InboxMark mark, Timestamp now) const;

 private:
  [[nodiscard]] Result<std::vector<store::Record>> all(const TenantId& tenant,
                                                       const SubjectId& subject) const;

  const store::Reader& reader_;
};

/// Puts messages into inboxes. Thread-safe.
class InAppChannel final : public Channel {
 public:
  /// Both outlive it.
  InAppChannel(const Inbox& inbox, async::BlockingPool& pool) : inbox_(inbox), pool_(pool) {}

  /// Names the lane. Once, before messages come.
  void attach(runtime::Lane& lane) { lane_ = &lane; }

  boost::asio::awaitable<SendOutcome> send(const Message& message, Milliseconds timeout,
                                           std::stop_token stop) override;

 private:
  const Inbox& inbox_;
  async::BlockingPool& pool_;
  runtime::Lane* lane_ = nullptr;
};

}  // namespace errand::notification
