#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "errand/base/assert.h"

namespace errand::graphql::type {

class NamedType;

/// A reference to a type with its wrappers: `Int`, `[Job!]!` (specification, 3.4.1, 3.11, 3.12).
///
/// A value of two words: the named type inside and, for each level of lists around it, whether that
/// level is non-null. So two references are the same type exactly when they compare equal, and
/// unwrapping makes no object. Refers to a named type of a Schema and is valid as long as that.
class TypeRef {
 public:
  /// Most lists around a named type; deeper ones are refused wherever a TypeRef is made from text.
  static constexpr std::size_t kListDepthMax = 30;

  /// Refers to nothing; only to be assigned to.
  TypeRef() = default;
  /// The named type itself, nullable.
  explicit TypeRef(const NamedType& named) : named_(&named) {}

  /// The innermost type.
  [[nodiscard]] const NamedType& named() const {
    ERRAND_ASSERT(named_ != nullptr);
    return *named_;
  }
  [[nodiscard]] bool valid() const noexcept { return named_ != nullptr; }

  /// Whether the outermost wrapper is non-null.
  [[nodiscard]] bool is_non_null() const noexcept { return (non_null_bits_ & 1U) != 0; }
  /// Whether this is a list, nullable or not.
  [[nodiscard]] bool is_list() const noexcept { return list_depth_ > 0; }
  [[nodiscard]] std::size_t list_depth() const noexcept { return list_depth_; }

  /// This type without its outermost non-null.
  [[nodiscard]] TypeRef nullable() const noexcept {
    TypeRef result = *this;
    result.non_null_bits_ &= ~1U;
    return result;
  }
  /// This type made non-null.
  [[nodiscard]] TypeRef non_null() const noexcept {
    TypeRef result = *this;
    result.non_null_bits_ |= 1U;
    return result;
  }
  /// Type of the items of this list, whether or not the list itself is non-null.
  [[nodiscard]] TypeRef item() const {
    ERRAND_ASSERT(is_list());
    TypeRef result = *this;
    result.non_null_bits_ >>= 1U;
    --result.list_depth_;
    return result;
  }
  /// A nullable list of this type, which must have fewer than kListDepthMax lists.
  [[nodiscard]] TypeRef list_of() const {
    ERRAND_ASSERT(list_depth_ < kListDepthMax);
    TypeRef result = *this;
    result.non_null_bits_ <<= 1U;
    ++result.list_depth_;
    return result;
  }

  /// As in SDL: "[Job!]!".
  [[nodiscard]] std::string str() const;

  friend bool operator==(const TypeRef&, const TypeRef&) = default;

 private:
  const NamedType* named_ = nullptr;
  std::uint32_t non_null_bits_ = 0;  ///< bit 0 is the outermost level
  std::uint32_t list_depth_ = 0;
};

}  // namespace errand::graphql::type
