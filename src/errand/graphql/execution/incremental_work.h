#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/pending_field.h"

/// What an operation leaves for later increments (graphql-spec #1110), and where that stands.
namespace errand::graphql::execution {

/// A deferred fragment at one place of the response: the client hears when all of it is there.
struct OperationExecution::DeliveryGroup {
  std::vector<PathSegment> path;
  std::optional<std::string_view> label;
  std::shared_ptr<DeliveryGroup> parent;  ///< the deferred fragment around it

  std::string id;          ///< once the client was told of it
  bool arriving = false;   ///< left by execution, not taken up yet
  bool live = false;       ///< taken up, not ended
  bool announced = false;  ///< its parent has been delivered: it may be, too
  std::size_t unfinished = 0;
  std::vector<std::shared_ptr<ExecutionGroup>> tasks;
  std::vector<std::shared_ptr<DeliveryGroup>> children;
};

/// Fields of one object that are executed later and delivered with the same deferred fragments.
struct OperationExecution::ExecutionGroup {
  enum class State : std::uint8_t { kWaiting, kRunning, kDone, kFailed };

  std::vector<std::shared_ptr<DeliveryGroup>> groups;
  const SelectionPlan* selection = nullptr;
  SourceObject source;  ///< its owner is `owner`
  std::shared_ptr<const void> owner;
  std::vector<ResponsePath> path;  ///< of the object, from the root on
  std::shared_ptr<const DeliveryScope> scope;

  State state = State::kWaiting;
  bool delivered = false;
  Part part{.errors = {}, .deferred = true};
  Fragment fragment;
  std::vector<std::shared_ptr<ItemStream>> streams;  ///< that begin inside
};

/// The items of a list that come later.
struct OperationExecution::ItemStream {
  std::optional<std::string_view> label;
  std::vector<ResponsePath> path;  ///< of the list, from the root on
  const PlannedField* field = nullptr;
  type::TypeRef item_type;
  std::shared_ptr<const void> owner;
  FieldValue::List items;
  std::size_t first_index = 0;  ///< of `items` in the list
  std::size_t next = 0;         ///< of `items`, to be completed

  std::string id;  ///< once the client was told of it
  bool running = false;
  bool failed = false;
  Part part{.errors = {}, .deferred = true};  ///< of the item that is completed, or failed
  std::unique_ptr<Fragment> item;             ///< that is completed
};

/// The deferred fragments that a place of the response lies in, innermost first.
struct OperationExecution::DeliveryScope {
  std::shared_ptr<const DeliveryScope> outer;
  std::vector<std::pair<const DeferUsage*, std::shared_ptr<DeliveryGroup>>> groups;

  [[nodiscard]] std::shared_ptr<DeliveryGroup> group(const DeferUsage* usage) const {
    for (const DeliveryScope* scope = this; scope != nullptr; scope = scope->outer.get()) {
      for (const auto& [known, group] : scope->groups) {
        if (known == usage) return group;
      }
    }
    return nullptr;
  }
};

/// Makes execution stand at a place for the length of a block that does not wait.
class OperationExecution::At {
 public:
  At(OperationExecution& execution, Position position)
      : execution_(execution), before_(std::exchange(execution.position_, std::move(position))) {}
  ~At() { execution_.position_ = std::move(before_); }
  At(const At&) = delete;
  At& operator=(const At&) = delete;

 private:
  OperationExecution& execution_;
  Position before_;
};

}  // namespace errand::graphql::execution
