#pragma once

#include <string_view>

namespace errand::contract {

// The part of the status schema that is about endpoints of webhooks; see standard_schema.h.

std::string_view webhook_types_sdl() noexcept;
std::string_view webhook_query_fields_sdl() noexcept;
std::string_view webhook_mutation_fields_sdl() noexcept;

}  // namespace errand::contract
