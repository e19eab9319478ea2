#include "errand/store/sqlite/migrations.h"

#include <array>
#include <string>

#include <fmt/format.h>

#include "errand/base/assert.h"

namespace errand::store::sqlite {
namespace {

// Times are Unix milliseconds (UTC), the views show them as ISO texts. Secondary indexes are what a
// commit pays for, so they are few, and partial where a job soon leaves them again.
constexpr const char* kMigration1 = R"sql(
-- What the writer knows about itself: one row.
CREATE TABLE store_state (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  epoch         INTEGER NOT NULL,  -- grows each time a writer opens the store
  last_position INTEGER NOT NULL,  -- of the last event in the log
  last_batch_id TEXT    NOT NULL
) STRICT;
INSERT INTO store_state VALUES (1, 0, 0, '00000000-0000-0000-0000-000000000000');

-- One row a job: its snapshot, and what is searched by beside it.
CREATE TABLE jobs (
  number         INTEGER PRIMARY KEY,
  id             TEXT    NOT NULL,
  tenant         TEXT    NOT NULL,
  shard          INTEGER NOT NULL,
  epoch          INTEGER NOT NULL,  -- of the last write
  position       INTEGER NOT NULL,  -- of the job's last event
  sequence       INTEGER NOT NULL,  -- of the job's last event
  status         TEXT    NOT NULL,
  type           TEXT    NOT NULL,
  queue          TEXT    NOT NULL,
  priority       INTEGER NOT NULL,
  subject        TEXT    NOT NULL,  -- who submitted it
  contract_hash  TEXT    NOT NULL,
  correlation_id TEXT    NOT NULL,
  created_at_ms  INTEGER NOT NULL,
  ready_position INTEGER NOT NULL,  -- place in line within its priority, while PENDING
  due_at_ms      INTEGER,           -- next timer; year 9999: leased or waiting without one
  state          TEXT    NOT NULL   -- the whole snapshot, JSON
) STRICT;
CREATE UNIQUE INDEX jobs_by_id ON jobs (id);
CREATE INDEX jobs_by_tenant ON jobs (tenant, created_at_ms, id);
CREATE INDEX jobs_ready ON jobs (queue, tenant, type, priority DESC, ready_position)
  WHERE status = 'PENDING';
CREATE INDEX jobs_timers ON jobs (status, due_at_ms, id) WHERE due_at_ms IS NOT NULL;
CREATE INDEX jobs_failed ON jobs (tenant, created_at_ms, id) WHERE status = 'FAILED';

-- The log: every event of every job, in the order in which they were committed.
CREATE TABLE events (
  position       INTEGER PRIMARY KEY,
  job_id         TEXT    NOT NULL,
  sequence       INTEGER NOT NULL,  -- within the job, from 1 without gaps
  tenant         TEXT    NOT NULL,
  shard          INTEGER NOT NULL,
  epoch          INTEGER NOT NULL,
  time_ms        INTEGER NOT NULL,
  type           TEXT    NOT NULL,
  actor_kind     TEXT    NOT NULL,  -- SYSTEM, CLIENT, WORKER or OPERATOR
  actor          TEXT    NOT NULL,  -- its subject
  traceparent    TEXT    NOT NULL,
  correlation_id TEXT    NOT NULL,
  data           TEXT    NOT NULL   -- JSON
) STRICT;
CREATE UNIQUE INDEX events_by_job ON events (job_id, sequence);

-- Inputs, results and step values, beside the log so that they can be erased alone.
CREATE TABLE payloads (
  job_id   TEXT    NOT NULL,
  kind     TEXT    NOT NULL,        -- INPUT, RESULT or STEP
  name     TEXT    NOT NULL,        -- of the step
  tenant   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,        -- first of the batch that wrote it
  digest   TEXT    NOT NULL,
  bytes    TEXT    NOT NULL,        -- JSON
  PRIMARY KEY (job_id, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  tenant        TEXT    NOT NULL,
  subject       TEXT    NOT NULL,
  field         TEXT    NOT NULL,
  key           TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  epoch         INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  fingerprint   TEXT    NOT NULL,
  job_id        TEXT    NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, subject, field, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at_ms);

-- Contracts under which jobs were made.
CREATE TABLE contracts (
  type     TEXT    NOT NULL,
  hash     TEXT    NOT NULL,
  tenant   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  text     TEXT    NOT NULL,
  PRIMARY KEY (type, hash)
) STRICT;

CREATE TABLE queue_settings (
  queue         TEXT    NOT NULL,
  tenant        TEXT    NOT NULL,   -- empty: all tenants
  shard         INTEGER NOT NULL,
  epoch         INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  paused        INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL,
  changed_by    TEXT    NOT NULL,
  PRIMARY KEY (queue, tenant)
) STRICT, WITHOUT ROWID;

-- Numbers of jobs, kept up with every commit.
CREATE TABLE job_counts (
  tenant        TEXT    NOT NULL,
  queue         TEXT    NOT NULL,
  type          TEXT    NOT NULL,
  contract_hash TEXT    NOT NULL,
  status        TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  epoch         INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  jobs          INTEGER NOT NULL,
  PRIMARY KEY (tenant, queue, type, contract_hash, status, shard)
) STRICT, WITHOUT ROWID;

-- For people at the sqlite3 shell.
CREATE VIEW job_overview AS
SELECT id, tenant, type, status, queue, priority, subject, sequence AS events,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at_ms / 1000.0, 'unixepoch') AS created_at,
       CASE WHEN due_at_ms < 253402300799000
            THEN strftime('%Y-%m-%dT%H:%M:%fZ', due_at_ms / 1000.0, 'unixepoch') END AS due_at,
       correlation_id
FROM jobs;
CREATE VIEW job_history AS
SELECT job_id, sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time_ms / 1000.0, 'unixepoch') AS time,
       type, actor_kind, actor, data, position, tenant, correlation_id
FROM events;
)sql";

