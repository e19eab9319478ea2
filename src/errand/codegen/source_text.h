#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/graphql/type/definitions.h"

namespace errand::codegen {

/// Collects lines of generated text with their indentation.
class SourceText {
 public:
  /// @param step  blanks of one level
  explicit SourceText(std::size_t step) : step_(step) {}

  /// One line, or several with line breaks between them, each indented.
  void line(std::string_view text);
  /// An empty line, but never two in a row.
  void blank();
  /// Text with its own lines and indentation, as it is.
  void verbatim(std::string_view text) { text_ += text; }
  /// `text`, and what follows one level deeper.
  void open(std::string_view text);
  /// What follows stands one level deeper, until close().
  void indent() { ++depth_; }
  /// One level back, then `text` unless it is empty.
  void close(std::string_view text = {});

  std::string take() { return std::move(text_); }

 private:
  std::size_t step_;
  std::size_t depth_ = 0;
  std::string text_;
};

/// The lines of a description, without blanks at their ends and without control characters, which
/// some compilers take for ends of lines or refuse; no empty lines at its begin and end.
std::vector<std::string> description_lines(std::string_view description);

/// What the documentation of an input value, field or enum value says: its description, then
/// "Deprecated: ..." where it is, then "Default: ..." as the SDL has it.
std::vector<std::string> documentation(const graphql::type::Described& described);
std::vector<std::string> documentation(const graphql::type::InputValueDefinition& value);
std::vector<std::string> documentation(const graphql::type::FieldDefinition& field);
std::vector<std::string> documentation(const graphql::type::EnumValueDefinition& value);

/// "a.graphql, b.graphql": names of files without their folders, fit for a comment of one line.
std::string file_names(const std::vector<std::string>& files);

}  // namespace errand::codegen
