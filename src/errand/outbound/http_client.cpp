#include "errand/outbound/http_client.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <curl/curl.h>
#include <pthread.h>

#include "errand/async/callback.h"
#include "errand/base/assert.h"
#include "errand/outbound/http_transfer.h"
#include "errand/outbound/target_url.h"
#include "errand/telemetry/metric_names.h"

namespace errand::outbound {
namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr const char* kStopping = "The server stops.";
constexpr const char* kStopped = "The request was canceled.";

/// Longest sleep without an event; only so that it is a number.
constexpr milliseconds kPollMax = std::chrono::hours(1);

}  // namespace

class HttpClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(const Options& options, std::shared_ptr<const AddressGuard> guard,
       telemetry::Metrics* metrics);
  ~Impl();

  void start();
  void stop();
  void fetch(HttpRequest request, Done done);

 private:
  using Id = std::uint64_t;

  /// What is counted for one scheme, host and port.
  struct Origin {
    std::size_t admitted = 0;   ///< waiting or under way; guarded by mutex_
    std::size_t in_flight = 0;  ///< the thread's
  };

  /// One request from fetch() to its result. The thread's, once it was handed over.
  struct Entry {
    Id id = 0;
    HttpTransfer transfer;
    Done done;
    Origin* origin = nullptr;
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
  };
  using EntryPtr = std::unique_ptr<Entry>;

  struct Commands {
    std::vector<EntryPtr> incoming;
    std::vector<Id> canceled;
    std::vector<Id> resumed;
    bool quit = false;
  };

  void run();
  Commands take_commands();
  void command(std::vector<Id> Commands::* list, Id id);
  /// False, and `entry` left alone, once it stops.
  bool hand_over(EntryPtr& entry);
  void admit(EntryPtr entry);
  void resume(Id id);
  void expire_waiting();
  void start_waiting();
  void start(Entry& entry);
  bool handle_finished();
  milliseconds patience() const;
  void finish(Entry& entry, HttpResult result);
  void finish(Entry& entry, HttpFailure failure, std::string why);
  void count(const HttpResult& result, SteadyTime begun);
  void release(const TargetUrl& url);

  const Options options_;
  const HttpTransfer::Settings settings_;
  const std::shared_ptr<const AddressGuard> guard_;
  telemetry::Metrics* const metrics_;
  telemetry::Gauge in_flight_gauge_;
  telemetry::Gauge waiting_gauge_;
  CURLM* const multi_;

  std::mutex mutex_;
  Commands commands_;                                ///< guarded by mutex_
  std::unordered_map<std::string, Origin> origins_;  ///< guarded by mutex_, but for in_flight
  std::size_t admitted_ = 0;                         ///< guarded by mutex_
  Id last_id_ = 0;                                   ///< guarded by mutex_

  // The thread's alone.
  std::unordered_map<Id, EntryPtr> entries_;
  std::list<Entry*> waiting_;  ///< in their order
  std::size_t in_flight_ = 0;
  bool may_start_ = false;  ///< something came or ended since waiting_ was looked through
  SteadyTime next_expiry_ = SteadyTime::max();  ///< not later than the first deadline of waiting_

  std::once_flag stopped_;
  std::thread thread_;
};

HttpClient::Impl::Impl(const Options& options, std::shared_ptr<const AddressGuard> guard,
                       telemetry::Metrics* metrics)
    : options_(options),
      settings_{.user_agent = options.user_agent,
                .ca_file = options.ca_file,
                .header_bytes_max = options.header_bytes_max},
      guard_(std::move(guard)),
      metrics_(metrics),
      multi_(curl_multi_init()) {
  ERRAND_ASSERT(guard_ != nullptr);
  ERRAND_ASSERT(multi_ != nullptr);
  // It counts those in use, too.
  const CURLMcode code =
      curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                        static_cast<long>(options_.in_flight_max + options_.idle_connections_max));
  ERRAND_ASSERT(code == CURLM_OK);
  if (metrics_ != nullptr) {
    in_flight_gauge_ = metrics_->gauge(telemetry::kOutboundRequestsInFlight);
    waiting_gauge_ = metrics_->gauge(telemetry::kOutboundRequestsWaiting);
  }
}

