#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace errand::telemetry {

/// Names and describes one metric: see metric_names.h for ours. `labels` are the label names, in
/// the order in which their values are passed; values must be few (types, queues, states), never
/// ids, users or addresses.
struct CounterDescription {
  std::string_view name;
  std::string_view help;
  std::initializer_list<std::string_view> labels;
};
struct GaugeDescription {
  std::string_view name;
  std::string_view help;
  std::initializer_list<std::string_view> labels;
};
struct HistogramDescription {
  std::string_view name;
  std::string_view help;
  std::initializer_list<std::string_view> labels;
  std::initializer_list<double> buckets;  ///< upper bounds, ascending, in the metric's unit
};

/// Handles to one series. Cheap to copy, thread-safe, valid as long as the Metrics that gave them;
/// a default one does nothing, so that code without metrics needs no branch.
class Counter {
 public:
  Counter() = default;
  void add(double amount = 1.0) const;

 private:
  friend class Metrics;
  explicit Counter(prometheus::Counter* impl) : impl_(impl) {}
  prometheus::Counter* impl_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  void set(double value) const;
  void add(double amount = 1.0) const;

 private:
  friend class Metrics;
  explicit Gauge(prometheus::Gauge* impl) : impl_(impl) {}
  prometheus::Gauge* impl_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  void observe(double value) const;

 private:
  friend class Metrics;
  explicit Histogram(prometheus::Histogram* impl) : impl_(impl) {}
  prometheus::Histogram* impl_ = nullptr;
};

/// Owns every metric of the process and writes them out for Prometheus. Thread-safe.
///
/// Looking a series up takes a lock and a hash: a hot path keeps the handle.
///
///     metrics.counter(kJobsEnqueued, {type, queue}).add();
class Metrics {
 public:
  using LabelValues = std::initializer_list<std::string_view>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The series of that metric with those label values, made when first asked for.
  /// `values` are as many as the description's labels.
  Counter counter(const CounterDescription& description, LabelValues values = {});
  Gauge gauge(const GaugeDescription& description, LabelValues values = {});
  Histogram histogram(const HistogramDescription& description, LabelValues values = {});

  /// Calls `update` before each render(), on its thread, for gauges that are read off some other
  /// part's state. The returned token removes it again when destroyed; `update` must be quick.
  [[nodiscard]] std::shared_ptr<void> on_render(std::function<void(Metrics&)> update);

  /// All metrics in the Prometheus text format 0.0.4
  /// (`text/plain; version=0.0.4; charset=utf-8`).
  [[nodiscard]] std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace errand::telemetry
