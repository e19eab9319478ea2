#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/strong_id.h"
#include "errand/base/uuid.h"

namespace errand {

/// Identifies one job: a UUIDv7, opaque to clients.
struct JobId {
  Uuid uuid;

  static std::optional<JobId> parse(std::string_view text) noexcept {
    const auto uuid = Uuid::parse(text);
    if (!uuid) return std::nullopt;
    return JobId{*uuid};
  }
  [[nodiscard]] std::string str() const { return uuid.str(); }

  friend bool operator==(const JobId&, const JobId&) = default;
  friend auto operator<=>(const JobId&, const JobId&) = default;
};

using QueueName = StrongString<struct QueueNameTag>;
using TenantId = StrongString<struct TenantIdTag>;
/// A job's type: the name of its mutation field, such as "exportReport".
using JobTypeName = StrongString<struct JobTypeNameTag>;
/// One connected worker process, unique for the life of the server.
using WorkerId = StrongString<struct WorkerIdTag>;
/// Who acts: the stable subject of a principal, such as "user:anna" or "worker:render-1".
using SubjectId = StrongString<struct SubjectIdTag>;

/// Place of an event in a store's log, from 1. Grows with every event; 0 is before the first.
enum class LogPosition : std::uint64_t {};
/// Number of an event within its job, from 1 without gaps.
enum class Sequence : std::uint64_t {};
/// Fences one dispatch of a job: grows with each start, so that a report of an earlier start shows.
enum class FencingToken : std::uint64_t {};

template <class Enum>
  requires std::is_enum_v<Enum>
constexpr std::uint64_t to_number(Enum value) noexcept {
  return static_cast<std::uint64_t>(value);
}

}  // namespace errand

template <>
struct std::hash<errand::JobId> {
  std::size_t operator()(const errand::JobId& id) const noexcept {
    return std::hash<errand::Uuid>{}(id.uuid);
  }
};
