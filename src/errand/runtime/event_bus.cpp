#include "errand/runtime/event_bus.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "errand/base/assert.h"

namespace errand::runtime {

struct Subscription::State {
  State(Interest asked, std::function<void()> wake_function)
      : interest(std::move(asked)), wake(std::move(wake_function)) {}

  void offer(const store::JobWrite& write) {
    const job::JobState& after = *write.after;
    if (interest.tenant && after.spec.tenant != *interest.tenant) return;
    if (job::kind_of(after.spec.type) != interest.kind) return;
    const std::lock_guard lock(mutex);
    position = std::max(position, after.last_position);
    if (interest.snapshots) {
      const auto known = snapshots.find(after.id);
      if (known != snapshots.end()) {
        known->second = write.after;
      } else if (snapshots.size() < interest.snapshots_max) {
        snapshots.emplace(after.id, write.after);
      } else {
        overflow = true;
      }
    }
    signal();
  }

  void lose() {
    const std::lock_guard lock(mutex);
    gone = true;
    signal();
  }

  void drain() {
    const std::lock_guard lock(mutex);
    draining = true;
    signal();
  }

  void close() {
    const std::lock_guard lock(mutex);
    closed = true;
    signal();
  }

  /// Called with the mutex held.
  void signal() {
    if (std::exchange(signaled, true)) return;
    if (wake) wake();
  }

  const Interest interest;
  const std::function<void()> wake;

  std::mutex mutex;
  std::unordered_map<JobId, job::StatePtr> snapshots;
  LogPosition position{};
  bool overflow = false;
  bool gone = false;
  bool draining = false;
  bool closed = false;
  bool signaled = false;  ///< since the last take()
};

/// Who is to be told of a job. Subscribers of one job are found by its id, those of a tenant by the
/// tenant, so that a commit costs what it has to tell.
struct Subscription::Index {
  using States = std::vector<std::shared_ptr<State>>;

  void add(const std::shared_ptr<State>& state) {
    const std::unique_lock lock(mutex);
    list_of(state->interest).push_back(state);
    ++size;
    if (draining) state->drain();
    if (closed) state->close();
  }

  void remove(const std::shared_ptr<State>& state) {
    // Waits for a publication that may be calling the wake function.
    const std::unique_lock lock(mutex);
    const Interest& interest = state->interest;
    States& states = list_of(interest);
    std::erase(states, state);
    --size;
    if (!states.empty()) return;
    if (interest.job) {
      by_job.erase(*interest.job);
    } else if (interest.tenant) {
      by_tenant.erase(*interest.tenant);
    }
  }

  States& list_of(const Interest& interest) {
    if (interest.job) return by_job[*interest.job];
    if (interest.tenant) return by_tenant[*interest.tenant];
    return all;
  }

  void publish(const store::JobWrite& write) const {
    offer_to(all, write);
    if (!by_tenant.empty()) {
      if (const auto found = by_tenant.find(write.after->spec.tenant); found != by_tenant.end()) {
        offer_to(found->second, write);
      }
    }
    if (!by_job.empty()) {
      if (const auto found = by_job.find(write.after->id); found != by_job.end()) {
        offer_to(found->second, write);
      }
    }
  }

  static void offer_to(const States& states, const store::JobWrite& write) {
    for (const auto& state : states) state->offer(write);
  }

  mutable std::shared_mutex mutex;
  std::unordered_map<JobId, States> by_job;
  std::unordered_map<TenantId, States> by_tenant;
  States all;
  template <class F>
  void for_each(F function) const {
    const auto each = [&](const States& states) {
      for (const auto& state : states) function(*state);
    };
    for (const auto& [id, states] : by_job) each(states);
    for (const auto& [tenant, states] : by_tenant) each(states);
    each(all);
  }

  std::size_t size = 0;
  bool draining = false;
  bool closed = false;
};

Subscription::Subscription(std::shared_ptr<Index> index, std::shared_ptr<State> state)
    : index_(std::move(index)), state_(std::move(state)) {}

Subscription::~Subscription() { index_->remove(state_); }

News Subscription::take() {
  News news;
  {
    const std::lock_guard lock(state_->mutex);
    news.snapshots.reserve(state_->snapshots.size());
    for (auto& [id, snapshot] : state_->snapshots) news.snapshots.push_back(std::move(snapshot));
    state_->snapshots.clear();
    news.position = std::exchange(state_->position, LogPosition{});
    news.overflow = std::exchange(state_->overflow, false);
    news.gone = state_->gone;
    news.draining = state_->draining;
    news.closed = state_->closed;
    state_->signaled = false;
  }
  std::ranges::sort(news.snapshots, {},
                    [](const job::StatePtr& snapshot) { return snapshot->last_position; });
  return news;
}

EventBus::EventBus() : index_(std::make_shared<Subscription::Index>()) {}

EventBus::~EventBus() { close(); }

std::unique_ptr<Subscription> EventBus::subscribe(Interest interest, std::function<void()> wake) {
  ERRAND_ASSERT(interest.snapshots_max > 0);
  auto state = std::make_shared<Subscription::State>(std::move(interest), std::move(wake));
  index_->add(state);
  return std::unique_ptr<Subscription>(new Subscription(index_, std::move(state)));
}

void EventBus::publish(const std::vector<store::JobWrite>& writes) {
  const std::shared_lock lock(index_->mutex);
  if (index_->size == 0) return;
  for (const store::JobWrite& write : writes) index_->publish(write);
}

void EventBus::publish_gone(const std::vector<JobId>& jobs) {
  const std::shared_lock lock(index_->mutex);
  if (index_->by_job.empty()) return;
  for (const JobId& job : jobs) {
    const auto found = index_->by_job.find(job);
    if (found == index_->by_job.end()) continue;
    for (const auto& state : found->second) state->lose();
  }
}

void EventBus::drain() {
  const std::unique_lock lock(index_->mutex);
  if (std::exchange(index_->draining, true)) return;
  index_->for_each([](Subscription::State& state) { state.drain(); });
}

void EventBus::close() {
  const std::unique_lock lock(index_->mutex);
  if (std::exchange(index_->closed, true)) return;
  index_->for_each([](Subscription::State& state) { state.close(); });
}

std::size_t EventBus::size() const {
  const std::shared_lock lock(index_->mutex);
  return index_->size;
}

}  // namespace errand::runtime
