#include "errand/relay/relay.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <boost/asio/strand.hpp>

#include "errand/async/deadline.h"
#include "errand/base/assert.h"
#include "errand/engine/reply.h"
#include "errand/engine/request.h"
#include "errand/telemetry/metric_names.h"

namespace errand::relay {
namespace {

namespace asio = boost::asio;

/// So many events that are not the relay's pass before the cursor is written for them alone.
constexpr std::uint64_t kUnsavedMax = 1'000;

job::RetryPolicy waits(const Relay::Options& options) {
  auto policy = job::RetryPolicy::create({.max_attempts = std::numeric_limits<int>::max(),
                                          .jitter = job::RetryPolicy::Jitter::kEqual,
                                          .initial_interval = options.wait_first,
                                          .max_interval = options.wait_longest});
  ERRAND_ASSERT(policy.has_value());
  return *std::move(policy);
}

}  // namespace

Relay::Relay(Options options, Means means, std::unique_ptr<Publisher> publisher,
             const asio::any_io_executor& executor, const telemetry::Log& log)
    : options_(std::move(options)),
      means_(means),
      strand_(asio::make_strand(executor)),
      log_(log.with({{"relay", options_.name}})),
      published_(means.metrics.counter(telemetry::kRelayPublished, {options_.name})),
      failures_(means.metrics.counter(telemetry::kRelayFailures, {options_.name})),
      missed_(means.metrics.counter(telemetry::kRelayMissed, {options_.name})),
      unroutable_(means.metrics.counter(telemetry::kRelayUnroutable, {options_.name})),
      lag_(means.metrics.gauge(telemetry::kRelayLag, {options_.name})),
      waits_(waits(options_)),
      event_(strand_),
      sender_(std::move(publisher),
              means.metrics.gauge(telemetry::kRelayConnected, {options_.name}),
              options_.stop_wait) {}

void Relay::stop() {
  stop_.request_stop();
  sender_.stop();
  event_.notify();
}

asio::awaitable<void> Relay::run() {
  const auto wake = [this] { event_.notify(); };
  // Internal jobs' events too: they are passed over, but a position that stood still would leave
  // gaps behind it once they are deleted.
  const auto users = means_.bus.subscribe({.snapshots = false}, wake);
  const auto internals =
      means_.bus.subscribe({.kind = job::JobKind::kInternal, .snapshots = false}, wake);
  co_await load_cursor();
  co_await greet();
  while (!stopping()) {
    (void)users->take();
    (void)internals->take();
    co_await follow();
  }
  if (cursor_ && cursor_->position > saved_) co_await save();
}

asio::awaitable<void> Relay::load_cursor() {
  while (!stopping()) {
    if (co_await try_load_cursor()) {
      failed_ = 0;
      log_.info("relay started", {{"position", to_number(cursor_->position)}});
      co_return;
    }
    co_await pause();
  }
}

asio::awaitable<void> Relay::greet() {
  const Delivery delivery = co_await sender_.send({});
  if (delivery.unknown) log_left_behind();
  if (delivery.error && !stopping()) {
    failures_.add();
    log_.warn_limited("relay could not connect", {{"error", delivery.error->message}});
  }
}

asio::awaitable<bool> Relay::try_load_cursor() {
  const auto record = co_await means_.pool.run(
      [&reader = means_.reader, id = cursor_id(options_.name)] { return reader.record(id); });
  if (!record) {
    log_.warn_limited("relay could not read its cursor", {{"error", record.error().message}});
    co_return false;
  }
  StartFrom from = options_.from;
  if (*record) {
    cursor_ = parse_cursor((*record)->text);
    if (!cursor_) {
      log_.error(
          "the cursor of a relay cannot be read; it begins with the oldest event that is "
          "kept");
      from = StartFrom::kBeginning;
    }
  }
  if (cursor_) {
    saved_ = cursor_->position;
    if (cursor_->lineage != options_.lineage) {
      // The cursor came with the backup, so it fits the log as it is now.
      log_.warn(
          "the store is a backup that was put in place: what was relayed since it was made may "
          "happen otherwise now; events of jobs that the backup knew may come under ids that "
          "consumers have seen already, with other content",
          {{"position", to_number(cursor_->position)}});
      cursor_->lineage = options_.lineage;
      co_await save();
    }
    co_return true;
  }
  auto first = co_await first_cursor(from);
  if (!first) {
    log_.warn_limited("relay could not read the log", {{"error", first.error().message}});
    co_return false;
  }
  cursor_ = *std::move(first);
  if (co_await save()) co_return true;
  // Without a cursor in the store, what happens up to a crash would be skipped after it.
  cursor_.reset();
  co_return false;
}

asio::awaitable<Result<Cursor>> Relay::first_cursor(StartFrom from) {
  if (from == StartFrom::kNow) {
    co_return Cursor{
        .position = options_.now, .whole_after = options_.now, .lineage = options_.lineage};
  }
  const auto deleted = co_await means_.pool.run(
      [&reader = means_.reader] { return reader.pruned_position(std::nullopt); });
  if (!deleted) co_return std::unexpected(deleted.error());
  co_return Cursor{.position = {}, .whole_after = *deleted, .lineage = options_.lineage};
}

asio::awaitable<void> Relay::follow() {
  auto page = co_await means_.pool.run(
      [&reader = means_.reader, query = PageQuery{.after = cursor_->position,
                                                  .whole_after = cursor_->whole_after,
                                                  .filter = options_.filter,
                                                  .base_url = options_.base_url,
                                                  .events_max = options_.window}] {
        return read_page(reader, query);
      });
  if (!page) {
    log_.warn_limited("relay could not read the log", {{"error", page.error().message}});
    co_await pause();
    co_return;
  }
  note_missing(*page);
  set_lag(page->last);
  if (page->end == cursor_->position) {
    if (!stopping()) co_await event_.wait();
    co_return;
  }
  if (page->messages.empty()) {
    cursor_->position = page->end;
    if (to_number(cursor_->position) - to_number(saved_) >= kUnsavedMax) co_await save();
  } else {
    co_await publish(*std::move(page));
  }
}

asio::awaitable<void> Relay::publish(Page page) {
  std::vector<Message> left = std::move(page.messages);
  while (!stopping()) {
    Delivery delivery = co_await sender_.send(std::move(left));
    if (delivery.unknown) {
      // The cursor stays before what was sent: that comes again after the next start.
      log_left_behind();
      co_return;
    }
    left = std::move(delivery.left);
    published_.add(static_cast<double>(delivery.confirmed));
    unroutable_.add(static_cast<double>(delivery.unroutable));
    if (delivery.unroutable > 0) {
      log_.warn_limited("the broker had no queue for events of a relay",
                        {{"events", delivery.unroutable}});
    }
    cursor_->position = left.empty() ? page.end : LogPosition{to_number(left.front().position) - 1};
    if (delivery.confirmed > 0) co_await save();
    if (left.empty()) {
      if (failed_ > 0) log_.info("relay goes on", {{"failures", failed_}});
      failed_ = 0;
      set_lag(std::max(page.last, cursor_->position));
      co_return;
    }
    if (stopping()) co_return;
    failures_.add();
    log_.warn_limited("relay could not publish",
                      {{"error", delivery.error->message}, {"waiting", left.size()}});
    co_await show_lag();
    co_await pause();
  }
}

void Relay::log_left_behind() const {
  log_.warn("a call to the broker did not end; its thread is left behind",
            {{"waited_ms", options_.stop_wait.count()}});
}

asio::awaitable<bool> Relay::save() {
  std::vector<engine::RecordChange> changes;
  changes.push_back({.id = cursor_id(options_.name), .text = cursor_->to_json()});
  const LogPosition position = cursor_->position;
  const auto reply = co_await means_.lane.execute_as<engine::RecordsReply>(
      engine::WriteRecords{.changes = std::move(changes)});
  if (reply) {
    saved_ = position;
    co_return true;
  }
  // It is written with the next page; until then a crash repeats more.
  log_.warn_limited("relay could not write its cursor", {{"error", reply.error().message}});
  co_return false;
}

asio::awaitable<void> Relay::show_lag() {
  const auto last =
      co_await means_.pool.run([&reader = means_.reader] { return reader.last_position(); });
  if (last) set_lag(*last);
}

asio::awaitable<void> Relay::pause() {
  const auto wait = waits_.next_delay(++failed_, means_.random.uniform());
  co_await async::sleep_until(
      std::chrono::steady_clock::now() + wait.value_or(options_.wait_longest), stop_.get_token());
}

void Relay::note_missing(const Page& page) {
  if (page.missing == 0) return;
  missed_.add(static_cast<double>(page.missing));
  log_.error("events were deleted before they were relayed",
             {{"positions", page.missing},
              {"after", to_number(cursor_->position)},
              {"up_to", to_number(page.end)}});
}

void Relay::set_lag(LogPosition last) {
  const std::uint64_t behind =
      to_number(last) - std::min(to_number(last), to_number(cursor_->position));
  lag_.set(static_cast<double>(behind));
}

}  // namespace errand::relay
