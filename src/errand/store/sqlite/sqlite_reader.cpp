#include "errand/store/sqlite/sqlite_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"
#include "errand/job/json.h"
#include "errand/store/sqlite/rows.h"

namespace errand::store::sqlite {
namespace {

/// Statements that a connection keeps. The texts are few but for jobs(), whose filter makes many.
constexpr std::size_t kStatementsMax = 64;
/// Jobs that are sorted for one page of a list, at most; of more, the list is read in its order.
constexpr std::int64_t kSortedMax = 1'000;

Error corrupt(std::string message) {
  return Error{ErrorCode::kStoreCorrupt, "A row of the database is damaged: " + std::move(message)};
}

std::int64_t to_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

std::string placeholders(std::size_t count) {
  std::string text = "(";
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ", ?";
  return text + ")";
}

constexpr std::string_view kEventColumns =
    "position, job_id, sequence, time_ms, type, actor_kind, actor, traceparent, correlation_id, "
    "data, tenant, internal";

/// 'PENDING', 'RUNNING': written out, not bound, so that partial indexes can serve.
std::string quoted(const std::vector<job::JobStatus>& statuses) {
  std::string text;
  for (const job::JobStatus status : statuses) {
    text += fmt::format("{}'{}'", text.empty() ? "" : ", ", job::to_string(status));
  }
  return text;
}

/// Written out, not bound, so that partial indexes can serve.
std::string_view and_kind(job::JobKind kind) {
  return kind == job::JobKind::kInternal ? " AND internal = 1" : " AND internal = 0";
}

/// Where jobs of some statuses are found without reading those of others.
struct RowsOfStatuses {
  std::string numbers;                  ///< SQL that selects jobs.number
  std::vector<job::JobStatus> counted;  ///< all whose jobs it reads
};

/// nullopt where no index serves one of `statuses`, which are not empty.
std::optional<RowsOfStatuses> rows_of(const std::vector<job::JobStatus>& statuses) {
  using enum job::JobStatus;
  RowsOfStatuses rows;
  std::vector<job::JobStatus> timed;
  bool pending = false;
  bool ended = false;
  for (const job::JobStatus status : statuses) {
    switch (status) {
      case kScheduled:
      case kRunning:
      case kRetrying:
      case kCanceling:
        timed.push_back(status);  // these always have a due_at_ms
        break;
      case kPending:
        pending = true;
        break;
      case kSucceeded:
      case kFailed:
      case kCanceled:
      case kExpired:
        ended = true;
        break;
      case kWaiting:
      case kCompensating:
        return std::nullopt;
    }
  }
  const auto add = [&rows](const std::string& sql) {
    rows.numbers += (rows.numbers.empty() ? "" : " UNION ALL ") + sql;
  };
  if (!timed.empty()) {
    add("SELECT number FROM jobs INDEXED BY jobs_timers WHERE due_at_ms IS NOT NULL AND status IN "
        "(" +
        quoted(timed) + ")");
  }
  if (pending) add("SELECT number FROM jobs INDEXED BY jobs_ready WHERE status = 'PENDING'");
  if (ended) {
    add("SELECT number FROM jobs INDEXED BY jobs_by_expiry WHERE expires_at_ms IS NOT NULL");
  }
  rows.counted = std::move(timed);
  if (pending) rows.counted.push_back(kPending);
  if (ended) rows.counted.insert(rows.counted.end(), {kSucceeded, kFailed, kCanceled, kExpired});
  return rows;
}

/// Reads a row of records: collection, tenant, key, revision, expires_at_ms, text.
Result<Record> read_record(const Statement& row) {
  Record record{.id = {std::string(row.text(0)), TenantId(row.text(1)), std::string(row.text(2))},
                .revision = static_cast<std::uint64_t>(row.integer(3)),
                .text = std::string(row.text(5))};
  if (!row.is_null(4)) record.expires_at = to_timestamp(row.integer(4));
  return record;
}

std::optional<job::ActorKind> parse_actor_kind(std::string_view text) {
  for (const auto kind : {job::ActorKind::kSystem, job::ActorKind::kClient, job::ActorKind::kWorker,
                          job::ActorKind::kOperator}) {
    if (text == job::to_string(kind)) return kind;
  }
  return std::nullopt;
}

/// Reads a row of kEventColumns.
Result<LogEntry> read_event(const Statement& row) {
  LogEntry entry;
  job::Event& event = entry.event;
  event.position = LogPosition(row.integer(0));
  const auto id = JobId::parse(row.text(1));
  const auto actor_kind = parse_actor_kind(row.text(5));
  if (!id || !actor_kind) {
    return std::unexpected(corrupt(fmt::format("event at position {}", to_number(event.position))));
  }
  event.job = *id;
  event.sequence = Sequence(row.integer(2));
  event.time = to_timestamp(row.integer(3));
  event.actor = {*actor_kind, SubjectId(row.text(6))};
  event.cause = {std::string(row.text(7)), std::string(row.text(8))};
  auto data = job::event_data_from_json(row.text(4), row.text(9));
  if (!data) return std::unexpected(data.error());
  event.data = std::move(*data);
  entry.tenant = TenantId(row.text(10));
  if (row.integer(11) != 0) entry.kind = job::JobKind::kInternal;
  return entry;
}

Result<job::StatePtr> read_state(const Statement& row) {
  auto state = job::state_from_json(row.text(0));
  if (!state) return std::unexpected(state.error());
  return std::make_shared<const job::JobState>(std::move(*state));
}

}  // namespace

/// One use of a statement on a connection of the pool.
class SqliteReader::Query {
 public:
  Query(const SqliteReader& reader, const std::string& sql)
      : reader_(reader), slot_(reader.acquire()) {
    const auto known = slot_->statements.find(sql);
    if (known != slot_->statements.end()) {
      statement_ = &known->second;
      return;
    }
    auto prepared = slot_->connection.prepare(sql);
    if (!prepared) {
      error_ = std::move(prepared.error());
      return;
    }
    if (slot_->statements.size() >= kStatementsMax) slot_->statements.clear();
    statement_ = &slot_->statements.emplace(sql, std::move(*prepared)).first->second;
  }

