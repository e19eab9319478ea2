#include "errand/telemetry/metrics.h"

#include <list>
#include <mutex>
#include <unordered_map>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "errand/base/assert.h"

namespace errand::telemetry {

namespace {

prometheus::Labels make_labels(std::initializer_list<std::string_view> names,
                               Metrics::LabelValues values) {
  ERRAND_ASSERT(names.size() == values.size());
  prometheus::Labels labels;
  auto value = values.begin();
  for (const std::string_view name : names) labels.emplace(name, *value++);
  return labels;
}

using Updates = std::list<std::function<void(Metrics&)>>;

/// Shared with the tokens of on_render(), which may outlive the Metrics.
struct UpdateList {
  std::mutex mutex;
  Updates updates;
};

}  // namespace

struct Metrics::Impl {
  /// Finds the family of `name`, or registers it with `build`.
  template <class T, class Build>
  prometheus::Family<T>& family(std::unordered_map<std::string_view, prometheus::Family<T>*>& known,
                                std::string_view name, std::string_view help, const Build& build) {
    const std::lock_guard lock(mutex);
    auto [entry, added] = known.try_emplace(name, nullptr);
    if (added) {
      entry->second = &build().Name(std::string(name)).Help(std::string(help)).Register(registry);
    }
    return *entry->second;
  }

  prometheus::Registry registry;
  std::mutex mutex;
  // Keyed by the descriptions' names, which are literals.
  std::unordered_map<std::string_view, prometheus::Family<prometheus::Counter>*> counters;
  std::unordered_map<std::string_view, prometheus::Family<prometheus::Gauge>*> gauges;
  std::unordered_map<std::string_view, prometheus::Family<prometheus::Histogram>*> histograms;
  std::shared_ptr<UpdateList> updates = std::make_shared<UpdateList>();
};

void Counter::add(double amount) const {
  if (impl_ != nullptr) impl_->Increment(amount);
}

void Gauge::set(double value) const {
  if (impl_ != nullptr) impl_->Set(value);
}

void Gauge::add(double amount) const {
  if (impl_ != nullptr) impl_->Increment(amount);
}

void Histogram::observe(double value) const {
  if (impl_ != nullptr) impl_->Observe(value);
}

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const CounterDescription& description, LabelValues values) {
  auto& family = impl_->family(impl_->counters, description.name, description.help,
                               [] { return prometheus::BuildCounter(); });
  return Counter(&family.Add(make_labels(description.labels, values)));
}

Gauge Metrics::gauge(const GaugeDescription& description, LabelValues values) {
  auto& family = impl_->family(impl_->gauges, description.name, description.help,
                               [] { return prometheus::BuildGauge(); });
  return Gauge(&family.Add(make_labels(description.labels, values)));
}

Histogram Metrics::histogram(const HistogramDescription& description, LabelValues values) {
  auto& family = impl_->family(impl_->histograms, description.name, description.help,
                               [] { return prometheus::BuildHistogram(); });
  return Histogram(&family.Add(make_labels(description.labels, values),
                               prometheus::Histogram::BucketBoundaries(description.buckets)));
}

std::shared_ptr<void> Metrics::on_render(std::function<void(Metrics&)> update) {
  const auto list = impl_->updates;
  const std::lock_guard lock(list->mutex);
  list->updates.push_back(std::move(update));
  const auto entry = std::prev(list->updates.end());
  // The pointer itself means nothing; its deleter takes the entry out.
  return {static_cast<void*>(list.get()), [list, entry](void*) {
            const std::lock_guard guard(list->mutex);
            list->updates.erase(entry);
          }};
}

std::string Metrics::render() {
  {
    // Held through the calls, so that a token's owner can rely on no call after its end.
    const std::lock_guard lock(impl_->updates->mutex);
    for (const auto& update : impl_->updates->updates) update(*this);
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace errand::telemetry
