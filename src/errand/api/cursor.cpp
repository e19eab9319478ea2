#include "errand/api/cursor.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "errand/crypto/encoding.h"

namespace errand::api {
namespace {

constexpr char kEvent = 'E';
constexpr char kJob = 'J';
constexpr char kFinish = 'F';
constexpr char kName = 'N';
constexpr std::size_t kSealBytes = 16;

void append_number(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xFFU));
  }
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes.substr(0, 8)) {
    number = (number << 8U) | static_cast<std::uint8_t>(byte);
  }
  return number;
}

/// Bytes of a kind, a time and a job's id.
constexpr std::size_t kPlaceBytes = 25;

/// Time and id of a body of kPlaceBytes.
std::pair<Timestamp, JobId> read_place(std::string_view body) {
  JobId id;
  std::memcpy(id.uuid.bytes.data(), body.data() + 9, id.uuid.bytes.size());
  return {Timestamp(Milliseconds(static_cast<std::int64_t>(read_number(body.substr(1))))), id};
}

std::unexpected<Error> invalid() {
  return fail(ErrorCode::kCursorInvalid,
              "The cursor is not one that this server gave out for your tenant.");
}

/// What is sealed: the tenant's name ends the text, so that no two pairs run together. Bodies are
/// as long as their kind says, or end with a zero, which no tenant's name holds.
std::string sealed_text(const TenantId& tenant, std::string_view body) {
  return "cursor:" + std::string(body) + tenant.str();
}

}  // namespace

std::string CursorCodec::seal(const TenantId& tenant, std::string body) const {
  const crypto::Digest digest = key_.sign(sealed_text(tenant, body));
  body.append(reinterpret_cast<const char*>(digest.data()), kSealBytes);
  return crypto::to_base64url(crypto::as_bytes(body));
}

Result<std::string> CursorCodec::open(const TenantId& tenant, std::string_view text, char kind,
                                      std::optional<std::size_t> size) const {
  const std::optional<crypto::Bytes> bytes = crypto::from_base64url(text);
  if (!bytes || bytes->size() <= kSealBytes) return invalid();
  const std::size_t body_size = bytes->size() - kSealBytes;
  if (body_size != size.value_or(body_size)) return invalid();
  std::string body(reinterpret_cast<const char*>(bytes->data()), body_size);
  if (body.front() != kind) return invalid();
  const std::string sealed = sealed_text(tenant, body);
  if (!key_.verify(crypto::as_bytes(sealed), std::span(*bytes).subspan(body_size))) {
    return invalid();
  }
  return body;
}

std::string CursorCodec::event_cursor(const TenantId& tenant, LogPosition position) const {
  std::string body(1, kEvent);
  append_number(body, to_number(position));
  return seal(tenant, std::move(body));
}

Result<LogPosition> CursorCodec::read_event_cursor(const TenantId& tenant,
                                                   std::string_view text) const {
  const Result<std::string> body = open(tenant, text, kEvent, 9);
  if (!body) return std::unexpected(body.error());
  return LogPosition{read_number(std::string_view(*body).substr(1))};
}

std::string CursorCodec::seal_place(const TenantId& tenant, char kind, Timestamp time,
                                    const JobId& id) const {
  std::string body(1, kind);
  append_number(body, static_cast<std::uint64_t>(time.time_since_epoch().count()));
  body.append(reinterpret_cast<const char*>(id.uuid.bytes.data()), id.uuid.bytes.size());
  return seal(tenant, std::move(body));
}

std::string CursorCodec::job_cursor(const TenantId& tenant, const store::JobCursor& cursor) const {
  return seal_place(tenant, kJob, cursor.created_at, cursor.id);
}

Result<store::JobCursor> CursorCodec::read_job_cursor(const TenantId& tenant,
                                                      std::string_view text) const {
  const Result<std::string> body = open(tenant, text, kJob, kPlaceBytes);
  if (!body) return std::unexpected(body.error());
  const auto [time, id] = read_place(*body);
  return store::JobCursor{time, id};
}

std::string CursorCodec::finish_cursor(const TenantId& tenant,
                                       const store::FinishCursor& cursor) const {
  return seal_place(tenant, kFinish, cursor.finished_at, cursor.id);
}

Result<store::FinishCursor> CursorCodec::read_finish_cursor(const TenantId& tenant,
                                                            std::string_view text) const {
  const Result<std::string> body = open(tenant, text, kFinish, kPlaceBytes);
  if (!body) return std::unexpected(body.error());
  const auto [time, id] = read_place(*body);
  return store::FinishCursor{time, id};
}

std::string CursorCodec::name_cursor(const TenantId& tenant, std::string_view name) const {
  std::string body(1, kName);
  body += name;
  body += '\0';
  return seal(tenant, std::move(body));
}

Result<std::string> CursorCodec::read_name_cursor(const TenantId& tenant,
                                                  std::string_view text) const {
  Result<std::string> body = open(tenant, text, kName, std::nullopt);
  if (!body) return std::unexpected(body.error());
  if (!body->ends_with('\0')) return invalid();
  return body->substr(1, body->size() - 2);
}

}  // namespace errand::api
