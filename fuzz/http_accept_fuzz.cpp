// Any Accept, Content-Type, query string or Authorization text is read without fault, and what is
// chosen is what some range of the list allows.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "errand/base/assert.h"
#include "errand/base/utf8.h"
#include "errand/net/http_message.h"
#include "errand/server/media_type.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace errand;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const auto ranges = server::parse_accept(text);
  for (const auto& range : ranges) {
    ERRAND_ASSERT(range.weight >= 0 && range.weight <= 1'000);
    ERRAND_ASSERT(!range.range.type.empty() && !range.range.subtype.empty());
  }
  const auto chosen = server::negotiate(text);
  const bool takes_any = chosen.single || chosen.stream ||
                         chosen.incremental != graphql::execution::IncrementalFormat::kNone;
  if (takes_any && text.find_first_not_of(" \t") != std::string_view::npos) {
    bool allowed = false;
    for (const auto& range : ranges) allowed = allowed || range.weight > 0;
    ERRAND_ASSERT(allowed);
  }
  if (const auto type = server::parse_media_type(text)) ERRAND_ASSERT(!type->subtype.empty());

  if (const auto parameters = net::parse_query(text)) {
    for (const auto& [name, value] : *parameters) {
      ERRAND_ASSERT(is_valid_utf8(name) && is_valid_utf8(value));
    }
  }
  if (const auto token = net::parse_bearer(text)) ERRAND_ASSERT(!token->empty());
  return 0;
}
