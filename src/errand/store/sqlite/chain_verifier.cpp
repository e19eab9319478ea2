#include "errand/store/sqlite/chain_verifier.h"

#include <limits>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "errand/base/assert.h"
#include "errand/base/time_text.h"
#include "errand/job/evolve.h"
#include "errand/store/sqlite/chain_ledger.h"
#include "errand/store/sqlite/file_lock.h"
#include "errand/store/sqlite/migrations.h"
#include "errand/store/sqlite/rows.h"
#include "errand/store/sqlite/sqlite_reader.h"

namespace errand::store::sqlite {
namespace {

constexpr const char* kEventsOfJob =
    "SELECT sequence, position, time_ms, tenant, type, actor_kind, actor, traceparent,"
    " correlation_id, data, link FROM events WHERE job_id = ? ORDER BY sequence";

constexpr const char* kCheckpointColumns =
    "number, time_ms, position, jobs, heads, previous, signature";

/// Opens a database of this layout for reading, in a transaction.
Result<Connection> open_snapshot(const std::filesystem::path& file, const std::string& vfs) {
  std::error_code ignored;
  if (vfs.empty() && !std::filesystem::exists(file, ignored)) {
    return fail(ErrorCode::kNotFound, fmt::format("There is no database {}.", file.string()));
  }
  // A file system of a test has no locks between processes, and so no read-only use of a log.
  auto connection = Connection::open(
      file, vfs.empty() ? Connection::Mode::kReadOnly : Connection::Mode::kReadWrite, vfs);
  if (!connection) return connection;
  const auto version = read_version(*connection);
  if (!version) return std::unexpected(version.error());
  if (*version != current_version()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("The database {} has layout {}, this errand reads layout {}. Start the "
                            "server once to bring it up to date.",
                            file.string(), *version, current_version()));
  }
  if (auto begun = connection->execute("BEGIN"); !begun) return std::unexpected(begun.error());
  return connection;
}

AuditCheckpoint read_checkpoint(const Statement& row) {
  return {.number = static_cast<std::uint64_t>(row.integer(0)),
          .time = to_timestamp(row.integer(1)),
          .position = LogPosition(row.integer(2)),
          .jobs = static_cast<std::uint64_t>(row.integer(3)),
          .heads = std::string(row.text(4)),
          .previous = std::string(row.text(5)),
          .signature = std::string(row.text(6))};
}

std::string describe(const AuditCheckpoint& checkpoint) {
  return fmt::format("checkpoint {} of {}, at log position {}", checkpoint.number,
                     format_timestamp(checkpoint.time), to_number(checkpoint.position));
}

/// Where a job's chain ends by its events.
struct ChainEnd {
  std::uint64_t sequence = 0;
  ChainLink link{};
};

class Verifier {
 public:
  Verifier(Connection& connection, const EventChain& chain, std::size_t faults_max)
      : connection_(connection), chain_(chain), faults_max_(faults_max) {
    ERRAND_ASSERT(faults_max >= 1);
  }

  /// Follows the events of one job. Faults are noted.
  Result<ChainEnd> follow(std::string_view job) {
    if (!events_) {
      auto prepared = connection_.prepare(kEventsOfJob);
      if (!prepared) return std::unexpected(prepared.error());
      events_ = *std::move(prepared);
    }
    const Statement::Use use(events_);
    events_.bind(job);
    ChainEnd end;
    bool broken = false;  // then each later event of the job would be a fault again
    while (true) {
      const int rc = events_.step();
      if (rc == SQLITE_DONE) return end;
      if (rc != SQLITE_ROW) return std::unexpected(connection_.error("reading events"));
      const auto sequence = static_cast<std::uint64_t>(events_.integer(0));
      ++report.events;
      if (sequence != end.sequence + 1 && !broken) {
        fault("job {}: event {} is missing", job, end.sequence + 1);
        broken = true;
      }
      end.sequence = sequence;
      if (events_.is_null(10)) {
        ++report.unchained_events;
        if (end.link != ChainLink{} && !broken) {
          fault("job {}: event {} has no link, the one before it has", job, sequence);
          broken = true;
        }
        continue;
      }
      const ChainLink link =
          chain_.next(end.link, {.job = job,
                                 .tenant = events_.text(3),
                                 .sequence = sequence,
                                 .position = static_cast<std::uint64_t>(events_.integer(1)),
                                 .time_ms = events_.integer(2),
                                 .type = events_.text(4),
                                 .actor_kind = events_.text(5),
                                 .actor = events_.text(6),
                                 .traceparent = events_.text(7),
                                 .correlation_id = events_.text(8),
                                 .data = events_.text(9)});
      end.link = to_digest(events_.blob(10));
      if (link != end.link && !broken) {
        fault("job {}: event {} ({} of {}) is not what was written", job, sequence, events_.text(4),
              format_timestamp(to_timestamp(events_.integer(2))));
        broken = true;
      }
    }
  }

