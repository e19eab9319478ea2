#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "errand/engine/planner.h"

namespace errand::engine {
namespace {

using Drafts = std::unordered_map<JobId, Draft>;

/// One line as this plan sees it: what is committed and untouched, and what the plan added.
class LineView {
 public:
  LineView(const store::ReadyLine& line, const HeadWindow<LinePlace>* window, const Drafts& drafts)
      : line_(line), drafts_(drafts) {
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

  [[nodiscard]] const store::ReadyLine& line() const { return line_; }

 private:
  [[nodiscard]] bool touched(const JobId& job) const {
    const auto it = drafts_.find(job);
    return it != drafts_.end() && it->second.changed();
  }

  store::ReadyLine line_;
  const Drafts& drafts_;
  const HeadWindow<LinePlace>* window_ = nullptr;
  std::set<LinePlace>::const_iterator next_;
  std::set<LinePlace>::const_iterator end_;
  std::set<LinePlace> added_;
};

}  // namespace

bool Planner::match() {
  struct Free {
    Worker* worker;
    std::uint32_t credits;
  };
  std::vector<Free> free;
  for (auto& [id, worker] : memory_.workers) {
    if (worker.credits > 0) free.push_back({&worker, worker.credits});
  }
  if (free.empty()) return false;

  std::map<store::ReadyLine, LineView> views;
  for (const auto& [line, window] : memory_.lines) {
    if (!window.places().empty()) views.try_emplace(line, line, &window, scratch_.drafts);
  }
  for (const JobId& id : scratch_.order) {
    const Draft& draft = scratch_.drafts.at(id);
    if (!draft.changed() || draft.now->status != job::JobStatus::kPending) continue;
    const store::ReadyLine line = line_of(*draft.now);
    auto view = views.find(line);
    if (view == views.end()) {
      const auto window = memory_.lines.find(line);
      const auto* known = window == memory_.lines.end() ? nullptr : &window->second;
      view = views.try_emplace(line, line, known, scratch_.drafts).first;
    }
    view->second.add(line_place(*draft.now));
  }
  for (auto it = views.begin(); it != views.end();) {
    const bool open = it->second.head() && !paused(it->first.queue, it->first.tenant);
    it = open ? std::next(it) : views.erase(it);
  }

  // Workers take turns, so that load spreads. Among lines: priority, then the tenant that was
  // served longest ago, then first in first out.
  const auto last_served = [&](const TenantId& tenant) {
    const auto it = memory_.last_served.find(tenant);
    return it == memory_.last_served.end() ? 0 : it->second;
  };
  std::size_t starts = 0;
  while (!free.empty() && !views.empty()) {
    for (std::size_t i = 0; i < free.size();) {
      auto best = views.end();
      for (auto it = views.begin(); it != views.end(); ++it) {
        if (!free[i].worker->takes(it->first)) continue;
        if (best == views.end()) {
          best = it;
          continue;
        }
        const LinePlace& a = *it->second.head();
        const LinePlace& b = *best->second.head();
        if (a.priority != b.priority) {
          if (a.priority > b.priority) best = it;
          continue;
        }
        const std::uint64_t turn_a = last_served(it->first.tenant);
        const std::uint64_t turn_b = last_served(best->first.tenant);
        if (turn_a != turn_b ? turn_a < turn_b : a < b) best = it;
      }
      if (best == views.end()) {
        free.erase(free.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      if (starts >= memory_.options.batch_requests_max) return true;

      const JobId id = best->second.head()->job;
      const TenantId tenant = best->first.tenant;
      best->second.pop();
      if (!best->second.head()) views.erase(best);
      const auto loaded = load(id);
      if (!loaded) continue;
      Draft& draft = **loaded;
      const RegisterWorker& hello = free[i].worker->hello;
      const auto started = run(draft, id, job::Start{hello.id, hello.build},
                               Origin{.actor = {job::ActorKind::kWorker, hello.subject}});
      if (!started) {
        // Its deadline has come since the timers were looked at.
        (void)take_job_timers(id);
        continue;
      }
      ++starts;
      memory_.last_served[tenant] = ++memory_.turn;
      scratch_.started.emplace_back(id, hello.id);
      ++scratch_.credits_used[hello.id];
      if (--free[i].credits == 0) {
        free.erase(free.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
  }
  return false;
}

}  // namespace errand::engine