  ~Query() {
    if (statement_ != nullptr) statement_->reset();
    reader_.release(slot_);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  template <class T>
  Query& bind(const T& value) {
    if (statement_ != nullptr) statement_->bind(value);
    return *this;
  }

  /// Calls `take` with each row until it returns an error.
  template <class Take>
  Result<void> each(Take take) {
    if (error_) return std::unexpected(*error_);
    while (true) {
      const int rc = statement_->step();
      if (rc == SQLITE_DONE) return {};
      if (rc != SQLITE_ROW) return std::unexpected(slot_->connection.error("reading"));
      if (Result<void> taken = take(std::as_const(*statement_)); !taken) return taken;
    }
  }

  /// All rows, each read by `read`.
  template <class T, class Read>
  Result<std::vector<T>> all(Read read) {
    std::vector<T> found;
    auto done = each([&](const Statement& row) -> Result<void> {
      auto value = read(row);
      if (!value) return std::unexpected(value.error());
      found.push_back(std::move(*value));
      return {};
    });
    if (!done) return std::unexpected(done.error());
    return found;
  }

  /// The first row, if there is one.
  template <class T, class Read>
  Result<std::optional<T>> first(Read read) {
    auto found = all<T>(std::move(read));
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return std::optional<T>();
    return std::optional<T>(std::move(found->front()));
  }

 private:
  const SqliteReader& reader_;
  Slot* slot_;
  Statement* statement_ = nullptr;
  std::optional<Error> error_;
};

Result<std::unique_ptr<SqliteReader>> SqliteReader::open(const std::filesystem::path& file,
                                                         std::size_t connections,
                                                         Connection::Mode mode,
                                                         const std::string& vfs) {
  ERRAND_ASSERT(connections > 0);
  std::unique_ptr<SqliteReader> reader(new SqliteReader);
  for (std::size_t i = 0; i < connections; ++i) {
    auto connection = Connection::open(file, mode, vfs);
    if (!connection) return std::unexpected(connection.error());
    if (auto done = connection->execute("PRAGMA query_only = 1; PRAGMA cache_size = -8192;"
                                        "PRAGMA temp_store = MEMORY;");
        !done) {
      return std::unexpected(done.error());
    }
    reader->slots_.push_back(std::make_unique<Slot>(std::move(*connection)));
    reader->free_.push_back(reader->slots_.back().get());
  }
  return reader;
}

std::unique_ptr<SqliteReader> SqliteReader::over(Connection connection) {
  std::unique_ptr<SqliteReader> reader(new SqliteReader);
  reader->slots_.push_back(std::make_unique<Slot>(std::move(connection)));
  reader->free_.push_back(reader->slots_.back().get());
  return reader;
}

SqliteReader::Slot* SqliteReader::acquire() const {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [this] { return !free_.empty(); });
  Slot* slot = free_.back();
  free_.pop_back();
  return slot;
}

void SqliteReader::release(Slot* slot) const {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(slot);
  }
  freed_.notify_one();
}

Result<job::StatePtr> SqliteReader::job(JobId id) const {
  static const std::string kSql = "SELECT state FROM jobs WHERE id = ?";
  const std::string text = id.str();
  auto found = Query(*this, kSql).bind(text).first<job::StatePtr>(read_state);
  if (!found) return std::unexpected(found.error());
  return found->value_or(nullptr);
}

