#include "errand/cli/master_key_flag.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace errand::cli {

Result<std::optional<crypto::MasterKey>> find_master_key(const std::string& database,
                                                         const std::string& flag) {
  const auto file = flag.empty() ? std::filesystem::path(database).parent_path() / "master.key"
                                 : std::filesystem::path(flag);
  std::error_code ignored;
  if (flag.empty() && !std::filesystem::exists(file, ignored)) {
    return std::optional<crypto::MasterKey>();
  }
  auto key = crypto::MasterKey::load(file);
  if (!key) return std::unexpected(key.error());
  return std::optional(*std::move(key));
}

}  // namespace errand::cli
