#include "errand/store/sqlite/connection.h"

#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand/base/assert.h"

namespace errand::store::sqlite {
namespace {

/// SQLite would give a new file the umask's mode, and would not make its name durable. Failures
/// show when SQLite opens the file.
void create_if_missing(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return;
  ::close(fd);
  const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)::fsync(folder);
  ::close(folder);
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), next_(std::exchange(other.next_, 1)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
    next_ = std::exchange(other.next_, 1);
  }
  return *this;
}

Statement& Statement::bind(std::int64_t value) {
  const int rc = sqlite3_bind_int64(handle_, next_++, value);
  ERRAND_ASSERT(rc == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, an empty view may hold one.
  const char* data = text.data() == nullptr ? "" : text.data();
  const int rc =
      sqlite3_bind_text64(handle_, next_++, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  ERRAND_ASSERT(rc == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_blob(std::span<const std::uint8_t> bytes) {
  const int rc = sqlite3_bind_blob64(handle_, next_++, bytes.data(), bytes.size(), SQLITE_STATIC);
  ERRAND_ASSERT(rc == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_null() {
  const int rc = sqlite3_bind_null(handle_, next_++);
  ERRAND_ASSERT(rc == SQLITE_OK);
  return *this;
}

int Statement::step() { return sqlite3_step(handle_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::span<const std::uint8_t> Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

void Statement::reset() {
  // Its result repeats the failure of the last step, which the caller has seen.
  (void)sqlite3_reset(handle_);
  next_ = 1;
}

Connection::~Connection() { close(); }

Connection::Connection(Connection&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

void Connection::close() {
  if (handle_ == nullptr) return;
  sqlite3_close_v2(std::exchange(handle_, nullptr));
}

Result<Connection> Connection::open(const std::filesystem::path& file, Mode mode,
                                    const std::string& vfs) {
  const bool on_disk = vfs.empty();
  if (mode == Mode::kCreate && on_disk) create_if_missing(file);
  // One thread at a time uses a connection, so SQLite needs no mutex of its own for it.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    (mode == Mode::kCreate && !on_disk ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const int rc = sqlite3_open_v2(file.c_str(), &handle, flags, on_disk ? nullptr : vfs.c_str());
  Connection connection(handle);
  if (rc != SQLITE_OK) {
    return std::unexpected(connection.error(fmt::format("opening {}", file.string())));
  }
  sqlite3_busy_timeout(handle, 5'000);
  return connection;
}

Result<void> Connection::execute(const char* sql) {
  const int rc = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(error(std::string_view(sql).substr(0, 80)));
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(error(sql.substr(0, 80)));
  return Statement(statement);
}

Result<std::int64_t> Connection::query_integer(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const int rc = statement->step();
  if (rc == SQLITE_DONE) return 0;
  if (rc != SQLITE_ROW) return std::unexpected(error(sql));
  return statement->integer(0);
}

Result<void> run(Connection& connection, Statement& statement, std::string_view what) {
  const Statement::Use use(statement);
  if (statement.step() == SQLITE_DONE) return {};
  return std::unexpected(connection.error(what));
}

ErrorCode to_error_code(int sqlite_code) noexcept {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kStoreFull;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::kStoreReadOnly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kStoreCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kStoreLocked;
    default:
      return ErrorCode::kUnavailable;
  }
}

Error Connection::error(std::string_view what) const {
  const int code = error_code();
  const ErrorCode mapped = to_error_code(code);
  std::string_view remedy;
  switch (mapped) {
    case ErrorCode::kStoreFull:
      remedy = " The disk is full: free some space; the server goes on by itself.";
      break;
    case ErrorCode::kStoreReadOnly:
      remedy = " Make the database file and its folder writable for the server's user.";
      break;
    case ErrorCode::kStoreCorrupt:
      remedy = " The file is damaged or no database: restore a backup.";
      break;
    case ErrorCode::kStoreLocked:
      remedy = " Another program holds the database.";
      break;
    default:
      break;
  }
  return Error{mapped, fmt::format("SQLite: {} ({}) while {}.{}",
                                   handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_),
                                   code, what, remedy)};
}

int Connection::error_code() const {
  return handle_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(handle_);
}

bool Connection::in_autocommit() const { return sqlite3_get_autocommit(handle_) != 0; }

bool Connection::is_read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

int Connection::changes() const { return sqlite3_changes(handle_); }

}  // namespace errand::store::sqlite
