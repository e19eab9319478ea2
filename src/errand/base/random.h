#pragma once

#include <cstdint>
#include <span>

namespace errand {

/// Source of random numbers. The simulation passes a seeded one, production SystemRandom.
class Random {
 public:
  virtual ~Random() = default;

  /// Uniform over all 64-bit numbers.
  virtual std::uint64_t next() = 0;

  /// Fills `bytes` with random bytes.
  virtual void fill(std::span<std::uint8_t> bytes);

  /// Uniform in [0, 1), from 53 bits.
  double uniform();
};

/// The operating system's generator (getrandom(2)), fit for tokens and keys. Thread-safe.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
  void fill(std::span<std::uint8_t> bytes) override;
};

/// SplitMix64: small, fast, reproducible from its seed. Not for secrets. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

}  // namespace errand