Result<std::int64_t> SqliteReader::count(const std::vector<job::JobStatus>& statuses) const {
  const std::string sql =
      "SELECT sum(jobs) FROM job_counts WHERE status IN (" + quoted(statuses) + ")";
  auto found =
      Query(*this, sql).first<std::int64_t>([](const Statement& row) -> Result<std::int64_t> {
        return row.integer(0);
      });
  if (!found) return std::unexpected(found.error());
  return found->value_or(0);
}

Result<std::vector<job::StatePtr>> SqliteReader::jobs(const JobFilter& filter,
                                                      const JobPage& page) const {
  std::string sql = "SELECT state FROM jobs WHERE tenant = ?";
  if (filter.statuses == std::vector{job::JobStatus::kFailed} &&
      filter.kind == job::JobKind::kUser) {
    sql = "SELECT state FROM jobs INDEXED BY jobs_failed WHERE status = 'FAILED' AND tenant = ?";
  } else if (!filter.statuses.empty()) {
    // A page of few jobs among many would read them all, were it read in the order of the list.
    if (const auto rows = rows_of(filter.statuses)) {
      const auto total = count(rows->counted);
      if (!total) return std::unexpected(total.error());
      if (*total <= kSortedMax) {
        sql = "SELECT state FROM jobs NOT INDEXED WHERE number IN (" + rows->numbers +
              ") AND tenant = ?";
      }
    }
    sql += " AND status IN (" + quoted(filter.statuses) + ")";
  }
  sql += and_kind(filter.kind);
  if (!filter.types.empty()) sql += " AND type IN " + placeholders(filter.types.size());
  if (!filter.queues.empty()) sql += " AND queue IN " + placeholders(filter.queues.size());
  for (std::size_t i = 0; i < filter.tags.size(); ++i) {
    sql += " AND EXISTS (SELECT 1 FROM json_each(jobs.state, '$.spec.tags') WHERE value = ?)";
  }
  for (std::size_t i = 0; i < filter.labels.size(); ++i) {
    sql +=
        " AND EXISTS (SELECT 1 FROM json_each(jobs.state, '$.spec.labels')"
        " WHERE key = ? AND value = ?)";
  }
  if (filter.subject) sql += " AND subject = ?";
  if (filter.correlation_id) sql += " AND correlation_id = ?";
  if (filter.created_from) sql += " AND created_at_ms >= ?";
  if (filter.created_before) sql += " AND created_at_ms < ?";
  const bool newest_first = page.order == JobOrder::kNewestFirst;
  if (page.after) {
    sql += newest_first ? " AND (created_at_ms, id) < (?, ?)" : " AND (created_at_ms, id) > (?, ?)";
  }
  sql += newest_first ? " ORDER BY created_at_ms DESC, id DESC LIMIT ?"
                      : " ORDER BY created_at_ms, id LIMIT ?";

  Query query(*this, sql);
  query.bind(filter.tenant.view());
  for (const JobTypeName& type : filter.types) query.bind(type.view());
  for (const QueueName& queue : filter.queues) query.bind(queue.view());
  for (const std::string& tag : filter.tags) query.bind(tag);
  for (const auto& [name, value] : filter.labels) query.bind(name).bind(value);
  if (filter.subject) query.bind(filter.subject->view());
  if (filter.correlation_id) query.bind(*filter.correlation_id);
  if (filter.created_from) query.bind(to_column(*filter.created_from));
  if (filter.created_before) query.bind(to_column(*filter.created_before));
  std::string after_id;
  if (page.after) {
    after_id = page.after->id.str();
    query.bind(to_column(page.after->created_at)).bind(after_id);
  }
  return query.bind(to_limit(page.limit)).all<job::StatePtr>(read_state);
}

