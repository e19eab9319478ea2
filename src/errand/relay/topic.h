#pragma once

#include <string>
#include <string_view>

#include "errand/base/ids.h"

namespace errand::relay {

/// What a topic and its prefix have at most, so that a whole one fits into AMQP's 255 bytes.
inline constexpr std::size_t kTopicTokenMax = 60;
inline constexpr std::size_t kTopicPrefixMax = 64;

/// `text` as one token of a NATS subject or an AMQP routing key: what is no ASCII letter, digit,
/// "_" or
/// "-" becomes "%XX"; an empty text "-", and "-" itself "%2D". A token longer than kTopicTokenMax
/// is cut, and ends in "~" and a digest of the whole, so that two texts never share one.
std::string topic_token(std::string_view text);

/// "acme.exportReport.started" of tenant, job type and the type of an event.
std::string topic_of(const TenantId& tenant, const JobTypeName& job_type,
                     std::string_view event_type);

/// Whether `text` can stand before a topic: tokens of letters, digits, "_" and "-", with dots
/// between, at most kTopicPrefixMax.
bool is_topic_prefix(std::string_view text);

}  // namespace errand::relay