  /// Every job, and the set of their heads.
  Result<void> check_jobs() {
    const auto stored = read_chain(connection_);
    if (!stored) return std::unexpected(stored.error());
    auto jobs = connection_.prepare("SELECT id, sequence, chain_head FROM jobs ORDER BY number");
    if (!jobs) return std::unexpected(jobs.error());
    ChainState found;
    bool heads_fit = true;
    int rc = SQLITE_OK;
    while (!full() && (rc = jobs->step()) == SQLITE_ROW) {
      const std::string id(jobs->text(0));
      ++report.jobs;
      const auto end = follow(id);
      if (!end) return std::unexpected(end.error());
      const auto sequence = static_cast<std::uint64_t>(jobs->integer(1));
      if (end->sequence != sequence || end->link != to_digest(jobs->blob(2))) {
        heads_fit = false;
        fault("job {}: its {} events do not end where its row says ({})", id, end->sequence,
              sequence);
      }
      if (end->link == ChainLink{}) continue;
      found.toggle(chain_.element(id, end->sequence, end->link));
      ++found.jobs;
    }
    if (full()) return {};
    if (rc != SQLITE_DONE) return std::unexpected(connection_.error("reading jobs"));
    return check_heads(*stored, found, heads_fit);
  }

  Result<void> check_checkpoints(const std::optional<AuditCheckpoint>& kept) {
    if (kept && !chain_.verify(*kept)) {
      fault("the kept {} was not signed with this master key, or was changed", describe(*kept));
    }
    auto rows = connection_.prepare(
        fmt::format("SELECT {} FROM audit_checkpoints ORDER BY number", kCheckpointColumns));
    if (!rows) return std::unexpected(rows.error());
    bool found_kept = false;
    int rc = SQLITE_OK;
    while (!full() && (rc = rows->step()) == SQLITE_ROW) {
      AuditCheckpoint checkpoint = read_checkpoint(*rows);
      const std::uint64_t before = report.checkpoint ? report.checkpoint->number : 0;
      if (checkpoint.number != before + 1) fault("checkpoint {} is missing", before + 1);
      if (!chain_.verify(checkpoint)) {
        fault("{} is not what was written", describe(checkpoint));
      } else if (report.checkpoint && (checkpoint.previous != report.checkpoint->signature ||
                                       checkpoint.position < report.checkpoint->position)) {
        fault("{} does not follow the one before it", describe(checkpoint));
      }
      if (checkpoint.position > report.last_position) {
        fault("{} lies beyond the end of the log, {}", describe(checkpoint),
              to_number(report.last_position));
      }
      if (kept == checkpoint) found_kept = true;
      ++report.checkpoints;
      report.checkpoint = std::move(checkpoint);
    }
    if (full()) return {};
    if (rc != SQLITE_DONE) return std::unexpected(connection_.error("reading checkpoints"));
    if (kept && !found_kept) {
      fault(
          "the kept {} is not in the database, whose log ends at {}: an older copy was put in its "
          "place, as by errand restore",
          describe(*kept), to_number(report.last_position));
    }
    return {};
  }

