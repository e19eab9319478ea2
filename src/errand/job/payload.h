#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace errand::job {

/// Names a payload without holding it: the bytes of inputs and results lie beside the log, so that
/// they can be erased without touching it.
struct PayloadRef {
  std::array<std::uint8_t, 32> digest{};  ///< HMAC-SHA-256 of the bytes under the server's key
  std::uint64_t size_bytes = 0;

  friend bool operator==(const PayloadRef&, const PayloadRef&) = default;
};

/// What went wrong, for people and programs: `JobError` of the schema. No stack traces.
struct JobError {
  std::string code;           ///< such as "TIMEOUT", or a worker's own, in capitals
  std::string message;        ///< one sentence
  std::string details;        ///< one JSON value as text; empty: none
  bool retryable = false;     ///< whether the same job may succeed when run again unchanged
  std::string remediation;    ///< what a person can do; may be empty
  std::uint32_t attempt = 0;  ///< attempt in which it happened; 0: in none

  friend bool operator==(const JobError&, const JobError&) = default;
};

/// How far an attempt has come, as the worker last said.
struct Progress {
  double completed = 0;  ///< in units of the worker's choice; finite, >= 0
  double total = 0;      ///< 0: unknown; finite, >= 0
  std::string stage;     ///< short name of what is being done; may be empty
  std::string message;   ///< one sentence for people; may be empty

  friend bool operator==(const Progress&, const Progress&) = default;
};

}  // namespace errand::job
