#include "errand/worker/gateway.h"

#include <map>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/strand.hpp>

#include "errand/worker/hosted_worker.h"
#include "errand/worker/hub.h"
#include "errand/worker/long_poll.h"
#include "errand/worker/web_socket_session.h"

namespace errand::worker {
namespace {

constexpr const char* kSubprotocol = "errand.worker.v1";

}  // namespace

class Gateway::Impl {
 public:
  Impl(const Options& options, const Parts& parts) : hub(options, parts) {}

  std::variant<net::WebSocketAccept, net::HttpResponse> upgrade(const net::HttpRequest& request) {
    auto principal = hub.authenticate(request);
    if (!principal) return error_response(principal.error());
    if (hub.draining()) {
      return error_response({ErrorCode::kUnavailable, "the server is stopping"});
    }
    net::WebSocketAccept accept;
    accept.subprotocols = {kSubprotocol};
    accept.refusal = {.code = 4406, .reason = "offer the subprotocol errand.worker.v1"};
    accept.options.message_bytes_max = hub.message_bytes_max();
    // An offer of a full-sized input must always fit.
    accept.options.queue_bytes_max = 4 * hub.message_bytes_max() + (4 << 20);
    accept.options.queue_messages_max = 16'384;
    // Not a coroutine itself: its captures would go with the function object.
    accept.handler = [this, principal = std::move(*principal)](
                         std::shared_ptr<net::WebSocket> socket, net::HttpRequest) {
      return serve(std::make_shared<WebSocketSession>(hub, std::move(socket), principal));
    };
    return accept;
  }

  HostedId keep(std::shared_ptr<HostedWorker> worker) {
    const std::scoped_lock lock(mutex_);
    const HostedId id{++last_id_};
    hosted_.emplace(id, std::move(worker));
    return id;
  }

  void retire(HostedId id) {
    std::shared_ptr<HostedWorker> worker;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = hosted_.find(id);
      if (found == hosted_.end()) return;
      worker = std::move(found->second);
      hosted_.erase(found);
      retired_.push_back(worker);
    }
    worker->drain(DrainReason::kRequested, Milliseconds(0));
  }

  /// Lets go of those that were taken back and have nothing left to do.
  void finish_retired(const boost::asio::any_io_executor& executor) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(retired_, [&](const std::shared_ptr<HostedWorker>& worker) {
      if (worker->running() > 0) return false;
      hub.tasks().spawn(boost::asio::make_strand(executor), "end a hosted worker", finish(worker));
      return true;
    });
  }

  std::vector<std::shared_ptr<HostedWorker>> take_all() {
    const std::scoped_lock lock(mutex_);
    std::vector<std::shared_ptr<HostedWorker>> all = std::move(retired_);
    retired_.clear();
    for (auto& [id, worker] : hosted_) all.push_back(std::move(worker));
    hosted_.clear();
    return all;
  }

  Hub hub;

 private:
  static boost::asio::awaitable<void> finish(std::shared_ptr<HostedWorker> worker) {
    co_await worker->finish(std::chrono::steady_clock::now());
  }

  static boost::asio::awaitable<void> serve(std::shared_ptr<WebSocketSession> session) {
    co_await session->run();
  }

  std::mutex mutex_;
  std::uint64_t last_id_ = 0;  ///< guarded by mutex_, as the rest
  std::map<HostedId, std::shared_ptr<HostedWorker>> hosted_;
  std::vector<std::shared_ptr<HostedWorker>> retired_;  ///< get nothing more
};

Gateway::Gateway(const Options& options, const Parts& parts)
    : impl_(std::make_shared<Impl>(options, parts)) {}

Gateway::~Gateway() = default;

void Gateway::attach(runtime::Lane& lane) { impl_->hub.attach(lane); }

void Gateway::add_routes(net::Router& router) {
  Impl* const impl = impl_.get();
  router.add(net::WebSocketRoute{
      .path = "/worker",
      .upgrade = [impl](const net::HttpRequest& request) { return impl->upgrade(request); }});
  router.add(net::Route{
      .methods = {"POST"},
      .path = "/worker/v1/poll",
      .handler =
          [impl](net::HttpRequest request) { return answer_poll(impl->hub, std::move(request)); },
      .half_close_cancels = true});
  router.add(net::Route{.methods = {"POST"},
                        .path = "/worker/v1/messages",
                        .handler =
                            [impl](net::HttpRequest request) {
                              return answer_messages(impl->hub, std::move(request));
                            },
                        .half_close_cancels = false});
}

void Gateway::deliver(std::vector<engine::Action> actions) {
  impl_->hub.deliver(std::move(actions));
}

void Gateway::drain(Milliseconds grace) { impl_->hub.drain(grace); }

Gateway::HostedId Gateway::host(boost::asio::any_io_executor executor, Hosted hosted) {
  impl_->finish_retired(executor);
  const auto worker =
      std::make_shared<HostedWorker>(impl_->hub, std::move(executor), std::move(hosted));
  const HostedId id = impl_->keep(worker);
  worker->start();
  return id;
}

void Gateway::unhost(HostedId id) { impl_->retire(id); }

boost::asio::awaitable<void> Gateway::stop(std::chrono::steady_clock::time_point patience) {
  for (const auto& worker : impl_->take_all()) co_await worker->finish(patience);
  impl_->hub.tasks().cancel();
  co_await impl_->hub.tasks().join();
}

std::size_t Gateway::workers() const { return impl_->hub.workers(); }

}  // namespace errand::worker