// Limits per key: where the engine finds the jobs of one key, what holds a key between attempts,
// and what counts against rates.
constexpr const char* kMigration2 = R"sql(
ALTER TABLE jobs ADD COLUMN limit_key TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN holds_key INTEGER NOT NULL DEFAULT 0;  -- without a lease
CREATE INDEX jobs_ready_by_key ON jobs (queue, tenant, type, limit_key, priority DESC, ready_position)
  WHERE status = 'PENDING' AND limit_key <> '';
CREATE INDEX jobs_between_attempts ON jobs (id) WHERE holds_key = 1;

-- What operators set on limits.
CREATE TABLE limit_settings (
  id            TEXT    NOT NULL PRIMARY KEY,
  tenant        TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  epoch         INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  value         INTEGER,            -- NULL: as declared
  per_ms        INTEGER,            -- NULL: as declared
  changed_at_ms INTEGER NOT NULL,
  changed_by    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Starts that count against rate limits.
CREATE TABLE rate_uses (
  limit_id TEXT    NOT NULL,
  key      TEXT    NOT NULL,
  until_ms INTEGER NOT NULL,        -- they count up to here
  tenant   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  starts   INTEGER NOT NULL,
  PRIMARY KEY (limit_id, key, until_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX rate_uses_by_end ON rate_uses (until_ms);
)sql";

// What failed, by the time of its end and by its error. `error_fingerprint` stays after a discard
// and goes with the next run, `dead_letter` says whether the job waits for an operator.
constexpr const char* kMigration3 = R"sql(
ALTER TABLE jobs ADD COLUMN finished_at_ms INTEGER;  -- end of the present run
ALTER TABLE jobs ADD COLUMN error_fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN dead_letter INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET
  finished_at_ms = json_extract(state, '$.finishedAtMs'),
  error_fingerprint = coalesce(json_extract(state, '$.errorFingerprint'), ''),
  dead_letter = coalesce(json_extract(state, '$.deadLetter'), 0)
WHERE status IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED');
-- What is filtered and counted stands in the indexes, so that the rows of others are not read.
CREATE INDEX jobs_dead_letters ON jobs
  (tenant, finished_at_ms, id, error_fingerprint, type, queue) WHERE dead_letter = 1;
CREATE INDEX jobs_failures ON jobs
  (tenant, error_fingerprint, finished_at_ms, id, dead_letter, status) WHERE status = 'FAILED';
)sql";

// Ended jobs are pruned, and can be forgotten.
constexpr const char* kMigration4 = R"sql(
ALTER TABLE jobs ADD COLUMN expires_at_ms INTEGER;  -- ended: when it may be pruned
UPDATE jobs SET expires_at_ms = json_extract(state, '$.expiresAtMs')
  WHERE status IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED');
CREATE INDEX jobs_by_expiry ON jobs (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Random, set when a backup is put in place: what was given out before must not be taken after it.
ALTER TABLE store_state ADD COLUMN lineage TEXT NOT NULL DEFAULT '';

-- Of each tenant, the last event that was deleted with its job: whoever reads the log from before
-- it misses something.
CREATE TABLE pruned_positions (
  tenant   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (tenant)
) STRICT, WITHOUT ROWID;

-- Jobs that are gone and have more events than one transaction deletes.
CREATE TABLE pruned_jobs (
  job_id   TEXT    NOT NULL,
  tenant   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,        -- of the job's last event
  PRIMARY KEY (job_id)
) STRICT, WITHOUT ROWID;

-- A job leaves its keys behind while they live: 0: it is kept, 1: pruned, 2: forgotten.
ALTER TABLE idempotency_keys ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
UPDATE idempotency_keys SET gone = 1
  WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = idempotency_keys.job_id);
CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job_id);
DROP INDEX idempotency_keys_by_expiry;
CREATE INDEX idempotency_keys_left ON idempotency_keys (expires_at_ms) WHERE gone <> 0;
)sql";

