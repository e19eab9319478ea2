#include "errand/worker/long_poll.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include "errand/async/callback.h"
#include "errand/async/deadline.h"
#include "errand/async/event.h"
#include "errand/json/writer.h"
#include "errand/runtime/lane_client.h"

namespace errand::worker {
namespace {

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kPayloadTooLarge:
      return 413;
    case ErrorCode::kProtocolError:
    case ErrorCode::kInvalidArgument:
      return 400;
    default:
      return is_retryable(code) ? 503 : 500;
  }
}

/// Whether the content type is JSON; nothing at all passes, for curl's users.
std::optional<net::HttpResponse> wrong_content_type(const net::HttpRequest& request) {
  const auto type = request.header("content-type");
  if (!type) return std::nullopt;
  const std::string_view media = type->substr(0, type->find_first_of("; \t"));
  if (net::equals_ignoring_case(media, "application/json")) return std::nullopt;
  net::HttpResponse response = error_response(
      {ErrorCode::kProtocolError, "send the header \"Content-Type: application/json\""});
  response.status = 415;
  return response;
}

net::HttpResponse messages_response(const std::vector<ServerMessage>& messages) {
  std::string body = "{\"messages\":[";
  for (const ServerMessage& message : messages) {
    if (body.back() != '[') body += ',';
    append_message(body, message);
  }
  body += "]}";
  return net::HttpResponse::json(200, std::move(body));
}

/// The worker behind one poll. Takes jobs until it is closed; what comes then is released.
class PollOutlet final : public Outlet {
 public:
  PollOutlet(Reports& reports, auth::PrincipalPtr principal, boost::asio::any_io_executor executor)
      : reports_(reports), principal_(std::move(principal)), event_(std::move(executor)) {}

  void offer(std::vector<engine::Dispatch> dispatches) override {
    {
      const std::scoped_lock lock(mutex_);
      if (!closed_) {
        std::ranges::move(dispatches, std::back_inserter(dispatches_));
        event_.notify();
        return;
      }
    }
    for (const engine::Dispatch& dispatch : dispatches) {
      reports_.release(dispatch, "its worker has gone");
    }
  }
  void stop(engine::StopNotice) override {}  // told by the next heartbeat
  void drain(DrainReason, Milliseconds) override {
    const std::scoped_lock lock(mutex_);
    drained_ = true;
    event_.notify();
  }
  const auth::Principal& principal() const override { return *principal_; }

  /// Returns when there is a job, or nothing to wait for any more.
  boost::asio::awaitable<void> wait() {
    while (true) {
      {
        const std::scoped_lock lock(mutex_);
        if (drained_ || !dispatches_.empty()) co_return;
      }
      co_await event_.wait();
    }
  }

  std::deque<engine::Dispatch> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(dispatches_, {});
  }

  /// Gives back what was not taken, now and later.
  void close() {
    std::deque<engine::Dispatch> left;
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
      left = std::exchange(dispatches_, {});
    }
    for (const engine::Dispatch& dispatch : left) reports_.release(dispatch, "its worker has gone");
  }

 private:
  Reports& reports_;
  auth::PrincipalPtr principal_;
  std::mutex mutex_;
  std::deque<engine::Dispatch> dispatches_;  // guarded by mutex_, as the rest
  bool drained_ = false;
  bool closed_ = false;
  async::Event event_;
};

/// Ends a poll in every case, also when the client has gone and the coroutine is cancelled.
class PollGuard {
 public:
  PollGuard(Hub& hub, WorkerId id, std::shared_ptr<PollOutlet> outlet)
      : hub_(hub), id_(std::move(id)), outlet_(std::move(outlet)) {
    hub_.connect(id_, outlet_);
  }
  PollGuard(const PollGuard&) = delete;
  PollGuard& operator=(const PollGuard&) = delete;
  ~PollGuard() {
    hub_.disconnect(id_);
    outlet_->close();
  }

 private:
  Hub& hub_;
  WorkerId id_;
  std::shared_ptr<PollOutlet> outlet_;
};

Error stopping() {
  return {ErrorCode::kUnavailable, "the server is stopping; ask again in a moment"};
}

/// Submits messages in order and collects the answers, in the same order.
boost::asio::awaitable<std::vector<ServerMessage>> submit_all(
    Hub& hub, std::vector<WorkerMessage> messages, std::vector<Result<JobTypeName>> types,
    Reports::Sender sender) {
  using Answers = std::vector<std::optional<ServerMessage>>;
  struct Gather {
    std::mutex mutex;
    Answers answers;
    std::size_t missing = 0;
    std::move_only_function<void(Answers)> done;

    void put(std::size_t place, std::optional<ServerMessage> answer) {
      std::unique_lock lock(mutex);
      answers[place] = std::move(answer);
      if (--missing > 0) return;
      lock.unlock();
      done(std::move(answers));
    }
  };
  Answers answers =
      co_await async::from_callback<Answers>([&](std::move_only_function<void(Answers)> done) {
        const auto gather = std::make_shared<Gather>();
        gather->answers.resize(messages.size());
        gather->missing = messages.size();
        gather->done = std::move(done);
        for (std::size_t i = 0; i < messages.size(); ++i) {
          if (auto* heartbeat = std::get_if<Heartbeat>(&messages[i])) {
            hub.reports().submit(std::move(*heartbeat), sender,
                                 [gather, i](HeartbeatAck ack) { gather->put(i, std::move(ack)); });
            continue;
          }
          auto& report = std::get<Report>(messages[i]);
          if (!types[i]) {
            gather->put(i, Ack{.ref = std::move(report.ref),
                               .job = report.held.job,
                               .token = std::move(report.held.token),
                               .error = types[i].error()});
            continue;
          }
          const bool progress = std::holds_alternative<Progress>(report.what);
          hub.reports().submit(std::move(report), sender, *types[i],
                               [gather, i, progress](Ack ack) {
                                 if (progress && !ack.error) {
                                   gather->put(i, std::nullopt);
                                 } else {
                                   gather->put(i, std::move(ack));
                                 }
                               });
        }
      });
  std::vector<ServerMessage> given;
  for (auto& answer : answers) {
    if (answer) given.push_back(std::move(*answer));
  }
  co_return given;
}

