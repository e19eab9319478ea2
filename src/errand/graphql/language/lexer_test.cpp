#include "errand/graphql/language/lexer.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"

namespace errand::graphql::language {
namespace {

/// The value of the string literal `text`, or the message of its error.
std::string string_value(std::string_view text) {
  const auto tree = parse_value(Source{std::string(text)});
  return tree ? std::string(tree->root().as<StringValue>().value) : tree.error().message;
}

/// "Int 12", "Float 1.5", or the message of the error.
std::string number(std::string_view text) {
  const auto tree = parse_value(Source{std::string(text)});
  if (!tree) return tree.error().message;
  if (const auto* value = tree->root().get_if<IntValue>())
    return "Int " + std::string(value->value);
  return "Float " + std::string(tree->root().as<FloatValue>().value);
}

TEST(Lexer, ReadsNumbersAsTheGrammarWants) {  // 2.9.1, 2.9.2
  EXPECT_EQ(number("0"), "Int 0");
  EXPECT_EQ(number("-0"), "Int -0");
  EXPECT_EQ(number("-123456789012345678901234567890"), "Int -123456789012345678901234567890");
  EXPECT_EQ(number("1.50"), "Float 1.50");
  EXPECT_EQ(number("1e5"), "Float 1e5");
  EXPECT_EQ(number("-1.5E-10"), "Float -1.5E-10");
}

TEST(Lexer, RefusesNumbersThatRunIntoSomethingElse) {
  const auto got = [](std::string_view what) {
    return "Syntax Error: Invalid number, expected digit but got: " + std::string(what) + ".";
  };
  EXPECT_EQ(number("1."), got("<EOF>"));
  EXPECT_EQ(number("1.a"), got("\"a\""));
  EXPECT_EQ(number("1a"), got("\"a\""));
  EXPECT_EQ(number("0xF"), got("\"x\""));
  EXPECT_EQ(number("1.2.3"), got("\".\""));
  EXPECT_EQ(number("1e"), got("<EOF>"));
  EXPECT_EQ(number("-"), got("<EOF>"));
  EXPECT_EQ(number("+1"), "Syntax Error: Unexpected character: \"+\".");
  EXPECT_EQ(number("01"), "Syntax Error: Invalid number, unexpected digit after 0: \"1\".");
  EXPECT_EQ(number(".5"),
            "Syntax Error: Invalid number, expected digit before \".\", did you mean \"0.5\"?");
}

TEST(Lexer, ResolvesEscapesInStrings) {  // 2.9.4
  EXPECT_EQ(string_value(R"("")"), "");
  EXPECT_EQ(string_value(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(string_value(R"("\u00e9\u{1F600}\u{41}")"), "é😀A");
  EXPECT_EQ(string_value(R"("\uD83D\uDE00")"), "😀") << "a surrogate pair is one character";
  EXPECT_EQ(string_value("\"é 😀\""), "é 😀");
}

TEST(Lexer, RefusesWrongEscapes) {
  const auto unicode = [](std::string_view what) {
    return "Syntax Error: Invalid Unicode escape sequence: \"" + std::string(what) + "\".";
  };
  EXPECT_EQ(string_value(R"("\uD83D")"), unicode("\\uD83D"));
  EXPECT_EQ(string_value(R"("\uDE00\uD83D")"), unicode("\\uDE00"));
  EXPECT_EQ(string_value(R"("\uD83D\u0041")"), unicode("\\uD83D"));
  EXPECT_EQ(string_value(R"("\u{D800}")"), unicode("\\u{D800}"));
  EXPECT_EQ(string_value(R"("\u{110000}")"), unicode("\\u{110000}"));
  EXPECT_EQ(string_value(R"("\u{}")"), unicode("\\u{}"));
  EXPECT_EQ(string_value(R"("\u{FFFFFFFFF}")"), unicode("\\u{FFFFFFFF"));
  EXPECT_EQ(string_value(R"("\u00G0")"), unicode("\\u00G0"));
  EXPECT_EQ(string_value(R"("\x")"), "Syntax Error: Invalid character escape sequence: \"\\x\".");
}

TEST(Lexer, RefusesStringsThatDoNotEnd) {
  for (const char* text :
       {"\"abc", "\"abc\n\"", "\"abc\r\"", "\"\"\"abc", "\"\"\"abc\\\"\"\"", "\""}) {
    EXPECT_EQ(string_value(text), "Syntax Error: Unterminated string.") << text;
  }
}

TEST(Lexer, TakesCommonIndentationOutOfBlockStrings) {  // 2.9.4, BlockStringValue()
  EXPECT_EQ(string_value("\"\"\"\"\"\""), "");
  EXPECT_EQ(string_value("\"\"\" \t \"\"\""), "");
  EXPECT_EQ(string_value("\"\"\"  a  \"\"\""), "  a  ") << "the first line keeps its blanks";
  EXPECT_EQ(
      string_value("\"\"\"\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  \"\"\""),
      "Hello,\n  World!\n\nYours,\n  GraphQL.");
  EXPECT_EQ(string_value("\"\"\"a\r\n  b\r  c\n\"\"\""), "a\nb\nc") << "CRLF and CR are one line";
  EXPECT_EQ(string_value("\"\"\"\n\t\tx\n\ty\"\"\""), "\tx\ny") << "tabs stay tabs";
  EXPECT_EQ(string_value(R"("""\n \u0041 \""" " ""x""")"), "\\n \\u0041 \"\"\" \" \"\"x")
      << "only the triple quotes have an escape";
}

TEST(Lexer, RefusesBytesThatAreNotUtf8) {
  EXPECT_EQ(string_value("\"\xC3\""), "Syntax Error: Invalid character within String: U+FFFD.");
  EXPECT_EQ(string_value("\"\"\"\xED\xA0\x80\"\"\""),
            "Syntax Error: Invalid character within String: U+D800.");
  EXPECT_EQ(string_value("\xFF"), "Syntax Error: Invalid character: U+FFFD.");
  EXPECT_EQ(string_value("1 # \xFF"), "Syntax Error: Invalid character: U+FFFD.");
  EXPECT_EQ(string_value("é"), "Syntax Error: Unexpected character: U+00E9.");
}

TEST(Lexer, SkipsBlanksCommasCommentsAndByteOrderMarks) {
  Arena arena;
  Lexer lexer("\xEF\xBB\xBF \t,# {\r\n a\xEF\xBB\xBF,# é\r...# end", arena);
  EXPECT_EQ(lexer.next().value, "a");
  EXPECT_EQ(lexer.next().kind, TokenKind::kSpread);
  EXPECT_EQ(lexer.next().kind, TokenKind::kEndOfFile);
  EXPECT_EQ(lexer.next().kind, TokenKind::kEndOfFile);
}

TEST(Lexer, StaysAtItsFirstError) {
  Arena arena;
  Lexer lexer("a ? b", arena);
  EXPECT_EQ(lexer.next().kind, TokenKind::kName);
  EXPECT_EQ(lexer.next().kind, TokenKind::kInvalid);
  EXPECT_EQ(lexer.next().kind, TokenKind::kInvalid);
  EXPECT_EQ(lexer.failure()->offset, 2U);
}

TEST(Source, CountsLinesAndColumnsAsGraphqlJsDoes) {
  const auto at = [](std::string body, std::size_t offset) {
    const Location location = Source{std::move(body)}.location(offset);
    return std::pair(location.line, location.column);
  };
  using Pair = std::pair<std::uint32_t, std::uint32_t>;
  EXPECT_EQ(at("", 0), Pair(1, 1));
  EXPECT_EQ(at("a\nb\rc\r\nd", 7), Pair(4, 1)) << "CR, LF and CRLF are one line each";
  EXPECT_EQ(at("😀é x", 7), Pair(1, 5)) << "in UTF-16 units";
  EXPECT_EQ(at("\xEF\xBB\xBF{", 3), Pair(1, 2)) << "a byte order mark is a column";
  EXPECT_EQ(at("ab", 99), Pair(1, 3)) << "past the end is the end";
}

}  // namespace
}  // namespace errand::graphql::language
