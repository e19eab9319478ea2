#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "errand/base/assert.h"
#include "errand/engine/planner.h"

namespace errand::engine {
namespace {

using Drafts = std::unordered_map<JobId, Draft>;

/// One line as this plan sees it: what is committed and untouched, and what the plan added.
class LineView {
 public:
  LineView(const HeadWindow<LinePlace>* window, const Drafts& drafts) : drafts_(drafts) {
    if (window) {
      next_ = window->places().begin();
      end_ = window->places().end();
      window_ = window;
    }
  }

  void add(const LinePlace& place) {
    // Beyond the horizon, jobs that only the store knows go first.
    if (!window_ || window_->covers(place)) added_.insert(place);
  }

  /// The first place that is still free; nullptr if there is none.
  const LinePlace* head() {
    while (window_ && next_ != end_ && touched(next_->job)) ++next_;
    const LinePlace* committed = window_ && next_ != end_ ? &*next_ : nullptr;
    const LinePlace* added = added_.empty() ? nullptr : &*added_.begin();
    if (!committed || !added) return committed ? committed : added;
    return *added < *committed ? added : committed;
  }

  /// Takes the head away.
  void pop() {
    const LinePlace place = *head();
    if (added_.erase(place) == 0) ++next_;
  }

  /// Whether the store may have more once this has no head any more.
  [[nodiscard]] bool goes_on() const { return window_ && !window_->complete(); }

 private:
  [[nodiscard]] bool touched(const JobId& job) const {
    const auto it = drafts_.find(job);
    return it != drafts_.end() && it->second.changed();
  }

