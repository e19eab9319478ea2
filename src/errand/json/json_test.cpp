#include <bit>
#include <cmath>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "errand/json/canonical.h"
#include "errand/json/indented.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::json {
namespace {

std::string number(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

TEST(Parse, NamesThePlaceOfAnError) {
  const auto broken = parse("{\n  \"a\": 1,\n  \"b\" 2}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(broken.error().message.find("line 3, column 7"), std::string::npos)
      << broken.error().message;
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("{} x"));
  EXPECT_FALSE(parse("1e999"));
  EXPECT_FALSE(parse("\"\xC3\""));
  EXPECT_EQ(parse("\"\xC3\"", {.check_utf8 = false})->as_string(), "\xC3");
  EXPECT_EQ(parse("1e-999")->as_double(), 0.0);
}

TEST(Parse, RefusesWhatIsTooDeepOrTooLong) {
  EXPECT_TRUE(parse("[[[1]]]", {.depth_max = 3}));
  EXPECT_FALSE(parse("[[[1]]]", {.depth_max = 2}));
  EXPECT_EQ(parse("[1,2]", {.bytes_max = 4}).error().code, ErrorCode::kPayloadTooLarge);
  EXPECT_FALSE(parse(std::string(500'000, '[')));
}

TEST(Parse, RoundsADoubleToTheNearest) {
  EXPECT_EQ(parse("9007199254740993.5")->as_double(), 9007199254740994.0);
}

// RFC 8785, appendix B.
TEST(AppendNumber, WritesAsEcmaScriptDoes) {
  EXPECT_EQ(number(0.0), "0");
  EXPECT_EQ(number(-0.0), "0");
  EXPECT_EQ(number(5e-324), "5e-324");
  EXPECT_EQ(number(-1.7976931348623157e308), "-1.7976931348623157e+308");
  EXPECT_EQ(number(9007199254740992.0), "9007199254740992");
  EXPECT_EQ(number(1e21), "1e+21");
  EXPECT_EQ(number(999999999999999900000.0), "999999999999999900000");
  EXPECT_EQ(number(1e-7), "1e-7");
  EXPECT_EQ(number(0.000001), "0.000001");
  EXPECT_EQ(number(333333333.33333329), "333333333.3333333");
  EXPECT_EQ(number(123.456), "123.456");
}

// RFC 8785, 3.2.2 and 3.2.3.
TEST(AppendString, EscapesWhereverTheCharacterStands) {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const auto& [character, escaped] : {std::pair{'"', "\\\""},
                                               {'\\', "\\\\"},
                                               {'\n', "\\n"},
                                               {'\x1f', "\\u001f"},
                                               {'\0', "\\u0000"},
                                               {' ', " "},
                                               {'\x7f', "\x7f"},
                                               {'\xff', "\xff"}}) {
        std::string text(size, 'x');
        text[at] = character;
        text.back() = size % 2 == 0 ? '"' : text.back();
        std::string expected = "\"";
        for (const char c : text) {
          if (c == character) {
            expected += escaped;
          } else {
            expected += c == '"' ? "\\\"" : std::string(1, c);
          }
        }
        std::string out;
        append_string(out, text);
        EXPECT_EQ(out, expected + '"');
      }
    }
  }
}

TEST(Canonical, SortsByUtf16AndEscapesTheLeast) {
  const auto value = parse(R"({"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One",
      "\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"O"})");
  ASSERT_TRUE(value);
  EXPECT_EQ(canonical_text(*value),
            "{\"\\r\":\"CR\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"\xC3\xB6\":\"O\","
            "\"\xE2\x82\xAC\":\"Euro\",\"\xF0\x9F\x98\x80\":\"Emoji\",\"\xEF\xAC\xB3\":\"Dalet\"}");
  EXPECT_EQ(canonical_text(*parse(R"([1.0, 10e1, "\u000f\n\/", true, null])")),
            R"([1,100,"\u000f\n/",true,null])");
  EXPECT_NE(canonical_text(*parse("9007199254740993")), canonical_text(*parse("9007199254740992")));
}

TEST(Writer, PutsCommasAndRewinds) {
  std::string out;
  Writer writer(out);
  writer.begin_object();
  writer.key("a");
  writer.integer(-1);
  const auto mark = writer.mark();
  writer.key("b");
  writer.begin_array();
  writer.string("x\"\n");
  writer.boolean(true);
  writer.rewind(mark);
  writer.key("c");
  writer.begin_array();
  writer.number(0.5);
  writer.null();
  writer.end_array();
  writer.end_object();
  EXPECT_EQ(out, R"({"a":-1,"c":[0.5,null]})");
}

TEST(IndentedText, IsThatOfEcmaScript) {
  const auto value = parse(R"({"a":[1,{"b":"x\"y"}],"empty":{},"none":[],"n":null})");
  ASSERT_TRUE(value);
  EXPECT_EQ(to_indented_text(*value), R"({
  "a": [
    1,
    {
      "b": "x\"y"
    }
  ],
  "empty": {},
  "none": [],
  "n": null
}
)");
}

RC_GTEST_PROP(AppendNumber, SurvivesReading, ()) {
  const auto value = std::bit_cast<double>(*rc::gen::arbitrary<std::uint64_t>());
  RC_PRE(std::isfinite(value));
  RC_ASSERT(parse(number(value))->to_number<double>() == value);
}

RC_GTEST_PROP(Canonical, IsAFixedPoint, (const std::vector<std::pair<std::string, int>>& members)) {
  boost::json::object object;
  for (const auto& [name, value] : members) {
    std::string ascii;
    for (const char c : name) ascii.push_back(static_cast<char>(c & 0x7F));
    object[ascii] = value;
  }
  const std::string text = canonical_text(object);
  RC_ASSERT(canonical_text(parse(text).value()) == text);
}

}  // namespace
}  // namespace errand::json