bool are_about(const std::vector<WorkerMessage>& messages, const HeldJob& held) {
  const auto is = [&held](const HeldJob& each) {
    return each.job == held.job && each.token == held.token;
  };
  return std::ranges::all_of(messages, [&](const WorkerMessage& message) {
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
      return std::ranges::all_of(heartbeat->jobs, is);
    }
    return is(std::get<Report>(message).held);
  });
}

}  // namespace

net::HttpResponse error_response(const Error& error) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("error");
  out.begin_object();
  out.key("code");
  out.string(to_string(error.code));
  out.key("message");
  out.string(error.message);
  out.key("retryable");
  out.boolean(is_retryable(error.code));
  out.end_object();
  out.end_object();
  const unsigned status = status_of(error.code);
  net::HttpResponse response = net::HttpResponse::json(status, std::move(body));
  if (status == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"errand\"");
  if (status == 503) response.headers.set("Retry-After", "1");
  return response;
}

boost::asio::awaitable<net::HttpResponse> answer_poll(Hub& hub, net::HttpRequest request) {
  const auto principal = hub.authenticate(request);
  if (!principal) co_return error_response(principal.error());
  if (auto wrong = wrong_content_type(request)) co_return std::move(*wrong);
  const auto poll = parse_poll(request.body, hub.message_bytes_max());
  if (!poll) co_return error_response(poll.error());
  if (hub.draining()) co_return error_response(stopping());
  const auto registration = hub.registration(poll->hello, **principal);
  if (!registration) co_return error_response(registration.error());

  const auto deadline = std::chrono::steady_clock::now() + poll->wait;
  const WorkerId id = registration->id;
  const std::uint32_t slots = registration->slots;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto outlet = std::make_shared<PollOutlet>(hub.reports(), *principal, executor);
  const PollGuard guard(hub, id, outlet);

  runtime::LaneClient client(hub.lane());
  const auto registered = co_await client.execute(*registration);
  if (!registered) co_return error_response(registered.error());
  const auto credited = co_await client.execute(engine::AddCredits{.worker = id, .credits = slots});
  if (!credited) co_return error_response(credited.error());

  // Its time being over is an answer like any other: no job has come.
  static_cast<void>(co_await async::with_deadline(deadline, outlet->wait()));

  const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != boost::asio::cancellation_type::none) {
    co_return error_response(stopping());
  }
  // From here on a job may be in hand that must not be dropped.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  // What the lane has decided until then still belongs to this answer.
  static_cast<void>(co_await client.execute(engine::UnregisterWorker{id}));
  std::vector<ServerMessage> messages;
  for (engine::Dispatch& dispatch : outlet->take()) {
    auto offer = co_await hub.load_offer(dispatch, *principal);
    if (!offer) {
      hub.return_job(dispatch, offer.error());
      continue;
    }
    hub.log_offer(dispatch, id);
    messages.emplace_back(std::move(*offer));
  }
  co_return messages_response(messages);
}

boost::asio::awaitable<net::HttpResponse> answer_messages(Hub& hub, net::HttpRequest request) {
  const auto reporter = hub.authenticate_reporter(request);
  if (!reporter) co_return error_response(reporter.error());
  if (auto wrong = wrong_content_type(request)) co_return std::move(*wrong);
  auto messages = parse_posted_messages(request.body, hub.message_bytes_max());
  if (!messages) co_return error_response(messages.error());
  if (reporter->only && !are_about(*messages, *reporter->only)) {
    co_return error_response(
        {ErrorCode::kForbidden, "the callback token is good for its own attempt alone"});
  }

  const Reports::Sender sender{reporter->principal, WorkerId()};
  std::vector<Result<JobTypeName>> types(messages->size());
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const auto* report = std::get_if<Report>(&(*messages)[i]);
    if (report == nullptr || !std::holds_alternative<Complete>(report->what)) continue;
    types[i] = co_await hub.reports().type_of(report->held, sender);
  }
  const auto answers = co_await submit_all(hub, std::move(*messages), std::move(types), sender);
  const auto ended = [](const ServerMessage& answer) {
    const auto* ack = std::get_if<Ack>(&answer);
    return ack != nullptr && (!ack->error || !is_retryable(ack->error->code));
  };
  if (reporter->only && std::ranges::any_of(answers, ended)) hub.end_hosted(*reporter->only);
  co_return messages_response(answers);
}

}  // namespace errand::worker
