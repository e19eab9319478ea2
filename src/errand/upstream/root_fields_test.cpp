#include "errand/upstream/root_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/type/build_schema.h"

namespace errand::upstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Local are the query job, the mutations exportJob and render, and the subscription job.
RootFields fields(RootFields::Options options = {}) {
  return {{{{"job"}, {"exportJob", "render"}, {"job"}}}, options};
}

Side side(std::string_view document, std::optional<std::string_view> operation = std::nullopt) {
  return fields().route(document, operation).side;
}

TEST(RootFields, SayWhoAnswersEachTypeOfOperation) {
  EXPECT_EQ(side("{ job(id: 1) { id } }"), Side::kLocal);
  EXPECT_EQ(side("{ me { job } }"), Side::kUpstream);
  EXPECT_EQ(side("mutation { exportJob }"), Side::kLocal);
  EXPECT_EQ(side("mutation { export }"), Side::kUpstream);
  EXPECT_EQ(side("mutation { job }"), Side::kUpstream);
  EXPECT_EQ(side("subscription { job { id } }"), Side::kLocal);
  EXPECT_EQ(side("subscription { ticks }"), Side::kUpstream);
}

TEST(RootFields, AreFoundThroughAliasesAndFragments) {
  EXPECT_EQ(side("{ me: job { id } }"), Side::kLocal);
  EXPECT_EQ(side("{ job: me { id } }"), Side::kUpstream);
  EXPECT_EQ(side("{ ...A } fragment A on Query { ... on Query { ... { job { id } } } }"),
            Side::kLocal);
  EXPECT_EQ(side("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A me }"),
            Side::kUpstream);
  EXPECT_EQ(side("{ ...A me } fragment A on Query { job { id } }"), Side::kMixed);
  EXPECT_EQ(side("{ ...Missing }"), Side::kUpstream);
}

TEST(RootFields, CountAsMixedAlsoWhereADirectiveMayLeaveThemOut) {
  EXPECT_EQ(side("query ($x: Boolean!) { job { id } me @skip(if: $x) }"), Side::kMixed);
}

TEST(RootFields, OfIntrospectionAreLocal) {
  EXPECT_EQ(side("{ __schema { types { name } } }"), Side::kLocal);
  EXPECT_EQ(side("{ __type(name: \"A\") { name } job { id } }"), Side::kLocal);
  EXPECT_EQ(side("{ __schema { types { name } } me }"), Side::kMixed);
  EXPECT_EQ(side("{ __typename }"), Side::kUpstream);
  EXPECT_EQ(side("{ __typename me }"), Side::kUpstream);
  EXPECT_EQ(side("{ __typename job { id } }"), Side::kLocal);
}

TEST(RootFields, AreThoseOfTheOperationThatIsNamed) {
  constexpr const char* kTwo = "query A { job { id } } query B { me }";
  EXPECT_EQ(side(kTwo, "A"), Side::kLocal);
  EXPECT_EQ(side(kTwo, "B"), Side::kUpstream);
  EXPECT_EQ(side(kTwo), Side::kUpstream);
  EXPECT_EQ(side(kTwo, "C"), Side::kUpstream);
  EXPECT_EQ(side("query A { job { id } }"), Side::kLocal);
  EXPECT_EQ(side("query A { job { id } }", ""), Side::kLocal);
}

TEST(RootFields, LeaveToTheUpstreamWhatCannotBeRead) {
  EXPECT_EQ(side("{ job {"), Side::kUpstream);
  EXPECT_EQ(side(""), Side::kUpstream);
  EXPECT_EQ(side("fragment A on Query { job { id } }"), Side::kUpstream);
  EXPECT_EQ(side("type Query { job: Int }"), Side::kUpstream);
  EXPECT_EQ(fields({.tokens_max = 5}).route("{ job { id name } }", std::nullopt).side,
            Side::kUpstream);
}

TEST(RootFields, BearFragmentsThatNestAsDeepAsADocumentIsLong) {
  std::string document = "{ ...F0 }";
  for (int i = 0; i < 1'000; ++i) {
    document += "fragment F" + std::to_string(i) + " on Q { ...F" + std::to_string(i + 1) + " }";
  }
  document += "fragment F1000 on Q { job { id } }";
  EXPECT_EQ(side(document), Side::kLocal);
}

TEST(RootFields, AreNamedWhereTheyAreMixed) {
  const auto route = fields().route("mutation { exportJob render a b c d e f }", std::nullopt);
  EXPECT_EQ(route.side, Side::kMixed);
  EXPECT_THAT(route.local, ElementsAre("exportJob", "render"));
  const Error error = mixed_error(route);
  EXPECT_EQ(error.code, ErrorCode::kMixedOperation);
  EXPECT_THAT(error.message, HasSubstr("exportJob, render belongs to the job server"));
  EXPECT_THAT(error.message, HasSubstr("a, b, c, d, e and 1 more to the server behind it"));
}

TEST(RootFields, BetweenTwoSchemasAreTheAddedAndTheReplacedOnes) {
  const auto schema = [](const char* sdl) {
    const graphql::language::Source source{sdl, "schema.graphql"};
    return *graphql::type::build_schema({&source, 1});
  };
  const auto served = schema(R"(
    type Query { me: Int job: Int }
    type Mutation { export: Int exportJob: Int other: Int }
    type Subscription { job: Int })");
  const auto upstream = schema("type Query { me: Int } type Mutation { export: Int other: Int }");
  const std::vector<std::string> replaced{"export", "hidden"};
  const RootFields between = RootFields::between(*served, *upstream, replaced, {});
  const auto of = [&](const char* document) { return between.route(document, std::nullopt).side; };
  EXPECT_EQ(of("{ me }"), Side::kUpstream);
  EXPECT_EQ(of("{ job }"), Side::kLocal);
  EXPECT_EQ(of("mutation { exportJob }"), Side::kLocal);
  EXPECT_EQ(of("mutation { export }"), Side::kLocal);
  EXPECT_EQ(of("mutation { hidden }"), Side::kLocal);
  EXPECT_EQ(of("mutation { other }"), Side::kUpstream);
  EXPECT_EQ(of("subscription { job }"), Side::kLocal);
}

}  // namespace
}  // namespace errand::upstream
