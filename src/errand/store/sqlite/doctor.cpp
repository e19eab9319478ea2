#include "errand/store/sqlite/doctor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "errand/base/assert.h"
#include "errand/store/audit.h"
#include "errand/store/sqlite/chain_verifier.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/migrations.h"
#include "errand/store/sqlite/sqlite_reader.h"

namespace errand::store::sqlite {
namespace {

constexpr const char* kRestore =
    "The file is damaged. Stop the server, keep a copy of the file, and put a backup in its place "
    "(errand restore).";
constexpr const char* kReport =
    "Errand never writes this. If the file was not changed by hand, report it with this line; to "
    "go on safely, put a backup in its place (errand restore).";
constexpr const char* kHarmless =
    "It takes room and does no other harm. Report it with this line; it can stay as it is.";

constexpr const char* kChanged =
    "Something other than a server with this master key wrote to the database. Find out who could; "
    "a backup shows what it was before.";

/// A query that finds rows that must not be: their number and one of them.
struct Check {
  const char* sql;
  const char* what;  ///< with the number and the example
  const char* remedy;
};

constexpr Check kChecks[] = {
    {"SELECT count(*), min(id) FROM jobs WHERE NOT json_valid(state)"
     " OR id <> json_extract(state, '$.id') OR status <> json_extract(state, '$.status')"
     " OR sequence <> json_extract(state, '$.lastSequence')"
     " OR position <> json_extract(state, '$.lastPosition')"
     " OR tenant <> json_extract(state, '$.spec.tenant')"
     " OR expires_at_ms IS NOT json_extract(state, '$.expiresAtMs')",
     "{} jobs have columns that differ from their snapshot, such as job {}", kReport},
    {"SELECT count(*), min(id) FROM jobs WHERE (expires_at_ms IS NULL) ="
     " (status IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED'))",
     "{} jobs have ended without a time of expiry, or have one and are live, such as job {}",
     kReport},
    {"SELECT count(*), min(job_id) FROM events WHERE NOT EXISTS"
     " (SELECT 1 FROM jobs WHERE jobs.id = events.job_id) AND NOT EXISTS"
     " (SELECT 1 FROM pruned_jobs WHERE pruned_jobs.job_id = events.job_id)",
     "{} events belong to jobs that are gone, such as job {}", kHarmless},
    {"SELECT count(*), min(job_id) FROM payloads WHERE NOT EXISTS"
     " (SELECT 1 FROM jobs WHERE jobs.id = payloads.job_id)",
     "{} payloads belong to jobs that are gone, such as job {}", kHarmless},
    {"SELECT count(*), min(job_id) FROM payloads WHERE kind = 'CREDENTIALS' AND EXISTS"
     " (SELECT 1 FROM jobs WHERE jobs.id = payloads.job_id AND status = 'SUCCEEDED')",
     "{} jobs have succeeded and still have the credentials of who submitted them, such as job {}",
     kReport},
    {"SELECT count(*), min(job_id) FROM idempotency_keys WHERE (gone = 0) <> EXISTS"
     " (SELECT 1 FROM jobs WHERE jobs.id = idempotency_keys.job_id)",
     "{} idempotency keys are marked wrongly as to whether their job is there, such as that of job "
     "{}",
     kReport},
};

class Doctor {
 public:
  Doctor(const std::filesystem::path& file, const ExaminationOptions& options)
      : file_(file), options_(options) {
    ERRAND_ASSERT(options.findings_max >= 1);
  }