Result<std::vector<job::StatePtr>> SqliteReader::dead_letters(const DeadLetterFilter& filter,
                                                              const DeadLetterPage& page) const {
  std::string sql = "SELECT state FROM jobs WHERE dead_letter = 1 AND tenant = ?";
  sql += and_kind(filter.kind);
  if (!filter.types.empty()) sql += " AND type IN " + placeholders(filter.types.size());
  if (!filter.queues.empty()) sql += " AND queue IN " + placeholders(filter.queues.size());
  if (!filter.fingerprints.empty()) {
    sql += " AND error_fingerprint IN " + placeholders(filter.fingerprints.size());
  }
  if (filter.finished_from) sql += " AND finished_at_ms >= ?";
  if (filter.finished_before) sql += " AND finished_at_ms < ?";
  const bool newest_first = page.order == JobOrder::kNewestFirst;
  if (page.after) {
    sql +=
        newest_first ? " AND (finished_at_ms, id) < (?, ?)" : " AND (finished_at_ms, id) > (?, ?)";
  }
  sql += newest_first ? " ORDER BY finished_at_ms DESC, id DESC LIMIT ?"
                      : " ORDER BY finished_at_ms, id LIMIT ?";

  Query query(*this, sql);
  query.bind(filter.tenant.view());
  for (const JobTypeName& type : filter.types) query.bind(type.view());
  for (const QueueName& queue : filter.queues) query.bind(queue.view());
  for (const std::string& fingerprint : filter.fingerprints) query.bind(fingerprint);
  if (filter.finished_from) query.bind(to_column(*filter.finished_from));
  if (filter.finished_before) query.bind(to_column(*filter.finished_before));
  std::string after_id;
  if (page.after) {
    after_id = page.after->id.str();
    query.bind(to_column(page.after->finished_at)).bind(after_id);
  }
  return query.bind(to_limit(page.limit)).all<job::StatePtr>(read_state);
}

namespace {

/// Failures by their fingerprint, from one of the indexes of failures.
std::string failures_sql(std::string_view index, job::JobKind kind) {
  // Counts over the index alone, in its order; rows are read only for what is shown.
  return fmt::format(
      "WITH found AS ("
      " SELECT error_fingerprint AS fingerprint, count(*) AS failures,"
      "  sum(dead_letter) AS dead_letters, min(finished_at_ms) AS first_at,"
      "  max(finished_at_ms) AS last_at"
      " FROM jobs INDEXED BY {0} WHERE status = 'FAILED'{1} AND tenant = ?1"
      "  AND finished_at_ms >= ?2 AND finished_at_ms < ?3"
      " GROUP BY error_fingerprint ORDER BY failures DESC, last_at DESC, fingerprint LIMIT ?4)"
      " SELECT (SELECT state FROM jobs INDEXED BY {0} WHERE status = 'FAILED'{1}"
      "   AND tenant = ?1 AND error_fingerprint = found.fingerprint"
      "   AND finished_at_ms = found.last_at ORDER BY id DESC LIMIT 1),"
      "  fingerprint, failures, dead_letters, first_at, last_at,"
      "  (SELECT group_concat(id, ' ') FROM (SELECT id FROM jobs INDEXED BY {0}"
      "    WHERE status = 'FAILED'{1} AND tenant = ?1 AND error_fingerprint = found.fingerprint"
      "    AND finished_at_ms >= ?2 AND finished_at_ms < ?3"
      "    ORDER BY finished_at_ms DESC, id DESC LIMIT ?5))"
      " FROM found ORDER BY failures DESC, last_at DESC, fingerprint",
      index, and_kind(kind));
}

}  // namespace

Result<std::vector<FailureGroup>> SqliteReader::failures(const FailureQuery& query) const {
  static const std::string kUser = failures_sql("jobs_failures", job::JobKind::kUser);
  static const std::string kInternal =
      failures_sql("jobs_internal_failures", job::JobKind::kInternal);
  return Query(*this, query.kind == job::JobKind::kInternal ? kInternal : kUser)
      .bind(query.tenant.view())
      .bind(to_column(query.from))
      .bind(to_column(query.before))
      .bind(to_limit(query.groups_max))
      .bind(to_limit(query.samples_max))
      .all<FailureGroup>([](const Statement& row) -> Result<FailureGroup> {
        auto latest = read_state(row);
        if (!latest) return std::unexpected(latest.error());
        FailureGroup group{.fingerprint = std::string(row.text(1)),
                           .failures = static_cast<std::uint64_t>(row.integer(2)),
                           .dead_letters = static_cast<std::uint64_t>(row.integer(3)),
                           .first_at = to_timestamp(row.integer(4)),
                           .last_at = to_timestamp(row.integer(5)),
                           .latest = std::move(*latest),
                           .samples = {}};
        const std::string_view ids = row.text(6);
        for (std::size_t at = 0; at < ids.size();
             at = std::min(ids.find(' ', at), ids.size()) + 1) {
          const auto id = JobId::parse(ids.substr(at, ids.find(' ', at) - at));
          if (!id) return std::unexpected(corrupt("id of a job"));
          group.samples.push_back(*id);
        }
        return group;
      });
}

Result<std::vector<job::Event>> SqliteReader::events_of(JobId id, Sequence after,
                                                        std::size_t limit) const {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM events WHERE job_id = ? AND sequence > ? ORDER BY sequence"
      " LIMIT ?",
      kEventColumns);
  const std::string text = id.str();
  return Query(*this, kSql)
      .bind(text)
      .bind(static_cast<std::int64_t>(to_number(after)))
      .bind(to_limit(limit))
      .all<job::Event>([](const Statement& row) -> Result<job::Event> {
        auto entry = read_event(row);
        if (!entry) return std::unexpected(entry.error());
        return std::move(entry->event);
      });
}

