#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/random.h"

namespace errand::telemetry {

/// Place of a piece of work in a distributed trace (W3C Trace Context, level 1, `traceparent`).
/// A value type.
struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  std::uint8_t flags = 0;  ///< bit 0: sampled

  /// Reads a `traceparent` header: version 00, or the leading part of a later version's.
  /// @return nullopt for anything invalid, which a receiver ignores (section 3.2.2.3).
  static std::optional<TraceContext> parse(std::string_view traceparent) noexcept;

  /// Begins a new, sampled trace.
  static TraceContext start(Random& random);

  /// The same trace, with a new span of which this one is the parent.
  [[nodiscard]] TraceContext child(Random& random) const;

  /// The `traceparent` header, version 00.
  [[nodiscard]] std::string traceparent() const;

  /// 32 digits of lower-case hexadecimal.
  [[nodiscard]] std::string trace_id_text() const;

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

}  // namespace errand::telemetry
