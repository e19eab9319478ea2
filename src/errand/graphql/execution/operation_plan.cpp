#include "errand/graphql/execution/operation_plan.h"

#include <algorithm>
#include <utility>

#include "errand/graphql/execution/collect_fields.h"
#include "errand/graphql/execution/executable_document.h"

namespace errand::graphql::execution {
namespace {

std::size_t bytes_of(const boost::json::value& value) {
  std::size_t bytes = sizeof(value);
  if (const auto* text = value.if_string()) bytes += text->capacity();
  if (const auto* array = value.if_array()) {
    for (const boost::json::value& item : *array) bytes += bytes_of(item);
  }
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) bytes += 16 + member.key().size() + bytes_of(member.value());
  }
  return bytes;
}

std::size_t bytes_of(const SelectionPlan& selection) {
  std::size_t bytes = sizeof(SelectionPlan) + selection.keys.capacity() +
                      selection.fields.size() * sizeof(PlannedField);
  for (const PlannedField& field : selection.fields) {
    bytes += (field.nodes.capacity() + field.node_usages.capacity()) * sizeof(void*);
    if (field.stream != nullptr) bytes += sizeof(PlannedStream);
    if (!field.arguments) continue;
    for (const auto& member : *field.arguments) {
      bytes += 16 + member.key().size() + bytes_of(member.value());
    }
  }
  bytes += selection.defers.size() * (sizeof(DeferUsage) + sizeof(void*));
  for (const auto& deferred : selection.deferred) {
    bytes += sizeof(void*) + bytes_of(deferred->selection);
  }
  return bytes;
}

}  // namespace

OperationPlan::OperationPlan(std::shared_ptr<const Resolvers> resolvers,
                             const ExecutableDocument& document, PlanKey key)
    : resolvers_(std::move(resolvers)),
      document_(document),
      key_(key),
      memory_bytes_(sizeof(OperationPlan)) {}

OperationPlan::~OperationPlan() = default;

const SelectionPlan* OperationPlan::root(const type::ObjectType& type,
                                         const boost::json::object& variables) const {
  if (const SelectionPlan* known = find(root_, type)) return known;
  const std::lock_guard lock(mutex_);
  if (const SelectionPlan* known = find(root_, type)) return known;
  std::uint32_t slots = arguments_slots_.load(std::memory_order_relaxed);
  auto made = collect_fields({*resolvers_, document_, variables, &slots, key_.incremental}, type,
                             *key_.operation->selection_set);
  arguments_slots_.store(slots, std::memory_order_release);
  return keep(std::move(made), root_);
}

const SelectionPlan* OperationPlan::plan_subfields(const PlannedField& field,
                                                   const type::ObjectType& type,
                                                   const boost::json::object& variables) const {
  const std::lock_guard lock(mutex_);
  if (const SelectionPlan* known = find(field.subfields, type)) return known;
  if (fields_ >= kFieldsMax) return nullptr;
  std::uint32_t slots = arguments_slots_.load(std::memory_order_relaxed);
  auto made =
      collect_subfields({*resolvers_, document_, variables, &slots, key_.incremental}, type, field);
  arguments_slots_.store(slots, std::memory_order_release);
  return keep(std::move(made), field.subfields);
}

const SelectionPlan* OperationPlan::keep(std::unique_ptr<SelectionPlan> made,
                                         std::atomic<const SelectionPlan*>& list) const {
  fields_ += std::max<std::size_t>(count_fields(*made), 1);
  if (fields_ > kFieldsMax) return nullptr;
  made->next = list.load(std::memory_order_relaxed);
  memory_bytes_.fetch_add(bytes_of(*made), std::memory_order_relaxed);
  const SelectionPlan* kept = selections_.emplace_back(std::move(made)).get();
  list.store(kept, std::memory_order_release);
  return kept;
}

void OperationPlan::note_response_bytes(std::size_t bytes) const noexcept {
  constexpr std::size_t kRememberedMax = 64 * 1024;
  const auto seen = static_cast<std::uint32_t>(std::min(bytes, kRememberedMax));
  const std::uint32_t known = response_bytes_.load(std::memory_order_relaxed);
  // Written only where it makes a difference, so that threads do not fight for the line.
  if (seen > known || seen < known / 4) {
    response_bytes_.store(seen + seen / 8, std::memory_order_relaxed);
  }
}

}  // namespace errand::graphql::execution