  template <class... Args>
  void fault(fmt::format_string<Args...> format, Args&&... args) {
    if (full()) return;
    report.faults.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  [[nodiscard]] bool full() const { return report.faults.size() >= faults_max_; }

  ChainReport report;

 private:
  Result<void> check_heads(const std::optional<StoredChain>& stored, const ChainState& found,
                           bool heads_fit) {
    const auto last = connection_.query_integer("SELECT last_position FROM store_state");
    if (!last) return std::unexpected(last.error());
    report.last_position = LogPosition(*last);
    report.begun = stored.has_value();
    if (!stored) {
      if (found.jobs > 0) {
        fault("{} jobs are chained and the seal of the chain is missing", found.jobs);
      }
      return {};
    }
    const auto heads = chain_.open(stored->seal, stored->state);
    if (!heads) {
      fault(
          "the seal of the chain does not fit: it, a checkpoint or the end of the log was changed, "
          "or the master key is another one");
    } else if (found.jobs != stored->state.jobs) {
      fault("{} jobs are chained, there should be {}: jobs were deleted or added", found.jobs,
            stored->state.jobs);
    } else if (found.heads != *heads && heads_fit) {
      fault(
          "the jobs are not those that were written last: some lost their last events, or came "
          "from elsewhere");
    }
    return {};
  }

  Connection& connection_;
  const EventChain& chain_;
  const std::size_t faults_max_;
  Statement events_;
};

}  // namespace

Result<ChainReport> verify_chain(Connection& connection, const EventChain& chain,
                                 const ChainVerification& options) {
  Verifier verifier(connection, chain, options.faults_max);
  if (auto done = verifier.check_jobs(); !done) return std::unexpected(done.error());
  if (auto done = verifier.check_checkpoints(options.kept); !done) {
    return std::unexpected(done.error());
  }
  verifier.report.cut_short = verifier.full();
  return std::move(verifier.report);
}

Result<ChainReport> verify_chain(const std::filesystem::path& file, const EventChain& chain,
                                 const ChainVerification& options, const std::string& vfs) {
  auto connection = open_snapshot(file, vfs);
  if (!connection) return std::unexpected(connection.error());
  return verify_chain(*connection, chain, options);
}

Result<JobVerification> verify_job(
    const std::filesystem::path& file, const EventChain& chain,
    const std::function<std::array<std::uint8_t, 32>(std::string_view)>& digest, const JobId& job) {
  auto connection = open_snapshot(file, {});
  if (!connection) return std::unexpected(connection.error());
  const std::string id = job.str();
  JobVerification found;
  std::optional<ChainEnd> end;
  {
    Verifier verifier(*connection, chain, std::numeric_limits<std::size_t>::max());
    const auto followed = verifier.follow(id);
    if (!followed) return std::unexpected(followed.error());
    end = *followed;
    found.faults = std::move(verifier.report.faults);
    found.events = verifier.report.events;
    found.unchained_events = verifier.report.unchained_events;
  }
  ChainEnd row;
  {
    auto statement = connection->prepare("SELECT sequence, chain_head FROM jobs WHERE id = ?");
    if (!statement) return std::unexpected(statement.error());
    statement->bind(id);
    if (statement->step() != SQLITE_ROW) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("There is no job {}. It may have been pruned or forgotten.", id));
    }
    row = {static_cast<std::uint64_t>(statement->integer(0)), to_digest(statement->blob(1))};
  }
  if (row.sequence != end->sequence || row.link != end->link) {
    found.faults.push_back(fmt::format("its {} events do not end where its row says ({})",
                                       end->sequence, row.sequence));
  }

  const auto reader = SqliteReader::over(*std::move(connection));
  const auto state = reader->job(job);
  if (!state) return std::unexpected(state.error());
  const auto events = reader->events_of(job, Sequence{}, std::numeric_limits<std::size_t>::max());
  if (!events) return std::unexpected(events.error());
  if (const auto folded = job::fold(*events); !folded) {
    found.faults.push_back(folded.error().message);
  } else if (*folded != **state) {
    found.faults.emplace_back("its snapshot is not the fold of its events");
  }
  const auto check = [&](PayloadKind kind, const job::PayloadRef& ref) -> Result<void> {
    const auto payload = reader->payload(job, kind, {});
    if (!payload) return std::unexpected(payload.error());
    if (!*payload) return {};  // erased
    ++found.payloads;
    if (digest((*payload)->bytes) != ref.digest) {
      found.faults.push_back(fmt::format("its {} is not what was written", to_string(kind)));
    }
    return {};
  };
  if (auto done = check(PayloadKind::kInput, (*state)->spec.input); !done) {
    return std::unexpected(done.error());
  }
  if ((*state)->result) {
    if (auto done = check(PayloadKind::kResult, *(*state)->result); !done) {
      return std::unexpected(done.error());
    }
  }
  return found;
}

Result<std::optional<AuditCheckpoint>> last_checkpoint(const std::filesystem::path& file) {
  auto connection = open_snapshot(file, {});
  if (!connection) return std::unexpected(connection.error());
  auto row = connection->prepare(fmt::format(
      "SELECT {} FROM audit_checkpoints ORDER BY number DESC LIMIT 1", kCheckpointColumns));
  if (!row) return std::unexpected(row.error());
  const int rc = row->step();
  if (rc == SQLITE_DONE) return std::optional<AuditCheckpoint>();
  if (rc != SQLITE_ROW) return std::unexpected(connection->error("reading the last checkpoint"));
  return std::optional(read_checkpoint(*row));
}

Result<void> restart_chain(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorCode::kNotFound, fmt::format("There is no database {}.", file.string()));
  }
  const auto lock = FileLock::acquire(file);
  if (!lock) return std::unexpected(lock.error());
  auto connection = Connection::open(file, Connection::Mode::kReadWrite);
  if (!connection) return std::unexpected(connection.error());
  const auto version = read_version(*connection);
  if (!version) return std::unexpected(version.error());
  if (*version != current_version()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("The database has layout {}, this errand writes {}: no chain to begin "
                            "anew. Start the server.",
                            *version, current_version()));
  }
  return connection->execute(
      "BEGIN IMMEDIATE;"
      "UPDATE events SET link = NULL WHERE link IS NOT NULL;"
      "UPDATE jobs SET chain_head = NULL WHERE chain_head IS NOT NULL;"
      "DELETE FROM audit_checkpoints;"
      "UPDATE store_state SET chain_jobs = NULL, chain_time_ms = NULL, chain_heads = NULL,"
      " chain_tag = NULL;"
      "COMMIT;");
}

}  // namespace errand::store::sqlite
