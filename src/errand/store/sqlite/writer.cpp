#include "errand/store/sqlite/writer.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

#include "errand/base/crash_point.h"
#include "errand/base/deliberate_bug.h"
#include "errand/job/internal_type.h"
#include "errand/job/json.h"
#include "errand/store/sqlite/migrations.h"
#include "errand/store/sqlite/rows.h"

namespace errand::store::sqlite {
namespace {

std::unexpected<CommitError> refused(Error error) {
  return std::unexpected(CommitError{CommitError::Outcome::kRefused, std::move(error)});
}

/// Whether a COMMIT that failed with `code` has certainly written nothing that counts. A failed
/// write or sync of the write-ahead log may have left a whole commit in the file.
bool is_refusal(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CONSTRAINT:
    case SQLITE_NOMEM:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<Writer> Writer::open(const std::filesystem::path& file, const std::string& vfs,
                            const std::optional<EventChain>& chain) {
  auto connection = Connection::open(file, Connection::Mode::kCreate, vfs);
  if (!connection) return std::unexpected(connection.error());
  if (connection->is_read_only()) {
    return fail(ErrorCode::kStoreReadOnly,
                fmt::format("The database {} can only be read. Make the file writable for the "
                            "server's user, or name another one.",
                            file.string()));
  }
  Writer writer;
  writer.connection_ = std::move(*connection);

  // Before anything is written: a file that is not ours, or too new, stays as it is.
  if (const auto version = read_version(writer.connection_); !version) {
    return fail(version.error().code,
                fmt::format("{}: {}", file.string(), version.error().message));
  }
  auto wal = writer.connection_.prepare("PRAGMA journal_mode = WAL");
  if (!wal) return std::unexpected(wal.error());
  if (wal->step() != SQLITE_ROW) return std::unexpected(writer.connection_.error("turning WAL on"));
  if (wal->text(0) != "wal") {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} cannot have a write-ahead log. Put the database on a local disk.",
                            file.string()));
  }
  wal->reset();
  // Checkpoints belong to the Checkpointer. A log that grew long is cut when it is begun anew.
  if (auto done = writer.connection_.execute("PRAGMA synchronous = FULL;"
                                             "PRAGMA wal_autocheckpoint = 0;"
                                             "PRAGMA journal_size_limit = 67108864;"
                                             "PRAGMA cache_size = -65536;"
                                             "PRAGMA temp_store = MEMORY;");
      !done) {
    return std::unexpected(done.error());
  }
  if (auto done = migrate(writer.connection_); !done) return std::unexpected(done.error());
  if (chain) {
    auto ledger = ChainLedger::open(writer.connection_, *chain);
    if (!ledger) return std::unexpected(ledger.error());
    writer.ledger_.emplace(std::move(*ledger));
  } else {
    const auto begun = read_chain(writer.connection_);
    if (!begun) return std::unexpected(begun.error());
    if (*begun) {
      return fail(ErrorCode::kConfigInvalid,
                  "The history in the database is chained under a master key. Without the key "
                  "nothing can be added to it.");
    }
  }
  if (auto done = writer.prepare(); !done) return std::unexpected(done.error());
  if (auto done = writer.begin_epoch(); !done) return std::unexpected(done.error());
  return writer;
}

