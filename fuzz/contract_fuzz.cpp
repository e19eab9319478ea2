// Any SDL makes a contract or gives errors, each with a message. A contract's served schema reads
// back, and its checks bear any JSON: here what stands in the SDL after a line of dashes.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "errand/base/assert.h"
#include "errand/contract/compare_contracts.h"
#include "errand/contract/contract.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace errand;
  std::string sdl(reinterpret_cast<const char*>(data), size);
  std::string json_text = "{}";
  if (const auto line = sdl.find("\n----\n"); line != std::string::npos) {
    json_text = sdl.substr(line + 6);
    sdl.resize(line);
  }
  const graphql::language::Source source{.body = sdl, .name = "fuzz.graphql"};
  contract::ContractOptions options;
  options.refuse_unsupported = false;
  options.has_resolver = [](auto, auto) { return true; };
  const auto contract = contract::Contract::build(std::span(&source, 1), options);
  if (!contract) {
    ERRAND_ASSERT(!contract.error().empty());
    for (const auto& error : contract.error()) ERRAND_ASSERT(!error.message.empty());
    return 0;
  }
  const graphql::language::Source served{.body = (*contract)->served_sdl(), .name = "served"};
  ERRAND_ASSERT(graphql::type::build_schema(std::span(&served, 1)).has_value());
  ERRAND_ASSERT(contract::compare_contracts(**contract, **contract).empty());

  const auto value = json::parse(json_text);
  if (!value) return 0;
  for (const contract::JobType& type : (*contract)->job_types()) {
    const auto result = (*contract)->check_result(type, *value);
    // What was taken is taken again, and stays as it is.
    if (result) {
      const auto again = (*contract)->check_result(type, *result);
      ERRAND_ASSERT(again.has_value() && *again == *result);
    }
    if (!value->is_object()) continue;
    (void)(*contract)->check_constraints(type, value->get_object());
    (void)(*contract)->redact(type, value->get_object());
  }
  return 0;
}