Result<std::vector<LogEntry>> SqliteReader::events_after(LogPosition after,
                                                         const std::optional<TenantId>& tenant,
                                                         std::size_t limit) const {
  static const std::string kAll = fmt::format(
      "SELECT {} FROM events WHERE position > ? ORDER BY position LIMIT ?", kEventColumns);
  static const std::string kOfTenant = fmt::format(
      "SELECT {} FROM events WHERE position > ? AND tenant = ? ORDER BY position LIMIT ?",
      kEventColumns);
  Query query(*this, tenant ? kOfTenant : kAll);
  // A cursor at the edge of a batch is told from others by nothing but its number.
  const bool skips = has_bug(DeliberateBug::kCursorOffByOne) && to_number(after) % 16 == 15;
  query.bind(static_cast<std::int64_t>(to_number(after) + (skips ? 1 : 0)));
  if (tenant) query.bind(tenant->view());
  return query.bind(to_limit(limit)).all<LogEntry>(read_event);
}

Result<LogPosition> SqliteReader::pruned_position(const std::optional<TenantId>& tenant) const {
  static const std::string kAll =
      "SELECT max(position) FROM (SELECT position FROM pruned_positions"
      " UNION ALL SELECT position FROM pruned_internal_positions)";
  static const std::string kOfTenant = "SELECT position FROM pruned_positions WHERE tenant = ?";
  Query query(*this, tenant ? kOfTenant : kAll);
  if (tenant) query.bind(tenant->view());
  auto found = query.first<LogPosition>(
      [](const Statement& row) -> Result<LogPosition> { return LogPosition(row.integer(0)); });
  if (!found) return std::unexpected(found.error());
  return found->value_or(LogPosition{});
}

Result<std::optional<Payload>> SqliteReader::payload(JobId id, PayloadKind kind,
                                                     std::string_view name) const {
  static const std::string kSql =
      "SELECT bytes, digest FROM payloads WHERE job_id = ? AND kind = ? AND name = ?";
  const std::string text = id.str();
  return Query(*this, kSql)
      .bind(text)
      .bind(to_string(kind))
      .bind(name)
      .first<Payload>([&](const Statement& row) -> Result<Payload> {
        const auto digest = from_hex(row.text(1));
        if (!digest) return std::unexpected(corrupt("digest of a payload of job " + text));
        return Payload{std::string(row.text(0)), *digest};
      });
}

Result<std::optional<IdempotencyRecord>> SqliteReader::idempotency(
    const IdempotencyScope& scope) const {
  static const std::string kSql =
      "SELECT fingerprint, job_id, expires_at_ms, gone = 2 FROM idempotency_keys"
      " WHERE tenant = ? AND subject = ? AND field = ? AND key = ?";
  return Query(*this, kSql)
      .bind(scope.tenant.view())
      .bind(scope.subject.view())
      .bind(scope.field.view())
      .bind(scope.key)
      .first<IdempotencyRecord>([&](const Statement& row) -> Result<IdempotencyRecord> {
        const auto id = JobId::parse(row.text(1));
        if (!id) return std::unexpected(corrupt("job of an idempotency key"));
        return IdempotencyRecord{scope, std::string(row.text(0)), *id, to_timestamp(row.integer(2)),
                                 row.integer(3) != 0};
      });
}

namespace {

/// Jobs of a line, of one limit_key if `by_key`, after a place in it or from its head.
std::string ready_sql(bool by_key, bool after) {
  const std::string_view from =
      by_key ? "jobs INDEXED BY jobs_ready_by_key WHERE status = 'PENDING' AND limit_key <> ''"
               " AND queue = ?1 AND tenant = ?2 AND type = ?3 AND limit_key = ?8 AND route = ?4"
             : "jobs INDEXED BY jobs_ready WHERE status = 'PENDING'"
               " AND queue = ?1 AND tenant = ?2 AND type = ?3 AND route = ?4";
  if (!after) {
    return fmt::format("SELECT state FROM {} ORDER BY priority DESC, ready_position LIMIT ?7",
                       from);
  }
  // The rest of its priority, then all lower ones. Two ranges of the one index, where "lower or
  // equal and later" would be a filter.
  return fmt::format(
      "SELECT state FROM ("
      "SELECT * FROM (SELECT state, priority, ready_position FROM {0} AND priority = ?5"
      " AND ready_position > ?6 ORDER BY ready_position LIMIT ?7) "
      "UNION ALL "
      "SELECT * FROM (SELECT state, priority, ready_position FROM {0} AND priority < ?5"
      " ORDER BY priority DESC, ready_position LIMIT ?7)"
      ") ORDER BY priority DESC, ready_position LIMIT ?7",
      from);
}

}  // namespace

