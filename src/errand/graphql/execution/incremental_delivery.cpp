#include "errand/graphql/execution/incremental_delivery.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <string>
#include <unordered_map>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "errand/async/event.h"
#include "errand/async/task_group.h"
#include "errand/graphql/execution/error_json.h"
#include "errand/graphql/execution/incremental_payload.h"
#include "errand/graphql/execution/incremental_work.h"

namespace errand::graphql::execution {

namespace asio = boost::asio;

/// Carries out what an operation left for later, and tells the client of it.
///
/// A deferred fragment (delivery group) is announced when the one around it has been delivered, and
/// delivered when all its execution groups are done; one that is shared by several fragments is
/// sent with the first of them. Used on one strand; coroutines under way keep it alive.
class IncrementalDelivery : public std::enable_shared_from_this<IncrementalDelivery> {
 public:
  IncrementalDelivery(asio::any_io_executor executor, std::unique_ptr<OperationExecution> execution)
      : executor_(executor),
        execution_(std::move(execution)),
        payload_(execution_->request().incremental),
        changed_(std::move(executor)) {}

  ~IncrementalDelivery() {
    for (const auto& [group, owner] : live_groups_) unlink(*group);
  }
  IncrementalDelivery(const IncrementalDelivery&) = delete;
  IncrementalDelivery& operator=(const IncrementalDelivery&) = delete;

  /// Takes up what the initial result left; false where that is nothing.
  bool begin() {
    Arrivals arrivals = take_up(execution_->later_, nullptr);
    execution_->later_.clear();
    arrivals.groups = without_empty(arrivals.groups);
    announce(arrivals);
    return !finished();
  }

  /// The initial result, of which `body` is the response without increments.
  std::string initial(std::string body) { return payload_.take_initial(std::move(body)); }

  /// Waits for something to tell; nullopt once all is told or the stream was closed.
  asio::awaitable<std::optional<std::string>> next() {
    const auto self = shared_from_this();
    if (told_all_ || closed_) co_return std::nullopt;
    while (true) {
      run();
      if (closed_) co_return std::nullopt;
      if (!payload_.empty() || finished()) break;
      co_await changed_.wait();
    }
    told_all_ = finished();
    co_return payload_.take(!told_all_, [&](std::string& body) {
      std::vector<language::GraphQLError> none;
      execution_->write_errors_and_extensions(none, body);
    });
  }

  void close() {
    closed_ = true;
    tasks_.cancel();
    changed_.notify();
  }

 private:
  using Group = OperationExecution::DeliveryGroup;
  using Task = OperationExecution::ExecutionGroup;
  using Items = OperationExecution::ItemStream;
  using Fragment = OperationExecution::Fragment;
  using At = OperationExecution::At;
  using GroupPtr = std::shared_ptr<Group>;
  using TaskPtr = std::shared_ptr<Task>;
  using ItemsPtr = std::shared_ptr<Items>;

  /// What the client is to be told of next.
  struct Arrivals {
    std::vector<GroupPtr> groups;
    std::vector<ItemsPtr> streams;
  };

  [[nodiscard]] bool finished() const { return open_groups_ == 0 && streams_.empty(); }

  // ---- Taking up ----

  /// Enters work that execution left.
  /// @param within  the execution group that left it; nullptr: the initial result or an item
  /// @return groups and streams that begin at once
  Arrivals take_up(const std::vector<OperationExecution::Work>& work, Task* within) {
    Arrivals arrivals;
    for (const auto& item : work) {
      if (const auto* group = std::get_if<GroupPtr>(&item)) (*group)->arriving = true;
    }
    for (const auto& item : work) {
      if (const auto* group = std::get_if<GroupPtr>(&item)) enter(*group, within, arrivals);
    }
    for (const auto& item : work) {
      if (const auto* task = std::get_if<TaskPtr>(&item)) enter(*task);
      if (const auto* stream = std::get_if<ItemsPtr>(&item)) {
        (within == nullptr ? arrivals.streams : within->streams).push_back(*stream);
      }
    }
    return arrivals;
  }

  void enter(const GroupPtr& group, const Task* within, Arrivals& arrivals) {
    if (!std::exchange(group->arriving, false)) return;
    if (group->parent != nullptr) {
      enter(group->parent, within, arrivals);
      if (!group->parent->live) return;
      group->parent->children.push_back(group);
    } else if (within == nullptr) {
      arrivals.groups.push_back(group);
    }
    group->live = true;
    live_groups_.emplace(group.get(), group);
  }

