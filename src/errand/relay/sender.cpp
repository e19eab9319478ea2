#include "errand/relay/sender.h"

#include <chrono>
#include <span>
#include <unordered_set>
#include <utility>

#include <signal.h>

#include "errand/async/callback.h"
#include "errand/base/assert.h"

namespace errand::relay {
namespace {

/// A thread that takes no signals, which are for others: SIGTERM for the one that waits for it, and
/// SIGPIPE, which a broken connection raises, for nobody. Threads of the brokers' libraries inherit
/// that.
template <class Run>
std::jthread start_thread(Run run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::jthread thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

Error stopped() { return {ErrorCode::kUnavailable, "The relay stops."}; }

}  // namespace

Delivery deliver(Publisher& publisher, std::vector<Message> messages, std::stop_token stop) {
  Delivery delivery{.left = std::move(messages)};
  while (!delivery.left.empty()) {
    if (stop.stop_requested()) {
      delivery.error = stopped();
      return delivery;
    }
    // The first message of each job.
    std::vector<const Message*> wave;
    std::vector<std::size_t> places;
    std::unordered_set<JobId> jobs;
    for (std::size_t i = 0; i < delivery.left.size(); ++i) {
      if (!jobs.insert(delivery.left[i].job).second) continue;
      wave.push_back(&delivery.left[i]);
      places.push_back(i);
    }
    Published published = publisher.publish(wave, stop);
    ERRAND_ASSERT(published.confirmed.size() == wave.size());
    std::vector<bool> gone(delivery.left.size(), false);
    bool all = true;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (published.confirmed[i]) {
        gone[places[i]] = true;
        ++delivery.confirmed;
      } else {
        all = false;
      }
    }
    delivery.unroutable += published.unroutable;
    std::vector<Message> left;
    for (std::size_t i = 0; i < gone.size(); ++i) {
      if (!gone[i]) left.push_back(std::move(delivery.left[i]));
    }
    delivery.left = std::move(left);
    if (all) continue;
    delivery.error = published.error ? std::move(*published.error)
                                     : Error{ErrorCode::kUnavailable, "It was not confirmed."};
    return delivery;
  }
  return delivery;
}

Sender::Sender(std::unique_ptr<Publisher> publisher, telemetry::Gauge connected)
    : publisher_(std::move(publisher)),
      connected_(connected),
      thread_(start_thread([this](const std::stop_token& stop) { run(stop); })) {}

Sender::~Sender() { stop(); }

boost::asio::awaitable<Delivery> Sender::send(std::vector<Message> messages) {
  co_return co_await async::from_callback<Delivery>(
      [this, messages = std::move(messages)](std::move_only_function<void(Delivery)> done) mutable {
        submit({.messages = std::move(messages), .done = std::move(done)});
      });
}

void Sender::submit(Task task) {
  {
    const std::lock_guard lock(mutex_);
    ERRAND_ASSERT(!task_);
    if (!thread_.get_stop_token().stop_requested()) {
      task_ = std::move(task);
      changed_.notify_all();
      return;
    }
  }
  task.done({.left = std::move(task.messages), .error = stopped()});
}

void Sender::stop() {
  {
    const std::lock_guard lock(mutex_);
    thread_.request_stop();
  }
  publisher_->interrupt();
}

void Sender::run(const std::stop_token& stop) {
  connected_.set(0);
  while (true) {
    std::optional<Task> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, std::chrono::seconds(1), [this] { return task_.has_value(); });
      task = std::exchange(task_, std::nullopt);
    }
    if (task) {
      Delivery delivery = perform(std::move(task->messages), stop);
      show_connection();
      task->done(std::move(delivery));
      continue;
    }
    if (stop.stop_requested()) break;
    // What it says of the error comes with the next message: until then nobody misses it.
    if (publisher_->connected() && !publisher_->keep_alive()) publisher_->disconnect();
    show_connection();
  }
  publisher_->disconnect();
  show_connection();
}

Delivery Sender::perform(std::vector<Message> messages, const std::stop_token& stop) {
  if (!publisher_->connected()) {
    if (auto done = publisher_->connect(stop); !done) {
      publisher_->disconnect();
      return {.left = std::move(messages), .error = std::move(done.error())};
    }
    show_connection();
  }
  return deliver(*publisher_, std::move(messages), stop);
}

void Sender::show_connection() { connected_.set(publisher_->connected() ? 1 : 0); }

}  // namespace errand::relay
