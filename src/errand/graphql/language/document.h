#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "errand/graphql/language/arena.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/source.h"

namespace errand::graphql::language {

/// A syntax tree with all that it refers to: the source text and the arena of its nodes. Movable
/// (nodes stay where they are), immutable, hence safe to share as shared_ptr<const ...>.
template <class T>
class SyntaxTree {
 public:
  SyntaxTree(std::shared_ptr<const Source> source, Arena arena, const T* root)
      : source_(std::move(source)), arena_(std::move(arena)), root_(root) {}

  [[nodiscard]] const Source& source() const noexcept { return *source_; }
  [[nodiscard]] const T& root() const noexcept { return *root_; }
  const T& operator*() const noexcept { return *root_; }
  const T* operator->() const noexcept { return root_; }

 private:
  std::shared_ptr<const Source> source_;
  Arena arena_;
  const T* root_;
};

/// A parsed document (specification, 2.3) with all that it refers to. Movable, immutable once
/// parsed, hence safe to share between threads as shared_ptr<const Document>.
class Document {
 public:
  Document(std::shared_ptr<const Source> source, Arena arena, NodeList<Definition> definitions,
           std::size_t token_count)
      : source_(std::move(source)),
        arena_(std::move(arena)),
        definitions_(definitions),
        token_count_(token_count) {}

  [[nodiscard]] const Source& source() const noexcept { return *source_; }
  [[nodiscard]] const std::shared_ptr<const Source>& shared_source() const noexcept {
    return source_;
  }

  /// In the order of the source; at least one.
  [[nodiscard]] NodeList<Definition> definitions() const noexcept { return definitions_; }

  /// Tokens without comments and the end of the file, as graphql-js counts them.
  [[nodiscard]] std::size_t token_count() const noexcept { return token_count_; }

  /// Where `node` (of this document) begins.
  [[nodiscard]] Location location(const Node& node) const noexcept {
    return source_->location(node.start);
  }

  /// Heap bytes held, for the weight of a cache entry.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return arena_.capacity_bytes() + source_->body.capacity() + sizeof(Document);
  }

 private:
  std::shared_ptr<const Source> source_;
  Arena arena_;
  NodeList<Definition> definitions_;
  std::size_t token_count_;
};

}  // namespace errand::graphql::language