Result<std::vector<job::StatePtr>> SqliteReader::read_ready(const std::string& sql,
                                                            const ReadyLine& line,
                                                            std::string_view limit_key,
                                                            const std::optional<ReadyCursor>& after,
                                                            std::size_t limit) const {
  Query query(*this, sql);
  query.bind(line.queue.view()).bind(line.tenant.view()).bind(line.type.view()).bind(line.route);
  const ReadyCursor from = after.value_or(ReadyCursor{});
  query.bind(static_cast<std::int64_t>(from.priority))
      .bind(static_cast<std::int64_t>(to_number(from.ready_position)))
      .bind(to_limit(limit));
  if (!limit_key.empty()) query.bind(limit_key);
  return query.all<job::StatePtr>(read_state);
}

Result<std::vector<job::StatePtr>> SqliteReader::ready(const ReadyLine& line,
                                                       const std::optional<ReadyCursor>& after,
                                                       std::size_t limit) const {
  static const std::string kFirst = ready_sql(false, false);
  static const std::string kAfter = ready_sql(false, true);
  return read_ready(after ? kAfter : kFirst, line, {}, after, limit);
}

Result<std::vector<job::StatePtr>> SqliteReader::ready_of_key(
    const ReadyLine& line, std::string_view limit_key, const std::optional<ReadyCursor>& after,
    std::size_t limit) const {
  static const std::string kFirst = ready_sql(true, false);
  static const std::string kAfter = ready_sql(true, true);
  return read_ready(after ? kAfter : kFirst, line, limit_key, after, limit);
}

Result<std::vector<job::StatePtr>> SqliteReader::of_unique_key(const TenantId& tenant,
                                                               const JobTypeName& type,
                                                               std::string_view unique_key) const {
  static const std::string kSql =
      "SELECT * FROM (SELECT state FROM jobs INDEXED BY jobs_unique_live WHERE unique_key <> ''"
      " AND status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED')"
      " AND tenant = ?1 AND type = ?2 AND unique_key = ?3 LIMIT 64) "
      "UNION ALL "
      "SELECT * FROM (SELECT state FROM jobs INDEXED BY jobs_unique_ended WHERE unique_key <> ''"
      " AND status IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED')"
      " AND tenant = ?1 AND type = ?2 AND unique_key = ?3"
      " ORDER BY created_at_ms DESC, id DESC LIMIT 1)";
  return Query(*this, kSql)
      .bind(tenant.view())
      .bind(type.view())
      .bind(unique_key)
      .all<job::StatePtr>(read_state);
}

Result<std::vector<ReadyLine>> SqliteReader::ready_lines() const {
  // Jumps from line to line in the index: as many steps as lines, not as jobs.
  static const std::string kSql =
      "WITH RECURSIVE line (queue, tenant, type, route) AS ("
      " SELECT * FROM (SELECT queue, tenant, type, route FROM jobs INDEXED BY jobs_ready WHERE "
      "status = "
      "'PENDING'"
      "  ORDER BY queue, tenant, type, route LIMIT 1)"
      " UNION ALL"
      " SELECT next.queue, next.tenant, next.type, next.route FROM line JOIN jobs AS next ON "
      "next.number = ("
      "  SELECT number FROM jobs INDEXED BY jobs_ready WHERE status = 'PENDING'"
      "  AND (queue, tenant, type, route) > (line.queue, line.tenant, line.type, line.route)"
      "  ORDER BY queue, tenant, type, route LIMIT 1))"
      " SELECT queue, tenant, type, route FROM line";
  return Query(*this, kSql).all<ReadyLine>([](const Statement& row) -> Result<ReadyLine> {
    return ReadyLine{QueueName(row.text(0)), TenantId(row.text(1)), JobTypeName(row.text(2)),
                     std::string(row.text(3))};
  });
}

