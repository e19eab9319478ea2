#include "errand/engine/limit_book.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"

namespace errand::engine {
namespace {

/// Parts of a rate's time in which starts are counted.
constexpr std::int64_t kSlices = 64;

Milliseconds slice_of(Milliseconds per) { return std::max(Milliseconds{1}, per / kSlices); }

/// What `limit` counts a job by.
std::string key_of(const Limit& limit, const TenantId& tenant, const std::string& limit_key) {
  // A tenant's name holds no line break.
  if (!limit.by_input.empty()) return tenant.str() + '\n' + limit_key;
  return limit.by_tenant ? tenant.str() : std::string();
}

/// Whether what is taken is a place of the limit.
bool takes(const Limit& limit, LimitBook::Taken taken) {
  return limit.by_input.empty() ? taken.lease : taken.key;
}

}  // namespace

Timestamp RateWindow::end_of(Timestamp now, Milliseconds per) {
  const std::int64_t slice = slice_of(per).count();
  const std::int64_t begin = now.time_since_epoch().count() / slice * slice;
  return Timestamp(Milliseconds(begin + slice)) + per;
}

void RateWindow::add(Timestamp until, std::uint64_t starts) {
  const auto at =
      std::ranges::lower_bound(slices_, until, {}, &decltype(slices_)::value_type::first);
  if (at != slices_.end() && at->first == until) {
    at->second += starts;
  } else {
    slices_.insert(at, {until, starts});
  }
  used_ += starts;
}

std::uint64_t RateWindow::used(Timestamp now, Milliseconds per) {
  while (!slices_.empty() && slices_.front().first <= now) {
    used_ -= slices_.front().second;
    slices_.pop_front();
  }
  // Nothing counts longer than what starts now.
  const Timestamp last = end_of(now, per);
  std::uint64_t late = 0;
  while (!slices_.empty() && slices_.back().first > last) {
    late += slices_.back().second;
    slices_.pop_back();
  }
  if (late > 0) {
    used_ -= late;
    add(last, late);
  }
  return used_;
}

std::uint64_t RateWindow::at(Timestamp until) const {
  const auto at = std::ranges::find(slices_, until, &decltype(slices_)::value_type::first);
  return at == slices_.end() ? 0 : at->second;
}

Timestamp RateWindow::opens(Timestamp now, std::uint64_t value) const {
  std::uint64_t left = used_;
  for (const auto& [until, starts] : slices_) {
    if (left < value) break;
    now = until;
    left -= starts;
  }
  return now;
}

LimitBook::LimitBook(std::span<const Limit> limits) {
  for (const Limit& limit : limits) {
    ERRAND_ASSERT(!by_id_.contains(limit.id()));
    add(limit);
  }
}

void LimitBook::add(const Limit& limit) {
  std::size_t index = entries_.size();
  if (free_.empty()) {
    entries_.emplace_back();
    running_.emplace_back();
    rates_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
    running_[index].clear();
    rates_[index] = {};
  }
  Entry& entry = entries_[index];
  entry = {.declared = limit, .id = limit.id(), .setting = std::nullopt};
  entry.value = limit.value.value_or(kUnlimited);
  entry.per = limit.per;
  by_id_.emplace(entry.id, index);
  if (limit.kind == LimitKind::kLength) {
    lengths_.emplace(limit.queue, index);
  } else if (limit.queue.empty()) {
    by_type_[limit.type].push_back(index);
  } else {
    by_queue_[limit.queue].push_back(index);
  }
}

void LimitBook::declare(const Limit& limit) {
  const auto index = index_of(limit.id());
  if (!index) return add(limit);
  Entry& entry = entries_[*index];
  entry.declared = limit;
  const auto* setting = entry.setting ? &*entry.setting : nullptr;
  entry.value = setting && setting->value ? *setting->value : limit.value.value_or(kUnlimited);
  entry.per = setting && setting->per ? *setting->per : limit.per;
}

void LimitBook::withdraw(const JobTypeName& type) {
  const auto found = by_type_.find(type);
  if (found == by_type_.end()) return;
  for (const std::size_t index : found->second) {
    by_id_.erase(entries_[index].id);
    entries_[index] = {};
    running_[index].clear();
    freed_.push_back(index);
  }
  by_type_.erase(found);
}

void LimitBook::clear() {
  for (Entry& entry : entries_) {
    entry.setting.reset();
    entry.value = entry.declared.value.value_or(kUnlimited);
    entry.per = entry.declared.per;
  }
  for (auto& counts : running_) counts.clear();
  for (Rates& rates : rates_) rates = {};
}

std::optional<std::size_t> LimitBook::index_of(std::string_view id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? std::nullopt : std::optional(it->second);
}

const LimitBook::Entry* LimitBook::find(std::string_view id) const {
  const auto index = index_of(id);
  return index ? &entries_[*index] : nullptr;
}

bool LimitBook::set(const store::LimitSetting& setting) {
  const auto index = index_of(setting.limit);
  if (!index) return false;
  Entry& entry = entries_[*index];
  entry.setting.reset();
  if (setting.value || setting.per) entry.setting = setting;
  entry.value = setting.value ? *setting.value : entry.declared.value.value_or(kUnlimited);
  entry.per = setting.per.value_or(entry.declared.per);
  return true;
}

void LimitBook::restore(const store::RateUse& use) {
  const auto index = index_of(use.limit);
  if (!index || entries_[*index].declared.kind != LimitKind::kRate) return;
  rates_[*index].of[use.key].add(use.until, use.starts);
}

const std::vector<std::size_t>& LimitBook::of_type(const JobTypeName& type) const {
  static const std::vector<std::size_t> kNone;
  const auto it = by_type_.find(type);
  return it == by_type_.end() ? kNone : it->second;
}

const std::vector<std::size_t>& LimitBook::of_queue(const QueueName& queue) const {
  static const std::vector<std::size_t> kNone;
  const auto it = by_queue_.find(queue);
  return it == by_queue_.end() ? kNone : it->second;
}

bool LimitBook::counts_keys(const JobTypeName& type) const {
  return std::ranges::any_of(of_type(type), [this](std::size_t index) {
    return !entries_[index].declared.by_input.empty();
  });
}

void LimitBook::count(std::size_t index, const std::string& key, std::int64_t by) {
  auto& of_limit = running_[index];
  std::uint64_t& number = of_limit[key];
  ERRAND_ASSERT(by > 0 || number > 0);
  number += static_cast<std::uint64_t>(by);
  if (number == 0) of_limit.erase(key);
}

void LimitBook::count_coarse(const job::JobState& state, std::int64_t by) {
  for_each(state.spec, [&](std::size_t index, const Entry& entry) {
    const Limit& limit = entry.declared;
    if (limit.kind == LimitKind::kConcurrency && limit.by_input.empty() && entry.holds()) {
      count(index, key_of(limit, state.spec.tenant, state.spec.limit_key), by);
    }
  });
}

LimitBook::Taken LimitBook::taken(const job::JobState* state) {
  if (!state) return {};
  return {.lease = has_lease(state->status), .key = holds_key(*state)};
}

void LimitBook::settle(const job::JobState* before, const job::JobState& after) {
  for_each(after.spec, [&](std::size_t index, const Entry& entry) {
    const Limit& limit = entry.declared;
    if (limit.kind != LimitKind::kConcurrency) return;
    // What counts nothing can be set later; then recount() sees to it. Keys are always counted.
    const auto key_in = [&](const job::JobState* state) -> std::optional<std::string> {
      if (!takes(limit, taken(state))) return std::nullopt;
      if (limit.by_input.empty() ? !entry.holds() : state->spec.limit_key.empty()) {
        return std::nullopt;
      }
      return key_of(limit, state->spec.tenant, state->spec.limit_key);
    };
    // A job that ended and was requeued with another input in one batch left another key.
    const auto left = key_in(before);
    const auto taken_now = key_in(&after);
    if (left == taken_now) return;
    if (left) count(index, *left, -1);
    if (taken_now) count(index, *taken_now, 1);
  });
}

void LimitBook::note(Changes& changes, Taken before, const job::JobState& after,
                     bool starts) const {
  if (has_bug(DeliberateBug::kLimitCountedLate)) return;
  for_each(after.spec, [&](std::size_t index, const Entry& entry) {
    const Limit& limit = entry.declared;
    if (!entry.holds() || (!limit.by_input.empty() && after.spec.limit_key.empty())) return;
    const auto change = [&]() -> Changes::Change& {
      return changes.of[{index, key_of(limit, after.spec.tenant, after.spec.limit_key)}];
    };
    if (limit.kind == LimitKind::kRate) {
      if (starts) ++change().starts;
      return;
    }
    const bool did = takes(limit, before);
    const bool does = takes(limit, taken(&after));
    if (did != does) change().running += does ? 1 : -1;
  });
}

std::vector<store::RateUse> LimitBook::rate_uses(const Changes& changes, Timestamp now) {
  std::vector<store::RateUse> uses;
  for (const auto& [place, change] : changes.of) {
    if (change.starts == 0) continue;
    const auto& [index, key] = place;
    const Entry& entry = entries_[index];
    const Timestamp until = RateWindow::end_of(now, entry.per);
    const auto window = rates_[index].of.find(key);
    std::uint64_t before = 0;
    if (window != rates_[index].of.end()) {
      (void)window->second.used(now, entry.per);
      before = window->second.at(until);
    }
    uses.push_back({entry.id, key, until, before + change.starts});
  }
  return uses;
}

void LimitBook::apply(const Changes& changes, Timestamp now) {
  free_.insert(free_.end(), freed_.begin(), freed_.end());
  freed_.clear();
  for (const auto& [place, change] : changes.of) {
    if (change.starts == 0) continue;
    const auto& [index, key] = place;
    const Milliseconds per = entries_[index].per;
    Rates& rates = rates_[index];
    rates.of[key].add(RateWindow::end_of(now, per), change.starts);
    if (rates.of.size() < rates.sweep_at) continue;
    for (auto it = rates.of.begin(); it != rates.of.end();) {
      it = it->second.used(now, per) == 0 ? rates.of.erase(it) : std::next(it);
    }
    rates.sweep_at = std::max<std::size_t>(1'024, 2 * rates.of.size());
  }
}

std::uint64_t LimitBook::running(std::size_t index, const std::string& key) const {
  const auto it = running_[index].find(key);
  return it == running_[index].end() ? 0 : it->second;
}

std::uint64_t LimitBook::used(std::size_t index, const std::string& key, Timestamp now) {
  const auto it = rates_[index].of.find(key);
  return it == rates_[index].of.end() ? 0 : it->second.used(now, entries_[index].per);
}

std::optional<LimitBook::Obstacle> LimitBook::obstacle(const job::JobState& state,
                                                       const Changes* changes, Timestamp now) {
  std::optional<Obstacle> found;
  for_each(state.spec, [&](std::size_t index, const Entry& entry) {
    const Limit& limit = entry.declared;
    const bool by_input = !limit.by_input.empty();
    if (found || !entry.holds() || (by_input && state.spec.limit_key.empty())) return;
    const std::string key = key_of(limit, state.spec.tenant, state.spec.limit_key);
    Changes::Change change;
    if (changes) {
      if (const auto it = changes->of.find({index, key}); it != changes->of.end()) {
        change = it->second;
      }
    }
    if (limit.kind == LimitKind::kRate) {
      if (used(index, key, now) + change.starts < entry.value) return;
      const auto window = rates_[index].of.find(key);
      const Timestamp until = window == rates_[index].of.end()
                                  ? RateWindow::end_of(now, entry.per)
                                  : window->second.opens(now, entry.value);
      found = Obstacle{&entry, by_input, std::max(until, now + Milliseconds{1})};
      return;
    }
    if (by_input && holds_key(state)) return;
    const auto running = static_cast<std::int64_t>(this->running(index, key)) + change.running;
    if (running >= static_cast<std::int64_t>(entry.value)) {
      found = Obstacle{&entry, by_input, std::nullopt};
    }
  });
  return found;
}

LimitBook::KeyRoom LimitBook::room_of_key(const JobTypeName& type, const TenantId& tenant,
                                          const std::string& limit_key, Timestamp now) {
  KeyRoom room;
  for (const std::size_t index : of_type(type)) {
    const Entry& entry = entries_[index];
    if (entry.declared.by_input.empty() || !entry.holds()) continue;
    const std::string key = key_of(entry.declared, tenant, limit_key);
    const bool is_rate = entry.declared.kind == LimitKind::kRate;
    const std::uint64_t taken = is_rate ? used(index, key, now) : running(index, key);
    std::uint64_t& left = is_rate ? room.starts : room.places;
    left = std::min(left, entry.value - std::min(entry.value, taken));
  }
  return room;
}

std::optional<Timestamp> LimitBook::key_opens(const JobTypeName& type, const TenantId& tenant,
                                              const std::string& limit_key, Timestamp now) {
  std::optional<Timestamp> opens;
  for (const std::size_t index : of_type(type)) {
    const Entry& entry = entries_[index];
    if (entry.declared.by_input.empty() || !entry.holds()) continue;
    if (entry.declared.kind != LimitKind::kRate) continue;
    const std::string key = key_of(entry.declared, tenant, limit_key);
    if (used(index, key, now) < entry.value) continue;
    const Timestamp until = rates_[index].of.find(key)->second.opens(now, entry.value);
    opens = std::max(opens.value_or(until), until);
  }
  return opens;
}

std::optional<std::uint64_t> LimitBook::length_of(const QueueName& queue) const {
  const auto it = lengths_.find(queue);
  if (it == lengths_.end() || !entries_[it->second].holds()) return std::nullopt;
  return entries_[it->second].value;
}

std::optional<std::uint64_t> LimitBook::concurrency_of(const QueueName& queue) const {
  std::optional<std::uint64_t> least;
  for (const std::size_t i : of_queue(queue)) {
    const Entry& entry = entries_[i];
    if (!entry.holds() || entry.declared.kind != LimitKind::kConcurrency) continue;
    if (entry.declared.by_tenant) continue;
    least = std::min(least.value_or(entry.value), entry.value);
  }
  return least;
}

}  // namespace errand::engine
