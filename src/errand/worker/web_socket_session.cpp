#include "errand/worker/web_socket_session.h"

#include <exception>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "errand/base/crash_point.h"
#include "errand/runtime/lane_client.h"

namespace errand::worker {
namespace {

constexpr std::uint16_t kMalformed = 4400;
constexpr std::uint16_t kForbiddenQueue = 4403;
constexpr std::uint16_t kSilent = 4408;
constexpr std::uint16_t kTooSlow = 4429;

template <class... F>
struct Overload : F... {
  using F::operator()...;
};

}  // namespace

WebSocketSession::WebSocketSession(Hub& hub, std::shared_ptr<net::WebSocket> socket,
                                   auth::PrincipalPtr principal)
    : hub_(hub),
      socket_(std::move(socket)),
      principal_(std::move(principal)),
      answered_(socket_->executor()) {}

boost::asio::awaitable<void> WebSocketSession::run() {
  // The connection may end by cancellation, which throws: the worker leaves in either case.
  std::exception_ptr error;
  try {
    co_await serve();
  } catch (...) {
    error = std::current_exception();
  }
  closed_ = true;
  flush();
  if (!id_.empty()) {
    hub_.disconnect(id_);
    hub_.log().info("worker disconnected", {{"worker_id", id_}, {"subject", principal_->subject}});
  }
  if (error) std::rethrow_exception(error);
}

boost::asio::awaitable<void> WebSocketSession::serve() {
  if (!co_await greet()) co_return;
  while (true) {
    // A worker that sends faster than the lane answers is read no further: TCP tells it to wait.
    while (unanswered_ >= hub_.options().reports_max) co_await answered_.wait();
    const auto message = co_await socket_->read();
    if (!message) co_return;
    auto messages = read_messages(*message);
    if (!messages) {
      refuse(messages.error());
      co_return;
    }
    for (WorkerMessage& each : *messages) {
      if (!co_await handle(std::move(each))) co_return;
    }
  }
}

Result<std::vector<WorkerMessage>> WebSocketSession::read_messages(
    const net::WebSocket::Message& message) const {
  if (!message.text) return fail(ErrorCode::kProtocolError, "binary messages are not understood");
  return parse_messages(message.data, hub_.message_bytes_max());
}

boost::asio::awaitable<bool> WebSocketSession::greet() {
  // Closing ends the read in an orderly way; cancelling it would cut the connection.
  boost::asio::steady_timer timer(socket_->executor(), hub_.options().hello_timeout);
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->socket_->close({.code = kSilent, .reason = "no hello came in time"});
  });
  const auto message = co_await socket_->read();
  timer.cancel();
  if (!message) co_return false;
  auto messages = read_messages(*message);
  if (!messages) {
    refuse(messages.error());
    co_return false;
  }
  const auto* hello = std::get_if<Hello>(&messages->front());
  if (hello == nullptr) {
    refuse({ErrorCode::kProtocolError, "the first message must be hello"});
    co_return false;
  }
  auto registration = hub_.registration(*hello, *principal_);
  if (!registration) {
    send(ProtocolErrorNotice{registration.error()});
    flush();
    socket_->close({.code = kForbiddenQueue, .reason = registration.error().message});
    co_return false;
  }
  if (hub_.draining()) {
    socket_->close({.code = 1001, .reason = "the server stops"});
    co_return false;
  }
  id_ = registration->id;
  Welcome welcome{.worker = id_,
                  .server = hub_.options().server,
                  .heartbeat = hub_.options().heartbeat,
                  .lease = hub_.options().lease,
                  .message_bytes_max = hub_.message_bytes_max(),
                  .queues = registration->queues,
                  .unknown_types = hub_.unknown_types(*hello)};
  hub_.log().info("worker connected", {{"worker_id", id_},
                                       {"subject", principal_->subject},
                                       {"tenant", principal_->tenant},
                                       {"name", hello->name},
                                       {"build", hello->build},
                                       {"slots", hello->slots}});
  hub_.connect(id_, shared_from_this());
  const auto registered =
      co_await runtime::LaneClient(hub_.lane()).execute(std::move(*registration));
  if (!registered) {
    socket_->close({.code = 1001, .reason = registered.error().message});
    co_return false;
  }
  send(welcome);
  for (std::size_t i = 1; i < messages->size(); ++i) {
    if (!co_await handle(std::move((*messages)[i]))) co_return false;
  }
  co_return true;
}