Result<std::vector<DueJob>> SqliteReader::due(Timestamp until,
                                              const std::optional<DueCursor>& after,
                                              std::size_t limit) const {
  // One range of the index for each status that the clock alone can move.
  static const std::string kSql = [] {
    std::string sql = "SELECT due_at_ms, id FROM (";
    const char* separator = "";
    for (const auto status : {job::JobStatus::kScheduled, job::JobStatus::kRetrying,
                              job::JobStatus::kPending, job::JobStatus::kWaiting}) {
      sql += fmt::format(
          "{}SELECT * FROM (SELECT due_at_ms, id FROM jobs INDEXED BY jobs_timers WHERE status = "
          "'{}' AND due_at_ms IS NOT"
          " NULL AND due_at_ms <= ?1 AND (due_at_ms, id) > (?2, ?3) ORDER BY due_at_ms, id"
          " LIMIT ?4)",
          separator, job::to_string(status));
      separator = " UNION ALL ";
    }
    return sql + ") ORDER BY due_at_ms, id LIMIT ?4";
  }();
  const std::string after_id = after ? after->id.str() : std::string();
  return Query(*this, kSql)
      .bind(to_column(until))
      .bind(after ? to_column(after->due_at) : std::numeric_limits<std::int64_t>::min())
      .bind(after_id)
      .bind(to_limit(limit))
      .all<DueJob>([](const Statement& row) -> Result<DueJob> {
        const auto id = JobId::parse(row.text(1));
        if (!id) return std::unexpected(corrupt("id of a job"));
        return DueJob{to_timestamp(row.integer(0)), *id};
      });
}

Result<std::vector<job::StatePtr>> SqliteReader::leased(const std::optional<JobId>& after,
                                                        std::size_t limit) const {
  static const std::string kSql =
      "SELECT state FROM jobs INDEXED BY jobs_timers WHERE status IN ('RUNNING', 'CANCELING') AND "
      "due_at_ms IS NOT NULL"
      " AND id > ? ORDER BY id LIMIT ?";
  const std::string after_id = after ? after->str() : std::string();
  return Query(*this, kSql).bind(after_id).bind(to_limit(limit)).all<job::StatePtr>(read_state);
}

Result<std::vector<job::StatePtr>> SqliteReader::between_attempts(const std::optional<JobId>& after,
                                                                  std::size_t limit) const {
  static const std::string kSql =
      "SELECT state FROM jobs INDEXED BY jobs_between_attempts WHERE holds_key = 1 AND id > ?"
      " ORDER BY id LIMIT ?";
  const std::string after_id = after ? after->str() : std::string();
  return Query(*this, kSql).bind(after_id).bind(to_limit(limit)).all<job::StatePtr>(read_state);
}

Result<LogPosition> SqliteReader::last_position() const {
  static const std::string kSql = "SELECT last_position FROM store_state";
  auto found =
      Query(*this, kSql).first<LogPosition>([](const Statement& row) -> Result<LogPosition> {
        return LogPosition(row.integer(0));
      });
  if (!found) return std::unexpected(found.error());
  return found->value_or(LogPosition{});
}

Result<std::vector<JobCount>> SqliteReader::counts(const std::optional<TenantId>& tenant) const {
  static const std::string kAll =
      "SELECT tenant, queue, type, contract_hash, status, sum(jobs) AS total FROM job_counts"
      " GROUP BY 1, 2, 3, 4, 5 HAVING total > 0";
  static const std::string kOfTenant =
      "SELECT tenant, queue, type, contract_hash, status, sum(jobs) AS total FROM job_counts"
      " WHERE tenant = ? GROUP BY 1, 2, 3, 4, 5 HAVING total > 0";
  Query query(*this, tenant ? kOfTenant : kAll);
  if (tenant) query.bind(tenant->view());
  auto found = query.all<JobCount>([](const Statement& row) -> Result<JobCount> {
    const auto status = job::parse_job_status(row.text(4));
    if (!status) return std::unexpected(corrupt("status of a count"));
    return JobCount{TenantId(row.text(0)),
                    QueueName(row.text(1)),
                    JobTypeName(row.text(2)),
                    std::string(row.text(3)),
                    *status,
                    static_cast<std::uint64_t>(row.integer(5))};
  });
  // SQL sorts the status by its name.
  if (found) {
    std::ranges::sort(*found, {}, [](const JobCount& count) {
      return std::tie(count.tenant, count.queue, count.type, count.contract_hash, count.status);
    });
  }
  return found;
}

Result<std::vector<LiveType>> SqliteReader::live_types() const {
  static const std::string kSql =
      "SELECT type, contract_hash, sum(jobs) AS total FROM job_counts"
      " WHERE status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED')"
      " GROUP BY type, contract_hash HAVING total > 0 ORDER BY type, contract_hash";
  return Query(*this, kSql).all<LiveType>([](const Statement& row) -> Result<LiveType> {
    return LiveType{JobTypeName(row.text(0)), std::string(row.text(1)),
                    static_cast<std::uint64_t>(row.integer(2))};
  });
}

