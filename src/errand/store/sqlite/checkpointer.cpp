#include "errand/store/sqlite/checkpointer.h"

#include <utility>

#include <sqlite3.h>

#include "errand/base/assert.h"
#include "errand/base/crash_point.h"

namespace errand::store::sqlite {
namespace {

/// A log this many times over its aim is cut even if commits have to wait for it.
constexpr std::size_t kPatience = 8;
/// How long that waits for a read to end, in milliseconds.
constexpr int kReaderWait = 250;

}  // namespace

Checkpointer::Checkpointer(Connection connection, std::mutex& commits, Options options)
    : connection_(std::move(connection)), commits_(commits), options_(std::move(options)) {
  ERRAND_ASSERT(options_.bytes > 0);
  sqlite3_busy_timeout(connection_.handle(), kReaderWait);
  // A connection that has read nothing has not opened the log, and its checkpoints do nothing.
  (void)connection_.query_integer("SELECT count(*) FROM sqlite_schema");
  if (const auto bytes = connection_.query_integer("PRAGMA page_size"); bytes && *bytes > 0) {
    page_bytes_ = static_cast<std::size_t>(*bytes);
  }
  if (!options_.in_commit) thread_ = std::thread([this] { run(); });
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::watch(Connection& writer) {
  sqlite3_wal_hook(
      writer.handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Checkpointer*>(self)->log_grew(static_cast<std::size_t>(pages));
        return SQLITE_OK;
      },
      this);
}

bool Checkpointer::overdue() const { return pages_ * page_bytes_ >= kPatience * options_.bytes; }

void Checkpointer::hold_back() {
  std::unique_lock lock(mutex_);
  if (options_.in_commit) {
    if (due()) round(lock);
    return;
  }
  // One round: if that cannot empty the log either, a reader or the disk is in the way, and commits
  // go on until the next round is due.
  if (!due() || !overdue()) return;
  const std::uint64_t round = rounds_;
  done_.wait(lock, [&] { return rounds_ != round; });
}

void Checkpointer::log_grew(std::size_t pages) {
  bool is_due = false;
  {
    const std::lock_guard lock(mutex_);
    if (pages < done_at_) done_at_ = 0;  // begun anew
    pages_ = pages;
    is_due = due();
  }
  if (is_due) wake_.notify_one();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || due(); });
    if (stopping_) return;  // closing the last connection checkpoints
    round(lock);
  }
}

void Checkpointer::round(std::unique_lock<std::mutex>& lock) {
  const bool was_overdue = overdue();
  lock.unlock();
  checkpoint(was_overdue);
  lock.lock();
  // Counts as done even where it failed: the next one comes when the log has grown again.
  done_at_ = pages_;
  ++rounds_;
  done_.notify_all();
}

void Checkpointer::checkpoint(bool overdue) {
  crash_point(CrashPoint::kCheckpoint);
  if (!pass(SQLITE_CHECKPOINT_PASSIVE)) return;
  const std::lock_guard no_commit(commits_);
  crash_point(CrashPoint::kCheckpoint);
  (void)pass(overdue ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
  crash_point(CrashPoint::kCheckpoint);
}

bool Checkpointer::pass(int mode) {
  const int rc = sqlite3_wal_checkpoint_v2(connection_.handle(), "main", mode, nullptr, nullptr);
  if (rc == SQLITE_OK || rc == SQLITE_BUSY) return true;
  options_.log.warn_limited("checkpoint failed; the write-ahead log grows until one succeeds",
                            {{"error", connection_.error("checkpointing").message}});
  return false;
}

}  // namespace errand::store::sqlite
