#include "errand/job/internal_type.h"

#include <gtest/gtest.h>

namespace errand::job {
namespace {

TEST(InternalType, BeginsWithTheProgramsNameAndADot) {
  EXPECT_TRUE(is_internal(JobTypeName("errand.webhook")));
  EXPECT_TRUE(is_internal(QueueName("errand.webhook")));
  EXPECT_EQ(kind_of(JobTypeName("errand.mail")), JobKind::kInternal);
}

TEST(InternalType, IsNoNameThatAMutationCanHave) {
  for (const char* name : {"", "errand", "errandReport", "errand_webhook", "Errand", "e"}) {
    EXPECT_FALSE(is_internal(JobTypeName(name))) << name;
    EXPECT_EQ(kind_of(JobTypeName(name)), JobKind::kUser) << name;
  }
  EXPECT_FALSE(is_internal(QueueName("my.errand.queue")));
}

}  // namespace
}  // namespace errand::job
