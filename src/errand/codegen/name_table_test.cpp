#include "errand/codegen/name_table.h"

#include <gtest/gtest.h>

namespace errand::codegen {
namespace {

TEST(NameTable, gives_a_name_that_is_free_as_it_is) {
  NameTable table({"class"});
  EXPECT_EQ(table.claim("accountId"), "accountId");
}

TEST(NameTable, puts_underscores_after_a_name_until_it_is_free) {
  NameTable table({"class", "class_"});
  EXPECT_EQ(table.claim("class"), "class__");
  EXPECT_EQ(table.claim("class"), "class___");
  EXPECT_EQ(table.claim("a"), "a");
  EXPECT_EQ(table.claim("a"), "a_");
}

TEST(Names, of_python_have_their_words_parted) {
  EXPECT_EQ(snake_case("exportReport"), "export_report");
  EXPECT_EQ(snake_case("HTTPServer2Up"), "http_server2_up");
  EXPECT_EQ(snake_case("minSizeKB"), "min_size_kb");
  EXPECT_EQ(snake_case("already_parted"), "already_parted");
  EXPECT_EQ(snake_case("_id"), "_id");
  EXPECT_EQ(snake_case("X"), "x");
  EXPECT_EQ(upper_snake_case("exportReport"), "EXPORT_REPORT");
}

TEST(Names, of_types_begin_with_a_capital) {
  EXPECT_EQ(capitalized("exportReport"), "ExportReport");
  EXPECT_EQ(capitalized("_x"), "_x");
  EXPECT_EQ(capitalized(""), "");
}

}  // namespace
}  // namespace errand::codegen
