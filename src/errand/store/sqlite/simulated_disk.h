#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace errand::store::sqlite {

/// A disk in memory under SQLite, for tests: it can be full, fail to write or to sync, and lose its
/// power.
///
/// It keeps a file as a program sees it and as it is for sure, sector by sector: what was written
/// since the file's last sync may be there after a power loss, or not, or in part. A new name is
/// sure after the first sync of its file, a deletion after the next sync of any.
///
/// A file system of SQLite under name() while it lives. One thread at a time: a store on it needs
/// Options::checkpoint_in_commit. Databases on it must be closed before it goes.
class SimulatedDisk {
 public:
  enum class Operation : std::uint8_t { kWrite, kSync };
  /// Called before each write and sync with the file's name; the SQLite code that it returns is the
  /// operation's result. SQLITE_OK lets it through.
  using Fault = std::function<int(Operation operation, std::string_view file)>;

  /// `seed` decides what survives.
  explicit SimulatedDisk(std::uint64_t seed);
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  [[nodiscard]] const std::string& name() const noexcept;

  /// Empty: nothing fails.
  void set_fault(Fault fault);

  /// The program ends at once: what it has written stays, as the system goes on. Every operation on
  /// files that are open now fails from here on; they can only be closed.
  void kill();

  /// The power goes: the same, and of what was not synced each sector is kept or lost by chance.
  void lose_power();

  /// Another disk with what lose_power() would leave on this one now.
  [[nodiscard]] std::unique_ptr<SimulatedDisk> after_power_loss(std::uint64_t seed) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace errand::store::sqlite