// What is remembered of how long jobs took, for estimates of the next ones.
constexpr const char* kMigration5 = R"sql(
CREATE TABLE estimate_digests (
  tenant        TEXT    NOT NULL,
  type          TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  epoch         INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  written_at_ms INTEGER NOT NULL,
  text          TEXT    NOT NULL,   -- JSON
  PRIMARY KEY (tenant, type)
) STRICT;
)sql";

// Jobs that are unique.
constexpr const char* kMigration6 = R"sql(
ALTER TABLE jobs ADD COLUMN unique_key TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_unique_live ON jobs (tenant, type, unique_key)
  WHERE unique_key <> '' AND status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED');
CREATE INDEX jobs_unique_ended ON jobs (tenant, type, unique_key, created_at_ms, id)
  WHERE unique_key <> '' AND status IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED');
)sql";

// The chain of events, see store/event_chain.h. It begins with the first event that is written
// under this layout.
constexpr const char* kMigration7 = R"sql(
ALTER TABLE events ADD COLUMN link BLOB;              -- HMAC; NULL: from before the chain
ALTER TABLE jobs ADD COLUMN chain_head BLOB;          -- link of the last event
ALTER TABLE store_state ADD COLUMN chain_jobs INTEGER;     -- NULL: no chain yet
ALTER TABLE store_state ADD COLUMN chain_time_ms INTEGER;  -- of the last commit
ALTER TABLE store_state ADD COLUMN chain_heads BLOB;       -- digest of all heads, masked
ALTER TABLE store_state ADD COLUMN chain_tag BLOB;         -- seals the chain's state

CREATE TABLE audit_checkpoints (
  number    INTEGER PRIMARY KEY,
  tenant    TEXT    NOT NULL,
  shard     INTEGER NOT NULL,
  epoch     INTEGER NOT NULL,
  position  INTEGER NOT NULL,       -- of the last event that it covers
  time_ms   INTEGER NOT NULL,       -- of the last commit that it covers
  jobs      INTEGER NOT NULL,
  heads     TEXT    NOT NULL,
  previous  TEXT    NOT NULL,       -- signature of the one before
  signature TEXT    NOT NULL
) STRICT;
)sql";

// Labels that decide which workers may have a job part its line.
constexpr const char* kMigration8 = R"sql(
ALTER TABLE jobs ADD COLUMN route TEXT NOT NULL DEFAULT '';
DROP INDEX jobs_ready;
CREATE INDEX jobs_ready ON jobs (queue, tenant, type, route, priority DESC, ready_position)
  WHERE status = 'PENDING';
DROP INDEX jobs_ready_by_key;
CREATE INDEX jobs_ready_by_key
  ON jobs (queue, tenant, type, limit_key, route, priority DESC, ready_position)
  WHERE status = 'PENDING' AND limit_key <> '';
)sql";

// Internal jobs, such as deliveries, are listed apart. What many of them leave in the indexes must
// not stand between the jobs that people look at.
constexpr const char* kMigration9 = R"sql(
ALTER TABLE jobs ADD COLUMN internal INTEGER NOT NULL DEFAULT 0;  -- the server's own
DROP INDEX jobs_by_tenant;
CREATE INDEX jobs_by_tenant ON jobs (tenant, created_at_ms, id) WHERE internal = 0;
CREATE INDEX jobs_internal ON jobs (tenant, created_at_ms, id) WHERE internal = 1;
DROP INDEX jobs_failed;
CREATE INDEX jobs_failed ON jobs (tenant, created_at_ms, id)
  WHERE status = 'FAILED' AND internal = 0;