Result<std::optional<ContractSnapshot>> SqliteReader::contract(const JobTypeName& type,
                                                               std::string_view hash) const {
  static const std::string kSql = "SELECT text FROM contracts WHERE type = ? AND hash = ?";
  return Query(*this, kSql)
      .bind(type.view())
      .bind(hash)
      .first<ContractSnapshot>([&](const Statement& row) -> Result<ContractSnapshot> {
        return ContractSnapshot{type, std::string(hash), std::string(row.text(0))};
      });
}

Result<std::vector<QueueSetting>> SqliteReader::queue_settings() const {
  static const std::string kSql =
      "SELECT queue, tenant, paused, changed_at_ms, changed_by FROM queue_settings"
      " ORDER BY queue, tenant";
  return Query(*this, kSql).all<QueueSetting>([](const Statement& row) -> Result<QueueSetting> {
    return QueueSetting{QueueName(row.text(0)), TenantId(row.text(1)), row.integer(2) != 0,
                        to_timestamp(row.integer(3)), SubjectId(row.text(4))};
  });
}

Result<std::vector<LimitSetting>> SqliteReader::limit_settings() const {
  static const std::string kSql =
      "SELECT id, value, per_ms, changed_at_ms, changed_by FROM limit_settings ORDER BY id";
  return Query(*this, kSql).all<LimitSetting>([](const Statement& row) -> Result<LimitSetting> {
    LimitSetting setting{.limit = std::string(row.text(0)),
                         .value = std::nullopt,
                         .per = std::nullopt,
                         .changed_at = to_timestamp(row.integer(3)),
                         .changed_by = SubjectId(row.text(4))};
    if (!row.is_null(1)) setting.value = static_cast<std::uint64_t>(row.integer(1));
    if (!row.is_null(2)) setting.per = Milliseconds(row.integer(2));
    return setting;
  });
}

Result<std::vector<RateUse>> SqliteReader::rate_uses(Timestamp now,
                                                     const std::optional<RateUse>& after,
                                                     std::size_t limit) const {
  static const std::string kSql =
      "SELECT limit_id, key, until_ms, starts FROM rate_uses"
      " WHERE (limit_id, key, until_ms) > (?, ?, ?) AND until_ms > ?"
      " ORDER BY limit_id, key, until_ms LIMIT ?";
  const RateUse from = after.value_or(RateUse{});
  return Query(*this, kSql)
      .bind(from.limit)
      .bind(from.key)
      .bind(to_column(from.until))
      .bind(to_column(now))
      .bind(to_limit(limit))
      .all<RateUse>([](const Statement& row) -> Result<RateUse> {
        return RateUse{std::string(row.text(0)), std::string(row.text(1)),
                       to_timestamp(row.integer(2)), static_cast<std::uint64_t>(row.integer(3))};
      });
}

Result<std::vector<EstimateDigest>> SqliteReader::estimate_digests() const {
  static const std::string kSql =
      "SELECT tenant, type, text FROM estimate_digests ORDER BY written_at_ms, position";
  return Query(*this, kSql).all<EstimateDigest>([](const Statement& row) -> Result<EstimateDigest> {
    return EstimateDigest{TenantId(row.text(0)), JobTypeName(row.text(1)),
                          std::string(row.text(2))};
  });
}

Result<std::optional<Record>> SqliteReader::record(const RecordId& id) const {
  static const std::string kSql =
      "SELECT collection, tenant, key, revision, expires_at_ms, text FROM records"
      " WHERE collection = ? AND tenant = ? AND key = ?";
  return Query(*this, kSql)
      .bind(id.collection)
      .bind(id.tenant.view())
      .bind(id.key)
      .first<Record>(read_record);
}

Result<std::vector<Record>> SqliteReader::records(const RecordFilter& filter,
                                                  const RecordPage& page) const {
  std::string sql =
      "SELECT collection, tenant, key, revision, expires_at_ms, text FROM records"
      " WHERE collection = ?";
  if (filter.tenant) sql += " AND tenant = ?";
  // A key with the prefix is at or above it, and below the prefix followed by what no text holds.
  const std::string above = filter.prefix + "\xff";
  if (!filter.prefix.empty()) sql += " AND key >= ? AND key < ?";
  if (page.after) {
    sql += page.descending ? " AND (tenant, key) < (?, ?)" : " AND (tenant, key) > (?, ?)";
  }
  sql +=
      page.descending ? " ORDER BY tenant DESC, key DESC LIMIT ?" : " ORDER BY tenant, key LIMIT ?";
  Query query(*this, sql);
  query.bind(filter.collection);
  if (filter.tenant) query.bind(filter.tenant->view());
  if (!filter.prefix.empty()) query.bind(filter.prefix).bind(above);
  if (page.after) query.bind(page.after->tenant.view()).bind(page.after->key);
  return query.bind(to_limit(page.limit)).all<Record>(read_record);
}

}  // namespace errand::store::sqlite
