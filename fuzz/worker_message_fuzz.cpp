// Whatever a worker sends is messages or an error with a text, over both ways; within one batch
// nothing is lost. An ack of what was read is JSON again.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "errand/base/assert.h"
#include "errand/json/parse.h"
#include "errand/worker/server_message.h"
#include "errand/worker/worker_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace errand;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kBytesMax = 1 << 20;
  const auto messages = worker::parse_messages(text, kBytesMax);
  if (messages) {
    ERRAND_ASSERT(!messages->empty() && messages->size() <= worker::kBatchMax);
    for (const worker::WorkerMessage& message : *messages) {
      const auto* report = std::get_if<worker::Report>(&message);
      if (report == nullptr) continue;
      const worker::Ack ack{.ref = report->ref,
                            .job = report->held.job,
                            .token = report->held.token,
                            .error = std::nullopt};
      ERRAND_ASSERT(json::parse(worker::to_text(ack)).has_value());
    }
  } else {
    ERRAND_ASSERT(!messages.error().message.empty());
  }
  const auto posted = worker::parse_posted_messages(text, kBytesMax);
  if (!posted) ERRAND_ASSERT(!posted.error().message.empty());
  const auto poll = worker::parse_poll(text, kBytesMax);
  if (!poll) ERRAND_ASSERT(!poll.error().message.empty());
  return 0;
}