  /// Groups know what is in them, and that knows its groups.
  static void unlink(Group& group) {
    group.tasks.clear();
    group.children.clear();
  }

  /// A group ends; the caller holds it.
  void retire(Group& group) {
    group.live = false;
    unlink(group);
    live_groups_.erase(&group);
  }

  void enter(const TaskPtr& task) {
    for (const GroupPtr& group : task->groups) {
      if (!group->live) continue;
      group->tasks.push_back(task);
      ++group->unfinished;
      if (group->announced) waiting_.push_back(task);
    }
  }

  /// The groups that have something to deliver; in the place of others, those inside them.
  std::vector<GroupPtr> without_empty(const std::vector<GroupPtr>& groups) {
    std::vector<GroupPtr> result;
    for (const GroupPtr& group : groups) {
      if (!group->live) continue;
      if (!std::ranges::all_of(group->tasks, [](const TaskPtr& task) { return task->delivered; })) {
        result.push_back(group);
        continue;
      }
      group->live = false;
      const std::vector<GroupPtr> inner = without_empty(group->children);
      result.insert(result.end(), inner.begin(), inner.end());
      retire(*group);
    }
    return result;
  }

  /// Tells the client what is to come, and starts it.
  void announce(const Arrivals& arrivals) {
    for (const GroupPtr& group : arrivals.groups) {
      group->announced = true;
      group->id = std::to_string(next_id_++);
      ++open_groups_;
      payload_.add_pending(group->id, group->path, group->label);
    }
    for (const ItemsPtr& stream : arrivals.streams) {
      stream->id = std::to_string(next_id_++);
      streams_.push_back(stream);
      payload_.add_pending(stream->id, stream->path.back().segments(), stream->label);
    }
    for (const GroupPtr& group : arrivals.groups) {
      for (const TaskPtr& task : group->tasks) {
        if (task->state == Task::State::kWaiting) waiting_.push_back(task);
      }
      settle(group);
    }
  }

  // ---- Delivering ----

  /// Delivers a group of which all is there, or tells that it cannot be.
  void settle(const GroupPtr& group) {
    if (!group->live || !group->announced) return;
    for (const TaskPtr& task : group->tasks) {
      if (task->state != Task::State::kFailed) continue;
      payload_.add_failed_group(group->id, group->path, group->label, task->part.errors.back());
      remove(*group);
      --open_groups_;
      return;
    }
    if (group->unfinished == 0) deliver(*group);
  }

  void deliver(Group& group) {
    Arrivals arrivals;
    for (const TaskPtr& task : group.tasks) {
      if (std::exchange(task->delivered, true)) continue;
      deliver(group, *task);
      arrivals.streams.insert(arrivals.streams.end(), task->streams.begin(), task->streams.end());
    }
    payload_.add_completed(group.id);
    group.live = false;
    --open_groups_;
    arrivals.groups = without_empty(group.children);
    retire(group);
    announce(arrivals);
  }

  void deliver(const Group& group, Task& task) {
    // In the draft's format, the data is counted from the deepest fragment that the client knows.
    const Group* deepest = &group;
    for (const GroupPtr& other : task.groups) {
      if (other->live && other->announced && other->path.size() > deepest->path.size()) {
        deepest = other.get();
      }
    }
    std::vector<PathSegment> sub_path =
        task.path.empty() ? std::vector<PathSegment>() : task.path.back().segments();
    sub_path.erase(sub_path.begin(),
                   sub_path.begin() + static_cast<std::ptrdiff_t>(deepest->path.size()));
    std::string data;
    task.fragment.take(data);
    payload_.add_data(
        {.id = deepest->id, .sub_path = sub_path, .path = deepest->path, .label = group.label},
        data, task.part.errors);
  }

  void remove(Group& group) {
    group.live = false;
    for (const GroupPtr& child : group.children) {
      if (child->live) remove(*child);
    }
    retire(group);
  }

  // ---- Executing ----

  /// Goes on as far as nothing waits and the payload has room.
  void run() {
    do {
      start_waiting();
      complete_items();
    } while (may_start());  // items bring fragments
  }

