#include "errand/store/sqlite/eraser.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "errand/base/crash_point.h"
#include "errand/job/internal_type.h"
#include "errand/job/json.h"
#include "errand/job/status.h"
#include "errand/store/sqlite/rows.h"

namespace errand::store::sqlite {
namespace {

/// `gone` of an idempotency key, see migrations.cpp.
constexpr std::int64_t kPruned = 1;
constexpr std::int64_t kForgotten = 2;

constexpr const char* kDoomedColumns =
    "number, id, tenant, queue, type, contract_hash, status, shard, position, sequence, state, "
    "chain_head";

}  // namespace

Result<void> Eraser::prepare(Connection& connection) {
  const std::string expired = fmt::format(
      "SELECT {} FROM jobs INDEXED BY jobs_by_expiry WHERE expires_at_ms IS NOT NULL"
      " AND expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?",
      kDoomedColumns);
  const std::string by_id = fmt::format("SELECT {} FROM jobs WHERE id = ?", kDoomedColumns);
  const std::pair<Statement*, std::string_view> list[] = {
      // A job whose events are still being deleted is due since ever.
      {&next_,
       "SELECT CASE WHEN EXISTS (SELECT 1 FROM pruned_jobs) THEN 0 ELSE"
       " (SELECT expires_at_ms FROM jobs INDEXED BY jobs_by_expiry"
       "  WHERE expires_at_ms IS NOT NULL ORDER BY expires_at_ms LIMIT 1) END"},
      {&expired_, expired},
      {&by_id_, by_id},
      {&delete_job_, "DELETE FROM jobs WHERE number = ?"},
      {&delete_payloads_, "DELETE FROM payloads WHERE job_id = ?"},
      {&delete_events_, "DELETE FROM events WHERE job_id = ?"},
      {&first_events_,
       "DELETE FROM events WHERE job_id = ?1 AND sequence <"
       " (SELECT min(sequence) FROM events WHERE job_id = ?1) + ?2"},
      {&count_,
       "UPDATE job_counts SET jobs = jobs - 1, epoch = ? WHERE tenant = ? AND queue = ?"
       " AND type = ? AND contract_hash = ? AND status = ? AND shard = ?"},
      {&floor_,
       "INSERT INTO pruned_positions (tenant, shard, epoch, position) VALUES (?, ?, ?, ?)"
       " ON CONFLICT (tenant) DO UPDATE SET epoch = excluded.epoch,"
       " position = max(position, excluded.position)"},
      {&internal_floor_,
       "INSERT INTO pruned_internal_positions (tenant, shard, epoch, position)"
       " VALUES (?, ?, ?, ?) ON CONFLICT (tenant) DO UPDATE SET epoch = excluded.epoch,"
       " position = max(position, excluded.position)"},
      {&rest_,
       "INSERT INTO pruned_jobs (job_id, tenant, shard, epoch, position) VALUES (?, ?, ?, ?, ?)"},
      {&more_rest_, "SELECT job_id FROM pruned_jobs LIMIT 1"},
      {&delete_rest_, "DELETE FROM pruned_jobs WHERE job_id = ?"},
      {&delete_keys_, "DELETE FROM idempotency_keys WHERE job_id = ? AND expires_at_ms <= ?"},
      {&mark_keys_, "UPDATE idempotency_keys SET gone = ? WHERE job_id = ?"},
  };
  for (const auto& [statement, sql] : list) {
    auto prepared = connection.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<std::optional<Timestamp>> Eraser::next(Connection& connection) {
  const Statement::Use use(next_);
  if (next_.step() != SQLITE_ROW) {
    return std::unexpected(connection.error("looking for expired jobs"));
  }
  if (next_.is_null(0)) return std::optional<Timestamp>();
  return std::optional(to_timestamp(next_.integer(0)));
}

Result<Eraser::Doomed> Eraser::read_doomed(const Statement& row) {
  auto state = job::state_from_json(row.text(10));
  if (!state) return std::unexpected(state.error());
  Doomed job;
  job.number = row.integer(0);
  job.id = row.text(1);
  job.tenant = row.text(2);
  job.queue = row.text(3);
  job.type = row.text(4);
  job.contract_hash = row.text(5);
  job.status = row.text(6);
  job.shard = row.integer(7);
  job.position = row.integer(8);
  job.events = static_cast<std::size_t>(row.integer(9));
  job.bytes = state->spec.input.size_bytes + (state->result ? state->result->size_bytes : 0);
  job.has_key = state->spec.has_idempotency_key;
  job.head = to_digest(row.blob(11));
  const auto status = job::parse_job_status(job.status);
  if (!status || !job::is_terminal(*status) || !state->terminal()) {
    return fail(ErrorCode::kConflict, fmt::format("Job {} has not ended.", job.id));
  }
  return job;
}

Result<std::vector<Eraser::Doomed>> Eraser::expired(Connection& connection, Timestamp now,
                                                    const PruneLimits& limits) {
  const Statement::Use use(expired_);
  expired_.bind(to_column(now)).bind(static_cast<std::int64_t>(limits.jobs_max));
  std::vector<Doomed> jobs;
  std::size_t events = 0;
  std::size_t bytes = 0;
  while (true) {
    const int rc = expired_.step();
    if (rc == SQLITE_DONE) return jobs;
    if (rc != SQLITE_ROW) return std::unexpected(connection.error("reading expired jobs"));
    auto job = read_doomed(expired_);
    if (!job) return std::unexpected(job.error());
    events += job->events;
    bytes += job->bytes;
    const bool full = events > limits.events_max || bytes > limits.bytes_max;
    if (full && !jobs.empty()) return jobs;
    jobs.push_back(std::move(*job));
  }
}

Result<std::size_t> Eraser::go_on(Connection& connection, std::size_t events_max) {
  std::string job;
  {
    const Statement::Use use(more_rest_);
    const int rc = more_rest_.step();
    if (rc == SQLITE_DONE) return std::size_t{0};
    if (rc != SQLITE_ROW) return std::unexpected(connection.error("reading pruned jobs"));
    job = more_rest_.text(0);
  }
  first_events_.bind(job).bind(static_cast<std::int64_t>(events_max));
  if (auto done = run(connection, first_events_, "deleting events"); !done) {
    return std::unexpected(done.error());
  }
  const auto deleted = static_cast<std::size_t>(connection.changes());
  if (deleted < events_max) {
    delete_rest_.bind(job);
    if (auto done = run(connection, delete_rest_, "deleting a pruned job"); !done) {
      return std::unexpected(done.error());
    }
  }
  return deleted;
}

std::expected<void, Error> Eraser::erase(Connection& connection, const Doomed& job,
                                         std::uint64_t epoch, ChainLedger* ledger) {
  if (ledger != nullptr) ledger->remove(job.id, job.events, job.head);
  const auto stamp = static_cast<std::int64_t>(epoch);
  delete_job_.bind(job.number);
  if (auto done = run(connection, delete_job_, "deleting a job"); !done) return done;
  delete_payloads_.bind(job.id);
  if (auto done = run(connection, delete_payloads_, "deleting payloads"); !done) return done;
  count_.bind(stamp)
      .bind(job.tenant)
      .bind(job.queue)
      .bind(job.type)
      .bind(job.contract_hash)
      .bind(job.status)
      .bind(job.shard);
  if (auto done = run(connection, count_, "counting jobs"); !done) return done;
  Statement& floor = job::is_internal(JobTypeName(job.type)) ? internal_floor_ : floor_;
  floor.bind(job.tenant).bind(job.shard).bind(stamp).bind(job.position);
  return run(connection, floor, "noting what was deleted");
}

std::expected<void, Error> Eraser::delete_events(Connection& connection, const std::string& job) {
  delete_events_.bind(job);
  return run(connection, delete_events_, "deleting events");
}

Result<Pruned> Eraser::prune(Connection& connection, Timestamp now, const PruneLimits& limits,
                             std::uint64_t epoch, ChainLedger* ledger) {
  Pruned pruned;
  const auto rest = go_on(connection, limits.events_max);
  if (!rest) return std::unexpected(rest.error());
  pruned.events = *rest;
  if (pruned.events == 0) {
    const auto jobs = expired(connection, now, limits);
    if (!jobs) return std::unexpected(jobs.error());
    for (const Doomed& job : *jobs) {
      crash_point(CrashPoint::kPrune);
      if (auto done = erase(connection, job, epoch, ledger); !done) {
        return std::unexpected(done.error());
      }
      if (job.events > limits.events_max) {
        rest_.bind(job.id)
            .bind(job.tenant)
            .bind(job.shard)
            .bind(static_cast<std::int64_t>(epoch))
            .bind(job.position);
        if (auto done = run(connection, rest_, "noting a pruned job"); !done) {
          return std::unexpected(done.error());
        }
      } else {
        if (auto done = delete_events(connection, job.id); !done) {
          return std::unexpected(done.error());
        }
        pruned.events += job.events;
      }
      ++pruned.jobs;
      if (const auto id = JobId::parse(job.id)) pruned.gone.push_back(*id);
      if (!job.has_key) continue;
      delete_keys_.bind(job.id).bind(to_column(now));
      if (auto done = run(connection, delete_keys_, "deleting idempotency keys"); !done) {
        return std::unexpected(done.error());
      }
      mark_keys_.bind(kPruned).bind(job.id);
      if (auto done = run(connection, mark_keys_, "marking idempotency keys"); !done) {
        return std::unexpected(done.error());
      }
    }
  }
  const auto after = next(connection);
  if (!after) return std::unexpected(after.error());
  pruned.next = *after;
  return pruned;
}

std::expected<void, Error> Eraser::forget(Connection& connection, const JobId& job,
                                          std::uint64_t epoch, ChainLedger* ledger) {
  const std::string id = job.str();
  Result<Doomed> doomed = fail(ErrorCode::kConflict, "");
  {
    const Statement::Use use(by_id_);
    by_id_.bind(id);
    const int rc = by_id_.step();
    if (rc == SQLITE_DONE) {
      return fail(ErrorCode::kConflict, fmt::format("Job {} is not there to be forgotten.", id));
    }
    if (rc != SQLITE_ROW) return std::unexpected(connection.error("reading a job"));
    doomed = read_doomed(by_id_);
  }
  if (!doomed) return std::unexpected(doomed.error());
  if (auto done = erase(connection, *doomed, epoch, ledger); !done) return done;
  if (auto done = delete_events(connection, id); !done) return done;
  mark_keys_.bind(kForgotten).bind(id);
  return run(connection, mark_keys_, "marking idempotency keys");
}

}  // namespace errand::store::sqlite
