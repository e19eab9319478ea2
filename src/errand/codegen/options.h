#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace errand::codegen {

enum class Language : std::uint8_t { kTypeScript, kPython, kCpp };

/// What to generate. A plain value.
struct Options {
  Language language = Language::kTypeScript;
  std::vector<std::string> files;  ///< the schema's, for the header
  bool worker = true;              ///< registration of handlers with the language's SDK
  bool client = true;              ///< documents, and what submits and follows jobs
  /// How deep results are selected by the client's documents: 1 is the result's own leaves; >= 1.
  std::size_t depth = 3;
  /// Types for custom scalars by the scalar's name, as `--scalar NAME=TYPE` gives them.
  std::map<std::string, std::string> scalars;
  std::string cpp_namespace = "errand_jobs";  ///< of C++: "a" or "a::b"
};

}  // namespace errand::codegen
