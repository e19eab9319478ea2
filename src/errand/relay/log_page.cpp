#include "errand/relay/log_page.h"

#include <algorithm>
#include <unordered_map>

#include "errand/contract/cloud_event.h"
#include "errand/contract/event_pattern.h"
#include "errand/job/internal_type.h"
#include "errand/relay/topic.h"

namespace errand::relay {
namespace {

/// Counts the positions between those that are seen.
class Holes {
 public:
  explicit Holes(const PageQuery& query)
      : seen_(to_number(query.after)), whole_after_(to_number(query.whole_after)) {}

  void see(LogPosition position) {
    up_to(to_number(position) - 1);
    seen_ = to_number(position);
  }
  void up_to(std::uint64_t end) {
    const std::uint64_t begin = std::max(seen_, whole_after_);
    if (end > begin) missing_ += end - begin;
    seen_ = std::max(seen_, end);
  }
  [[nodiscard]] std::uint64_t missing() const { return missing_; }

 private:
  std::uint64_t seen_;
  const std::uint64_t whole_after_;
  std::uint64_t missing_ = 0;
};

/// Whether events of the relay's tenants were deleted that it has not read.
Result<bool> may_have_missed(const store::Reader& reader, const PageQuery& query) {
  if (query.filter.tenants.empty()) return true;
  for (const TenantId& tenant : query.filter.tenants) {
    const auto pruned = reader.pruned_position(tenant);
    if (!pruned) return std::unexpected(pruned.error());
    if (*pruned > query.after) return true;
  }
  return false;
}

}  // namespace

Result<Page> read_page(const store::Reader& reader, const PageQuery& query) {
  // First: what it names was committed before the events were read, so that none of them is missed
  // where the log seems to end earlier.
  const auto last = reader.last_position();
  if (!last) return std::unexpected(last.error());
  const auto entries = reader.events_after(query.after, std::nullopt, query.events_max);
  if (!entries) return std::unexpected(entries.error());

  Page page{.messages = {}, .end = query.after, .last = *last};
  Holes holes(query);
  std::unordered_map<JobId, JobTypeName> types;
  std::uint64_t deleted = 0;
  std::size_t bytes = 0;
  bool whole = entries->size() < query.events_max;
  for (const store::LogEntry& entry : *entries) {
    const job::Event& event = entry.event;
    holes.see(event.position);
    page.end = event.position;
    if (entry.kind != job::JobKind::kUser) continue;
    const std::string_view type = job::event_name(event.data);
    const Filter& filter = query.filter;
    if (!contract::takes_event_type(filter.types, type)) continue;
    if (!filter.tenants.empty() && !filter.tenants.contains(entry.tenant)) continue;
    auto known = types.find(event.job);
    if (known == types.end()) {
      const auto state = reader.job(event.job);
      if (!state) return std::unexpected(state.error());
      if (*state == nullptr) {  // deleted since the events were read
        ++deleted;
        continue;
      }
      known = types.emplace(event.job, (*state)->spec.type).first;
    }
    if (!filter.job_types.empty() && !filter.job_types.contains(known->second)) continue;
    page.messages.push_back({.id = contract::event_id(event),
                             .job = event.job,
                             .position = event.position,
                             .type = std::string(type),
                             .topic = topic_of(entry.tenant, known->second, type),
                             .body = contract::to_cloud_event(event, {.base_url = query.base_url,
                                                                      .tenant = entry.tenant,
                                                                      .job_type = known->second})});
    bytes += page.messages.back().body.size();
    if (bytes >= query.bytes_max) {
      whole = &entry == &entries->back() && whole;
      break;
    }
  }
  if (whole && *last > page.end) {  // the end of the log was deleted
    holes.up_to(to_number(*last));
    page.end = *last;
  }
  page.missing = holes.missing();
  if (page.missing > 0) {
    const auto missed = may_have_missed(reader, query);
    if (!missed) return std::unexpected(missed.error());
    if (!*missed) page.missing = 0;
  }
  page.missing += deleted;
  page.last = std::max(page.last, page.end);
  return page;
}

}  // namespace errand::relay