Result<void> Writer::prepare() {
  const std::pair<Statement*, const char*> list[] = {
      {&statements_.begin, "BEGIN IMMEDIATE"},
      {&statements_.commit, "COMMIT"},
      {&statements_.rollback, "ROLLBACK"},
      {&statements_.owner, "SELECT 1 FROM store_state WHERE id = 1 AND epoch = ?"},
      {&statements_.state,
       "UPDATE store_state SET last_position = ?, last_batch_id = ? WHERE id = 1 AND epoch = ?"},
      {&statements_.insert_job,
       "INSERT INTO jobs (id, tenant, shard, epoch, position, sequence, status, type, queue,"
       " priority, subject, contract_hash, correlation_id, created_at_ms, ready_position,"
       " due_at_ms, finished_at_ms, error_fingerprint, dead_letter, expires_at_ms, state, "
       "limit_key, unique_key, route, internal, chain_head)"
       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&statements_.update_job,
       "UPDATE jobs SET epoch = ?, position = ?, sequence = ?, status = ?, priority = ?,"
       " ready_position = ?, due_at_ms = ?, finished_at_ms = ?, error_fingerprint = ?,"
       " dead_letter = ?, expires_at_ms = ?, state = ?, limit_key = ?,"
       " unique_key = ?, holds_key = ?, chain_head = ? WHERE id = ? AND sequence = ? AND status = "
       "?"},
      {&statements_.insert_event,
       "INSERT INTO events (position, job_id, sequence, tenant, shard, epoch, time_ms, type,"
       " actor_kind, actor, traceparent, correlation_id, data, internal, link)"
       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&statements_.payload,
       "INSERT INTO payloads (job_id, kind, name, tenant, shard, epoch, position, digest, bytes)"
       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, kind, name) DO UPDATE SET"
       " epoch = excluded.epoch, position = excluded.position, digest = excluded.digest,"
       " bytes = excluded.bytes"},
      {&statements_.erase_payload,
       "DELETE FROM payloads WHERE job_id = ? AND kind = ? AND name = ?"},
      // Changes no row, and so shows a conflict, where a live key belongs to another job.
      {&statements_.idempotency,
       "INSERT INTO idempotency_keys (tenant, subject, field, key, shard, epoch, position,"
       " fingerprint, job_id, expires_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
       " ON CONFLICT (tenant, subject, field, key) DO UPDATE SET epoch = excluded.epoch,"
       " position = excluded.position, fingerprint = excluded.fingerprint,"
       " job_id = excluded.job_id, expires_at_ms = excluded.expires_at_ms, gone = 0"
       " WHERE idempotency_keys.expires_at_ms <= ? OR idempotency_keys.job_id = excluded.job_id"},
      {&statements_.contract,
       "INSERT INTO contracts (type, hash, tenant, shard, epoch, position, text)"
       " VALUES (?, ?, '', ?, ?, ?, ?) ON CONFLICT (type, hash) DO NOTHING"},
      {&statements_.queue,
       "INSERT INTO queue_settings (queue, tenant, shard, epoch, position, paused, changed_at_ms,"
       " changed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (queue, tenant) DO UPDATE SET"
       " epoch = excluded.epoch, position = excluded.position, paused = excluded.paused,"
       " changed_at_ms = excluded.changed_at_ms, changed_by = excluded.changed_by"},
      {&statements_.limit,
       "INSERT INTO limit_settings (id, tenant, shard, epoch, position, value, per_ms,"
       " changed_at_ms, changed_by) VALUES (?, '', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
       " SET epoch = excluded.epoch, position = excluded.position, value = excluded.value,"
       " per_ms = excluded.per_ms, changed_at_ms = excluded.changed_at_ms,"
       " changed_by = excluded.changed_by"},
      {&statements_.rate_use,
       "INSERT INTO rate_uses (limit_id, key, until_ms, tenant, shard, epoch, position, starts)"
       " VALUES (?, ?, ?, '', ?, ?, ?, ?) ON CONFLICT (limit_id, key, until_ms) DO UPDATE"
       " SET epoch = excluded.epoch, position = excluded.position, starts = excluded.starts"},
      // More than a commit adds, so that what has ended goes away in time.
      {&statements_.prune_rate_uses,
       "DELETE FROM rate_uses WHERE (limit_id, key, until_ms) IN (SELECT limit_id, key, until_ms"
       " FROM rate_uses INDEXED BY rate_uses_by_end WHERE until_ms <= ? LIMIT ?)"},
      {&statements_.estimate,
       "INSERT INTO estimate_digests (tenant, type, shard, epoch, position, written_at_ms, text)"
       " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, type) DO UPDATE SET"
       " epoch = excluded.epoch, position = excluded.position,"
       " written_at_ms = excluded.written_at_ms, text = excluded.text"},
      {&statements_.drop_estimate, "DELETE FROM estimate_digests WHERE tenant = ? AND type = ?"},
      {&statements_.record,
       "INSERT INTO records (collection, tenant, key, shard, epoch, position, revision,"
       " expires_at_ms, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
       " epoch = excluded.epoch, position = excluded.position, revision = excluded.revision,"
       " expires_at_ms = excluded.expires_at_ms, text = excluded.text"},
      {&statements_.drop_record,
       "DELETE FROM records WHERE collection = ? AND tenant = ? AND key = ?"},
      {&statements_.prune_records,
       "DELETE FROM records WHERE (collection, tenant, key) IN ("
       " SELECT collection, tenant, key FROM records INDEXED BY records_expiry"
       " WHERE expires_at_ms IS NOT NULL AND expires_at_ms <= ? LIMIT ?)"},
      {&statements_.count,
       "INSERT INTO job_counts (tenant, queue, type, contract_hash, status, shard, epoch, position,"
       " jobs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch,"
       " position = excluded.position, jobs = jobs + excluded.jobs"},
      {&statements_.prune,
       "DELETE FROM idempotency_keys WHERE (tenant, subject, field, key) IN ("
       " SELECT tenant, subject, field, key FROM idempotency_keys INDEXED BY idempotency_keys_left"
       " WHERE gone <> 0 AND expires_at_ms <= ? LIMIT ?)"},
  };
  for (const auto& [statement, sql] : list) {
    auto prepared = connection_.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return eraser_.prepare(connection_);
}

