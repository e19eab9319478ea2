#include "errand/store/sqlite/sqlite_store.h"

#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "errand/base/assert.h"
#include "errand/store/sqlite/checkpointer.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/file_lock.h"
#include "errand/store/sqlite/migrations.h"
#include "errand/store/sqlite/sqlite_reader.h"
#include "errand/store/sqlite/writer.h"

namespace errand::store::sqlite {
namespace {

class SqliteStore final : public Store {
 public:
  SqliteStore(FileLock lock, Options options, Writer writer, std::unique_ptr<SqliteReader> reader)
      : lock_(std::move(lock)),
        options_(std::move(options)),
        writer_(std::move(writer)),
        reader_(std::move(reader)) {}

  Result<void> start_checkpoints() {
    auto connection = Connection::open(options_.file, Connection::Mode::kReadWrite, options_.vfs);
    if (!connection) return std::unexpected(connection.error());
    checkpointer_ = std::make_unique<Checkpointer>(
        std::move(*connection), commits_,
        Checkpointer::Options{.bytes = options_.checkpoint_bytes,
                              .in_commit = options_.checkpoint_in_commit,
                              .log = options_.log});
    checkpointer_->watch(writer_.connection());
    return {};
  }

  std::expected<void, CommitError> commit(const Batch& batch) override {
    if (broken_) {
      return std::unexpected(
          CommitError{CommitError::Outcome::kRefused,
                      {ErrorCode::kUnavailable, "The store has to be reopened first."}});
    }
    checkpointer_->hold_back();
    const std::lock_guard lock(commits_);
    auto done = writer_.commit(batch);
    if (const auto checkpoint = writer_.take_checkpoint()) {
      // Whoever keeps the log elsewhere keeps what the history is held against.
      options_.log.info("audit checkpoint", {{"checkpoint", to_json(*checkpoint)}});
    }
    broken_ = !done && done.error().outcome == CommitError::Outcome::kUnknown;
    return done;
  }

  Result<void> reopen() override {
    const std::lock_guard lock(commits_);
    broken_ = true;
    writer_ = Writer();  // gives up whatever the broken connection still holds
    auto writer = Writer::open(options_.file, options_.vfs, options_.chain);
    if (!writer) return std::unexpected(writer.error());
    writer_ = std::move(*writer);
    checkpointer_->watch(writer_.connection());
    broken_ = false;
    return {};
  }

  [[nodiscard]] std::uint64_t epoch() const override { return writer_.epoch(); }
  [[nodiscard]] std::string lineage() const override { return writer_.lineage(); }
  [[nodiscard]] LogPosition last_position() const override { return writer_.last_position(); }
  [[nodiscard]] Uuid last_batch_id() const override { return writer_.last_batch_id(); }

  Result<Pruned> prune(Timestamp now, const PruneLimits& limits) override {
    if (broken_) return fail(ErrorCode::kUnavailable, "The store has to be reopened first.");
    checkpointer_->hold_back();
    const std::lock_guard lock(commits_);
    return writer_.prune(now, limits);
  }

  Result<std::size_t> prune_idempotency(Timestamp now, std::size_t limit) override {
    if (broken_) return fail(ErrorCode::kUnavailable, "The store has to be reopened first.");
    const std::lock_guard lock(commits_);
    return writer_.prune_idempotency(now, limit);
  }

  Result<std::size_t> prune_records(Timestamp now, std::size_t limit) override {
    if (broken_) return fail(ErrorCode::kUnavailable, "The store has to be reopened first.");
    const std::lock_guard lock(commits_);
    return writer_.prune_records(now, limit);
  }

  [[nodiscard]] const Reader& reader() const override { return *reader_; }

 private:
  FileLock lock_;  // given back last
  const Options options_;
  std::mutex commits_;
  Writer writer_;
  std::unique_ptr<SqliteReader> reader_;
  std::unique_ptr<Checkpointer> checkpointer_;
  bool broken_ = false;
};

}  // namespace

Result<std::unique_ptr<Store>> open(Options options) {
  ERRAND_ASSERT(options.readers > 0);
  auto lock = options.vfs.empty() ? FileLock::acquire(options.file) : FileLock();
  if (!lock) return std::unexpected(lock.error());
  auto writer = Writer::open(options.file, options.vfs, options.chain);
  if (!writer) return std::unexpected(writer.error());
  auto reader =
      SqliteReader::open(options.file, options.readers, Connection::Mode::kReadWrite, options.vfs);
  if (!reader) return std::unexpected(reader.error());
  auto store = std::make_unique<SqliteStore>(std::move(*lock), std::move(options),
                                             std::move(*writer), std::move(*reader));
  if (auto done = store->start_checkpoints(); !done) return std::unexpected(done.error());
  return store;
}

Result<std::unique_ptr<Reader>> open_reader(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorCode::kNotFound, fmt::format("There is no database {}.", file.string()));
  }
  auto connection = Connection::open(file, Connection::Mode::kReadOnly);
  if (!connection) return std::unexpected(connection.error());
  const auto version = read_version(*connection);
  if (!version) {
    return fail(version.error().code,
                fmt::format("{}: {}", file.string(), version.error().message));
  }
  if (*version < current_version()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("The database {} has layout {}, this errand reads layout {}. Start the "
                            "server once to bring it up to date.",
                            file.string(), *version, current_version()));
  }
  return SqliteReader::open(file, 1, Connection::Mode::kReadOnly);
}

}  // namespace errand::store::sqlite
