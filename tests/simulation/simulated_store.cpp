#include "tests/simulation/simulated_store.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <sqlite3.h>

#include "errand/base/assert.h"
#include "errand/crypto/master_key.h"
#include "errand/store/event_chain.h"
#include "errand/store/memory_store.h"
#include "errand/store/sqlite/chain_verifier.h"
#include "errand/store/sqlite/simulated_disk.h"
#include "errand/store/sqlite/sqlite_store.h"

namespace errand::simulation {
namespace {

using store::sqlite::SimulatedDisk;

class SimulatedMemoryStore final : public SimulatedStore {
 public:
  explicit SimulatedMemoryStore(Random& random) : random_(random) {}

  store::Store& store() override { return store_; }

  void break_down() override {
    using Fault = store::MemoryStore::Fault;
    // The SQLite store never gives the last.
    constexpr std::array kFaults = {Fault::kRefuse, Fault::kUnknownLost, Fault::kUnknownWritten,
                                    Fault::kUnknownWritten, Fault::kUnknownWritten};
    store_.fail_next_commit(kFaults[random_.next() % kFaults.size()]);
  }
  void heal() override { store_.fail_next_commit(store::MemoryStore::Fault::kNone); }
  [[nodiscard]] bool has_ended() const override { return false; }
  void crash() override { store_.crash(); }

 private:
  Random& random_;
  store::MemoryStore store_;
};

class SimulatedSqliteStore final : public SimulatedStore {
 public:
  explicit SimulatedSqliteStore(Random& random) : random_(random), disk_(random.next()) { open(); }

  store::Store& store() override { return *store_; }

  void break_down() override {
    // A commit is some ten writes and one or two syncs.
    auto left = random_.next() % 12;
    constexpr std::array kCodes = {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC};
    const int code = kCodes[random_.next() % kCodes.size()];
    const bool lasts = random_.next() % 2 == 0;  // or fails once
    const bool ends = random_.next() % 3 == 0;
    disk_.set_fault(
        [this, left, code, lasts, ends](SimulatedDisk::Operation, std::string_view) mutable {
          if (left > 0) {
            --left;
            return SQLITE_OK;
          }
          if (ends) {
            end();
            return SQLITE_IOERR;
          }
          if (!lasts) left = UINT64_MAX;
          return code;
        });
  }
  void heal() override { disk_.set_fault({}); }
  [[nodiscard]] bool has_ended() const override { return ended_; }

  std::string find_chain_fault() override {
    const auto report = store::sqlite::verify_chain("db", chain_, {.faults_max = 1}, disk_.name());
    if (!report) return report.error().message;
    return report->faults.empty() ? std::string() : report->faults.front();
  }

  void crash() override {
    heal();
    if (!ended_) end();
    store_.reset();
    open();
    ended_ = false;
  }

 private:
  void end() {
    ended_ = true;
    if (random_.next() % 3 == 0) {
      disk_.kill();
    } else {
      disk_.lose_power();
    }
  }

  void open() {
    auto opened = store::sqlite::open({.file = "db",
                                       .readers = 1,
                                       .checkpoint_bytes = 1UL << (14 + random_.next() % 8),
                                       .vfs = disk_.name(),
                                       .checkpoint_in_commit = true,
                                       .chain = chain_});
    ERRAND_ASSERT(opened.has_value());
    store_ = std::move(*opened);
  }

  Random& random_;
  SimulatedDisk disk_;
  const store::EventChain chain_{crypto::MasterKey(crypto::Digest{})};
  std::unique_ptr<store::Store> store_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<SimulatedStore> make_memory_store(Random& random) {
  return std::make_unique<SimulatedMemoryStore>(random);
}

std::unique_ptr<SimulatedStore> make_sqlite_store(Random& random) {
  return std::make_unique<SimulatedSqliteStore>(random);
}

}  // namespace errand::simulation