HttpClient::Impl::~Impl() {
  // Takes leave of TLS connections, which may be cut already. Not on the client's thread, where
  // SIGPIPE is blocked for good: what the thread of the caller gets by it is taken back.
  sigset_t pipe;
  sigset_t before;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  curl_multi_cleanup(multi_);
  if (sigismember(&before, SIGPIPE) == 0) {
    constexpr timespec kAtOnce{};
    sigtimedwait(&pipe, nullptr, &kAtOnce);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void HttpClient::Impl::start() {
  // Signals are for other threads: SIGTERM for the one that waits for it, and SIGPIPE, which
  // OpenSSL's writes raise, for nobody. The resolver's threads inherit that.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void HttpClient::Impl::stop() {
  std::call_once(stopped_, [this] {
    {
      const std::lock_guard lock(mutex_);
      commands_.quit = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
  });
}

void HttpClient::Impl::fetch(HttpRequest request, Done done) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const auto refuse = [&](HttpFailure failure, std::string why) {
    HttpResult result = std::unexpected(HttpError{.failure = failure, .message = std::move(why)});
    count(result, now);
    done(std::move(result));
  };
  if (std::string fault = fault_of(request); !fault.empty()) {
    refuse(HttpFailure::kInvalid, std::move(fault));
    return;
  }
  auto url = parse_target_url(request.url);
  if (!url) {
    refuse(HttpFailure::kInvalid, std::move(url.error().message));
    return;
  }
  auto guard = request.guard ? request.guard : guard_;
  if (auto checked = guard->check_url(*url); !checked) {
    refuse(HttpFailure::kRefused, std::move(checked.error().message));
    return;
  }

  Id id = 0;
  Origin* origin = nullptr;
  std::optional<HttpError> refusal;
  {
    const std::string key = url->origin();
    const std::lock_guard lock(mutex_);
    const auto found = origins_.find(key);
    const std::size_t of_origin = found != origins_.end() ? found->second.admitted : 0;
    if (commands_.quit) {
      refusal = {HttpFailure::kCanceled, kStopping};
    } else if (admitted_ >= options_.in_flight_max + options_.waiting_max) {
      refusal = {HttpFailure::kFull, "Too many requests wait to be sent."};
    } else if (of_origin >= options_.in_flight_per_origin_max + options_.waiting_per_origin_max) {
      refusal = {HttpFailure::kFull, "Too many requests wait for " + url->host + "."};
    } else {
      origin = &origins_[key];
      ++origin->admitted;
      ++admitted_;
      id = ++last_id_;
    }
  }
  if (refusal) {
    refuse(refusal->failure, std::move(refusal->message));
    return;
  }

  const std::stop_token stop = request.stop;
  auto resumes = [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->command(&Commands::resumed, id);
  };
  EntryPtr entry(new Entry{.id = id,
                           .transfer = {settings_, std::move(request), std::move(*url),
                                        std::move(guard), std::move(resumes)},
                           .done = std::move(done),
                           .origin = origin,
                           .on_stop = {}});
  // Before it is handed over, as then it may end at any moment. A stop before that is seen by
  // admit().
  if (stop.stop_possible()) {
    entry->on_stop.emplace(stop, [this, id] { command(&Commands::canceled, id); });
  }
  if (!hand_over(entry)) {
    entry->on_stop.reset();
    release(entry->transfer.url());
    done = std::move(entry->done);
    refuse(HttpFailure::kCanceled, kStopping);
    return;
  }
  curl_multi_wakeup(multi_);
}

bool HttpClient::Impl::hand_over(EntryPtr& entry) {
  const std::lock_guard lock(mutex_);
  // After it there is no thread any more that would take it.
  if (commands_.quit) return false;
  commands_.incoming.push_back(std::move(entry));
  return true;
}

void HttpClient::Impl::command(std::vector<Id> Commands::* list, Id id) {
  {
    const std::lock_guard lock(mutex_);
    if (commands_.quit) return;
    (commands_.*list).push_back(id);
  }
  curl_multi_wakeup(multi_);
}

HttpClient::Impl::Commands HttpClient::Impl::take_commands() {
  const std::lock_guard lock(mutex_);
  Commands taken = std::exchange(commands_, {});
  commands_.quit = taken.quit;
  return taken;
}

void HttpClient::Impl::run() {
  while (true) {
    Commands commands = take_commands();
    for (EntryPtr& entry : commands.incoming) admit(std::move(entry));
    for (const Id id : commands.resumed) resume(id);
    for (const Id id : commands.canceled) {
      if (const auto found = entries_.find(id); found != entries_.end()) {
        finish(*found->second, HttpFailure::kCanceled, kStopped);
      }
    }
    if (commands.quit) break;
    expire_waiting();
    start_waiting();
    int running = 0;
    const CURLMcode performed = curl_multi_perform(multi_, &running);
    ERRAND_ASSERT(performed == CURLM_OK);
    if (handle_finished()) continue;
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(patience().count()), nullptr);
  }
  while (!entries_.empty()) {
    finish(*entries_.begin()->second, HttpFailure::kCanceled, kStopping);
  }
}

void HttpClient::Impl::admit(EntryPtr entry) {
  Entry& e = *entry;
  entries_.emplace(e.id, std::move(entry));
  waiting_.push_back(&e);
  may_start_ = true;
  waiting_gauge_.add(1);
  if (e.transfer.request().stop.stop_requested()) {
    finish(e, HttpFailure::kCanceled, kStopped);
    return;
  }
  next_expiry_ = std::min(next_expiry_, e.transfer.request().deadline);
}

void HttpClient::Impl::resume(Id id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  // Hands over what waits, within the call.
  const CURLcode code = curl_easy_pause(entry.transfer.handle(), CURLPAUSE_CONT);
  if (code != CURLE_OK) finish(entry, entry.transfer.result(code));
}

void HttpClient::Impl::expire_waiting() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < next_expiry_) return;
  next_expiry_ = SteadyTime::max();
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    Entry& entry = **next++;  // finish() takes it out of the list
    if (entry.transfer.request().deadline <= now) {
      finish(entry, HttpFailure::kTimedOut,
             "The deadline passed before the request to " + entry.transfer.url().host +
                 " could be sent.");
    } else {
      next_expiry_ = std::min(next_expiry_, entry.transfer.request().deadline);
    }
  }
}

