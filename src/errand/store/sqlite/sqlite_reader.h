#pragma once

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "errand/store/reader.h"
#include "errand/store/sqlite/connection.h"

namespace errand::store::sqlite {

/// Reads through a small pool of connections; a call waits while all are in use. Each call is one
/// statement and hence one snapshot.
class SqliteReader final : public Reader {
 public:
  /// The database must be there, with this program's layout.
  static Result<std::unique_ptr<SqliteReader>> open(const std::filesystem::path& file,
                                                    std::size_t connections, Connection::Mode mode,
                                                    const std::string& vfs = {});

  /// Reads on `connection` alone. Within a transaction on it, all calls see one state.
  static std::unique_ptr<SqliteReader> over(Connection connection);

  Result<job::StatePtr> job(JobId id) const override;
  Result<std::vector<job::StatePtr>> jobs(const JobFilter& filter,
                                          const JobPage& page) const override;
  Result<std::vector<job::StatePtr>> dead_letters(const DeadLetterFilter& filter,
                                                  const DeadLetterPage& page) const override;
  Result<std::vector<FailureGroup>> failures(const FailureQuery& query) const override;
  Result<std::vector<job::Event>> events_of(JobId id, Sequence after,
                                            std::size_t limit) const override;
  Result<std::vector<LogEntry>> events_after(LogPosition after,
                                             const std::optional<TenantId>& tenant,
                                             std::size_t limit) const override;
  Result<LogPosition> pruned_position(const std::optional<TenantId>& tenant) const override;
  Result<std::optional<Payload>> payload(JobId id, PayloadKind kind,
                                         std::string_view name) const override;
  Result<std::optional<IdempotencyRecord>> idempotency(
      const IdempotencyScope& scope) const override;
  Result<std::vector<job::StatePtr>> ready(const ReadyLine& line,
                                           const std::optional<ReadyCursor>& after,
                                           std::size_t limit) const override;
  Result<std::vector<job::StatePtr>> ready_of_key(const ReadyLine& line, std::string_view limit_key,
                                                  const std::optional<ReadyCursor>& after,
                                                  std::size_t limit) const override;
  Result<std::vector<job::StatePtr>> of_unique_key(const TenantId& tenant, const JobTypeName& type,
                                                   std::string_view unique_key) const override;
  Result<std::vector<ReadyLine>> ready_lines() const override;
  Result<std::vector<DueJob>> due(Timestamp until, const std::optional<DueCursor>& after,
                                  std::size_t limit) const override;
  Result<std::vector<job::StatePtr>> leased(const std::optional<JobId>& after,
                                            std::size_t limit) const override;
  Result<std::vector<job::StatePtr>> between_attempts(const std::optional<JobId>& after,
                                                      std::size_t limit) const override;
  Result<LogPosition> last_position() const override;
  Result<std::vector<JobCount>> counts(const std::optional<TenantId>& tenant) const override;
  Result<std::vector<LiveType>> live_types() const override;
  Result<std::optional<ContractSnapshot>> contract(const JobTypeName& type,
                                                   std::string_view hash) const override;
  Result<std::vector<QueueSetting>> queue_settings() const override;
  Result<std::vector<LimitSetting>> limit_settings() const override;
  Result<std::vector<RateUse>> rate_uses(Timestamp now, const std::optional<RateUse>& after,
                                         std::size_t limit) const override;
  Result<std::vector<EstimateDigest>> estimate_digests() const override;
  Result<std::optional<Record>> record(const RecordId& id) const override;
  Result<std::vector<Record>> records(const RecordFilter& filter,
                                      const RecordPage& page) const override;

 private:
  class Query;

  /// A connection with the statements that it has prepared so far, by their SQL.
  struct Slot {
    Connection connection;
    std::unordered_map<std::string, Statement> statements;
  };

  SqliteReader() = default;

  /// Waits for a free connection.
  Slot* acquire() const;
  void release(Slot* slot) const;
  /// Jobs of all tenants in these statuses.
  Result<std::int64_t> count(const std::vector<job::JobStatus>& statuses) const;
  Result<std::vector<job::StatePtr>> read_ready(const std::string& sql, const ReadyLine& line,
                                                std::string_view limit_key,
                                                const std::optional<ReadyCursor>& after,
                                                std::size_t limit) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable freed_;
  std::vector<std::unique_ptr<Slot>> slots_;
  mutable std::vector<Slot*> free_;
};

}  // namespace errand::store::sqlite
