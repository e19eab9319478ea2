#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

#include "errand/base/result.h"
#include "errand/store/sqlite/connection.h"
#include "errand/telemetry/log.h"

namespace errand::store::sqlite {

/// Moves the write-ahead log into the database on a thread of its own, so that commits do not.
///
/// A passive checkpoint copies what is there while commits go on; a second one, short because
/// little has come since, runs under the writer's mutex and catches up, so that the next commit
/// begins the log anew. The log stays bounded that way, and a commit waits only for the second one.
class Checkpointer {
 public:
  struct Options {
    std::size_t bytes = 0;   ///< length of the log at which a checkpoint begins; > 0
    bool in_commit = false;  ///< without a thread: in hold_back()
    telemetry::Log log;
  };

  /// `commits` is held by the writer over each commit, and outlives this.
  Checkpointer(Connection connection, std::mutex& commits, Options options);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Makes commits on `writer` tell the length of the log.
  void watch(Connection& writer);

  /// Waits, where the log has become far too long, for a checkpoint to end: the bound that holds
  /// when commits are faster than checkpoints. Called before a commit, without its mutex.
  void hold_back();

 private:
  void log_grew(std::size_t pages);
  void run();
  /// One round, with `lock` given back meanwhile.
  void round(std::unique_lock<std::mutex>& lock);
  void checkpoint(bool overdue);
  bool pass(int mode);
  [[nodiscard]] bool due() const { return (pages_ - done_at_) * page_bytes_ >= options_.bytes; }
  [[nodiscard]] bool overdue() const;

  Connection connection_;
  std::mutex& commits_;
  const Options options_;
  std::size_t page_bytes_ = 4'096;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::size_t pages_ = 0;     ///< length of the log, in pages
  std::size_t done_at_ = 0;   ///< its length after the last checkpoint that could not empty it
  std::uint64_t rounds_ = 0;  ///< checkpoints that have ended, well or not
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace errand::store::sqlite