void HttpClient::Impl::start_waiting() {
  if (!std::exchange(may_start_, false)) return;
  for (auto next = waiting_.begin();
       next != waiting_.end() && in_flight_ < options_.in_flight_max;) {
    Entry& entry = **next;
    if (entry.origin->in_flight >= options_.in_flight_per_origin_max) {
      ++next;
      continue;
    }
    next = waiting_.erase(next);
    waiting_gauge_.add(-1);
    start(entry);
  }
}

void HttpClient::Impl::start(Entry& entry) {
  entry.transfer.begin(&entry);
  ++in_flight_;
  ++entry.origin->in_flight;
  in_flight_gauge_.add(1);
  const CURLMcode added = curl_multi_add_handle(multi_, entry.transfer.handle());
  ERRAND_ASSERT(added == CURLM_OK);
}

bool HttpClient::Impl::handle_finished() {
  bool any = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message goes with the handle
    Entry* entry = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &entry);
    finish(*entry, entry->transfer.result(code));
    any = true;
  }
  return any;
}

milliseconds HttpClient::Impl::patience() const {
  if (next_expiry_ == SteadyTime::max()) return kPollMax;
  const auto left =
      std::chrono::ceil<milliseconds>(next_expiry_ - std::chrono::steady_clock::now());
  return std::clamp(left, milliseconds(0), kPollMax);
}

void HttpClient::Impl::finish(Entry& entry, HttpResult result) {
  if (entry.transfer.handle() != nullptr) {
    curl_multi_remove_handle(multi_, entry.transfer.handle());
    --in_flight_;
    --entry.origin->in_flight;
    in_flight_gauge_.add(-1);
  } else {
    std::erase(waiting_, &entry);
    waiting_gauge_.add(-1);
  }
  may_start_ = true;
  // Waits for a stop that runs just now; so not under the lock, which that takes.
  entry.on_stop.reset();
  release(entry.transfer.url());
  count(result, entry.transfer.begun());
  const auto node = entries_.extract(entry.id);
  node.mapped()->done(std::move(result));
}

void HttpClient::Impl::finish(Entry& entry, HttpFailure failure, std::string why) {
  finish(entry, entry.transfer.give_up(failure, std::move(why)));
}

void HttpClient::Impl::release(const TargetUrl& url) {
  const std::lock_guard lock(mutex_);
  const auto found = origins_.find(url.origin());
  if (--found->second.admitted == 0) origins_.erase(found);
  --admitted_;
}

void HttpClient::Impl::count(const HttpResult& result, SteadyTime begun) {
  if (metrics_ == nullptr) return;
  static constexpr std::array<std::string_view, 6> kClasses{"other", "1xx", "2xx",
                                                            "3xx",   "4xx", "5xx"};
  const std::string_view outcome = result
                                       ? kClasses[result->status < 600 ? result->status / 100 : 0]
                                       : to_string(result.error().failure);
  metrics_->counter(telemetry::kOutboundRequests, {outcome}).add();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  metrics_->histogram(telemetry::kOutboundRequestDuration).observe(seconds.count());
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(const Options& options,
                                                       std::shared_ptr<const AddressGuard> guard,
                                                       telemetry::Metrics* metrics) {
  const auto invalid = [](const char* why) { return fail(ErrorCode::kInvalidArgument, why); };
  if (options.in_flight_max == 0) return invalid("in_flight_max is 0");
  if (options.in_flight_per_origin_max == 0) return invalid("in_flight_per_origin_max is 0");
  if (!is_field_value(options.user_agent)) return invalid("user_agent holds control characters");
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) return fail(ErrorCode::kInternal, "libcurl does not start");
  auto impl = std::make_shared<Impl>(options, std::move(guard), metrics);
  impl->start();
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::HttpClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpClient::~HttpClient() { stop(); }

void HttpClient::fetch(HttpRequest request, Done done) {
  impl_->fetch(std::move(request), std::move(done));
}

boost::asio::awaitable<HttpResult> HttpClient::fetch(HttpRequest request) {
  const std::shared_ptr<Impl> impl = impl_;  // which the client may leave behind
  std::stop_source source;
  const auto end = [source] { source.request_stop(); };
  const std::stop_callback<std::function<void()>> chain(request.stop, end);
  request.stop = source.get_token();
  boost::asio::cancellation_slot slot =
      (co_await boost::asio::this_coro::cancellation_state).slot();
  if (slot.is_connected()) {
    slot.assign([end](boost::asio::cancellation_type /*type*/) { end(); });
  }
  HttpResult result = co_await async::from_callback<HttpResult>(
      [impl, request = std::move(request)](Done done) mutable {
        impl->fetch(std::move(request), std::move(done));
      });
  slot.clear();
  co_return result;
}

void HttpClient::stop() { impl_->stop(); }

}  // namespace errand::outbound