boost::asio::awaitable<bool> WebSocketSession::handle(WorkerMessage message) {
  if (auto* each = std::get_if<Report>(&message)) {
    co_await report(std::move(*each));
    co_return true;
  }
  co_return std::visit(
      Overload{
          [&](Hello&) {
            refuse({ErrorCode::kProtocolError, "hello comes once, as the first message"});
            return false;
          },
          [&](Credits& credits) {
            // Credits after a drain crossed it on the way.
            if (!draining_) hub_.add_credits(socket_->executor(), id_, credits.add);
            return true;
          },
          [&](Heartbeat& heartbeat) {
            beat(std::move(heartbeat));
            return true;
          },
          [&](Drain&) {
            begin_drain();
            return true;
          },
          [](Report&) { return true; },
      },
      message);
}

boost::asio::awaitable<void> WebSocketSession::report(Report report) {
  crash_point(CrashPoint::kReportRead);
  JobTypeName type;
  if (std::holds_alternative<Complete>(report.what)) {
    if (const auto known = types_.find(report.held.token); known != types_.end()) {
      type = known->second;
    } else {
      auto found = co_await hub_.reports().type_of(report.held, sender());
      if (!found) {
        send(Ack{.ref = std::move(report.ref),
                 .job = report.held.job,
                 .token = std::move(report.held.token),
                 .error = std::move(found.error())});
        co_return;
      }
      type = std::move(*found);
    }
  }
  const bool progress = std::holds_alternative<Progress>(report.what);
  ++unanswered_;
  hub_.reports().submit(
      std::move(report), sender(), type, [self = shared_from_this(), progress](Ack ack) {
        boost::asio::post(self->socket_->executor(), [self, progress, ack = std::move(ack)] {
          self->finished(ack, progress);
        });
      });
}

void WebSocketSession::finished(const Ack& ack, bool was_progress) {
  --unanswered_;
  answered_.notify();
  if (was_progress) {
    if (ack.error) send(ack);
    return;
  }
  if (!ack.error || !is_retryable(ack.error->code)) types_.erase(ack.token);
  crash_point(CrashPoint::kBeforeAck);
  send(ack);
}

void WebSocketSession::beat(Heartbeat heartbeat) {
  ++unanswered_;
  hub_.reports().submit(
      std::move(heartbeat), sender(), [self = shared_from_this()](HeartbeatAck ack) {
        boost::asio::post(self->socket_->executor(), [self, ack = std::move(ack)] {
          --self->unanswered_;
          self->answered_.notify();
          for (const HeartbeatAck::Job& job : ack.jobs) {
            if (job.state == HoldState::kLeaseLost || job.state == HoldState::kJobEnded) {
              self->types_.erase(job.token);
            }
          }
          crash_point(CrashPoint::kBeforeHeartbeatAck);
          self->send(ack);
        });
      });
}

void WebSocketSession::begin_drain() {
  draining_ = true;
  // Dispatches that the lane has decided before it come to the strand before the answer does.
  hub_.lane().submit(engine::DrainWorker{.worker = id_}, [self = shared_from_this()](
                                                             const Result<engine::Reply>&) {
    boost::asio::post(self->socket_->executor(), [self] { self->send(Draining{}); });
  });
}

void WebSocketSession::offer(std::vector<engine::Dispatch> dispatches) {
  boost::asio::post(socket_->executor(),
                    [self = shared_from_this(), dispatches = std::move(dispatches)]() mutable {
                      for (engine::Dispatch& dispatch : dispatches) self->take(std::move(dispatch));
                    });
}

