#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace errand::graphql::language {

/// Memory of one syntax tree: allocation bumps a pointer, everything is freed at once with the
/// arena. Holds only types without destructors. Movable; addresses stay valid over a move. Not
/// thread-safe while it grows; what lies in it may be read from any thread afterwards.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept
      : blocks_(std::move(other.blocks_)),
        next_(std::exchange(other.next_, nullptr)),
        end_(std::exchange(other.end_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Arena& operator=(Arena&& other) noexcept {
    blocks_ = std::move(other.blocks_);
    next_ = std::exchange(other.next_, nullptr);
    end_ = std::exchange(other.end_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }

  /// Makes a T that lives as long as the arena.
  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors");
    return ::new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  /// Makes `count` value-initialised T's in a row.
  template <class T>
  std::span<T> make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors");
    if (count == 0) return {};
    T* items = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    std::uninitialized_value_construct_n(items, count);
    return {items, count};
  }

  /// Copies `items` into the arena.
  template <class T>
  std::span<const T> copy(std::span<const T> items) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (items.empty()) return {};
    T* to = static_cast<T*>(allocate(items.size_bytes(), alignof(T)));
    std::uninitialized_copy(items.begin(), items.end(), to);
    return {to, items.size()};
  }

  /// Copies `text` into the arena.
  std::string_view copy(std::string_view text) {
    const auto bytes = copy(std::span<const char>(text.data(), text.size()));
    return {bytes.data(), bytes.size()};
  }

  /// Asks for a first block of `bytes`, so that a tree of known size takes one allocation.
  void reserve(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - next_) < bytes) add_block(bytes);
  }

  /// Bytes taken from the heap, for the weight of a cache entry.
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::size_t kBlockBytesMin = 1024;
  static constexpr std::size_t kBlockBytesMax = 256 * 1024;

  void* allocate(std::size_t size, std::size_t alignment) {
    void* at = next_;
    std::size_t space = static_cast<std::size_t>(end_ - next_);
    if (next_ == nullptr || std::align(alignment, size, at, space) == nullptr) [[unlikely]] {
      add_block(size + alignment);
      at = next_;
      space = static_cast<std::size_t>(end_ - next_);
      std::align(alignment, size, at, space);
    }
    next_ = static_cast<std::byte*>(at) + size;
    return at;
  }

  void add_block(std::size_t at_least);

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace errand::graphql::language
