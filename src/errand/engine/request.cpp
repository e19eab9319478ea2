#include "errand/engine/request.h"

namespace errand::engine {
namespace {

/// About what a request costs beside its payloads: events and snapshots.
constexpr std::size_t kFlatBytes = 1'024;

}  // namespace

std::string_view to_string(WorkerWay way) noexcept {
  switch (way) {
    case WorkerWay::kPull:
      return "PULL";
    case WorkerWay::kPush:
      return "PUSH";
    case WorkerWay::kUpstream:
      return "UPSTREAM";
    case WorkerWay::kCommand:
      return "COMMAND";
    case WorkerWay::kInProcess:
      return "IN_PROCESS";
  }
  return "PULL";
}

std::size_t weight_bytes(const Request& request) noexcept {
  if (const auto* enqueue = std::get_if<EnqueueJob>(&request)) {
    return kFlatBytes + enqueue->input.size();
  }
  if (const auto* command = std::get_if<CommandJob>(&request)) {
    return kFlatBytes + command->result.size() + command->input.size();
  }
  if (const auto* write = std::get_if<WriteRecords>(&request)) {
    std::size_t bytes = kFlatBytes;
    for (const RecordChange& change : write->changes) {
      bytes += change.id.key.size() + (change.text ? change.text->size() : 0);
    }
    return bytes;
  }
  return kFlatBytes;
}

}  // namespace errand::engine
