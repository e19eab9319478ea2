#include "errand/upstream/headers_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::upstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

TEST(HeadersFile, HoldsOneHeaderALine) {
  const auto headers =
      parse_headers("# of the service\n\nAuthorization: Bearer a:b\r\nX-Team:  x ");
  ASSERT_TRUE(headers);
  EXPECT_THAT(headers->fields(),
              ElementsAre(Pair("Authorization", "Bearer a:b"), Pair("X-Team", "x")));
}

TEST(HeadersFile, SaysWhichLineIsWrongAndNotWhatItHolds) {
  const auto error = [](std::string_view text) {
    const auto headers = parse_headers(text);
    return headers ? "" : headers.error().message;
  };
  EXPECT_THAT(error("a: b\nsecret"), HasSubstr("line 2: there is no colon"));
  EXPECT_THAT(error("se cret: b"), HasSubstr("line 1: what stands before the colon"));
  EXPECT_THAT(error("a: secret\x01"), HasSubstr("control characters"));
  EXPECT_THAT(error("a: secret\x01"), Not(HasSubstr("secret\x01")));
}

TEST(HeadersFile, IsNamedWhereItCannotBeRead) {
  EXPECT_THAT(read_headers_file("/no/such/file").error().message,
              HasSubstr("/no/such/file: No such file"));
  EXPECT_FALSE(read_headers_file("/"));
}

}  // namespace
}  // namespace errand::upstream
