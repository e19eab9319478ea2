#include "errand/store/sqlite/chain_ledger.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sqlite3.h>

#include "errand/store/sqlite/rows.h"

namespace errand::store::sqlite {
namespace {

auto day_of(Timestamp time) { return std::chrono::floor<std::chrono::days>(time); }

}  // namespace

crypto::Digest to_digest(std::span<const std::uint8_t> bytes) {
  crypto::Digest digest{};
  if (bytes.size() == digest.size()) std::ranges::copy(bytes, digest.begin());
  return digest;
}

Result<std::optional<StoredChain>> read_chain(Connection& connection) {
  StoredChain stored;
  auto statement = connection.prepare(
      "SELECT last_position, chain_jobs, chain_time_ms, chain_heads, chain_tag FROM store_state");
  if (!statement) return std::unexpected(statement.error());
  if (statement->step() != SQLITE_ROW) {
    return std::unexpected(connection.error("reading the chain's state"));
  }
  if (statement->is_null(1)) return std::optional<StoredChain>();
  stored.state.last_position = LogPosition(statement->integer(0));
  stored.state.jobs = static_cast<std::uint64_t>(statement->integer(1));
  stored.state.time = to_timestamp(statement->integer(2));
  stored.seal = {.heads = to_digest(statement->blob(3)), .tag = to_digest(statement->blob(4))};
  statement->reset();

  auto last = connection.prepare(
      "SELECT number, signature FROM audit_checkpoints ORDER BY number DESC LIMIT 1");
  if (!last) return std::unexpected(last.error());
  const int rc = last->step();
  if (rc == SQLITE_ROW) {
    stored.state.number = static_cast<std::uint64_t>(last->integer(0));
    stored.state.checkpoint = last->text(1);
  } else if (rc != SQLITE_DONE) {
    return std::unexpected(connection.error("reading the last checkpoint"));
  }
  return std::optional(std::move(stored));
}

Result<ChainLedger> ChainLedger::open(Connection& connection, const EventChain& chain) {
  ChainLedger ledger(chain);
  auto stored = read_chain(connection);
  if (!stored) return std::unexpected(stored.error());
  if (*stored) {
    const auto heads = chain.open((*stored)->seal, (*stored)->state);
    if (!heads) {
      return fail(ErrorCode::kConfigInvalid,
                  "The history in the database is sealed with another master key, or was changed. "
                  "Put the master.key that belongs to it beside it; errand audit verify says what "
                  "was changed. If the key is lost, errand audit restart begins a new chain.");
    }
    ledger.state_ = std::move((*stored)->state);
    ledger.state_.heads = *heads;
  }
  const std::pair<Statement*, std::string_view> list[] = {
      {&ledger.head_, "SELECT chain_head FROM jobs WHERE id = ?"},
      {&ledger.seal_,
       "UPDATE store_state SET chain_jobs = ?, chain_time_ms = ?, chain_heads = ?, chain_tag = ?"},
      {&ledger.insert_checkpoint_,
       "INSERT INTO audit_checkpoints (number, tenant, shard, epoch, position, time_ms, jobs,"
       " heads, previous, signature) VALUES (?, '', ?, ?, ?, ?, ?, ?, ?, ?)"},
  };
  for (const auto& [statement, sql] : list) {
    auto prepared = connection.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return ledger;
}

std::expected<void, Error> ChainLedger::close_day(Connection& connection, Timestamp time,
                                                  std::uint64_t epoch, std::uint32_t shard) {
  if (next_.last_position == LogPosition{} || day_of(time) <= day_of(next_.time)) return {};
  AuditCheckpoint checkpoint = chain_.checkpoint(next_);
  insert_checkpoint_.bind(static_cast<std::int64_t>(checkpoint.number))
      .bind(std::int64_t{shard})
      .bind(static_cast<std::int64_t>(epoch))
      .bind(static_cast<std::int64_t>(to_number(checkpoint.position)))
      .bind(to_column(checkpoint.time))
      .bind(static_cast<std::int64_t>(checkpoint.jobs))
      .bind(checkpoint.heads)
      .bind(checkpoint.previous)
      .bind(checkpoint.signature);
  if (auto done = run(connection, insert_checkpoint_, "writing a checkpoint"); !done) return done;
  next_.number = checkpoint.number;
  next_.checkpoint = checkpoint.signature;
  closing_ = std::move(checkpoint);
  return {};
}

std::expected<ChainLink, Error> ChainLedger::head_of(Connection& connection, std::string_view job) {
  const Statement::Use use(head_);
  head_.bind(job);
  const int rc = head_.step();
  if (rc == SQLITE_DONE) return ChainLink{};
  if (rc != SQLITE_ROW) return std::unexpected(connection.error("reading a chain's head"));
  return to_digest(head_.blob(0));
}

void ChainLedger::move_head(std::string_view job, std::uint64_t from, const ChainLink& head,
                            std::uint64_t to, const ChainLink& new_head) {
  if (head == ChainLink{}) {
    ++next_.jobs;
  } else {
    next_.toggle(chain_.element(job, from, head));
  }
  next_.toggle(chain_.element(job, to, new_head));
}

void ChainLedger::remove(std::string_view job, std::uint64_t sequence, const ChainLink& head) {
  if (head == ChainLink{}) return;
  next_.toggle(chain_.element(job, sequence, head));
  --next_.jobs;
}

std::expected<void, Error> ChainLedger::seal(Connection& connection, LogPosition last_position,
                                             std::optional<Timestamp> time) {
  next_.last_position = last_position;
  if (time) next_.time = *time;
  const ChainSeal seal = chain_.seal(next_);
  seal_.bind(static_cast<std::int64_t>(next_.jobs))
      .bind(to_column(next_.time))
      .bind_blob(seal.heads)
      .bind_blob(seal.tag);
  return run(connection, seal_, "sealing the chain of events");
}

}  // namespace errand::store::sqlite
