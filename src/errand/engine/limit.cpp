#include "errand/engine/limit.h"

namespace errand::engine {

std::string_view to_string(LimitKind kind) noexcept {
  switch (kind) {
    case LimitKind::kConcurrency:
      return "CONCURRENCY";
    case LimitKind::kRate:
      return "RATE";
    case LimitKind::kLength:
      return "LENGTH";
  }
  return "";
}

std::string Limit::id() const {
  std::string text = queue.empty() ? "type:" + type.str() : "queue:" + queue.str();
  if (!by_input.empty()) {
    text += '+' + by_input;
  } else if (by_tenant) {
    text += "+tenant";
  }
  switch (kind) {
    case LimitKind::kConcurrency:
      return text + "/concurrency";
    case LimitKind::kRate:
      return text + "/rate";
    case LimitKind::kLength:
      return text + "/length";
  }
  return text;
}

}  // namespace errand::engine