DROP INDEX jobs_dead_letters;
CREATE INDEX jobs_dead_letters ON jobs
  (tenant, finished_at_ms, id, error_fingerprint, type, queue)
  WHERE dead_letter = 1 AND internal = 0;
CREATE INDEX jobs_internal_dead_letters ON jobs
  (tenant, finished_at_ms, id, error_fingerprint, type, queue)
  WHERE dead_letter = 1 AND internal = 1;
DROP INDEX jobs_failures;
CREATE INDEX jobs_failures ON jobs
  (tenant, error_fingerprint, finished_at_ms, id, dead_letter, status, internal)
  WHERE status = 'FAILED' AND internal = 0;
CREATE INDEX jobs_internal_failures ON jobs
  (tenant, error_fingerprint, finished_at_ms, id, dead_letter, status, internal)
  WHERE status = 'FAILED' AND internal = 1;

ALTER TABLE events ADD COLUMN internal INTEGER NOT NULL DEFAULT 0;  -- of an internal job

-- As pruned_positions, of internal jobs.
CREATE TABLE pruned_internal_positions (
  tenant   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (tenant)
) STRICT, WITHOUT ROWID;
)sql";

// Documents of the server's own that are no jobs: endpoints, preferences, places in the log.
constexpr const char* kMigration10 = R"sql(
CREATE TABLE records (
  collection    TEXT    NOT NULL,
  tenant        TEXT    NOT NULL,  -- empty: the server's own
  key           TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  epoch         INTEGER NOT NULL,
  position      INTEGER NOT NULL,
  revision      INTEGER NOT NULL,
  expires_at_ms INTEGER,
  text          TEXT    NOT NULL,
  PRIMARY KEY (collection, tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_expiry ON records (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- The deliveries of an endpoint, and what was sent because of a job, are found without the others.
CREATE INDEX jobs_internal_of_type ON jobs (tenant, type, created_at_ms, id) WHERE internal = 1;
CREATE INDEX jobs_internal_of_cause ON jobs (tenant, correlation_id, created_at_ms, id)
  WHERE internal = 1;
)sql";

constexpr std::array kMigrations = {
    Migration{1, kMigration1},   Migration{2, kMigration2}, Migration{3, kMigration3},
    Migration{4, kMigration4},   Migration{5, kMigration5}, Migration{6, kMigration6},
    Migration{7, kMigration7},   Migration{8, kMigration8}, Migration{9, kMigration9},
    Migration{10, kMigration10},
};

}  // namespace

std::span<const Migration> migrations() noexcept { return kMigrations; }

int current_version() noexcept { return kMigrations.back().version; }

Result<int> read_version(Connection& connection) {
  const auto application_id = connection.query_integer("PRAGMA application_id");
  if (!application_id) return std::unexpected(application_id.error());
  const auto version = connection.query_integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*application_id != kApplicationId) {
    const auto tables = connection.query_integer("SELECT count(*) FROM sqlite_schema");
    if (!tables) return std::unexpected(tables.error());
    if (*application_id == 0 && *version == 0 && *tables == 0) return 0;
    return fail(ErrorCode::kStoreCorrupt,
                "The file is a SQLite database, but not one of Errand. Name another file.");
  }
  if (*version > current_version()) {
    return fail(
        ErrorCode::kStoreTooNew,
        fmt::format("The database has layout {}, this errand knows layouts up to {}. Start the "
                    "errand version that wrote it, or a newer one, or restore a backup from before "
                    "the upgrade.",
                    *version, current_version()));
  }
  return static_cast<int>(*version);
}

Result<void> migrate(Connection& connection) {
  const auto found = read_version(connection);
  if (!found) return std::unexpected(found.error());
  for (const Migration& migration : migrations()) {
    if (migration.version <= *found) continue;
    // Both pragmas are part of the file and hence of the transaction.
    const std::string sql = fmt::format(
        "BEGIN IMMEDIATE;\n{}\nPRAGMA application_id = {};\nPRAGMA user_version = {};\nCOMMIT;",
        migration.sql, kApplicationId, migration.version);
    if (auto done = connection.execute(sql.c_str()); !done) {
      if (!connection.in_autocommit()) (void)connection.execute("ROLLBACK");
      return fail(done.error().code, fmt::format("Bringing the database to layout {} failed. {}",
                                                 migration.version, done.error().message));
    }
  }
  return {};
}

}  // namespace errand::store::sqlite
