#include <algorithm>
#include <utility>

#include "errand/engine/memory.h"

namespace errand::engine {
namespace {

/// Places of a closed key in memory, beside those that are shown.
constexpr std::size_t kHiddenMax = 8;
/// All keys together hide so many of the jobs that may be in memory.
constexpr std::size_t kHiddenShare = 4;
/// Places of a key that one read gives at most.
constexpr std::uint64_t kKeyPageMax = 256;
/// Keys that one plan looks at.
constexpr std::size_t kStirredMax = 4'096;

}  // namespace

std::size_t Memory::hidden_max() const {
  const std::size_t keys = std::max<std::size_t>(1, keys_.size());
  return std::min(options.head_jobs_max / kHiddenShare / keys, kHiddenMax);
}

std::size_t Memory::own_max(std::size_t shown) const {
  return shown + std::max<std::size_t>(1, hidden_max());
}

std::optional<Memory::Key> Memory::key_of(const job::JobState& state) const {
  const job::JobSpec& spec = state.spec;
  if (spec.limit_key.empty() || !limits.counts_keys(spec.type)) return std::nullopt;
  return Key{spec.type, spec.tenant, spec.limit_key, spec.queue, spec.route};
}

Memory::KeyRow* Memory::find_row(const std::optional<Key>& key) {
  if (!key) return nullptr;
  const auto it = keys_.find(*key);
  return it == keys_.end() ? nullptr : &it->second;
}

void Memory::drop_row_if_idle(const Key& key) {
  const auto it = keys_.find(key);
  if (it == keys_.end() || it->second.own || !it->second.shown.empty()) return;
  if (it->second.opens) key_timers_.erase({*it->second.opens, key});
  keys_.erase(it);
}

void Memory::evict(const std::vector<LinePlace>& places) {
  for (const LinePlace& place : places) {
    const std::optional<Key> key = key_of(*hot_.at(place.job).state);
    KeyRow* row = find_row(key);
    if (row) row->shown.erase(place);
    // The own row of a closed key goes on knowing it.
    if (row && row->own && row->own->places().contains(place)) continue;
    if (row) drop_row_if_idle(*key);
    release(place.job);
  }
}

void Memory::forget_hidden(const Key& key, KeyRow& row, const std::vector<LinePlace>& places) {
  for (const LinePlace& place : places) {
    // Shown, until others of a higher priority came.
    if (row.shown.erase(place) > 0) lines.at(line_of_key(key)).remove(place);
    release(place.job);
  }
}

void Memory::stir(const job::JobState& state) {
  // The key may have jobs in other queues, from before its type went to this one.
  const std::optional<Key> key = key_of(state);
  if (!key) return;
  for (auto it = keys_.lower_bound({key->type, key->tenant, key->limit_key, QueueName()});
       it != keys_.end() && it->first.type == key->type && it->first.tenant == key->tenant &&
       it->first.limit_key == key->limit_key;
       ++it) {
    if (it->second.own) stirred_.insert(it->first);
  }
}

void Memory::stir_all() {
  for (const auto& [key, row] : keys_) {
    if (row.own) stirred_.insert(key);
  }
}

void Memory::set_limit(const store::LimitSetting& setting) {
  if (!limits.set(setting)) return;
  limits.recount([this](auto&& count) {
    for (const auto& [job, lease] : leases.all()) count(*hot_.at(job).state);
  });
  stir_all();
}

void Memory::declare_limit(const Limit& limit) {
  limits.declare(limit);
  limits.recount([this](auto&& count) {
    for (const auto& [job, lease] : leases.all()) count(*hot_.at(job).state);
  });
  stir_all();
}

Result<void> Memory::refill_keys(const store::Reader& reader, Now now) {
  // After the clock was set back, timers would come too late.
  if (now.wall < last_wall_) stir_all();
  last_wall_ = now.wall;
  while (!key_timers_.empty() && key_timers_.begin()->first <= now.wall) {
    const Key key = key_timers_.begin()->second;
    key_timers_.erase(key_timers_.begin());
    keys_.at(key).opens.reset();
    stirred_.insert(key);
  }
  for (std::size_t n = 0; n < kStirredMax && !stirred_.empty(); ++n) {
    const Key key = *stirred_.begin();
    if (KeyRow* row = find_row(key); row && row->own) {
      if (auto read = refill_key(key, *row, reader, now); !read) return read;
      show_key(key, *row, now);
    }
    stirred_.erase(key);
  }
  return {};
}

Result<void> Memory::refill_key(const Key& key, KeyRow& row, const store::Reader& reader, Now now) {
  auto& own = *row.own;
  const auto room = limits.room_of_key(key.type, key.tenant, key.limit_key, now.wall);
  const std::uint64_t wanted = std::min(room.places, room.starts);
  // Without a place, the job that holds the key may still start; against a rate none may.
  if (own.complete() || room.starts == 0 || own.places().size() > wanted) return {};
  const std::size_t limit = std::clamp<std::uint64_t>(
      wanted - own.places().size(), std::max<std::size_t>(1, hidden_max()), kKeyPageMax);
  std::optional<store::ReadyCursor> after;
  if (const auto& horizon = own.horizon()) after = {horizon->priority, horizon->position};
  const auto read = reader.ready_of_key(line_of_key(key), key.limit_key, after, limit);
  if (!read) return std::unexpected(read.error());
  std::vector<LinePlace> places;
  for (const job::StatePtr& state : *read) {
    places.push_back(line_place(*state));
    hold(state, nullptr);
  }
  own.refill(places, places.size() < limit ? std::nullopt : std::optional(places.back()));
  return {};
}

std::set<LinePlace> Memory::startable(const Key& key, const KeyRow& row, Now now) {
  auto [places, starts] = limits.room_of_key(key.type, key.tenant, key.limit_key, now.wall);
  std::set<LinePlace> found;
  for (const LinePlace& place : row.own->places()) {
    const bool holds = holds_key(*hot_.at(place.job).state);
    if (starts == 0 || (!holds && places == 0)) break;
    if (!holds) --places;
    --starts;
    found.insert(found.end(), place);
  }
  return found;
}

void Memory::show_key(const Key& key, KeyRow& row, Now now) {
  auto& window = lines.try_emplace(line_of_key(key), true).first->second;
  const std::set<LinePlace> next = startable(key, row, now);
  for (const LinePlace& place : next) {
    // Beyond its horizon the line comes to the place by reading on.
    if (row.shown.contains(place) || !window.covers(place)) continue;
    std::vector<LinePlace> evicted;
    if (window.add(place, line_max(), evicted)) row.shown.insert(place);
    evict(evicted);
  }
  if (row.own->complete() && next.size() == row.own->places().size()) {
    row.own.reset();
    for (const LinePlace& place : next) {
      if (!row.shown.contains(place)) release(place.job);
    }
    drop_row_if_idle(key);
    return;
  }
  set_key_timer(key, row, now);
}

void Memory::set_key_timer(const Key& key, KeyRow& row, Now now) {
  if (row.opens) key_timers_.erase({*row.opens, key});
  row.opens = limits.key_opens(key.type, key.tenant, key.limit_key, now.wall);
  if (row.opens) key_timers_.insert({*row.opens, key});
}

void Memory::close_key(const Key& key, Now now) {
  KeyRow* row = find_row(key);
  const auto line = lines.find(line_of_key(key));
  if (!row || line == lines.end()) return;  // nothing of it is in memory
  auto& window = line->second;
  if (!row->own) {
    if (window.complete() || window.horizon()) {
      row->own.emplace(row->shown, window.complete() ? std::nullopt : window.horizon());
    } else {
      row->own.emplace(false);
    }
  }
  const std::set<LinePlace> next = startable(key, *row, now);
  std::erase_if(row->shown, [&](const LinePlace& place) {
    if (next.contains(place)) return false;
    window.remove(place);
    return true;
  });
  std::vector<LinePlace> evicted;
  if (next.empty() && hidden_max() == 0) {
    // Among so many keys it is read anew once it has room.
    evicted.assign(row->own->places().begin(), row->own->places().end());
    row->own.emplace(false);
  } else {
    row->own->trim(own_max(row->shown.size()), evicted);
  }
  forget_hidden(key, *row, evicted);
  set_key_timer(key, *row, now);
}

bool Memory::goes_next(const job::JobState& state) const {
  const std::optional<Key> key = key_of(state);
  if (!key) return true;
  const auto it = keys_.find(*key);
  if (it == keys_.end() || !it->second.own) return true;
  const auto& [shown, own, opens] = it->second;
  const LinePlace place = line_place(state);
  return own->covers(place) &&
         std::ranges::all_of(own->places().begin(), own->places().lower_bound(place),
                             [&](const LinePlace& other) { return shown.contains(other); });
}

std::optional<Memory::KeyPlace> Memory::place_in_key(const job::JobState& state) const {
  const std::optional<Key> key = key_of(state);
  if (!key) return std::nullopt;
  const auto it = keys_.find(*key);
  if (it == keys_.end() || !it->second.own) return std::nullopt;
  const auto& own = *it->second.own;
  const LinePlace place = line_place(state);
  return KeyPlace{static_cast<std::uint64_t>(
                      std::distance(own.places().begin(), own.places().lower_bound(place))),
                  own.covers(place)};
}

std::optional<Timestamp> Memory::first_key_opens() const {
  if (key_timers_.empty()) return std::nullopt;
  return key_timers_.begin()->first;
}

}  // namespace errand::engine
