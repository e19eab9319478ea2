#pragma once

namespace errand::base {

/// Logs the broken condition to standard error and aborts. Never returns.
///
/// A server that stops is safe: its leases run out and its store survives. One that goes on after a
/// broken invariant is not.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace errand::base

/// Checks for a bug (a broken precondition or invariant), in every build. Never for bad input.
#define ERRAND_ASSERT(condition)                                        \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::errand::base::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)
