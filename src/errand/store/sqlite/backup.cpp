#include "errand/store/sqlite/backup.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/uuid.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/file_lock.h"
#include "errand/store/sqlite/migrations.h"

namespace errand::store::sqlite {
namespace {

namespace fs = std::filesystem;

/// Pages copied at a step: 1 MiB.
constexpr int kPagesPerStep = 256;
constexpr auto kProgressInterval = std::chrono::milliseconds(200);

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(file, ignored));
}

fs::path with(const fs::path& file, const char* suffix) { return {file.string() + suffix}; }

void remove_database(const fs::path& file) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    fs::remove(with(file, suffix), ignored);
  }
}

Error in_file(const fs::path& file, const Error& error) {
  return {error.code, fmt::format("{}: {}", file.string(), error.message)};
}

/// Makes a new or changed name durable.
void sync_folder_of(const fs::path& file) {
  const auto parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)::fsync(folder);
  ::close(folder);
}

/// Removes an unfinished copy, unless it was taken.
class Unfinished {
 public:
  explicit Unfinished(fs::path file) : file_(std::move(file)) { remove_database(file_); }
  ~Unfinished() { remove_database(file_); }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  [[nodiscard]] const fs::path& file() const { return file_; }

 private:
  fs::path file_;
};

struct CloseBackup {
  void operator()(sqlite3_backup* backup) const { (void)sqlite3_backup_finish(backup); }
};

Result<void> copy_pages(Connection& from, Connection& to, const CopyProgress& progress) {
  const std::unique_ptr<sqlite3_backup, CloseBackup> backup(
      sqlite3_backup_init(to.handle(), "main", from.handle(), "main"));
  if (!backup) return std::unexpected(to.error("beginning a copy"));
  const auto page_bytes = from.query_integer("PRAGMA page_size");
  if (!page_bytes) return std::unexpected(page_bytes.error());
  auto next_report = std::chrono::steady_clock::now();
  while (true) {
    const int rc = sqlite3_backup_step(backup.get(), kPagesPerStep);
    if (rc != SQLITE_OK && rc != SQLITE_DONE) return std::unexpected(to.error("copying"));
    const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup.get()));
    const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup.get()));
    const auto size = static_cast<std::uint64_t>(*page_bytes);
    if (progress && (rc == SQLITE_DONE || std::chrono::steady_clock::now() >= next_report)) {
      progress((total - left) * size, total * size);
      next_report = std::chrono::steady_clock::now() + kProgressInterval;
    }
    if (rc == SQLITE_DONE) return {};
  }
}

/// Reads what the database says about itself.
Result<Copied> describe(Connection& connection) {
  const auto version = read_version(connection);
  if (!version) return std::unexpected(version.error());
  if (*version == 0) {
    return fail(ErrorCode::kStoreCorrupt, "The file holds no database of Errand, but is empty.");
  }
  const auto position = connection.query_integer("SELECT last_position FROM store_state");
  if (!position) return std::unexpected(position.error());
  const auto epoch = connection.query_integer("SELECT epoch FROM store_state");
  if (!epoch) return std::unexpected(epoch.error());
  return Copied{.layout = *version,
                .last_position = LogPosition(*position),
                .epoch = static_cast<std::uint64_t>(*epoch)};
}

Result<void> check_integrity(Connection& connection) {
  auto check = connection.prepare("PRAGMA integrity_check(1)");
  if (!check) return std::unexpected(check.error());
  if (check->step() != SQLITE_ROW) return std::unexpected(connection.error("checking the copy"));
  if (check->text(0) == "ok") return {};
  return fail(ErrorCode::kStoreCorrupt,
              fmt::format("The database is damaged: {}. See errand doctor.", check->text(0)));
}

/// One file instead of a database with a log beside it.
Result<void> drop_log(Connection& connection) {
  auto mode = connection.prepare("PRAGMA journal_mode = DELETE");
  if (!mode) return std::unexpected(mode.error());
  if (mode->step() == SQLITE_ROW && mode->text(0) == "delete") return {};
  return std::unexpected(connection.error("closing the copy's log"));
}

