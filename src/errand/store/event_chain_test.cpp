#include "errand/store/event_chain.h"

#include <gtest/gtest.h>

#include "errand/base/random.h"

namespace errand::store {
namespace {

class EventChainTest : public testing::Test {
 protected:
  static EventChain chain_of(std::uint8_t byte) {
    crypto::Digest secret{};
    secret.fill(byte);
    return EventChain(crypto::MasterKey(secret));
  }

  const EventChain chain_ = chain_of(1);
  const ChainedEvent event_{.job = "j",
                            .tenant = "t",
                            .sequence = 1,
                            .position = 7,
                            .time_ms = 1'000,
                            .type = "dev.errand.job.ready",
                            .actor_kind = "SYSTEM",
                            .actor = "",
                            .traceparent = "",
                            .correlation_id = "c",
                            .data = "{}"};
};

TEST_F(EventChainTest, EachFieldAndTheLinkBeforeCount) {
  const ChainLink link = chain_.next({}, event_);
  EXPECT_EQ(link, chain_.next({}, event_));
  EXPECT_NE(link, chain_of(2).next({}, event_));
  EXPECT_NE(link, chain_.next(link, event_));
  const auto changed = [&](auto change) {
    ChainedEvent other = event_;
    change(other);
    return chain_.next({}, other) != link;
  };
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.job = "k"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.tenant = "u"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.sequence = 2; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.position = 8; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.time_ms = 1'001; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.type = "dev.errand.job.killed"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.actor_kind = "CLIENT"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.actor = "a"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.traceparent = "00"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.correlation_id = "d"; }));
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.data = "{ }"; }));
  // Bytes that move from one field to the next are another event.
  EXPECT_TRUE(changed([](ChainedEvent& e) { e.job = "jt", e.tenant = ""; }));
}

TEST_F(EventChainTest, ASealOpensForItsKeyAndStateAlone) {
  ChainState state{.jobs = 2,
                   .last_position = LogPosition{9},
                   .time = Timestamp(Milliseconds(5)),
                   .checkpoint = "ab",
                   .number = 3};
  state.toggle(chain_.element("j", 2, chain_.next({}, event_)));
  const ChainSeal seal = chain_.seal(state);
  EXPECT_NE(seal.heads, state.heads);  // the digest of the heads is not told

  ChainState known = state;
  known.heads = {};
  EXPECT_EQ(chain_.open(seal, known), state.heads);
  EXPECT_FALSE(chain_of(2).open(seal, known));
  const auto opens_after = [&](auto change) {
    ChainState other = known;
    ChainSeal changed = seal;
    change(other, changed);
    return chain_.open(changed, other).has_value();
  };
  EXPECT_TRUE(opens_after([](ChainState&, ChainSeal&) {}));
  EXPECT_FALSE(opens_after([](ChainState& s, ChainSeal&) { s.jobs = 1; }));
  EXPECT_FALSE(opens_after([](ChainState& s, ChainSeal&) { s.last_position = LogPosition{8}; }));
  EXPECT_FALSE(opens_after([](ChainState& s, ChainSeal&) { s.time += Milliseconds(1); }));
  EXPECT_FALSE(opens_after([](ChainState& s, ChainSeal&) { s.checkpoint = "cd"; }));
  EXPECT_FALSE(opens_after([](ChainState& s, ChainSeal&) { s.number = 2; }));
  EXPECT_FALSE(opens_after([](ChainState&, ChainSeal& s) { s.heads[0] ^= 1; }));
  EXPECT_FALSE(opens_after([](ChainState&, ChainSeal& s) { s.tag[31] ^= 1; }));
}

TEST_F(EventChainTest, TheSameSetOfHeadsHasTheSameDigestInAnyOrder) {
  const auto a = chain_.element("a", 1, chain_.next({}, event_));
  const auto b = chain_.element("b", 1, chain_.next({}, event_));
  ChainState one;
  one.toggle(a);
  one.toggle(b);
  ChainState two;
  two.toggle(b);
  EXPECT_NE(one.heads, two.heads);
  two.toggle(a);
  EXPECT_EQ(one.heads, two.heads);
  two.toggle(a);
  two.toggle(b);
  EXPECT_EQ(two.heads, crypto::Digest{});
}

TEST_F(EventChainTest, ACheckpointIsSignedAndReadsBack) {
  const AuditCheckpoint first = chain_.checkpoint(
      {.jobs = 2, .last_position = LogPosition{9}, .time = Timestamp(Milliseconds(86'400'000))});
  EXPECT_EQ(first.number, 1U);
  EXPECT_TRUE(chain_.verify(first));
  EXPECT_FALSE(chain_of(2).verify(first));
  EXPECT_EQ(checkpoint_from_json(to_json(first)).value(), first);

  const AuditCheckpoint second =
      chain_.checkpoint({.jobs = 2, .checkpoint = first.signature, .number = first.number});
  EXPECT_EQ(second.number, 2U);
  EXPECT_EQ(second.previous, first.signature);

  AuditCheckpoint changed = first;
  changed.jobs = 1;
  EXPECT_FALSE(chain_.verify(changed));
  for (const char* text : {"", "[]", "{}", R"({"number":-1})", R"({"number":1,"time":"x"})"}) {
    EXPECT_EQ(checkpoint_from_json(text).error().code, ErrorCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace errand::store
