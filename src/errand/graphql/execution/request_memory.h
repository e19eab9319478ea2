#pragma once

#include <array>
#include <cstddef>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/storage_ptr.hpp>

namespace errand::graphql::execution {

/// Memory of the values that one request coerces: an arena, whose first bytes come with it, so that
/// small variables and arguments cost no allocation of their own. Freed as a whole. Not
/// thread-safe; must outlive all values made in it.
class RequestMemory {
 public:
  RequestMemory() : resource_(first_.data(), first_.size()) {}
  RequestMemory(const RequestMemory&) = delete;
  RequestMemory& operator=(const RequestMemory&) = delete;

  [[nodiscard]] boost::json::storage_ptr storage() noexcept { return &resource_; }

 private:
  std::array<unsigned char, 2048> first_;
  boost::json::monotonic_resource resource_;
};

}  // namespace errand::graphql::execution
