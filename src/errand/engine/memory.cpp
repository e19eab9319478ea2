#include "errand/engine/memory.h"

#include <algorithm>

#include "errand/base/crash_point.h"
#include "errand/base/deliberate_bug.h"

namespace errand::engine {
namespace {

bool waits(job::JobStatus status) {
  return !job::is_terminal(status) && !job::has_lease(status) && status != job::JobStatus::kPending;
}

/// Departures of a queue that are remembered.
constexpr std::size_t kDepartures = 16;

/// Rows that one read of the recovery gives.
constexpr std::size_t kRecoveryPage = 512;
/// Places of a line that one read gives, where no more are wanted at once: commits wait for it.
constexpr std::size_t kLinePage = 64;
/// Timers that one read gives.
constexpr std::size_t kTimerPage = 1'024;

/// Calls `take` with each job of the pages that `read(after)` gives.
template <class Read, class Take>
Result<void> for_each_page(Read read, Take take) {
  std::optional<JobId> after;
  for (;;) {
    const Result<std::vector<job::StatePtr>> page = read(after);
    if (!page) return std::unexpected(page.error());
    for (const job::StatePtr& state : *page) take(state);
    if (page->size() < kRecoveryPage) return {};
    after = page->back()->id;
  }
}

template <class T>
bool empty_or_has(const std::vector<T>& list, const T& value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

}  // namespace

LinePlace line_place(const job::JobState& state) {
  return {state.spec.priority, state.ready_position, state.id};
}

store::ReadyLine line_of(const job::JobSpec& spec) {
  return {.queue = spec.queue, .tenant = spec.tenant, .type = spec.type, .route = spec.route};
}

bool Worker::takes(const store::ReadyLine& line) const {
  return !draining && (!hello.tenant || *hello.tenant == line.tenant) &&
         empty_or_has(hello.queues, line.queue) && empty_or_has(hello.types, line.type) &&
         job::selects(hello.selectors, line.route) &&
         (!job::is_internal(line.type) || (hello.way != WorkerWay::kPull && !hello.types.empty()));
}

void Memory::settle(const job::StatePtr& before, const job::StatePtr& after, InputPtr input,
                    Now now) {
  const JobId& id = after->id;
  if (before) {
    count(*before, false);
    if (const auto timer = next_timer(*before)) timers.remove({*timer, id});
    if (before->status == job::JobStatus::kPending) {
      leave_line(*before);
      auto& left = queue_load_[before->spec.queue].left;
      left.push_back(now.monotonic);
      if (left.size() > kDepartures) left.pop_front();
    }
  }
  count(*after, true);
  limits.settle(before.get(), *after);
  const bool held_key = before && holds_key(*before);
  if (before && before->spec.limit_key != after->spec.limit_key) {
    if (held_key) stir(*before);
    if (holds_key(*after)) stir(*after);
  } else if (held_key != holds_key(*after)) {
    stir(*after);
  }
  if (const auto timer = next_timer(*after)) {
    std::vector<TimerPlace> evicted;
    timers.add({*timer, id}, options.timers_max, evicted);
  }
  if (after->status == job::JobStatus::kPending) {
    leases.end(id);
    forget(id);
    enter_line(after, std::move(input));
  } else if (has_lease(after->status)) {
    Hot& hot = hot_[id];
    hot.state = after;
    drop_input(hot);
    set_lease(*after, now, false);
  } else {
    leases.end(id);
    forget(id);
  }
}

void Memory::set_lease(const job::JobState& state, Now now, bool recovered) {
  const std::optional<Timestamp> wall_due =
      state.status == job::JobStatus::kCanceling ? state.cancel_grace_until : state.spec.deadline;
  const Lease* old = leases.find(state.id);
  if (old && old->token == state.token) {
    leases.update(state.id, [&](Lease& lease) { lease.wall_due = wall_due; });
    return;
  }
  Lease lease;
  lease.token = state.token;
  lease.worker = state.worker;
  lease.expires = now.monotonic + options.lease;
  Milliseconds left = state.spec.timeout;
  if (recovered && state.attempt_started_at) {
    left = std::clamp(left - (now.wall - *state.attempt_started_at), Milliseconds::zero(), left);
    // The worker had nobody to report to while we were away: a restart costs no attempt.
    left = std::max(left, options.lease);
  }
  if (recovered && has_bug(DeliberateBug::kLeaseRestoredWithoutTime)) lease.expires = now.monotonic;
  lease.attempt_ends = now.monotonic + left;
  lease.wall_due = wall_due;
  leases.grant(state.id, std::move(lease));
}

void Memory::count(const job::JobState& state, bool add) {
  const auto change = [add](std::uint64_t& number) {
    ERRAND_ASSERT(add || number > 0);
    number = add ? number + 1 : number - 1;
  };
  if (state.terminal()) return;
  Counts& of_line = counts[{state.spec.queue, state.spec.tenant}];
  if (has_lease(state.status)) {
    change(of_line.running);
    return;
  }
  change(waits(state.status) ? of_line.waiting : of_line.pending);
  change(queue_load_[state.spec.queue].length);
}

std::size_t Memory::line_max() const {
  const std::size_t share = options.head_jobs_max / std::max<std::size_t>(1, lines.size());
  return std::clamp<std::size_t>(share, std::min<std::size_t>(8, options.line_head_max),
                                 options.line_head_max);
}

void Memory::hold(const job::StatePtr& state, InputPtr input) {
  const auto [it, fresh] = hot_.try_emplace(state->id);
  if (fresh) ++head_jobs_;
  Hot& hot = it->second;
  hot.state = state;
  if (input && input_bytes_ + input->size() <= options.input_bytes_max) {
    input_bytes_ += input->size();
    hot.input = std::move(input);
  }
}

void Memory::release(const JobId& job) {
  if (!hot_.contains(job)) return;
  --head_jobs_;
  forget(job);
}

void Memory::enter_line(const job::StatePtr& state, InputPtr input) {
  auto& window = lines.try_emplace(line_of(*state), true).first->second;
  const LinePlace place = line_place(*state);
  const std::optional<Key> key = key_of(*state);
  std::vector<LinePlace> evicted;
  KeyRow* row = find_row(key);
  if (row && row->own) {
    if (row->own->add(place, own_max(row->shown.size()), evicted)) hold(state, std::move(input));
    forget_hidden(*key, *row, evicted);
    stirred_.insert(*key);
    return;
  }
  if (window.add(place, line_max(), evicted)) {
    hold(state, std::move(input));
    if (key) keys_[*key].shown.insert(place);
  }
  evict(evicted);
}

void Memory::leave_line(const job::JobState& state) {
  const LinePlace place = line_place(state);
  if (const auto line = lines.find(line_of(state)); line != lines.end()) {
    auto& window = line->second;
    window.remove(place);
    if (window.complete() && window.places().empty()) lines.erase(line);
  }
  const std::optional<Key> key = key_of(state);
  if (KeyRow* row = find_row(key)) {
    row->shown.erase(place);
    if (row->own) {
      row->own->remove(place);
      stirred_.insert(*key);
    }
    drop_row_if_idle(*key);
  }
  release(state.id);
}

void Memory::drop_input(Hot& hot) {
  if (hot.input) input_bytes_ -= hot.input->size();
  hot.input.reset();
}

void Memory::forget(const JobId& job) {
  const auto it = hot_.find(job);
  if (it == hot_.end()) return;
  drop_input(it->second);
  hot_.erase(it);
}

Result<void> Memory::refill_line(const store::ReadyLine& line, HeadWindow<LinePlace>& window,
                                 std::size_t wanted, const store::Reader& reader) {
  const std::size_t room = line_max() - std::min(line_max() - 1, window.places().size());
  const std::size_t limit = std::min(room, std::max(wanted, kLinePage));
  std::optional<store::ReadyCursor> after;
  if (const auto& horizon = window.horizon()) after = {horizon->priority, horizon->position};
  const auto read = reader.ready(line, after, limit);
  if (!read) return std::unexpected(read.error());
  std::vector<LinePlace> places;
  std::optional<LinePlace> horizon;
  for (const job::StatePtr& state : *read) {
    horizon = line_place(*state);
    const std::optional<Key> key = key_of(*state);
    if (const KeyRow* row = find_row(key); row && row->own) {
      stirred_.insert(*key);  // it may be one of those to be shown
      continue;
    }
    places.push_back(*horizon);
    hold(state, nullptr);
    if (key) keys_[*key].shown.insert(*horizon);
  }
  if (read->size() < limit) horizon.reset();
  window.refill(places, horizon);
  return {};
}

void Memory::shorten_lines() {
  if (head_jobs_ <= options.head_jobs_max) return;
  for (auto& [line, window] : lines) {
    std::vector<LinePlace> evicted;
    window.trim(line_max(), evicted);
    evict(evicted);
  }
}

Result<void> Memory::refill(const store::Reader& reader, bool with_lines, Now now) {
  shorten_lines();
  while (!timers.complete() && timers.places().size() <= options.timers_max / 4) {
    const std::size_t limit = std::clamp<std::size_t>(options.timers_max / 2, 1, kTimerPage);
    std::optional<store::DueCursor> after;
    if (const auto& horizon = timers.horizon()) after = {horizon->first, horizon->second};
    const auto read = reader.due(Timestamp::max(), after, limit);
    if (!read) return std::unexpected(read.error());
    std::vector<TimerPlace> places;
    for (const store::DueJob& due : *read) places.emplace_back(due.due_at, due.id);
    timers.refill(places, places.size() < limit ? std::nullopt : std::optional(places.back()));
  }
  unread_ = false;
  if (!with_lines) return {};
  for (auto it = lines.begin(); it != lines.end();) {
    auto& [line, window] = *it;
    if (!window.complete() && window.places().size() <= line_max() / 2) {
      std::size_t wanted = 0;
      for (const auto& [id, worker] : workers) {
        if (worker.credits > 0 && worker.takes(line)) wanted += worker.credits;
      }
      if (wanted > 0) {
        if (auto read = refill_line(line, window, wanted, reader); !read) return read;
        // All that was read may be of closed keys.
        unread_ = unread_ || (window.places().empty() && !window.complete());
      }
    }
    it = window.complete() && window.places().empty() ? lines.erase(it) : std::next(it);
  }
  return refill_keys(reader, now);
}

bool Memory::unread() const { return any_credits() && (unread_ || !stirred_.empty()); }

Result<void> Memory::recover(const store::Reader& reader, Now now) {
  lines.clear();
  leases.clear();
  timers = HeadWindow<TimerPlace>(false);
  counts.clear();
  pauses.clear();
  contracts.clear();
  hot_.clear();
  queue_load_.clear();
  input_bytes_ = 0;
  head_jobs_ = 0;
  keys_.clear();
  stirred_.clear();
  key_timers_.clear();
  limits.clear();

  const auto position = reader.last_position();
  if (!position) return std::unexpected(position.error());
  last_position = *position;

  const auto counted = reader.counts(std::nullopt);
  if (!counted) return std::unexpected(counted.error());
  for (const store::JobCount& group : *counted) {
    if (is_terminal(group.status)) continue;
    Counts& of_line = counts[{group.queue, group.tenant}];
    if (has_lease(group.status)) {
      of_line.running += group.jobs;
      continue;
    }
    (waits(group.status) ? of_line.waiting : of_line.pending) += group.jobs;
    queue_load_[group.queue].length += group.jobs;
  }

  const auto ready = reader.ready_lines();
  if (!ready) return std::unexpected(ready.error());
  for (const store::ReadyLine& line : *ready) lines.try_emplace(line, false);

  const auto settings = reader.queue_settings();
  if (!settings) return std::unexpected(settings.error());
  for (const store::QueueSetting& setting : *settings) {
    if (setting.paused) pauses.emplace(setting.queue, setting.tenant);
  }
  crash_point(CrashPoint::kRecovery);
  if (auto read = recover_limits(reader, now); !read) return read;
  if (auto read = estimates.recover(reader, now); !read) return read;
  auto read = for_each_page([&](const auto& after) { return reader.leased(after, kRecoveryPage); },
                            [&](const job::StatePtr& state) {
                              crash_point(CrashPoint::kRecovery);
                              hot_[state->id].state = state;
                              set_lease(*state, now, true);
                              limits.settle(nullptr, *state);
                              estimates.resume(*state);
                            });
  if (!read) return read;
  auto filled = refill(reader, false, now);
  crash_point(CrashPoint::kRecovery);
  if (has_bug(DeliberateBug::kTimerDroppedAtRestart) && !timers.places().empty()) {
    timers.remove(*timers.places().begin());
  }
  return filled;
}

Result<void> Memory::recover_limits(const store::Reader& reader, Now now) {
  const auto settings = reader.limit_settings();
  if (!settings) return std::unexpected(settings.error());
  for (const store::LimitSetting& setting : *settings) (void)limits.set(setting);

  std::optional<store::RateUse> last;
  for (;;) {
    const auto page = reader.rate_uses(now.wall, last, kRecoveryPage);
    if (!page) return std::unexpected(page.error());
    for (const store::RateUse& use : *page) limits.restore(use);
    if (page->size() < kRecoveryPage) break;
    last = page->back();
  }
  return for_each_page(
      [&](const auto& after) { return reader.between_attempts(after, kRecoveryPage); },
      [&](const job::StatePtr& state) { limits.settle(nullptr, *state); });
}

const Memory::Hot* Memory::hot(const JobId& job) const {
  const auto it = hot_.find(job);
  return it == hot_.end() ? nullptr : &it->second;
}

std::uint64_t Memory::queue_length(const QueueName& queue) const {
  const auto it = queue_load_.find(queue);
  return it == queue_load_.end() ? 0 : it->second.length;
}

Milliseconds Memory::departure_interval(const QueueName& queue, MonotonicTime now) const {
  constexpr std::chrono::seconds kShortest{1};
  constexpr std::chrono::seconds kLongest{60};
  const auto it = queue_load_.find(queue);
  if (it == queue_load_.end() || it->second.left.empty()) return std::chrono::seconds{10};
  const auto& left = it->second.left;
  const auto each = (now - left.front()) / static_cast<std::int64_t>(left.size());
  return std::clamp(std::chrono::ceil<std::chrono::seconds>(each), kShortest, kLongest);
}

bool Memory::any_credits() const {
  return std::ranges::any_of(workers, [](const auto& w) { return w.second.credits > 0; });
}

}  // namespace errand::engine
