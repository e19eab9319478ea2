#include "errand/crypto/master_key.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand/crypto/encoding.h"

namespace errand::crypto {
namespace {

constexpr std::string_view kHeader = "errand-master-key-v1 ";
constexpr std::string_view kSalt = "errand.master-key.v1";
constexpr std::size_t kFileBytesMax = 256;

std::string reason(int error) { return std::generic_category().message(error); }

std::unexpected<Error> broken(const std::filesystem::path& file, std::string_view why) {
  return fail(ErrorCode::kConfigInvalid, "master key " + file.string() + ": " + std::string(why));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// The key of a file that is open. The text is read into the caller's buffer, which it wipes.
Result<Digest> read_key(const std::filesystem::path& file, int fd,
                        std::array<char, kFileBytesMax + 1>& buffer) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return broken(file, reason(errno));
  if (!S_ISREG(status.st_mode)) return broken(file, "is not a regular file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return broken(
        file, "can be read or written by others than its owner; run: chmod 600 " + file.string());
  }
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return broken(file, reason(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  std::string_view text(buffer.data(), size);
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  if (!text.starts_with(kHeader)) {
    return broken(file,
                  "does not begin with \"errand-master-key-v1\"; restore it from its backup, as "
                  "data signed under it cannot be checked with another key");
  }
  auto bytes = from_base64url(text.substr(kHeader.size()));
  if (!bytes || bytes->size() != sizeof(Digest)) {
    return broken(file, "does not hold 43 characters of base64url after its header");
  }
  Digest secret;
  std::ranges::copy(*bytes, secret.begin());
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return secret;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Makes the file with a new key; it already being there is success as well.
Result<void> create_file(const std::filesystem::path& file, Random& random) {
  const std::filesystem::path folder =
      file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  std::array<std::uint8_t, 12> unique{};
  random.fill(unique);
  const std::filesystem::path draft =
      folder / (file.filename().string() + ".new-" + to_base64url(unique));

  const auto failed = [&](int error) {
    ::unlink(draft.c_str());
    return broken(file, "cannot be created: " + reason(error));
  };
  const Descriptor out(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out.valid()) return broken(file, "cannot be created: " + reason(errno));

  Digest secret;
  random.fill(secret);
  std::string text(kHeader);
  std::string encoded = to_base64url(secret);
  text += encoded;
  text += '\n';
  const bool written =
      ::fchmod(out.get(), 0600) == 0 && write_all(out.get(), text) && ::fsync(out.get()) == 0;
  const int write_error = errno;
  OPENSSL_cleanse(secret.data(), secret.size());
  OPENSSL_cleanse(text.data(), text.size());
  OPENSSL_cleanse(encoded.data(), encoded.size());
  if (!written) return failed(write_error);

  // link() rather than rename(): it refuses to replace a key that another process made meanwhile.
  if (::link(draft.c_str(), file.c_str()) != 0 && errno != EEXIST) return failed(errno);
  ::unlink(draft.c_str());
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) {
    return broken(file, "its folder cannot be synced: " + reason(errno));
  }
  return {};
}

}  // namespace

MasterKey::MasterKey(const Digest& secret) : secret_(secret) {
  const Digest name = derive("key-id");
  id_ = to_hex(std::span(name).first(4));
}

MasterKey::~MasterKey() { OPENSSL_cleanse(secret_.data(), secret_.size()); }

Result<MasterKey> MasterKey::load(const std::filesystem::path& file) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.valid()) return broken(file, "cannot be opened: " + reason(errno));
  std::array<char, kFileBytesMax + 1> buffer{};
  auto secret = read_key(file, in.get(), buffer);
  OPENSSL_cleanse(buffer.data(), buffer.size());
  if (!secret) return std::unexpected(secret.error());
  MasterKey key(*secret);
  OPENSSL_cleanse(secret->data(), secret->size());
  return key;
}

Result<MasterKey> MasterKey::load_or_create(const std::filesystem::path& file, Random& random) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0 && errno == ENOENT) {
    if (const auto created = create_file(file, random); !created) {
      return std::unexpected(created.error());
    }
  }
  return load(file);
}

MasterKey MasterKey::generate(Random& random) {
  Digest secret;
  random.fill(secret);
  MasterKey key(secret);
  OPENSSL_cleanse(secret.data(), secret.size());
  return key;
}

Digest MasterKey::derive(std::string_view label) const {
  Digest key;
  hkdf_sha256(secret_, as_bytes(kSalt), as_bytes(label), key);
  return key;
}

HmacKey MasterKey::hmac_key(std::string_view label) const { return HmacKey(derive(label)); }

HmacKey MasterKey::hmac_key(std::string_view label, std::string_view lineage) const {
  if (lineage.empty()) return hmac_key(label);
  return hmac_key(std::string(label) + ":" + std::string(lineage));
}

}  // namespace errand::crypto