  const Drafts& drafts_;
  const HeadWindow<LinePlace>* window_ = nullptr;
  std::set<LinePlace>::const_iterator next_;
  std::set<LinePlace>::const_iterator end_;
  std::set<LinePlace> added_;
};

}  // namespace

bool Planner::match() {
  memory_.line_opens.reset();
  allow_reactions(4);
  struct Free {
    Worker* worker;
    std::uint32_t credits;
  };
  std::vector<Free> free;
  // Workers take turns, over plans too, so that load spreads.
  const auto first = memory_.workers.upper_bound(memory_.last_worker);
  const auto gather = [&free](auto from, auto to, bool silent) {
    for (; from != to; ++from) {
      Worker& worker = from->second;
      if (worker.credits > 0 && worker.silent == silent) free.push_back({&worker, worker.credits});
    }
  };
  // What a silent one is given is most likely lost for a lease: they stand behind all others.
  for (const bool silent : {false, true}) {
    gather(first, memory_.workers.end(), silent);
    gather(memory_.workers.begin(), first, silent);
  }
  if (free.empty()) return false;

  // Lines that nobody takes may be many, and cost no more than this.
  const auto wanted = [&free](const store::ReadyLine& line) {
    return std::ranges::any_of(free, [&](const Free& each) { return each.worker->takes(line); });
  };
  std::map<store::ReadyLine, LineView> views;
  for (const auto& [line, window] : memory_.lines) {
    if (!window.places().empty() && wanted(line)) {
      views.try_emplace(line, &window, scratch_.drafts);
    }
  }
  for (const JobId& id : scratch_.order) {
    const Draft& draft = scratch_.drafts.at(id);
    if (!draft.changed() || draft.now->status != job::JobStatus::kPending) continue;
    const store::ReadyLine line = line_of(*draft.now);
    if (!wanted(line)) continue;
    auto view = views.find(line);
    if (view == views.end()) {
      const auto window = memory_.lines.find(line);
      const auto* known = window == memory_.lines.end() ? nullptr : &window->second;
      view = views.try_emplace(line, known, scratch_.drafts).first;
    }
    if (memory_.goes_next(*draft.now)) view->second.add(line_place(*draft.now));
  }
  for (auto it = views.begin(); it != views.end();) {
    const bool open = it->second.head() && !paused(it->first.queue, it->first.tenant);
    it = open ? std::next(it) : views.erase(it);
  }

  // Keys that were found full: they are closed once nobody looks at the lines.
  std::set<Memory::Key> full;

  const auto served = [this](bool internal) -> std::unordered_map<TenantId, std::uint64_t>& {
    return internal ? memory_.last_served_internal : memory_.last_served;
  };
  const auto last_served = [&](const store::ReadyLine& line) {
    const auto& turns = served(job::is_internal(line.type));
    const auto it = turns.find(line.tenant);
    return it == turns.end() ? 0 : it->second;
  };
  // Priority, then the tenant that was served longest ago, then first in first out.
  const auto goes_first = [&](auto& a, auto& b) {
    const LinePlace& place_a = *a.second.head();
    const LinePlace& place_b = *b.second.head();
    if (place_a.priority != place_b.priority) return place_a.priority > place_b.priority;
    const std::uint64_t turn_a = last_served(a.first);
    const std::uint64_t turn_b = last_served(b.first);
    return turn_a != turn_b ? turn_a < turn_b : place_a < place_b;
  };
  std::size_t starts = 0;
  bool ran_dry = false;
  while (!free.empty()) {
    std::vector<Free> again;
    const bool heard_of = !free.front().worker->silent;
    for (Free& each : free) {
      if (heard_of && each.worker->silent) {
        again.push_back(each);
        continue;
      }
      auto best = views.end();
      for (auto it = views.begin(); it != views.end(); ++it) {
        if (!each.worker->takes(it->first)) continue;
        if (best == views.end() || goes_first(*it, *best)) best = it;
      }
      if (best == views.end()) continue;
      if (starts >= memory_.options.batch_requests_max || full_of_reactions()) {
        ran_dry = true;
        views.clear();
        break;
      }

      const JobId id = best->second.head()->job;
      const TenantId tenant = best->first.tenant;
      const bool internal = job::is_internal(best->first.type);
      const auto obstacle = memory_.limits.obstacle(head_state(id), &scratch_.limits, now_.wall);
      if (obstacle && !obstacle->by_input) {
        // Within a plan nothing gives the line room again.
        if (obstacle->until) {
          memory_.line_opens =
              std::min(memory_.line_opens.value_or(*obstacle->until), *obstacle->until);
        }
        views.erase(best);
        again.push_back(each);
        if (views.empty()) break;
        continue;
      }
      best->second.pop();
      if (!best->second.head()) {
        ran_dry = ran_dry || best->second.goes_on();
        views.erase(best);
      }
      if (obstacle) {
        if (const auto key = memory_.key_of(head_state(id))) full.insert(*key);
      } else if (start(id, each.worker->hello)) {
        react();
        ++starts;
        --each.credits;
        served(internal)[tenant] = ++memory_.turn;
        memory_.last_worker = each.worker->hello.id;
      }
      if (each.credits > 0) again.push_back(each);
      if (views.empty()) break;
    }
    if (views.empty()) break;
    free = std::move(again);
  }
  for (const Memory::Key& key : full) memory_.close_key(key, now_);
  return ran_dry;
}

const job::JobState& Planner::head_state(const JobId& id) const {
  if (const auto it = scratch_.drafts.find(id); it != scratch_.drafts.end()) {
    return *it->second.state();
  }
  const Memory::Hot* hot = memory_.hot(id);
  ERRAND_ASSERT(hot != nullptr);  // every place of a window is
  return *hot->state;
}

bool Planner::start(const JobId& id, const RegisterWorker& worker) {
  const auto loaded = load(id);
  if (!loaded) return false;
  const auto started = run(**loaded, id, job::Start{worker.id, worker.build},
                           Origin{.actor = {job::ActorKind::kWorker, worker.subject}});
  if (!started) {
    // Its deadline has come, and its timer was one too many for this plan.
    (void)take_job_timers(id);
    return false;
  }
  scratch_.started.emplace_back(id, worker.id);
  ++scratch_.credits_used[worker.id];
  return true;
}

}  // namespace errand::engine