Result<void> Writer::begin_epoch() {
  auto claim = connection_.prepare(
      "UPDATE store_state SET epoch = epoch + 1 WHERE id = 1"
      " RETURNING epoch, last_position, last_batch_id, lineage");
  if (!claim) return std::unexpected(claim.error());
  if (claim->step() != SQLITE_ROW) return std::unexpected(connection_.error("beginning an epoch"));
  const auto epoch = static_cast<std::uint64_t>(claim->integer(0));
  const auto position = LogPosition(claim->integer(1));
  const auto batch_id = Uuid::parse(claim->text(2));
  std::string lineage(claim->text(3));
  // The commit happens in the step that ends the statement.
  if (claim->step() != SQLITE_DONE) return std::unexpected(connection_.error("beginning an epoch"));
  if (!batch_id) return fail(ErrorCode::kStoreCorrupt, "The last batch's id is not a UUID.");
  epoch_ = epoch;
  last_position_ = position;
  last_batch_id_ = *batch_id;
  lineage_ = std::move(lineage);
  crash_point(CrashPoint::kRecovery);
  return {};
}

std::expected<void, Error> Writer::run(Statement& statement, const char* what) {
  const int rc = statement.step();
  if (rc == SQLITE_DONE) {
    statement.reset();
    return {};
  }
  failed_code_ = rc;
  Error error = connection_.error(what);
  // A uniqueness that the batch broke: a position, a sequence, or a job that is there already.
  if ((rc & 0xff) == SQLITE_CONSTRAINT) error.code = ErrorCode::kConflict;
  statement.reset();
  return std::unexpected(std::move(error));
}

std::expected<void, CommitError> Writer::commit(const Batch& batch) {
  if (auto fault = check_shape(batch, last_position_)) return refused(std::move(*fault));
  // What is forgotten on purpose is overwritten too, not only given free.
  const bool overwrites =
      !batch.forgets.empty() || !batch.payload_erasures.empty() ||
      std::ranges::any_of(batch.records, [](const Record& record) { return record.revision == 0; });
  if (overwrites) (void)connection_.execute("PRAGMA secure_delete = 1");
  auto done = commit_batch(batch);
  if (overwrites) (void)connection_.execute("PRAGMA secure_delete = 0");
  return done;
}

std::expected<void, CommitError> Writer::commit_batch(const Batch& batch) {
  crash_point(CrashPoint::kBeforeBegin);
  if (auto begun = run(statements_.begin, "beginning a commit"); !begun) {
    return refused(std::move(begun.error()));
  }
  if (auto written = write(batch); !written) {
    // After a full disk SQLite has rolled back by itself.
    if (!connection_.in_autocommit()) (void)run(statements_.rollback, "rolling back");
    return refused(std::move(written.error()));
  }
  crash_point(CrashPoint::kBeforeCommit);
  if (auto done = run(statements_.commit, "committing"); !done) {
    const int code = failed_code_;
    if (!connection_.in_autocommit()) (void)run(statements_.rollback, "rolling back");
    if (is_refusal(code)) return refused(std::move(done.error()));
    return std::unexpected(CommitError{CommitError::Outcome::kUnknown, std::move(done.error())});
  }
  crash_point(CrashPoint::kAfterCommit);
  last_position_ = LogPosition{to_number(last_position_) + batch.event_count()};
  last_batch_id_ = batch.id;
  if (ledger_) ledger_->committed();
  return {};
}