  Result<Examination> run() {
    if (auto done = look(); !done) {
      // What SQLite cannot read is a finding, what keeps us from looking is not.
      if (done.error().code != ErrorCode::kStoreCorrupt) return std::unexpected(done.error());
      found(done.error().message, kRestore);
    }
    found_.cut_short = full();
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool full() const { return found_.findings.size() >= options_.findings_max; }

  void found(std::string what, std::string remedy) {
    if (!full()) found_.findings.push_back({std::move(what), std::move(remedy)});
  }

  Result<void> look() {
    auto connection = open();
    if (!connection) return std::unexpected(connection.error());
    const auto version = read_version(*connection);
    if (!version) {
      if (version.error().code == ErrorCode::kStoreTooNew) {
        found(version.error().message, "Use the errand that wrote it for this examination.");
        return {};
      }
      return std::unexpected(version.error());
    }
    found_.layout = *version;
    if (auto done = check_pages(*connection); !done) return done;
    if (*version != current_version()) {
      found(fmt::format("The database has layout {}, this errand writes {}.", *version,
                        current_version()),
            "Take a backup and start this errand's server once: it brings the database up to date. "
            "Then examine it again.");
      return {};
    }
    // In a damaged file the rest would only say so again.
    if (!found_.findings.empty()) return {};
    for (const Check& check : kChecks) {
      if (auto done = run_check(*connection, check); !done) return done;
    }
    if (auto done = check_jobs(); !done) return done;
    return check_chain(*connection);
  }

  /// A connection on which all reads see one state.
  Result<Connection> open() {
    auto connection = Connection::open(file_, Connection::Mode::kReadOnly);
    if (!connection) return connection;
    if (auto begun = connection->execute("BEGIN"); !begun) return std::unexpected(begun.error());
    return connection;
  }

  Result<void> check_pages(Connection& connection) {
    const auto sql = fmt::format("PRAGMA integrity_check({})", options_.findings_max);
    auto check = connection.prepare(sql);
    if (!check) return std::unexpected(check.error());
    int rc = SQLITE_OK;
    while ((rc = check->step()) == SQLITE_ROW) {
      if (check->text(0) != "ok") {
        found(fmt::format("SQLite finds: {}", check->text(0)), kRestore);
      }
    }
    if (rc != SQLITE_DONE) return std::unexpected(connection.error("checking the file"));
    return {};
  }

  Result<void> run_check(Connection& connection, const Check& check) {
    auto statement = connection.prepare(check.sql);
    if (!statement) return std::unexpected(statement.error());
    if (statement->step() != SQLITE_ROW) {
      return std::unexpected(connection.error("looking for orphans"));
    }
    const auto count = statement->integer(0);
    const std::string example(statement->text(1));
    if (count > 0) found(fmt::format(fmt::runtime(check.what), count, example), check.remedy);
    return {};
  }

  Result<void> check_jobs() {
    if (full()) return {};
    auto connection = open();
    if (!connection) return std::unexpected(connection.error());
    const auto reader = SqliteReader::over(std::move(*connection));
    const AuditOptions audit_options{
        .faults_max = options_.findings_max - found_.findings.size(),
        .also = [&](const job::JobState& state, std::vector<std::string>& faults) {
          return check_payloads(*reader, state, faults);
        }};
    const auto report = audit(*reader, audit_options);
    if (!report) return std::unexpected(report.error());
    found_.jobs = report->jobs;
    found_.events = report->events;
    for (const std::string& fault : report->faults) found(fault, kReport);
    return {};
  }

  Result<void> check_chain(Connection& connection) {
    if (full() || !options_.chain) return {};
    const auto report =
        verify_chain(connection, *options_.chain,
                     {.faults_max = options_.findings_max - found_.findings.size()});
    if (!report) return std::unexpected(report.error());
    for (const std::string& fault : report->faults) found(fault, kChanged);
    return {};
  }

  Result<void> check_payloads(const Reader& reader, const job::JobState& state,
                              std::vector<std::string>& faults) {
    const auto check = [&](PayloadKind kind, const job::PayloadRef& ref) -> Result<void> {
      const auto payload = reader.payload(state.id, kind);
      if (!payload) return std::unexpected(payload.error());
      if (!*payload) return {};  // may have been erased
      const Payload& there = **payload;
      if (there.digest != ref.digest || there.bytes.size() != ref.size_bytes) {
        faults.push_back(
            fmt::format("the stored {} is not the one of its events", to_string(kind)));
      } else if (options_.digest && options_.digest(there.bytes) != ref.digest) {
        faults.push_back(fmt::format(
            "the stored {} does not fit its digest: it was changed, or the key is another one",
            to_string(kind)));
      }
      if (options_.digest) ++found_.payloads;
      return {};
    };
    if (auto done = check(PayloadKind::kInput, state.spec.input); !done) return done;
    if (state.result) return check(PayloadKind::kResult, *state.result);
    return {};
  }

  const std::filesystem::path& file_;
  const ExaminationOptions& options_;
  Examination found_;
};

}  // namespace

Result<Examination> examine(const std::filesystem::path& file, const ExaminationOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorCode::kNotFound, fmt::format("There is no database {}.", file.string()));
  }
  return Doctor(file, options).run();
}

}  // namespace errand::store::sqlite