void WebSocketSession::take(engine::Dispatch dispatch) {
  if (closed_) {
    hub_.reports().release(dispatch, "its worker has gone");
  } else if (dispatch.input) {
    const JobOffer offer = hub_.reports().offer(dispatch, *principal_);
    send_offer(dispatch, offer);
  } else {
    hub_.tasks().spawn(socket_->executor(), "load a job's input",
                       load_and_send(shared_from_this(), std::move(dispatch)));
  }
}

boost::asio::awaitable<void> WebSocketSession::load_and_send(std::shared_ptr<WebSocketSession> self,
                                                             engine::Dispatch dispatch) {
  Hub& hub = self->hub_;
  const auto offer = co_await hub.load_offer(dispatch, self->principal_);
  if (!offer) {
    hub.return_job(dispatch, offer.error());
  } else if (self->closed_) {
    hub.reports().release(dispatch, "its worker has gone");
  } else {
    self->send_offer(dispatch, *offer);
  }
}

void WebSocketSession::send_offer(const engine::Dispatch& dispatch, const JobOffer& offer) {
  crash_point(CrashPoint::kBeforeDispatch);
  types_[offer.token] = offer.type;
  if (!send(offer, dispatch)) hub_.reports().release(dispatch, "its worker has gone");
}

void WebSocketSession::stop(engine::StopNotice notice) {
  boost::asio::post(socket_->executor(), [self = shared_from_this(), notice = std::move(notice)] {
    CancelNotice cancel{
        .job = notice.job,
        .token = self->hub_.reports().token(notice.job, notice.token, *self->principal_),
        .reason = to_wire(notice.reason),
        .grace = notice.grace};
    if (cancel.reason != StopReason::kCancel && cancel.reason != StopReason::kDeadline) {
      cancel.grace = Milliseconds(0);
      self->types_.erase(cancel.token);
    }
    self->send(cancel);
  });
}

void WebSocketSession::drain(DrainReason reason, Milliseconds grace) {
  boost::asio::post(socket_->executor(), [self = shared_from_this(), reason, grace] {
    if (self->closed_) return;
    self->draining_ = true;
    self->hub_.lane().submit(engine::DrainWorker{.worker = self->id_},
                             [](const Result<engine::Reply>&) {});
    self->send(DrainNotice{.reason = reason, .grace = grace});
  });
}

bool WebSocketSession::send(const ServerMessage& message,
                            std::optional<engine::Dispatch> dispatch) {
  if (closed_) return false;
  outgoing_.push_back({.text = to_text(message), .dispatch = std::move(dispatch)});
  if (!std::exchange(flush_is_due_, true)) {
    boost::asio::post(socket_->executor(), [self = shared_from_this()] { self->flush(); });
  }
  return true;
}

void WebSocketSession::flush() {
  flush_is_due_ = false;
  const std::vector<Outgoing> all = std::exchange(outgoing_, {});
  for (std::size_t first = 0; first < all.size();) {
    std::string frame = all[first].text;
    std::size_t end = first + 1;
    while (end < all.size() && end - first < kBatchMax &&
           frame.size() + all[end].text.size() + 3 <= hub_.message_bytes_max()) {
      frame += ',';
      frame += all[end++].text;
    }
    if (end - first > 1) frame = '[' + frame + ']';
    if (closed_ || !socket_->send(std::move(frame))) {
      for (; first < all.size(); ++first) {
        if (!all[first].dispatch) continue;
        hub_.reports().release(*all[first].dispatch, "its worker has gone or reads too slowly");
      }
      // Either it closes already, or its queue is full: then nothing it would hear is current.
      if (!closed_) {
        socket_->close_now({.code = kTooSlow, .reason = "the worker reads too slowly"});
      }
      return;
    }
    for (; first < end; ++first) {
      if (all[first].dispatch) hub_.log_offer(*all[first].dispatch, id_);
    }
  }
}

void WebSocketSession::refuse(const Error& error) {
  hub_.log().warn_limited(
      "a worker broke the protocol",
      {{"worker_id", id_}, {"subject", principal_->subject}, {"reason", error.message}});
  send(ProtocolErrorNotice{error});
  flush();
  socket_->close({.code = kMalformed, .reason = error.message});
}

}  // namespace errand::worker
