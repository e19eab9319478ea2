#include "errand/store/sqlite/simulated_disk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "errand/base/assert.h"
#include "errand/base/random.h"

namespace errand::store::sqlite {
namespace {

/// What a disk writes whole or not at all, in bytes.
constexpr std::size_t kSector = 512;

/// The bytes of a file: as they are seen, and as they are for sure.
struct Bytes {
  std::string seen;
  std::string synced;
  std::set<std::size_t> dirty;  ///< sectors that differ, perhaps
  bool named = false;           ///< the name is sure: the file was synced once

  void write(std::string_view data, std::size_t at) {
    if (data.empty()) return;
    if (seen.size() < at + data.size()) seen.resize(at + data.size());
    data.copy(seen.data() + at, data.size());
    for (std::size_t s = at / kSector; s <= (at + data.size() - 1) / kSector; ++s) dirty.insert(s);
  }

  void truncate(std::size_t size) {
    for (std::size_t s = size / kSector; s * kSector < seen.size(); ++s) dirty.insert(s);
    seen.resize(size);
  }

  void sync() {
    synced.resize(seen.size());
    for (const std::size_t sector : dirty) keep(sector, synced);
    dirty.clear();
    named = true;
  }

  /// Puts a sector as it is seen into `to`, which grows where it must.
  void keep(std::size_t sector, std::string& to) const {
    const std::size_t begin = sector * kSector;
    if (begin >= seen.size()) return;
    const std::size_t size = std::min(kSector, seen.size() - begin);
    if (to.size() < begin + size) to.resize(begin + size);
    seen.copy(to.data() + begin, size, begin);
  }

  /// What a power loss leaves.
  [[nodiscard]] Bytes survivors(SeededRandom& random) const {
    Bytes left;
    left.synced = synced;
    left.named = true;
    if (seen.size() < synced.size() && random.next() % 2 == 0) left.synced.resize(seen.size());
    // Now and then all of it, or nothing, which chance by the sector would hardly ever give.
    const std::uint64_t mood = random.next() % 4;
    for (const std::size_t sector : dirty) {
      if (mood == 0 || (mood != 1 && random.next() % 2 == 0)) keep(sector, left.synced);
    }
    left.seen = left.synced;
    return left;
  }
};

}  // namespace

struct SimulatedDisk::Impl {
  /// A file and the locks on it, shared by all connections to it
  /// (sqlite.org/c3ref/io_methods.html).
  struct Shared {
    Bytes bytes;
    int shared_locks = 0;
    const void* reserved = nullptr;  ///< who holds RESERVED or more
    const void* pending = nullptr;   ///< who holds PENDING or EXCLUSIVE
    /// The wal-index, and for each of its locks how many share it; -1 is exclusive.
    std::vector<std::unique_ptr<std::vector<char>>> regions;
    std::array<int, SQLITE_SHM_NLOCK> shm_locks{};
  };

  struct State {
    Impl* disk = nullptr;
    std::shared_ptr<Shared> file;
    std::string name;  ///< empty: temporary
    std::uint64_t life = 0;
    int lock = SQLITE_LOCK_NONE;
    std::array<int, SQLITE_SHM_NLOCK> shm{};  ///< 1: shared, -1: exclusive
    bool delete_on_close = false;
  };
  /// What SQLite holds of an open file.
  struct Open {
    sqlite3_file base;  // first: what SQLite sees
    State* state;
  };

