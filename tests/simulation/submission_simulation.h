#pragma once

#include <cstdint>
#include <string>

namespace errand::simulation {

/// What the engine's simulation cannot see, for it lies before the engine: clients whose grants
/// come and go submit with few idempotency keys through the whole api. A client without a grant
/// learns nothing, not even of its own earlier jobs (DESIGN.md, section 4: authorize first); with
/// one, each key makes one job (I2), and tenants do not meet (I13).
/// @return the first violation, in words; empty if there was none.
std::string simulate_submissions(std::uint64_t seed, int operations);

}  // namespace errand::simulation
