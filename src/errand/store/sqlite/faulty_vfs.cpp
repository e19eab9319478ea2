#include "errand/store/sqlite/faulty_vfs.h"

#include <cstring>
#include <new>
#include <utility>

#include <sqlite3.h>

#include "errand/base/assert.h"

namespace errand::store::sqlite {
namespace {

struct File {
  sqlite3_file base;  // first: what SQLite sees
  std::string* name;
  sqlite3_file* real;  // behind this struct, in the same block
};

FaultyVfs::Fault& fault() {
  static FaultyVfs::Fault instance;
  return instance;
}

File* self(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return self(file)->real; }

int ask(sqlite3_file* file, FaultyVfs::Operation operation) {
  return fault() ? fault()(operation, *self(file)->name) : SQLITE_OK;
}

const sqlite3_io_methods kMethods = {
    .iVersion = 3,
    .xClose =
        [](sqlite3_file* f) {
          const int rc = real(f)->pMethods->xClose(real(f));
          delete self(f)->name;
          return rc;
        },
    .xRead = [](sqlite3_file* f, void* data, int size,
                sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), data, size, at); },
    .xWrite =
        [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
          const int rc = ask(f, FaultyVfs::Operation::kWrite);
          return rc != SQLITE_OK ? rc : real(f)->pMethods->xWrite(real(f), data, size, at);
        },
    .xTruncate = [](sqlite3_file* f,
                    sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); },
    .xSync =
        [](sqlite3_file* f, int flags) {
          const int rc = ask(f, FaultyVfs::Operation::kSync);
          return rc != SQLITE_OK ? rc : real(f)->pMethods->xSync(real(f), flags);
        },
    .xFileSize = [](sqlite3_file* f,
                    sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
    .xLock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xLock(real(f), lock); },
    .xUnlock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xUnlock(real(f), lock); },
    .xCheckReservedLock =
        [](sqlite3_file* f, int* out) {
          return real(f)->pMethods->xCheckReservedLock(real(f), out);
        },
    .xFileControl = [](sqlite3_file* f, int op,
                       void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
    .xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
    .xDeviceCharacteristics =
        [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
    .xShmMap =
        [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
          return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
        },
    .xShmLock = [](sqlite3_file* f, int offset, int n,
                   int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); },
    .xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
    .xShmUnmap = [](sqlite3_file* f,
                    int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
    .xFetch = [](sqlite3_file* f, sqlite3_int64 at, int size,
                 void** out) { return real(f)->pMethods->xFetch(real(f), at, size, out); },
    .xUnfetch = [](sqlite3_file* f, sqlite3_int64 at,
                   void* page) { return real(f)->pMethods->xUnfetch(real(f), at, page); },
};

sqlite3_vfs* base_vfs = nullptr;
sqlite3_vfs vfs;
const std::string vfs_name = FaultyVfs::name();

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File* f = self(file);
  f->real = reinterpret_cast<sqlite3_file*>(f + 1);
  f->base.pMethods = nullptr;
  const int rc = base_vfs->xOpen(base_vfs, name, f->real, flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  f->name = new std::string(name == nullptr ? "" : name);
  f->base.pMethods = &kMethods;
  return SQLITE_OK;
}

}  // namespace

FaultyVfs::FaultyVfs() {
  base_vfs = sqlite3_vfs_find(nullptr);
  vfs = *base_vfs;
  vfs.zName = vfs_name.c_str();
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + base_vfs->szOsFile;
  vfs.xOpen = open_file;
  const int rc = sqlite3_vfs_register(&vfs, 0);
  ERRAND_ASSERT(rc == SQLITE_OK);
}

FaultyVfs::~FaultyVfs() {
  fault() = {};
  sqlite3_vfs_unregister(&vfs);
}

void FaultyVfs::set_fault(Fault next) { fault() = std::move(next); }

}  // namespace errand::store::sqlite