  explicit Impl(std::uint64_t seed) : random(seed) {
    static std::atomic<std::uint64_t> count = 0;
    name = "errand-disk-" + std::to_string(++count);
    sqlite3_vfs* base = sqlite3_vfs_find(nullptr);
    vfs = *base;
    vfs.zName = name.c_str();
    vfs.pNext = nullptr;
    vfs.pAppData = this;
    vfs.szOsFile = static_cast<int>(sizeof(Open));
    vfs.mxPathname = 512;
    vfs.xOpen = [](sqlite3_vfs* v, const char* path, sqlite3_file* file, int flags, int* given) {
      return of(v).open(path, file, flags, given);
    };
    vfs.xDelete = [](sqlite3_vfs* v, const char* path, int) { return of(v).remove(path); };
    vfs.xAccess = [](sqlite3_vfs* v, const char* path, int, int* result) {
      *result = of(v).files.contains(path) ? 1 : 0;
      return SQLITE_OK;
    };
    vfs.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
      sqlite3_snprintf(size, out, "%s", path);
      return SQLITE_OK;
    };
    // Nobody else can give back a lock meanwhile.
    vfs.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };
    const int rc = sqlite3_vfs_register(&vfs, 0);
    ERRAND_ASSERT(rc == SQLITE_OK);
    // The salts of write-ahead logs come from the seed too.
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed | 1U), nullptr);
  }

  ~Impl() { sqlite3_vfs_unregister(&vfs); }

  static Impl& of(sqlite3_vfs* v) { return *static_cast<Impl*>(v->pAppData); }
  static State& of(sqlite3_file* file) { return *reinterpret_cast<Open*>(file)->state; }

  int open(const char* path, sqlite3_file* file, int flags, int* given) {
    file->pMethods = nullptr;
    auto state = std::make_unique<State>();
    state->disk = this;
    state->life = life;
    state->name = path == nullptr ? "" : path;
    state->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    const auto known = files.find(state->name);
    if (path != nullptr && known != files.end()) {
      state->file = known->second;
    } else {
      if (path != nullptr && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      state->file = std::make_shared<Shared>();
      if (path != nullptr) files.emplace(state->name, state->file);
    }
    reinterpret_cast<Open*>(file)->state = state.release();
    file->pMethods = &methods();
    if (given != nullptr) *given = flags;
    return SQLITE_OK;
  }

  int remove(const std::string& path) {
    const auto known = files.find(path);
    if (known == files.end()) return SQLITE_IOERR_DELETE_NOENT;
    if (known->second->bytes.named) deleted.insert_or_assign(path, known->second->bytes);
    files.erase(known);
    return SQLITE_OK;
  }

  void die() {
    ++life;
    for (auto& [path, file] : files) {
      auto fresh = std::make_shared<Shared>();
      fresh->bytes = std::move(file->bytes);
      file = std::move(fresh);
    }
  }

  /// What a power loss leaves of all files.
  [[nodiscard]] std::map<std::string, std::shared_ptr<Shared>> survivors(
      SeededRandom& chance) const {
    std::map<std::string, std::shared_ptr<Shared>> left;
    const auto put = [&](const std::string& path, Bytes bytes) {
      auto file = std::make_shared<Shared>();
      file->bytes = std::move(bytes);
      left.insert_or_assign(path, std::move(file));
    };
    for (const auto& [path, bytes] : deleted) {
      if (chance.next() % 2 == 0) put(path, bytes.survivors(chance));
    }
    for (const auto& [path, file] : files) {
      if (file->bytes.named || chance.next() % 2 == 0) put(path, file->bytes.survivors(chance));
    }
    return left;
  }

  [[nodiscard]] int ask(const State& state, Operation operation) const {
    if (state.life != life) return SQLITE_IOERR;
    return fault ? fault(operation, state.name) : SQLITE_OK;
  }

  int lock(State& state, int level) const {
    Shared& file = *state.file;
    if (state.life != life) return SQLITE_IOERR_LOCK;
    if (state.lock >= level) return SQLITE_OK;
    if (state.lock == SQLITE_LOCK_NONE) {
      if (file.pending != nullptr) return SQLITE_BUSY;
      ++file.shared_locks;
      state.lock = SQLITE_LOCK_SHARED;
      if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    }
    if (file.reserved != nullptr && file.reserved != &state) return SQLITE_BUSY;
    file.reserved = &state;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      file.pending = &state;
      state.lock = SQLITE_LOCK_PENDING;
      if (file.shared_locks > 1) return SQLITE_BUSY;
    }
    state.lock = level;
    return SQLITE_OK;
  }

  static int unlock(State& state, int level) {
    Shared& file = *state.file;
    if (state.lock <= level) return SQLITE_OK;
    if (file.reserved == &state) file.reserved = nullptr;
    if (file.pending == &state) file.pending = nullptr;
    if (level == SQLITE_LOCK_NONE) --file.shared_locks;
    state.lock = level;
    return SQLITE_OK;
  }

  static int shm_map(State& state, int index, int size, int extend, void volatile** out) {
    if (state.life != state.disk->life) return SQLITE_IOERR_SHMMAP;
    auto& regions = state.file->regions;
    const auto at = static_cast<std::size_t>(index);
    *out = nullptr;
    if (at >= regions.size() && extend == 0) return SQLITE_OK;
    while (at >= regions.size()) {
      regions.push_back(std::make_unique<std::vector<char>>(static_cast<std::size_t>(size)));
    }
    *out = regions[at]->data();
    return SQLITE_OK;
  }

  static int shm_lock(State& state, int offset, int count, int flags) {
    if (state.life != state.disk->life) return SQLITE_IOERR_SHMLOCK;
    const auto first = static_cast<std::size_t>(offset);
    const auto last = first + static_cast<std::size_t>(count);
    std::array<int, SQLITE_SHM_NLOCK>& locks = state.file->shm_locks;
    for (std::size_t i = first; i < last; ++i) {
      if ((flags & SQLITE_SHM_UNLOCK) != 0 || state.shm[i] != 0) continue;
      const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
      if (exclusive ? locks[i] != 0 : locks[i] < 0) return SQLITE_BUSY;
    }
    for (std::size_t i = first; i < last; ++i) {
      if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        locks[i] -= state.shm[i];
        state.shm[i] = 0;
      } else if (state.shm[i] == 0) {
        state.shm[i] = (flags & SQLITE_SHM_EXCLUSIVE) != 0 ? -1 : 1;
        locks[i] += state.shm[i];
      }
    }
    return SQLITE_OK;
  }

  static void shm_release(State& state) {
    if (state.life != state.disk->life) return;
    for (std::size_t i = 0; i < state.shm.size(); ++i) {
      state.file->shm_locks[i] -= std::exchange(state.shm[i], 0);
    }
  }

  static const sqlite3_io_methods& methods();

  std::string name;
  sqlite3_vfs vfs{};
  SeededRandom random;
  std::map<std::string, std::shared_ptr<Shared>> files;
  std::map<std::string, Bytes> deleted;  ///< not surely so
  Fault fault;
  std::uint64_t life = 1;  ///< files that were opened in an earlier one are dead
};

