#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

namespace errand::codegen {

/// The names of one scope of the generated text. A name that is taken, or that the language or the
/// rest of the text needs, gets `_` at its end until it is free: the one rule by which names are
/// changed.
class NameTable {
 public:
  explicit NameTable(std::initializer_list<std::string_view> reserved = {})
      : taken_(reserved.begin(), reserved.end()) {}

  /// `wanted`, or what the rule makes of it; taken from now on.
  std::string claim(std::string_view wanted);
  void reserve(std::string_view name) { taken_.emplace(name); }

 private:
  std::set<std::string, std::less<>> taken_;
};

/// "exportReport" -> "ExportReport".
std::string capitalized(std::string_view name);
/// "exportReport" -> "export_report", "HTTPServer2" -> "http_server2", "_id" -> "_id".
std::string snake_case(std::string_view name);
/// "exportReport" -> "EXPORT_REPORT".
std::string upper_snake_case(std::string_view name);

}  // namespace errand::codegen