  [[nodiscard]] bool may_start() const {
    return !waiting_.empty() && !payload_.full() &&
           running_ < execution_->request().concurrent_fields_max;
  }

  void start_waiting() {
    while (may_start()) {
      const TaskPtr task = std::move(waiting_.front());
      waiting_.pop_front();
      const bool wanted =
          std::ranges::any_of(task->groups, [](const GroupPtr& group) { return group->live; });
      if (wanted && task->state == Task::State::kWaiting) start(task);
    }
  }

  void complete_items() {
    for (std::size_t i = 0; i < streams_.size() && !payload_.full();) {
      const ItemsPtr stream = streams_[i];
      if (!stream->running) complete_items(stream);
      // Those that ended are gone from the list.
      if (i < streams_.size() && streams_[i] == stream) ++i;
    }
  }

  void start(const TaskPtr& task) {
    task->state = Task::State::kRunning;
    const Resolvers& resolvers = *execution_->request().resolvers;
    if (const DeferralResolver* deferral = resolvers.deferral(*task->selection->type)) {
      spawn(wait_and_execute(shared_from_this(), task, *deferral));
    } else if (!execute(*task)) {
      spawn(await_rest(shared_from_this(), task));
    }
  }

  /// Executes what takes no waiting; true where that is all.
  bool execute(Task& task) {
    bool ok = true;
    {
      const At at(*execution_, {&task.part, task.scope});
      ok = execution_->execute_selection_set(task.fragment, *task.selection, task.source,
                                             task.path.empty() ? nullptr : &task.path.back());
    }
    if (ok && !task.fragment.holes().empty()) return false;
    end(task, ok);
    return true;
  }

  asio::awaitable<void> await_rest(std::shared_ptr<IncrementalDelivery> self, TaskPtr task) {
    co_await self->execution_->await_holes(task->fragment);
    self->end(*task, task->fragment.settle());
    self->leave();
  }

  asio::awaitable<void> wait_and_execute(std::shared_ptr<IncrementalDelivery> self, TaskPtr task,
                                         const DeferralResolver& deferral) {
    FieldResult<ObjectRef> object;
    bool aborted = false;
    try {
      object = co_await deferral({.type = *task->selection->type,
                                  .selection = *task->selection,
                                  .source = task->source,
                                  .context = self->execution_->request().context});
    } catch (const boost::system::system_error& error) {
      aborted = error.code() == asio::error::operation_aborted;
      object = field_error(ErrorCode::kInternal, "Internal error.");
    } catch (const std::exception&) {
      object = field_error(ErrorCode::kInternal, "Internal error.");
    }
    if (aborted) {
      const auto cancellation = co_await asio::this_coro::cancellation_state;
      if (cancellation.cancelled() != asio::cancellation_type::none) {
        throw boost::system::system_error(asio::error::operation_aborted);
      }
    }
    if (!object) {
      language::GraphQLError error;
      error.message = std::move(object.error().message);
      error.code = object.error().code;
      if (!task->path.empty()) error.path = task->path.back().segments();
      task->part.errors.push_back(std::move(error));
      self->end(*task, false);
    } else {
      if (object->object != nullptr) {
        task->owner = std::move(object->object);
        task->source = {task->owner.get(), nullptr, &task->owner};
      }
      if (!self->execute(*task)) {
        co_await self->execution_->await_holes(task->fragment);
        self->end(*task, task->fragment.settle());
      }
    }
    self->leave();
  }

  void end(Task& task, bool ok) {
    task.state = ok ? Task::State::kDone : Task::State::kFailed;
    if (ok) {
      std::vector<OperationExecution::Work> work;
      task.fragment.for_each_later([&](const auto& item) { work.push_back(item); });
      take_up(work, &task);
    }
    for (const GroupPtr& group : task.groups) {
      if (!group->live) continue;
      --group->unfinished;
      settle(group);
    }
  }

  // ---- Streaming ----

