#include "errand/relay/sender.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
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
std::thread start_thread(Run run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
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

/// What the thread shares with the sender, and goes on to own when it is left behind.
struct Sender::State {
  using Done = std::move_only_function<void(Delivery)>;

  State(std::unique_ptr<Publisher> its_publisher, telemetry::Gauge gauge)
      : publisher(std::move(its_publisher)), connected(gauge) {}

  void submit(std::vector<Message> messages, Done then);
  void run();
  Delivery perform(std::vector<Message> messages);
  void finish(Delivery delivery);
  void show_connection();

  const std::unique_ptr<Publisher> publisher;  ///< the thread's, but for interrupt()
  const telemetry::Gauge connected;
  std::stop_source stop;
  std::mutex mutex;  ///< guards what follows, and the request to stop
  std::condition_variable changed;
  std::optional<std::vector<Message>> waiting;  ///< to be sent
  Done done;                                    ///< of what waits or is being sent
  bool ended = false;                           ///< the thread is through
  bool left_behind = false;  ///< what belongs to others, as the gauge does, may be gone
};

void Sender::State::submit(std::vector<Message> messages, Done then) {
  {
    const std::lock_guard lock(mutex);
    ERRAND_ASSERT(!done);
    if (!stop.stop_requested()) {
      waiting = std::move(messages);
      done = std::move(then);
      changed.notify_all();
      return;
    }
  }
  then({.left = std::move(messages), .error = stopped()});
}

void Sender::State::run() {
  show_connection();
  while (true) {
    std::optional<std::vector<Message>> messages;
    bool stopping = false;
    {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, std::chrono::seconds(1),
                       [this] { return waiting.has_value() || stop.stop_requested(); });
      // Both at once: after the stop nothing is submitted, so none is forgotten.
      messages = std::exchange(waiting, std::nullopt);
      stopping = stop.stop_requested();
    }
    if (messages) {
      Delivery delivery = perform(*std::move(messages));
      show_connection();
      finish(std::move(delivery));
      continue;
    }
    if (stopping) break;
    // What it says of the error comes with the next message: until then nobody misses it.
    if (publisher->connected() && !publisher->keep_alive()) publisher->disconnect();
    show_connection();
  }
  publisher->disconnect();
  show_connection();
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

Delivery Sender::State::perform(std::vector<Message> messages) {
  if (!publisher->connected()) {
    if (auto made = publisher->connect(stop.get_token()); !made) {
      publisher->disconnect();
      return {.left = std::move(messages), .error = std::move(made.error())};
    }
    show_connection();
  }
  return deliver(*publisher, std::move(messages), stop.get_token());
}

void Sender::State::finish(Delivery delivery) {
  // Called under the lock, so that the thread is not left behind within the call. It only posts.
  const std::lock_guard lock(mutex);
  if (auto then = std::exchange(done, nullptr)) then(std::move(delivery));
}

void Sender::State::show_connection() {
  const double value = publisher->connected() ? 1 : 0;
  const std::lock_guard lock(mutex);
  if (!left_behind) connected.set(value);
}

Sender::Sender(std::unique_ptr<Publisher> publisher, telemetry::Gauge connected,
               Milliseconds stop_wait)
    : stop_wait_(stop_wait),
      state_(std::make_shared<State>(std::move(publisher), connected)),
      thread_(start_thread([state = state_] { state->run(); })) {}

Sender::~Sender() {
  stop();
  ending_.join();
}

boost::asio::awaitable<Delivery> Sender::send(std::vector<Message> messages) {
  co_return co_await async::from_callback<Delivery>(
      [this, messages = std::move(messages)](State::Done done) mutable {
        state_->submit(std::move(messages), std::move(done));
      });
}

void Sender::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->stop.request_stop()) return;
    state_->changed.notify_all();
  }
  state_->publisher->interrupt();
  // Who stops several relays does not wait for each in turn.
  ending_ = start_thread([this] { await_end(); });
}

void Sender::await_end() {
  bool ended = false;
  {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    ended = state.changed.wait_for(lock, stop_wait_, [&state] { return state.ended; });
    if (!ended) {
      state.left_behind = true;
      state.waiting.reset();
      state.connected.set(0);
      if (auto done = std::exchange(state.done, nullptr)) {
        done({.left = {},
              .error = Error{ErrorCode::kUnavailable, "The broker did not answer in time."},
              .unknown = true});
      }
    }
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace errand::relay