/// Copies `from` to the new file `to` and checks it.
Result<Copied> copy(const fs::path& from, const fs::path& to, std::uint64_t epoch_above,
                    const CopyProgress& progress) {
  if (!is_there(from)) {
    return fail(ErrorCode::kNotFound, fmt::format("There is no file {}.", from.string()));
  }
  auto source = Connection::open(from, Connection::Mode::kReadOnly);
  if (!source) return std::unexpected(source.error());
  // A transaction, so that all steps copy one state, whatever is written meanwhile.
  if (auto begun = source->execute("BEGIN"); !begun) return std::unexpected(begun.error());
  const auto known = describe(*source);
  if (!known) return std::unexpected(in_file(from, known.error()));

  auto target = Connection::open(to, Connection::Mode::kCreate);
  if (!target) return std::unexpected(target.error());
  if (auto done = copy_pages(*source, *target, progress); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = drop_log(*target); !done) return std::unexpected(done.error());
  if (auto done = check_integrity(*target); !done) {
    return std::unexpected(in_file(from, done.error()));
  }
  if (epoch_above > 0) {
    const auto epoch = std::max(epoch_above, known->epoch) + 1;
    auto sql = fmt::format("UPDATE store_state SET epoch = {}", epoch);
    // Backups of older layouts have none.
    const auto has_lineage = target->query_integer(
        "SELECT count(*) FROM pragma_table_info('store_state') WHERE name = 'lineage'");
    if (!has_lineage) return std::unexpected(has_lineage.error());
    SystemRandom random;
    if (*has_lineage > 0) {
      sql += fmt::format(", lineage = '{}'", Uuid::v7(SystemClock().now().wall, random).str());
    }
    if (auto done = target->execute(sql.c_str()); !done) return std::unexpected(done.error());
  }
  auto copied = describe(*target);
  if (!copied) return std::unexpected(copied.error());
  if (copied->layout != known->layout || copied->last_position != known->last_position) {
    return fail(ErrorCode::kStoreCorrupt,
                fmt::format("The copy of {} is not what was copied; try again.", from.string()));
  }
  std::error_code error;
  copied->bytes = fs::file_size(to, error);
  return copied;
}

/// Epoch of a database that may be damaged or none at all; then 0.
std::uint64_t epoch_of(const fs::path& file) {
  auto connection = Connection::open(file, Connection::Mode::kReadOnly);
  if (!connection) return 0;
  const auto epoch = connection->query_integer("SELECT epoch FROM store_state");
  return epoch && *epoch > 0 ? static_cast<std::uint64_t>(*epoch) : 0;
}

}  // namespace

Result<Copied> back_up(const fs::path& from, const fs::path& to, const CopyProgress& progress) {
  const auto taken = [&] {
    return fail(
        ErrorCode::kConflict,
        fmt::format("{} exists already. Name another file, or remove it first.", to.string()));
  };
  if (is_there(to)) return taken();
  const Unfinished unfinished(with(to, ".partial"));
  auto copied = copy(from, unfinished.file(), 0, progress);
  if (!copied) return copied;
  // Unlike a renaming, a link does not replace what has come in the meantime.
  if (::link(unfinished.file().c_str(), to.c_str()) != 0) {
    if (errno == EEXIST) return taken();
    return fail(ErrorCode::kUnavailable,
                fmt::format("Cannot make {}: {}", to.string(), std::strerror(errno)));
  }
  sync_folder_of(to);
  return copied;
}

Result<Copied> restore(const fs::path& from, const fs::path& to, const RestoreOptions& options,
                       const CopyProgress& progress) {
  std::error_code error;
  if (is_there(from) && is_there(to) && fs::equivalent(from, to, error)) {
    return fail(ErrorCode::kInvalidArgument, "The backup and the database are the same file.");
  }
  const auto lock = FileLock::acquire(to);
  if (!lock) return std::unexpected(lock.error());
  if (is_there(to) && !options.replace) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} exists already. Restore to another file, or replace this one with "
                            "--force; what it holds is lost then.",
                            to.string()));
  }
  const Unfinished unfinished(with(to, ".restoring"));
  const std::uint64_t epoch = is_there(to) ? epoch_of(to) : 0;
  auto copied = copy(from, unfinished.file(), std::max<std::uint64_t>(epoch, 1), progress);
  if (!copied) return copied;
  // The old log must be gone before the new file has its name: it would be read as the new one's.
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    fs::remove(with(to, suffix), error);
    if (error) {
      return fail(ErrorCode::kStoreReadOnly,
                  fmt::format("Cannot remove {}{}: {}", to.string(), suffix, error.message()));
    }
  }
  fs::rename(unfinished.file(), to, error);
  if (error) {
    return fail(ErrorCode::kUnavailable, fmt::format("Cannot put the copy in place of {}: {}",
                                                     to.string(), error.message()));
  }
  sync_folder_of(to);
  return copied;
}

}  // namespace errand::store::sqlite