std::expected<void, Error> Writer::write(const Batch& batch) {
  const auto epoch = static_cast<std::int64_t>(batch.epoch);
  const auto shard = static_cast<std::int64_t>(batch.shard);
  const auto first_position = static_cast<std::int64_t>(to_number(last_position_) + 1);
  const auto last_position =
      static_cast<std::int64_t>(to_number(last_position_) + batch.event_count());

  const std::string batch_id = batch.id.str();
  statements_.state.bind(last_position).bind(batch_id).bind(epoch);
  if (auto done = run(statements_.state, "claiming the log"); !done) return done;
  if (connection_.changes() != 1) {
    return fail(ErrorCode::kConflict, "Another writer has taken over this database.");
  }

  if (ledger_) {
    ledger_->begin();
    if (auto done = ledger_->close_day(connection_, batch.time, batch.epoch, batch.shard); !done) {
      return done;
    }
  }

  rows_.clear();
  texts_.clear();
  for (const JobWrite& job : batch.jobs) {
    crash_point(CrashPoint::kBetweenStatements);
    if (auto done = write_job(batch, job); !done) return done;
  }
  // In the order of the log, in which appending costs least.
  std::ranges::sort(rows_, {}, [](const EventRow& row) { return row.event->position; });
  for (const EventRow& row : rows_) {
    crash_point(CrashPoint::kBetweenStatements);
    if (has_bug(DeliberateBug::kEventLostAfterCommit) &&
        std::holds_alternative<job::Progressed>(row.event->data)) {
      continue;
    }
    if (auto done = write_event(batch, row); !done) return done;
  }

  for (const PayloadWrite& payload : batch.payloads) {
    crash_point(CrashPoint::kBetweenStatements);
    const std::string job = payload.job.str();
    const std::string digest = to_hex(payload.digest);
    statements_.payload.bind(job)
        .bind(to_string(payload.kind))
        .bind(payload.name)
        .bind(payload.tenant.view())
        .bind(shard)
        .bind(epoch)
        .bind(first_position)
        .bind(digest)
        .bind(payload.bytes);
    if (auto done = run(statements_.payload, "writing a payload"); !done) return done;
  }
  for (const PayloadErasure& erasure : batch.payload_erasures) {
    crash_point(CrashPoint::kBetweenStatements);
    const std::string job = erasure.job.str();
    statements_.erase_payload.bind(job).bind(to_string(erasure.kind)).bind(erasure.name);
    if (auto done = run(statements_.erase_payload, "erasing a payload"); !done) return done;
  }
  for (const IdempotencyRecord& record : batch.idempotency) {
    crash_point(CrashPoint::kBetweenStatements);
    const std::string job = record.job.str();
    statements_.idempotency.bind(record.scope.tenant.view())
        .bind(record.scope.subject.view())
        .bind(record.scope.field.view())
        .bind(record.scope.key)
        .bind(shard)
        .bind(epoch)
        .bind(first_position)
        .bind(record.fingerprint)
        .bind(job)
        .bind(to_column(record.expires_at))
        .bind(to_column(batch.time));
    if (auto done = run(statements_.idempotency, "writing an idempotency key"); !done) return done;
    if (connection_.changes() != 1 && !has_bug(DeliberateBug::kIdempotencyRace)) {
      return fail(ErrorCode::kConflict, "The idempotency key belongs to another job.");
    }
  }
  for (const ContractSnapshot& contract : batch.contracts) {
    statements_.contract.bind(contract.type.view())
        .bind(contract.hash)
        .bind(shard)
        .bind(epoch)
        .bind(first_position)
        .bind(contract.text);
    if (auto done = run(statements_.contract, "writing a contract"); !done) return done;
  }
  for (const QueueSetting& setting : batch.queues) {
    statements_.queue.bind(setting.queue.view())
        .bind(setting.tenant.view())
        .bind(shard)
        .bind(epoch)
        .bind(first_position)
        .bind(std::int64_t{setting.paused})
        .bind(to_column(setting.changed_at))
        .bind(setting.changed_by.view());
    if (auto done = run(statements_.queue, "writing a queue's setting"); !done) return done;
  }
  if (auto done = write_limits(batch); !done) return done;
  if (auto done = write_estimates(batch); !done) return done;
  if (auto done = write_records(batch); !done) return done;
  if (auto done = write_counts(batch); !done) return done;
  for (const JobId& id : batch.forgets) {
    if (auto done = eraser_.forget(connection_, id, batch.epoch, ledger()); !done) return done;
  }
  if (!ledger_) return {};
  return ledger_->seal(connection_, LogPosition(last_position), batch.time);
}

