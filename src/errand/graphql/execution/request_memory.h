#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/storage_ptr.hpp>

namespace errand::graphql::execution {

/// Memory of the JSON values that one request brings and coerces: an arena, whose first bytes come
/// with it, so that small parameters, variables and arguments cost no allocation of their own; or,
/// where none was made, the heap. Freed as a whole, without destroying the values one by one.
///
/// Not thread-safe; must outlive all values made in it. So it is moved with them, and nothing can
/// be assigned to it. Mind that a copy of a Boost.JSON value lies in the same memory, unless its
/// constructor is told another.
class RequestMemory {
 public:
  /// The heap.
  RequestMemory() = default;
  RequestMemory(RequestMemory&&) noexcept = default;
  RequestMemory& operator=(RequestMemory&&) = delete;

  /// An arena.
  static RequestMemory make() {
    RequestMemory memory;
    memory.arena_ = std::make_unique<Arena>();
    return memory;
  }

  /// @return what makes values in this memory, wherever it is moved to.
  [[nodiscard]] boost::json::storage_ptr storage() const noexcept {
    return arena_ == nullptr ? boost::json::storage_ptr() : &arena_->resource;
  }

 private:
  struct Arena {
    Arena() : resource(first.data(), first.size()) {}  // the bytes need no zeros

    std::array<unsigned char, 4096> first;
    boost::json::monotonic_resource resource;
  };

  std::unique_ptr<Arena> arena_;
};

}  // namespace errand::graphql::execution
