#include "errand/store/reader.h"

#include <algorithm>

namespace errand::store {
namespace {

template <class T>
bool lets_pass(const std::vector<T>& wanted, const T& value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

}  // namespace

bool matches(const RecordFilter& filter, const RecordId& record) {
  return record.collection == filter.collection &&
         (!filter.tenant || record.tenant == *filter.tenant) &&
         record.key.starts_with(filter.prefix);
}

bool matches(const JobFilter& filter, const job::JobState& state) {
  const job::JobSpec& spec = state.spec;
  if (spec.tenant != filter.tenant || job::kind_of(spec.type) != filter.kind) return false;
  if (!lets_pass(filter.statuses, state.status)) return false;
  if (!lets_pass(filter.types, spec.type)) return false;
  if (!lets_pass(filter.queues, spec.queue)) return false;
  for (const std::string& tag : filter.tags) {
    if (std::ranges::find(spec.tags, tag) == spec.tags.end()) return false;
  }
  for (const auto& [name, value] : filter.labels) {
    const auto label = spec.labels.find(name);
    if (label == spec.labels.end() || label->second != value) return false;
  }
  if (filter.subject && spec.subject != *filter.subject) return false;
  if (filter.correlation_id && state.correlation_id != *filter.correlation_id) return false;
  if (filter.created_from && state.created_at < *filter.created_from) return false;
  if (filter.created_before && state.created_at >= *filter.created_before) return false;
  return true;
}

bool matches(const DeadLetterFilter& filter, const job::JobState& state) {
  const job::JobSpec& spec = state.spec;
  return spec.tenant == filter.tenant && job::kind_of(spec.type) == filter.kind &&
         state.dead_letter && state.finished_at && lets_pass(filter.types, spec.type) &&
         lets_pass(filter.queues, spec.queue) &&
         lets_pass(filter.fingerprints, state.error_fingerprint) &&
         (!filter.finished_from || *state.finished_at >= *filter.finished_from) &&
         (!filter.finished_before || *state.finished_at < *filter.finished_before);
}

}  // namespace errand::store
