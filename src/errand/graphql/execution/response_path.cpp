#include "errand/graphql/execution/response_path.h"

#include <algorithm>

namespace errand::graphql::execution {

std::vector<PathSegment> ResponsePath::segments() const {
  std::vector<PathSegment> result;
  for (const ResponsePath* link = this; link != nullptr; link = link->parent) {
    if (link->is_index()) {
      result.emplace_back(link->index);
    } else {
      result.emplace_back(std::string(link->key));
    }
  }
  std::ranges::reverse(result);
  return result;
}

std::vector<ResponsePath> ResponsePath::copy() const {
  std::size_t length = 0;
  for (const ResponsePath* link = this; link != nullptr; link = link->parent) ++length;
  std::vector<ResponsePath> links(length);
  for (const ResponsePath* link = this; link != nullptr; link = link->parent) {
    links[--length] = *link;
  }
  for (std::size_t i = 1; i < links.size(); ++i) links[i].parent = &links[i - 1];
  return links;
}

std::string to_text(const ResponsePath& path) {
  std::string text = path.parent == nullptr ? std::string() : to_text(*path.parent);
  if (path.is_index()) {
    text += '[';
    text += std::to_string(path.index);
    text += ']';
  } else {
    if (!text.empty()) text += '.';
    text += path.key;
  }
  return text;
}

}  // namespace errand::graphql::execution
