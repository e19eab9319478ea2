#pragma once

#include <string_view>

namespace errand::contract {

/// The part of the status schema that is about notifications, as standard_schema.h has the rest.
std::string_view notification_types_sdl() noexcept;
std::string_view notification_query_fields_sdl() noexcept;
std::string_view notification_mutation_fields_sdl() noexcept;
std::string_view notification_subscription_fields_sdl() noexcept;

}  // namespace errand::contract
