#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/execution/incremental_format.h"
#include "errand/graphql/execution/planned_field.h"
#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/language/ast.h"

namespace errand::graphql::execution {

class ExecutableDocument;

/// What tells the plans of one document apart.
struct PlanKey {
  const language::OperationDefinition* operation = nullptr;
  const Resolvers* resolvers = nullptr;
  /// Values of the variables that decide which selections count, two bits each.
  std::uint64_t conditions = 0;
  IncrementalFormat incremental = IncrementalFormat::kNone;

  friend bool operator==(const PlanKey&, const PlanKey&) = default;
};

/// How one operation is executed: its selection sets collected for the concrete types that were
/// met, with all arguments coerced that hold no variable. Shared by all requests whose PlanKey is
/// the same, so that a known operation is planned once.
///
/// It grows by what executions meet, up to a bound: a document in which fragments multiply is
/// planned beyond it for one request at a time (find_or_plan() gives nullptr). Thread-safe: reading
/// takes no lock, and what was planned stays as it is.
class OperationPlan {
 public:
  /// Most fields that one plan holds.
  static constexpr std::size_t kFieldsMax = 4096;

  /// @param document  which owns the plan, or outlives it
  OperationPlan(std::shared_ptr<const Resolvers> resolvers, const ExecutableDocument& document,
                PlanKey key);
  ~OperationPlan();
  OperationPlan(const OperationPlan&) = delete;
  OperationPlan& operator=(const OperationPlan&) = delete;

  [[nodiscard]] const PlanKey& key() const noexcept { return key_; }

  /// The root selection set over `type`. nullptr once the plan is full.
  /// @param variables  of the request, which agree with the key
  const SelectionPlan* root(const type::ObjectType& type,
                            const boost::json::object& variables) const;

  /// The selection over `type` among `plans`; nullptr where there is none yet.
  static const SelectionPlan* find(const std::atomic<const SelectionPlan*>& plans,
                                   const type::ObjectType& type) noexcept {
    const SelectionPlan* plan = plans.load(std::memory_order_acquire);
    while (plan != nullptr && plan->type != &type) plan = plan->next;
    return plan;
  }

  /// The subfields of `field`, which is one of this plan, on objects of `type`. nullptr once the
  /// plan is full.
  const SelectionPlan* subfields(const PlannedField& field, const type::ObjectType& type,
                                 const boost::json::object& variables) const {
    if (const SelectionPlan* known = find(field.subfields, type)) return known;
    return plan_subfields(field, type, variables);
  }

  /// How many fields have arguments that hang on variables, so far.
  [[nodiscard]] std::uint32_t arguments_slots() const noexcept {
    return arguments_slots_.load(std::memory_order_acquire);
  }

  /// Heap bytes held, roughly.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return memory_bytes_.load(std::memory_order_relaxed);
  }

  /// Bytes that a response is likely to take, learnt from earlier ones.
  [[nodiscard]] std::size_t response_bytes() const noexcept {
    return response_bytes_.load(std::memory_order_relaxed);
  }
  void note_response_bytes(std::size_t bytes) const noexcept;

 private:
  friend class ExecutableDocument;

  const SelectionPlan* plan_subfields(const PlannedField& field, const type::ObjectType& type,
                                      const boost::json::object& variables) const;
  /// Keeps `made` and enters it in `list`, unless the plan is full. With the lock held.
  const SelectionPlan* keep(std::unique_ptr<SelectionPlan> made,
                            std::atomic<const SelectionPlan*>& list) const;

  std::shared_ptr<const Resolvers> resolvers_;
  const ExecutableDocument& document_;
  const PlanKey key_;
  mutable std::atomic<const SelectionPlan*> root_ = nullptr;
  mutable std::mutex mutex_;  ///< of all that grows
  mutable std::vector<std::unique_ptr<SelectionPlan>> selections_;
  mutable std::size_t fields_ = 0;
  mutable std::atomic<std::uint32_t> arguments_slots_ = 0;
  mutable std::atomic<std::size_t> memory_bytes_;
  mutable std::atomic<std::uint32_t> response_bytes_ = 256;
  OperationPlan* next_ = nullptr;  ///< of the same document
};

}  // namespace errand::graphql::execution
