#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "errand/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace errand::store::sqlite {

/// One prepared statement. Not thread-safe; ends before its connection.
///
/// Bind in order with bind(), run with step() or run(), read columns, then reset(). A `Use` does
/// the reset at the end of a scope.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  /// Binds the next parameter. Texts and blobs are borrowed until the next reset().
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind_blob(std::span<const std::uint8_t> bytes);
  Statement& bind_null();

  /// Steps once. @return SQLITE_ROW, SQLITE_DONE or an error code of SQLite.
  int step();

  [[nodiscard]] std::int64_t integer(int column) const;
  /// Valid until the next step() or reset().
  [[nodiscard]] std::string_view text(int column) const;
  /// Valid until the next step() or reset(). Empty where the column is NULL.
  [[nodiscard]] std::span<const std::uint8_t> blob(int column) const;
  [[nodiscard]] bool is_null(int column) const;

  /// Makes it ready to be bound and run again.
  void reset();

  explicit operator bool() const noexcept { return handle_ != nullptr; }

  /// Resets the statement when it goes.
  class Use {
   public:
    explicit Use(Statement& statement) : statement_(&statement) {}
    ~Use() { statement_->reset(); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    Statement* statement_;
  };

 private:
  sqlite3_stmt* handle_ = nullptr;
  int next_ = 1;
};

/// One connection to a database file. Belongs to one thread at a time.
class Connection {
 public:
  enum class Mode : std::uint8_t { kCreate, kReadWrite, kReadOnly };

  Connection() = default;
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  /// Opens the file; kCreate makes it with mode 0600 where it is missing. `vfs` names one of
  /// SQLite's file systems, which makes it by its own rules; empty: the default.
  static Result<Connection> open(const std::filesystem::path& file, Mode mode,
                                 const std::string& vfs = {});

  /// Runs SQL without parameters, any number of statements, dropping rows.
  Result<void> execute(const char* sql);

  /// Prepares a statement that is kept for long.
  Result<Statement> prepare(std::string_view sql);

  /// First column of the first row of `sql`; 0 if there is none.
  Result<std::int64_t> query_integer(const char* sql);

  /// The last failure as an Error: kStoreFull, kStoreReadOnly, kStoreCorrupt, kStoreLocked or
  /// kUnavailable, with SQLite's own words. `what` says what was tried.
  [[nodiscard]] Error error(std::string_view what) const;

  /// Extended result code of the last call that failed.
  [[nodiscard]] int error_code() const;

  /// Whether no transaction is open.
  [[nodiscard]] bool in_autocommit() const;

  /// Whether the file can only be read, although it was opened for writing.
  [[nodiscard]] bool is_read_only() const;

  /// Number of rows that the last statement changed.
  [[nodiscard]] int changes() const;

  [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != nullptr; }

  /// Closes early; statements of it must be gone.
  void close();

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}

  sqlite3* handle_ = nullptr;
};

/// Runs a bound statement to its end and resets it. @return the failure; `what` says what was
/// tried.
Result<void> run(Connection& connection, Statement& statement, std::string_view what);

/// The public code for a result code of SQLite.
ErrorCode to_error_code(int sqlite_code) noexcept;

}  // namespace errand::store::sqlite