const sqlite3_io_methods& SimulatedDisk::Impl::methods() {
  static const sqlite3_io_methods kMethods = {
      .iVersion = 2,
      .xClose =
          [](sqlite3_file* f) {
            const std::unique_ptr<State> state(&of(f));
            unlock(*state, SQLITE_LOCK_NONE);
            shm_release(*state);
            if (state->delete_on_close && state->life == state->disk->life) {
              (void)state->disk->remove(state->name);
            }
            return SQLITE_OK;
          },
      .xRead =
          [](sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
            const State& state = of(f);
            if (state.life != state.disk->life) return SQLITE_IOERR_READ;
            const std::string& seen = state.file->bytes.seen;
            const auto begin = std::min(static_cast<std::size_t>(at), seen.size());
            const auto wanted = static_cast<std::size_t>(size);
            const std::size_t read = seen.copy(static_cast<char*>(data), wanted, begin);
            if (read == wanted) return SQLITE_OK;
            std::memset(static_cast<char*>(data) + read, 0, wanted - read);
            return SQLITE_IOERR_SHORT_READ;
          },
      .xWrite =
          [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
            State& state = of(f);
            if (const int rc = state.disk->ask(state, Operation::kWrite); rc != SQLITE_OK)
              return rc;
            state.file->bytes.write(
                {static_cast<const char*>(data), static_cast<std::size_t>(size)},
                static_cast<std::size_t>(at));
            return SQLITE_OK;
          },
      .xTruncate =
          [](sqlite3_file* f, sqlite3_int64 size) {
            State& state = of(f);
            if (const int rc = state.disk->ask(state, Operation::kWrite); rc != SQLITE_OK)
              return rc;
            state.file->bytes.truncate(static_cast<std::size_t>(size));
            return SQLITE_OK;
          },
      .xSync =
          [](sqlite3_file* f, int) {
            State& state = of(f);
            if (const int rc = state.disk->ask(state, Operation::kSync); rc != SQLITE_OK) return rc;
            state.file->bytes.sync();
            state.disk->deleted.clear();
            return SQLITE_OK;
          },
      .xFileSize =
          [](sqlite3_file* f, sqlite3_int64* size) {
            const State& state = of(f);
            if (state.life != state.disk->life) return SQLITE_IOERR_FSTAT;
            *size = static_cast<sqlite3_int64>(state.file->bytes.seen.size());
            return SQLITE_OK;
          },
      .xLock = [](sqlite3_file* f, int level) { return of(f).disk->lock(of(f), level); },
      .xUnlock = [](sqlite3_file* f, int level) { return unlock(of(f), level); },
      .xCheckReservedLock =
          [](sqlite3_file* f, int* out) {
            *out = of(f).file->reserved != nullptr ? 1 : 0;
            return SQLITE_OK;
          },
      .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
      // As SQLite's own file system has it on Linux.
      .xSectorSize = [](sqlite3_file*) { return 4096; },
      .xDeviceCharacteristics =
          [](sqlite3_file*) { return static_cast<int>(SQLITE_IOCAP_POWERSAFE_OVERWRITE); },
      .xShmMap = [](sqlite3_file* f, int index, int size, int extend,
                    void volatile** out) { return shm_map(of(f), index, size, extend, out); },
      .xShmLock = [](sqlite3_file* f, int offset, int count,
                     int flags) { return shm_lock(of(f), offset, count, flags); },
      .xShmBarrier = [](sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); },
      .xShmUnmap =
          [](sqlite3_file* f, int remove) {
            shm_release(of(f));
            if (remove != 0) of(f).file->regions.clear();
            return SQLITE_OK;
          },
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };
  return kMethods;
}

SimulatedDisk::SimulatedDisk(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}

SimulatedDisk::~SimulatedDisk() = default;

const std::string& SimulatedDisk::name() const noexcept { return impl_->name; }

void SimulatedDisk::set_fault(Fault fault) { impl_->fault = std::move(fault); }

void SimulatedDisk::kill() { impl_->die(); }

void SimulatedDisk::lose_power() {
  impl_->files = impl_->survivors(impl_->random);
  impl_->deleted.clear();
  impl_->die();
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::after_power_loss(std::uint64_t seed) const {
  auto other = std::make_unique<SimulatedDisk>(seed);
  other->impl_->files = impl_->survivors(other->impl_->random);
  return other;
}

}  // namespace errand::store::sqlite
