#include "errand/job/type_history.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "errand/base/assert.h"
#include "errand/json/parse.h"

namespace errand::job {
namespace {

/// Times are whole milliseconds, and nothing takes none.
double log_of(double ms) { return std::log(std::max(ms, 1.0)); }

/// Of logarithms.
Forecast::Range in_ms(const Forecast::Range& range) {
  return {std::exp(range.low), std::exp(range.middle), std::exp(range.high)};
}

}  // namespace

void ProgressTrack::note(double fraction, Milliseconds elapsed) {
  ERRAND_ASSERT(fraction >= 0 && fraction <= 1);
  const auto elapsed_ms = static_cast<double>(elapsed.count());
  if (!(fraction > fraction_) || elapsed_ms < elapsed_ms_) return;
  for (std::size_t i = 0; i < kMilestones.size(); ++i) {
    if (kMilestones[i] <= fraction_ || kMilestones[i] > fraction) continue;
    const double part = (kMilestones[i] - fraction_) / (fraction - fraction_);
    reached_[i] =
        static_cast<float>(std::max(1.0, elapsed_ms_ + part * (elapsed_ms - elapsed_ms_)));
  }
  fraction_ = fraction;
  elapsed_ms_ = elapsed_ms;
}

std::optional<double> ProgressTrack::reached(std::size_t milestone) const {
  const float ms = reached_.at(milestone);
  if (ms <= 0) return std::nullopt;
  return ms;
}

void TypeHistory::observe(const ProgressTrack& track, Milliseconds duration) {
  const auto total = static_cast<double>(duration.count());
  total_.observe(0, log_of(total));
  for (std::size_t i = 0; i < kMilestones.size(); ++i) {
    const auto reached = track.reached(i);
    // A last report that came with the end says when the end was, not what was left.
    if (!reached || total - *reached < 1) continue;
    left_[i].observe(log_of(*reached), log_of(total - *reached));
  }
}

std::optional<Forecast::Range> TypeHistory::total(double elapsed) const {
  const auto range = elapsed < 1 ? total_.range(0) : total_.range(0, std::log(elapsed));
  return range.transform(in_ms);
}

std::optional<Forecast::Range> TypeHistory::left(double fraction, double elapsed,
                                                 double since) const {
  if (fraction < kMilestones.front()) return std::nullopt;
  const auto forecast = [&](std::size_t milestone) {
    const Forecast& of = left_.at(milestone);
    return since < 1 ? of.range(log_of(elapsed)) : of.range(log_of(elapsed), std::log(since));
  };
  const auto next = std::ranges::upper_bound(kMilestones, fraction);
  const auto after = static_cast<std::size_t>(next - kMilestones.begin());
  const std::size_t before = after - 1;
  const auto from = forecast(before);
  if (after == kMilestones.size() || fraction <= kMilestones[before]) return from.transform(in_ms);
  const auto to = forecast(after);
  if (!from || !to) return (from ? from : to).transform(in_ms);
  const double part = (fraction - kMilestones[before]) / (kMilestones[after] - kMilestones[before]);
  return in_ms({std::lerp(from->low, to->low, part), std::lerp(from->middle, to->middle, part),
                std::lerp(from->high, to->high, part)});
}

std::string TypeHistory::to_json() const {
  std::string text = R"({"version":1,"total":)";
  total_.append_json(text);
  text += R"(,"left":[)";
  for (const Forecast& forecast : left_) {
    forecast.append_json(text);
    text.push_back(',');
  }
  text.back() = ']';
  text.push_back('}');
  return text;
}

std::optional<TypeHistory> TypeHistory::parse(std::string_view text) {
  const auto json = json::parse(text);
  if (!json || !json->is_object()) return std::nullopt;
  const boost::json::object& members = json->get_object();
  const auto* version = members.if_contains("version");
  const auto* total = members.if_contains("total");
  const auto* left = members.if_contains("left");
  if (version == nullptr || *version != 1 || total == nullptr || left == nullptr) {
    return std::nullopt;
  }
  TypeHistory history;
  auto read = Forecast::from_json(*total);
  const boost::json::array* list = left->if_array();
  if (!read || list == nullptr || list->size() != kMilestones.size()) return std::nullopt;
  history.total_ = std::move(*read);
  for (std::size_t i = 0; i < kMilestones.size(); ++i) {
    read = Forecast::from_json(list->at(i));
    if (!read) return std::nullopt;
    history.left_[i] = std::move(*read);
  }
  return history;
}

}  // namespace errand::job