  /// Completes items until one waits, the payload is full, or all are there.
  void complete_items(const ItemsPtr& stream) {
    while (!payload_.full()) {
      if (stream->item != nullptr) {
        deliver_item(*stream);
        if (stream->failed) return end(stream);
      }
      if (stream->next == stream->items.size()) return end(stream);
      stream->item = std::make_unique<Fragment>();
      const ResponsePath path{&stream->path.back(), {}, stream->first_index + stream->next};
      {
        const At at(*execution_, {&stream->part, nullptr});
        stream->failed =
            !execution_->complete_value(*stream->item, *stream->field, stream->item_type,
                                        stream->items[stream->next], &stream->owner, path);
      }
      if (!stream->failed && !stream->item->holes().empty()) {
        stream->running = true;
        return spawn(await_item(shared_from_this(), stream));
      }
    }
  }

  asio::awaitable<void> await_item(std::shared_ptr<IncrementalDelivery> self, ItemsPtr stream) {
    co_await self->execution_->await_holes(*stream->item);
    stream->failed = !stream->item->settle();
    stream->running = false;
    self->leave();
  }

  void deliver_item(Items& stream) {
    const std::unique_ptr<Fragment> item = std::move(stream.item);
    if (stream.failed) return;
    std::vector<OperationExecution::Work> work;
    item->for_each_later([&](const auto& later) { work.push_back(later); });
    std::string text;
    item->take(text);
    payload_.add_item({.id = stream.id,
                       .sub_path = {},
                       .path = stream.path.back().segments(),
                       .label = stream.label},
                      stream.first_index + stream.next, text, stream.part.errors);
    stream.part.errors.clear();
    stream.items[stream.next++] = FieldValue();
    Arrivals arrivals = take_up(work, nullptr);
    arrivals.groups = without_empty(arrivals.groups);
    announce(arrivals);
  }

  void end(const ItemsPtr& stream) {
    if (stream->failed) {
      payload_.add_failed_stream(stream->id, stream->path.back().segments(), stream->label,
                                 stream->part.errors.back());
    } else {
      payload_.add_completed(stream->id);
    }
    std::erase(streams_, stream);
  }

  // ---- Coroutines ----

  void spawn(asio::awaitable<void> task) {
    ++running_;
    tasks_.spawn(executor_, "deferred", std::move(task));
  }

  /// A coroutine ends.
  void leave() {
    --running_;
    changed_.notify();
  }

  asio::any_io_executor executor_;
  std::unique_ptr<OperationExecution> execution_;
  IncrementalPayload payload_;
  async::TaskGroup tasks_;
  async::Event changed_;
  std::deque<TaskPtr> waiting_;  ///< of announced groups, not started
  std::vector<ItemsPtr> streams_;
  std::unordered_map<Group*, GroupPtr> live_groups_;  ///< taken up, not ended
  std::size_t open_groups_ = 0;                       ///< announced, not ended
  std::size_t running_ = 0;                           ///< coroutines
  std::size_t next_id_ = 0;
  bool told_all_ = false;
  bool closed_ = false;
};

namespace {

class IncrementalStream final : public ResponseStream {
 public:
  IncrementalStream(std::shared_ptr<IncrementalDelivery> delivery, std::string initial)
      : delivery_(std::move(delivery)), initial_(std::move(initial)) {}
  ~IncrementalStream() override { delivery_->close(); }

  [[nodiscard]] Kind kind() const noexcept override { return Kind::kIncremental; }

  asio::awaitable<std::optional<StreamedResponse>> next() override {
    if (initial_) {
      co_return StreamedResponse{
          .body = *std::exchange(initial_, std::nullopt), .failed = false, .event_id = {}};
    }
    std::optional<std::string> body = co_await delivery_->next();
    if (!body) co_return std::nullopt;
    co_return StreamedResponse{.body = std::move(*body), .failed = false, .event_id = {}};
  }

  void close() override {
    initial_.reset();
    delivery_->close();
  }

 private:
  std::shared_ptr<IncrementalDelivery> delivery_;
  std::optional<std::string> initial_;
};

}  // namespace

asio::awaitable<std::variant<ExecutionResult, std::unique_ptr<ResponseStream>>>
deliver_incrementally(std::unique_ptr<OperationExecution> execution) {
  ExecutionResult result = co_await execution->execute();
  auto delivery = std::make_shared<IncrementalDelivery>(co_await asio::this_coro::executor,
                                                        std::move(execution));
  if (!delivery->begin()) co_return result;
  std::string initial = delivery->initial(std::move(result.body));
  co_return std::make_unique<IncrementalStream>(std::move(delivery), std::move(initial));
}

}  // namespace errand::graphql::execution