std::expected<void, Error> Writer::write_limits(const Batch& batch) {
  const auto epoch = static_cast<std::int64_t>(batch.epoch);
  const auto shard = static_cast<std::int64_t>(batch.shard);
  const auto first_position = static_cast<std::int64_t>(to_number(last_position_) + 1);
  for (const LimitSetting& setting : batch.limits) {
    Statement& statement = statements_.limit;
    const auto bind = [&statement](const std::optional<std::int64_t>& number) {
      if (number) {
        statement.bind(*number);
      } else {
        statement.bind_null();
      }
    };
    statement.bind(setting.limit).bind(shard).bind(epoch).bind(first_position);
    bind(setting.value);
    bind(setting.per.transform([](Milliseconds per) { return std::int64_t{per.count()}; }));
    statement.bind(to_column(setting.changed_at)).bind(setting.changed_by.view());
    if (auto done = run(statement, "writing a limit's setting"); !done) return done;
  }
  for (const RateUse& use : batch.rate_uses) {
    statements_.rate_use.bind(use.limit)
        .bind(use.key)
        .bind(to_column(use.until))
        .bind(shard)
        .bind(epoch)
        .bind(first_position)
        .bind(static_cast<std::int64_t>(use.starts));
    if (auto done = run(statements_.rate_use, "counting starts"); !done) return done;
  }
  if (batch.rate_uses.empty()) return {};
  statements_.prune_rate_uses.bind(to_column(batch.time))
      .bind(static_cast<std::int64_t>(2 * batch.rate_uses.size() + 16));
  return run(statements_.prune_rate_uses, "pruning counted starts");
}

std::expected<void, Error> Writer::write_estimates(const Batch& batch) {
  for (const EstimateDigest& digest : batch.estimates) {
    if (digest.text.empty()) {
      statements_.drop_estimate.bind(digest.tenant.view()).bind(digest.type.view());
      if (auto done = run(statements_.drop_estimate, "deleting a digest"); !done) return done;
      continue;
    }
    statements_.estimate.bind(digest.tenant.view())
        .bind(digest.type.view())
        .bind(static_cast<std::int64_t>(batch.shard))
        .bind(static_cast<std::int64_t>(batch.epoch))
        .bind(static_cast<std::int64_t>(to_number(last_position_) + 1))
        .bind(to_column(batch.time))
        .bind(digest.text);
    if (auto done = run(statements_.estimate, "writing a digest"); !done) return done;
  }
  return {};
}

std::expected<void, Error> Writer::write_records(const Batch& batch) {
  for (const Record& record : batch.records) {
    const RecordId& id = record.id;
    if (record.revision == 0) {
      statements_.drop_record.bind(id.collection).bind(id.tenant.view()).bind(id.key);
      if (auto done = run(statements_.drop_record, "deleting a record"); !done) return done;
      continue;
    }
    statements_.record.bind(id.collection)
        .bind(id.tenant.view())
        .bind(id.key)
        .bind(static_cast<std::int64_t>(batch.shard))
        .bind(static_cast<std::int64_t>(batch.epoch))
        .bind(static_cast<std::int64_t>(to_number(last_position_) + 1))
        .bind(static_cast<std::int64_t>(record.revision));
    if (record.expires_at) {
      statements_.record.bind(to_column(*record.expires_at));
    } else {
      statements_.record.bind_null();
    }
    statements_.record.bind(record.text);
    if (auto done = run(statements_.record, "writing a record"); !done) return done;
  }
  return {};
}

