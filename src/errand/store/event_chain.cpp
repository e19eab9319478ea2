#include "errand/store/event_chain.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/time_text.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::store {
namespace {

/// Texts of a message, each with its length before it, so that no two lists of fields give the same
/// bytes. Numbers are little-endian.
class Message {
 public:
  Message& add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(number >> (8 * i) & 0xffU));
    return *this;
  }
  Message& add(std::int64_t number) { return add(static_cast<std::uint64_t>(number)); }
  Message& add(Timestamp time) { return add(std::int64_t{time.time_since_epoch().count()}); }
  Message& add(LogPosition position) { return add(to_number(position)); }
  Message& add(std::string_view text) {
    add(std::uint64_t{text.size()});
    bytes_.append(text);
    return *this;
  }
  Message& add(const crypto::Digest& digest) {
    bytes_.append(digest.begin(), digest.end());
    return *this;
  }

  [[nodiscard]] crypto::Digest sign(const crypto::HmacKey& key) const { return key.sign(bytes_); }

 private:
  std::string bytes_;
};

void add_xor(crypto::Digest& to, const crypto::Digest& other) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] ^= other[i];
}

}  // namespace

std::string to_json(const AuditCheckpoint& checkpoint) {
  return json::to_text(boost::json::object{{"number", checkpoint.number},
                                           {"time", format_timestamp(checkpoint.time)},
                                           {"position", to_number(checkpoint.position)},
                                           {"jobs", checkpoint.jobs},
                                           {"heads", checkpoint.heads},
                                           {"previous", checkpoint.previous},
                                           {"signature", checkpoint.signature}});
}

Result<AuditCheckpoint> checkpoint_from_json(std::string_view text) {
  const auto refused = [] {
    return fail(ErrorCode::kInvalidArgument,
                "This is no checkpoint. Give one line as errand audit checkpoint prints it.");
  };
  const auto value = json::parse(text);
  if (!value || !value->is_object()) return refused();
  const auto& object = value->get_object();
  AuditCheckpoint checkpoint;
  const auto number = [&](std::string_view name, std::uint64_t& to) {
    const auto* found = object.if_contains(name);
    if (found == nullptr || !found->is_number()) return false;
    boost::system::error_code error;
    to = found->to_number<std::uint64_t>(error);
    return !error;
  };
  const auto string = [&](std::string_view name, std::string& to) {
    const auto* found = object.if_contains(name);
    if (found == nullptr || !found->is_string()) return false;
    to = found->get_string();
    return true;
  };
  std::uint64_t position = 0;
  std::string time;
  if (!number("number", checkpoint.number) || !string("time", time) ||
      !number("position", position) || !number("jobs", checkpoint.jobs) ||
      !string("heads", checkpoint.heads) || !string("previous", checkpoint.previous) ||
      !string("signature", checkpoint.signature)) {
    return refused();
  }
  const auto parsed = parse_timestamp(time);
  if (!parsed) return refused();
  checkpoint.time = *parsed;
  checkpoint.position = LogPosition{position};
  return checkpoint;
}

void ChainState::toggle(const crypto::Digest& element) noexcept { add_xor(heads, element); }

EventChain::EventChain(const crypto::MasterKey& key)
    : links_(key.hmac_key("event-chain.v1")),
      elements_(key.hmac_key("event-chain-head.v1")),
      tags_(key.hmac_key("event-chain-seal.v1")),
      masks_(key.hmac_key("event-chain-mask.v1")),
      heads_(key.hmac_key("audit-checkpoint-heads.v1")),
      checkpoints_(key.hmac_key("audit-checkpoint.v1")) {}

ChainLink EventChain::next(const ChainLink& before, const ChainedEvent& event) const {
  return Message()
      .add(before)
      .add(event.job)
      .add(event.tenant)
      .add(event.sequence)
      .add(event.position)
      .add(event.time_ms)
      .add(event.type)
      .add(event.actor_kind)
      .add(event.actor)
      .add(event.traceparent)
      .add(event.correlation_id)
      .add(event.data)
      .sign(links_);
}

crypto::Digest EventChain::element(std::string_view job, std::uint64_t sequence,
                                   const ChainLink& head) const {
  return Message().add(job).add(sequence).add(head).sign(elements_);
}

crypto::Digest EventChain::tag(const ChainState& state) const {
  return Message()
      .add(state.heads)
      .add(state.jobs)
      .add(state.last_position)
      .add(state.time)
      .add(state.checkpoint)
      .add(state.number)
      .sign(tags_);
}

void EventChain::mask(crypto::Digest& heads, const crypto::Digest& tag) const {
  add_xor(heads, masks_.sign(tag));
}

ChainSeal EventChain::seal(const ChainState& state) const {
  ChainSeal seal{.heads = state.heads, .tag = tag(state)};
  mask(seal.heads, seal.tag);
  return seal;
}

std::optional<crypto::Digest> EventChain::open(const ChainSeal& seal,
                                               const ChainState& state) const {
  ChainState opened = state;
  opened.heads = seal.heads;
  mask(opened.heads, seal.tag);
  if (!crypto::equal_constant_time(tag(opened), seal.tag)) return std::nullopt;
  return opened.heads;
}

std::string EventChain::sign(const AuditCheckpoint& checkpoint) const {
  return crypto::to_hex(Message()
                            .add(checkpoint.number)
                            .add(checkpoint.time)
                            .add(checkpoint.position)
                            .add(checkpoint.jobs)
                            .add(checkpoint.heads)
                            .add(checkpoint.previous)
                            .sign(checkpoints_));
}

AuditCheckpoint EventChain::checkpoint(const ChainState& state) const {
  AuditCheckpoint checkpoint{.number = state.number + 1,
                             .time = state.time,
                             .position = state.last_position,
                             .jobs = state.jobs,
                             .heads = crypto::to_hex(heads_.sign(state.heads)),
                             .previous = state.checkpoint};
  checkpoint.signature = sign(checkpoint);
  return checkpoint;
}

bool EventChain::verify(const AuditCheckpoint& checkpoint) const {
  return crypto::equal_constant_time(sign(checkpoint), checkpoint.signature);
}

}  // namespace errand::store
