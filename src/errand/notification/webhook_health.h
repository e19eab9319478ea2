#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "errand/base/clock.h"

namespace errand::notification {

/// How an endpoint has fared lately, from the outcomes of its attempts. A plain value; stored with
/// the endpoint.
///
/// An endpoint is *failing* from the fourth failure in a row on. It is to be disabled once there
/// were nothing but failures for five days. That time begins when two failures within 24 hours lie
/// at least 12 hours apart, so that an outage of an evening begins none; and as one event is tried
/// over 75 hours, never ends by the attempts of one event alone.
struct WebhookHealth {
  std::optional<Timestamp> last_success_at;
  std::optional<Timestamp> last_failure_at;
  std::string last_failure;                 ///< why, for people; of the last failure
  std::uint32_t failures = 0;               ///< since the last success
  std::optional<Timestamp> failing_since;   ///< the first failure since the last success
  std::optional<Timestamp> first_of_two;    ///< the failure that another is to lie apart from
  std::optional<Timestamp> counting_since;  ///< begin of the five days

  [[nodiscard]] bool failing() const;

  friend bool operator==(const WebhookHealth&, const WebhookHealth&) = default;
};

/// What an outcome changed.
enum class HealthChange : std::uint8_t {
  kNone,
  kFailing,    ///< it is failing from now on
  kRecovered,  ///< it was failing, and has taken an event
  kGivenUp,    ///< it is to be disabled
};

/// An attempt succeeded.
HealthChange note_success(WebhookHealth& health, Timestamp now);

/// An attempt failed, by what the endpoint did.
/// @param why  for people
HealthChange note_failure(WebhookHealth& health, std::string why, Timestamp now);

}  // namespace errand::notification