std::expected<void, Error> Writer::write_job(const Batch& batch, const JobWrite& write) {
  const job::JobState& after = *write.after;
  const job::JobSpec& spec = after.spec;
  const auto epoch = static_cast<std::int64_t>(batch.epoch);
  const auto position = static_cast<std::int64_t>(to_number(after.last_position));
  const auto sequence = static_cast<std::int64_t>(to_number(after.last_sequence));
  const auto ready_position = static_cast<std::int64_t>(to_number(after.ready_position));
  const std::string id = after.id.str();
  const auto head = link_events(write, id);
  if (!head) return std::unexpected(head.error());
  text_.clear();
  job::append_state(text_, after);

  const auto bind_head = [&](Statement& statement) {
    if (ledger_) {
      statement.bind_blob(*head);
    } else {
      statement.bind_null();
    }
  };

  const auto bind_due = [&after](Statement& statement) {
    if (job::has_lease(after.status)) {
      statement.bind(kNoTimer);
    } else if (const auto due = job::next_timer(after)) {
      statement.bind(to_column(*due));
    } else {
      statement.bind_null();
    }
  };

  const auto bind_end = [&after](Statement& statement) {
    const auto bind = [&statement](const std::optional<Timestamp>& time) {
      if (time) {
        statement.bind(to_column(*time));
      } else {
        statement.bind_null();
      }
    };
    bind(after.finished_at);
    statement.bind(after.error_fingerprint).bind(std::int64_t{after.dead_letter});
    bind(after.expires_at);
  };

  if (!write.before) {
    Statement& insert = statements_.insert_job;
    insert.bind(id)
        .bind(spec.tenant.view())
        .bind(static_cast<std::int64_t>(batch.shard))
        .bind(epoch)
        .bind(position)
        .bind(sequence)
        .bind(job::to_string(after.status))
        .bind(spec.type.view())
        .bind(spec.queue.view())
        .bind(spec.priority)
        .bind(spec.subject.view())
        .bind(spec.contract_hash)
        .bind(after.correlation_id)
        .bind(to_column(after.created_at))
        .bind(ready_position);
    bind_due(insert);
    bind_end(insert);
    insert.bind(text_)
        .bind(spec.limit_key)
        .bind(spec.unique_key)
        .bind(spec.route)
        .bind(std::int64_t{job::is_internal(spec.type)});
    bind_head(insert);
    return run(insert, "writing a new job");
  }

  Statement& update = statements_.update_job;
  update.bind(epoch)
      .bind(position)
      .bind(sequence)
      .bind(job::to_string(after.status))
      .bind(spec.priority)
      .bind(ready_position);
  bind_due(update);
  bind_end(update);
  update.bind(text_)
      .bind(spec.limit_key)
      .bind(spec.unique_key)
      .bind(std::int64_t{job::holds_key(after) && !job::has_lease(after.status)});
  bind_head(update);
  update.bind(id)
      .bind(static_cast<std::int64_t>(to_number(write.events.front().sequence) - 1))
      .bind(job::to_string(*write.before));
  if (auto done = run(update, "writing a job"); !done) return done;
  if (connection_.changes() != 1) {
    return fail(ErrorCode::kConflict,
                fmt::format("Job {} is not at the place where the batch goes on from.", id));
  }
  return {};
}

std::expected<ChainLink, Error> Writer::link_events(const JobWrite& write, std::string_view id) {
  const TenantId& tenant = write.after->spec.tenant;
  const bool internal = job::is_internal(write.after->spec.type);
  ChainLink before{};
  if (ledger_ && write.before) {
    const auto head = ledger_->head_of(connection_, id);
    if (!head) return head;
    before = *head;
  }
  ChainLink link = before;
  for (const job::Event& event : write.events) {
    const std::size_t begin = texts_.size();
    job::append_event_data(texts_, event.data);
    if (ledger_) {
      link = ledger_->next(link, {.job = id,
                                  .tenant = tenant.view(),
                                  .sequence = to_number(event.sequence),
                                  .position = to_number(event.position),
                                  .time_ms = to_column(event.time),
                                  .type = job::event_name(event.data),
                                  .actor_kind = job::to_string(event.actor.kind),
                                  .actor = event.actor.subject.view(),
                                  .traceparent = event.cause.traceparent,
                                  .correlation_id = event.cause.correlation_id,
                                  .data = std::string_view(texts_).substr(begin)});
    }
    rows_.push_back({&event, &tenant, begin, texts_.size() - begin, link, internal});
  }
  if (ledger_) {
    ledger_->move_head(id, to_number(write.events.front().sequence) - 1, before,
                       to_number(write.events.back().sequence), link);
  }
  return link;
}

