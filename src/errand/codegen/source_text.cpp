#include "errand/codegen/source_text.h"

#include <fmt/format.h>

#include "errand/json/writer.h"

namespace errand::codegen {

namespace {

namespace type = graphql::type;

void add_deprecation(std::vector<std::string>& lines, std::optional<std::string_view> reason) {
  if (!reason) return;
  std::string text = "Deprecated:";
  for (const auto& line : description_lines(*reason)) text += ' ' + line;
  lines.push_back(std::move(text));
}

}  // namespace

void SourceText::line(std::string_view text) {
  while (true) {
    const auto end = text.find('\n');
    const auto one = text.substr(0, end);
    if (!one.empty()) text_.append(step_ * depth_, ' ').append(one);
    text_ += '\n';
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void SourceText::blank() {
  if (!text_.empty() && !text_.ends_with("\n\n")) text_ += '\n';
}

void SourceText::open(std::string_view text) {
  line(text);
  ++depth_;
}

void SourceText::close(std::string_view text) {
  --depth_;
  if (!text.empty()) line(text);
}

std::vector<std::string> description_lines(std::string_view description) {
  std::vector<std::string> lines{""};
  for (std::size_t i = 0; i < description.size(); ++i) {
    const char c = description[i];
    if (c == '\r' && i + 1 < description.size() && description[i + 1] == '\n') continue;
    if (c == '\n' || c == '\r') {
      lines.emplace_back();
    } else {
      const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      lines.back() += is_control ? ' ' : c;
    }
  }
  for (auto& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  while (!lines.empty() && lines.front().empty()) lines.erase(lines.begin());
  return lines;
}

std::vector<std::string> documentation(const type::Described& described) {
  return description_lines(described.description.value_or(""));
}

std::vector<std::string> documentation(const type::InputValueDefinition& value) {
  auto lines = description_lines(value.description.value_or(""));
  add_deprecation(lines, value.deprecation_reason);
  if (value.default_value) lines.push_back("Default: " + json::to_text(*value.default_value));
  return lines;
}

std::vector<std::string> documentation(const type::FieldDefinition& field) {
  auto lines = description_lines(field.description.value_or(""));
  add_deprecation(lines, field.deprecation_reason);
  return lines;
}

std::vector<std::string> documentation(const type::EnumValueDefinition& value) {
  auto lines = description_lines(value.description.value_or(""));
  add_deprecation(lines, value.deprecation_reason);
  return lines;
}

std::string file_names(const std::vector<std::string>& files) {
  std::string text;
  for (const auto& file : files) {
    if (!text.empty()) text += ", ";
    for (const auto& line : description_lines(file.substr(file.rfind('/') + 1))) text += line;
  }
  return text;
}

}  // namespace errand::codegen
