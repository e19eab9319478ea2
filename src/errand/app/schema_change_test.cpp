#include "errand/app/schema_change.h"

#include <string>

#include <gtest/gtest.h>

#include "errand/graphql/language/source.h"
#include "errand/store/conformance/builders.h"
#include "errand/store/memory_store.h"

namespace errand::app {
namespace {

std::shared_ptr<const contract::Contract> contract_of(std::string schema) {
  const graphql::language::Source source{std::move(schema), "schema.graphql"};
  auto built = contract::Contract::build({&source, 1}, {});
  if (!built) {
    ADD_FAILURE() << graphql::language::to_string(built.error().front());
    return nullptr;
  }
  return *built;
}

TEST(SchemaChange, NamesLiveTypesThatTheSchemaLacksAndLeavesInternalOnesAlone) {
  store::MemoryStore store;
  store::conformance::BatchBuilder builder(store, 1);
  (void)builder.enqueue(store::conformance::BatchBuilder::spec());
  job::JobSpec internal = store::conformance::BatchBuilder::spec("acme", "errand.webhook");
  internal.type = JobTypeName("errand.webhook");
  (void)builder.enqueue(internal);
  ASSERT_TRUE(store.commit(builder.take()));

  const auto contract = contract_of("type Mutation { other: Int @job }");
  ASSERT_NE(contract, nullptr);
  const auto affected = find_affected_types(*contract, store.reader()).value();
  ASSERT_EQ(affected.size(), 1U);
  EXPECT_EQ(affected[0].type, JobTypeName("exportReport"));
  EXPECT_TRUE(affected[0].removed);
}

}  // namespace
}  // namespace errand::app