std::expected<void, Error> Writer::write_event(const Batch& batch, const EventRow& row) {
  const job::Event& event = *row.event;
  const std::string id = event.job.str();
  statements_.insert_event.bind(static_cast<std::int64_t>(to_number(event.position)))
      .bind(id)
      .bind(static_cast<std::int64_t>(to_number(event.sequence)))
      .bind(row.tenant->view())
      .bind(static_cast<std::int64_t>(batch.shard))
      .bind(static_cast<std::int64_t>(batch.epoch))
      .bind(to_column(event.time))
      .bind(job::event_name(event.data))
      .bind(job::to_string(event.actor.kind))
      .bind(event.actor.subject.view())
      .bind(event.cause.traceparent)
      .bind(event.cause.correlation_id)
      .bind(std::string_view(texts_).substr(row.begin, row.size))
      .bind(std::int64_t{row.internal});
  if (ledger_) {
    statements_.insert_event.bind_blob(row.link);
  } else {
    statements_.insert_event.bind_null();
  }
  return run(statements_.insert_event, "writing an event");
}

std::expected<void, Error> Writer::write_counts(const Batch& batch) {
  using Key = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view,
                         job::JobStatus>;
  std::map<Key, std::int64_t> changes;
  for (const JobWrite& write : batch.jobs) {
    if (write.before == write.after->status) continue;
    const job::JobSpec& spec = write.after->spec;
    const auto key = [&spec](job::JobStatus status) {
      return Key{spec.tenant.view(), spec.queue.view(), spec.type.view(), spec.contract_hash,
                 status};
    };
    ++changes[key(write.after->status)];
    if (write.before) --changes[key(*write.before)];
  }
  const auto last = static_cast<std::int64_t>(to_number(last_position_) + batch.event_count());
  for (const auto& [key, change] : changes) {
    if (change == 0) continue;
    const auto& [tenant, queue, type, contract_hash, status] = key;
    statements_.count.bind(tenant)
        .bind(queue)
        .bind(type)
        .bind(contract_hash)
        .bind(job::to_string(status))
        .bind(static_cast<std::int64_t>(batch.shard))
        .bind(static_cast<std::int64_t>(batch.epoch))
        .bind(last)
        .bind(change);
    if (auto done = run(statements_.count, "counting jobs"); !done) return done;
  }
  return {};
}

Result<Pruned> Writer::prune(Timestamp now, const PruneLimits& limits) {
  // Mostly there is nothing to do, and then nothing to write.
  const auto next = eraser_.next(connection_);
  if (!next) return std::unexpected(next.error());
  if (!*next || **next > now) return Pruned{.next = *next};

  if (auto begun = run(statements_.begin, "beginning to prune"); !begun) {
    return std::unexpected(begun.error());
  }
  crash_point(CrashPoint::kPrune);
  const auto prune = [&]() -> Result<Pruned> {
    {
      const Statement::Use use(statements_.owner);
      statements_.owner.bind(static_cast<std::int64_t>(epoch_));
      if (statements_.owner.step() != SQLITE_ROW) {
        return fail(ErrorCode::kConflict, "Another writer has taken over this database.");
      }
    }
    if (ledger_) ledger_->begin();
    auto pruned = eraser_.prune(connection_, now, limits, epoch_, ledger());
    if (!pruned) return pruned;
    if (ledger_) {
      auto sealed = ledger_->seal(connection_, last_position_, std::nullopt);
      if (!sealed) return std::unexpected(sealed.error());
    }
    crash_point(CrashPoint::kPrune);
    if (auto done = run(statements_.commit, "committing"); !done) {
      return std::unexpected(done.error());
    }
    crash_point(CrashPoint::kPrune);
    if (ledger_) ledger_->committed();
    return pruned;
  };
  auto pruned = prune();
  // A commit of unknown outcome needs no reopening: if its frames stay, the next commit lands on
  // them, and if they come back after a crash, nothing has been built on what they delete.
  if (!pruned && !connection_.in_autocommit()) (void)run(statements_.rollback, "rolling back");
  return pruned;
}

Result<std::size_t> Writer::prune_idempotency(Timestamp now, std::size_t limit) {
  statements_.prune.bind(to_column(now)).bind(static_cast<std::int64_t>(limit));
  if (auto done = run(statements_.prune, "pruning idempotency keys"); !done) {
    return std::unexpected(done.error());
  }
  return static_cast<std::size_t>(connection_.changes());
}

Result<std::size_t> Writer::prune_records(Timestamp now, std::size_t limit) {
  statements_.prune_records.bind(to_column(now)).bind(static_cast<std::int64_t>(limit));
  if (auto done = run(statements_.prune_records, "pruning records"); !done) {
    return std::unexpected(done.error());
  }
  return static_cast<std::size_t>(connection_.changes());
}

}  // namespace errand::store::sqlite
