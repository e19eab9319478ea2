#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"
#include "errand/store/reader.h"

namespace errand::api {

/// Makes and reads the opaque cursors of lists and logs.
///
/// A cursor says where its reader stands, sealed for one tenant with an HMAC under the server's
/// key: it cannot be forged, and one of another tenant is as invalid as a forged one. It keeps its
/// meaning over restarts. Immutable, thread-safe.
class CursorCodec {
 public:
  explicit CursorCodec(crypto::HmacKey key) : key_(std::move(key)) {}

  /// Of an event: resumes after it, in its job's log and in its tenant's.
  [[nodiscard]] std::string event_cursor(const TenantId& tenant, LogPosition position) const;
  /// @return kCursorInvalid for anything that event_cursor() did not make for this tenant.
  [[nodiscard]] Result<LogPosition> read_event_cursor(const TenantId& tenant,
                                                      std::string_view text) const;

  /// Of a job in a list ordered by creation.
  [[nodiscard]] std::string job_cursor(const TenantId& tenant,
                                       const store::JobCursor& cursor) const;
  /// @return kCursorInvalid for anything that job_cursor() did not make for this tenant.
  [[nodiscard]] Result<store::JobCursor> read_job_cursor(const TenantId& tenant,
                                                         std::string_view text) const;

  /// Of a job in a list ordered by the time of its end.
  [[nodiscard]] std::string finish_cursor(const TenantId& tenant,
                                          const store::FinishCursor& cursor) const;
  /// @return kCursorInvalid for anything that finish_cursor() did not make for this tenant.
  [[nodiscard]] Result<store::FinishCursor> read_finish_cursor(const TenantId& tenant,
                                                               std::string_view text) const;

  /// Of an object in a list ordered by its name.
  [[nodiscard]] std::string name_cursor(const TenantId& tenant, std::string_view name) const;
  /// @return kCursorInvalid for anything that name_cursor() did not make for this tenant.
  [[nodiscard]] Result<std::string> read_name_cursor(const TenantId& tenant,
                                                     std::string_view text) const;

 private:
  [[nodiscard]] std::string seal_place(const TenantId& tenant, char kind, Timestamp time,
                                       const JobId& id) const;
  [[nodiscard]] std::string seal(const TenantId& tenant, std::string body) const;
  /// @param size  of the body; nullopt: any
  [[nodiscard]] Result<std::string> open(const TenantId& tenant, std::string_view text, char kind,
                                         std::optional<std::size_t> size) const;

  crypto::HmacKey key_;
};

}  // namespace errand::api
