// Any SDL builds a schema or gives errors, each with a message.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "errand/base/assert.h"
#include "errand/graphql/type/build_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace errand::graphql;
  const language::Source source{std::string(reinterpret_cast<const char*>(data), size),
                                "fuzz.graphql"};
  const auto schema = type::build_schema(std::span(&source, 1));
  if (!schema) {
    ERRAND_ASSERT(!schema.error().empty());
    for (const auto& error : schema.error()) ERRAND_ASSERT(!error.message.empty());
  }
  return 0;
}
