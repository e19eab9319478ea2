#include "errand_worker/worker.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "attempt.h"
#include "backoff.h"
#include "endpoint.h"
#include "errand_worker/version.h"
#include "messages.h"
#include "network.h"
#include "pool.h"
#include "text.h"
#include <boost/json/array.hpp>
#include <unistd.h>

namespace errand_worker {

using internal::AckMessage;
using internal::Attempt;
using internal::CancelMessage;
using internal::Connection;
using internal::DrainingMessage;
using internal::DrainMessage;
using internal::ErrorMessage;
using internal::Failure;
using internal::HeartbeatAckMessage;
using internal::HeldJob;
using internal::JobMessage;
using internal::kMessagesMax;
using internal::Milliseconds;
using internal::Outcome;
using internal::Pool;
using internal::Refusal;
using internal::ServerMessage;
using internal::WelcomeMessage;

namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kProgressInterval{100};
constexpr Milliseconds kRetryReport{1'000};
constexpr Milliseconds kFallbackInterval{1'000};
constexpr Milliseconds kStopGrace{5'000};
/// For connecting and the welcome together.
constexpr Milliseconds kWelcomeTimeout{20'000};
/// Longest that a report waits for others to share its frame, while jobs wait for a thread.
constexpr Milliseconds kSweepInterval{1};
constexpr int kSlotsMax = 10'000;

std::string default_name() {
  char host[65] = {};
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  return internal::clean_text(host, 64) + ":" + std::to_string(getpid());
}

void check(bool good, const char* what) {
  if (!good) throw std::invalid_argument(what);
}

WorkerOptions checked(WorkerOptions options) {
  check(!options.token.empty(), "token is missing: pass the worker token that the server printed");
  check(std::ranges::all_of(options.token, [](unsigned char c) { return c > ' ' && c < 127; }),
        "token has a character that no token has");
  check(options.slots >= 1 && options.slots <= kSlotsMax, "slots must be from 1 to 10000");
  check(options.drain_timeout >= Milliseconds(0), "drain_timeout must not be negative");
  check(options.reconnect_first > Milliseconds(0), "reconnect_first must be more than 0");
  check(options.reconnect_longest >= options.reconnect_first,
        "reconnect_longest must not be less than reconnect_first");
  if (options.name.empty()) options.name = default_name();
  if (!options.logger) options.logger = silent_logger();
  return options;
}

/// What a handler waits for when it records a step.
class StepWait {
 public:
  enum class Answer { kNone, kRecorded, kLost, kRefused };

  void answer(Answer answer, std::string code = {}, std::string message = {}) {
    const std::scoped_lock lock(mutex_);
    if (answer_ != Answer::kNone) return;
    answer_ = answer;
    code_ = std::move(code);
    message_ = std::move(message);
    wake_.notify_all();
  }

  /// @throws what Job::step() throws when the step of `attempt` was not recorded.
  void wait(const Attempt& attempt) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return answer_ != Answer::kNone; });
    if (answer_ == Answer::kLost) {
      throw JobStopped(attempt.stop_reason().value_or(StopReason::kLeaseLost));
    }
    if (answer_ == Answer::kRefused) {
      throw PermanentError("the server did not record the step: " + message_, {.code = code_});
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  Answer answer_ = Answer::kNone;
  std::string code_;
  std::string message_;
};

/// A message that the server acknowledges.
struct Report {
  enum class Kind { kComplete, kFail, kRelease, kSnooze, kStep };

  Kind kind = Kind::kComplete;
  std::uint64_t ref = 0;
  std::string job_id{};
  std::string token{};
  std::string text{};
  std::string progress{};  ///< what was said last before it; goes before it when it is sent again
  std::shared_ptr<StepWait> step{};
  bool again = false;  ///< the server asked for it a little later
};

std::string_view to_string(Report::Kind kind) {
  switch (kind) {
    case Report::Kind::kComplete:
      return "complete";
    case Report::Kind::kFail:
      return "fail";
    case Report::Kind::kRelease:
      return "release";
    case Report::Kind::kSnooze:
      return "snooze";
    case Report::Kind::kStep:
      return "step";
  }
  return "";
}

/// What a handler's thread hands to the network's thread.
struct Mail {
  enum class Kind { kEnded, kStep, kProgress };

  Kind kind = Kind::kProgress;
  std::shared_ptr<Attempt> attempt{};
  Report report{};         ///< of kEnded and kStep
  std::string progress{};  ///< of kEnded: goes before the report
  std::string failure{};   ///< of kEnded: for the log
  bool permanent = false;
  Milliseconds duration{};
};

/// A connection and what is to be sent over it.
struct Link {
  std::shared_ptr<Connection> connection;
  std::vector<std::string> waiting;
  std::size_t first = 0;  ///< of `waiting`, that is not sent yet
  bool writing = false;
  bool drained = false;       ///< no job can come any more: the server said so
  bool server_stops = false;  ///< the server asked to connect again
  std::string error;          ///< what the server says was wrong
  Clock::time_point welcomed_at{};
};

}  // namespace

/// All state of the protocol belongs to the network's thread, that of run(). Handlers' threads see
/// the pool, the mailbox and their own attempt.
class Worker::Core : public internal::ConnectionEvents, public internal::AttemptHost {
 public:
  explicit Core(WorkerOptions options);

  void handle(std::string type, Handler handler);
  void run();
  void stop();
  std::size_t running() const { return running_count_; }

 private:
  enum class State { kNew, kRunning, kDraining, kStopped };
  enum class DrainPhase { kFinishing, kStopping, kAcknowledging };

  // From the network.
  void opened(Connection& connection) override;
  void received(Connection& connection, std::string_view text) override;
  void sent(Connection& connection) override;
  void closed(Connection& connection, const std::string& why,
              const std::optional<Refusal>& refusal) override;

  // From handlers' threads.
  void progressed(Attempt& attempt, bool first) override;
  void record_step(Attempt& attempt, std::string_view name,
                   const boost::json::value& result) override;
  void work(const Pool::Task& task);
  void report_failure(Mail& mail, Failure failure);
  void put(Mail mail, bool at_once);
  void post_mail();
  void collect();

  // Connections.
  void connect();
  void reconnect_later(const std::string& why);
  void lost_contact(const std::string& why);
  bool is_current(const Connection& c) const {
    return current_ && current_->connection.get() == &c;
  }
  bool is_next(const Connection& c) const { return next_ && next_->connection.get() == &c; }

  // Messages.
  void take(ServerMessage& message);
  void on_welcome(const WelcomeMessage& welcome);
  void on_job(JobMessage job);
  void on_heartbeat_ack(const HeartbeatAckMessage& ack);
  void on_cancel(const CancelMessage& cancel);
  void on_ack(const AckMessage& ack);
  void on_drain(const DrainMessage& drain);
  void on_error(Link& link, const ErrorMessage& error);

  void stop_attempt(Attempt& attempt, StopReason reason, Milliseconds grace);
  void settle_steps(std::optional<std::string_view> token, StepWait::Answer answer);
  void report(Report report, const std::string& progress);
  void free_slot();
  void send(std::string message);
  void send_heartbeat();
  std::vector<std::string> heartbeats() const;
  void flush();

  // Timers.
  void beat();
  void sweep();
  void send_progress();
  void end_overdue();
  void repeat_reports();
  void watch(Clock::time_point end);

  // The way around a missing socket.
  void fallback_soon();
  void fall_back();

  // The end.
  void begin_stop();
  void drain_overdue();
  bool is_idle() const;
  void check_idle();
  void finish();
  void shut_down();

  bool logs(LogLevel level) const { return level >= options_.log_level; }
  void log(LogLevel level, std::string_view sentence, const boost::json::object& fields) const {
    if (logs(level)) options_.logger(level, sentence, fields);
  }

  const WorkerOptions options_;
  const internal::Endpoint endpoint_;
  std::unordered_map<std::string, Handler> handlers_;

  // Shared between threads.
  std::atomic<bool> started_ = false;
  std::atomic<bool> stop_requested_ = false;
  std::atomic<std::size_t> running_count_ = 0;
  std::atomic<std::uint64_t> next_ref_ = 1;
  std::atomic<std::size_t> message_bytes_max_ = WelcomeMessage().message_bytes_max;
  std::atomic<bool> records_steps_ = false;
  std::mutex mail_mutex_;
  std::vector<Mail> mail_;
  bool mail_posted_ = false;
  bool mail_closed_ = false;

  // The network's thread alone. Timers and connections end before the network.
  State state_ = State::kNew;
  internal::Network network_;
  const std::unique_ptr<internal::Timer> reconnect_timer_;
  const std::unique_ptr<internal::Timer> welcome_timer_;
  const std::unique_ptr<internal::Timer> heartbeat_timer_;
  const std::unique_ptr<internal::Timer> sweep_timer_;
  const std::unique_ptr<internal::Timer> progress_timer_;
  const std::unique_ptr<internal::Timer> overdue_timer_;
  const std::unique_ptr<internal::Timer> repeat_timer_;
  const std::unique_ptr<internal::Timer> fallback_timer_;
  const std::unique_ptr<internal::Timer> drain_timer_;
  std::optional<Link> current_;  ///< welcomed
  std::optional<Link> next_;     ///< not welcomed yet
  std::vector<std::shared_ptr<Connection>> closing_;
  bool reconnecting_ = false;  ///< reconnect_timer_ runs
  int failures_ = 0;
  Milliseconds heartbeat_interval_ = WelcomeMessage().heartbeat;
  std::unordered_map<std::string_view, std::shared_ptr<Attempt>> running_;  ///< by token
  std::map<std::uint64_t, Report> outbox_;  ///< by ref, in the order in which they came
  std::vector<std::shared_ptr<Attempt>> progress_due_;
  std::size_t credits_due_ = 0;
  bool sweeping_ = false;
  Clock::time_point overdue_at_ = Clock::time_point::max();
  Clock::time_point fallback_at_{};  ///< when the last request began
  bool falling_back_ = false;
  DrainPhase drain_phase_ = DrainPhase::kFinishing;
  std::optional<Refusal> refusal_;
  std::minstd_rand random_{std::random_device()()};

  Pool pool_;  // last, so that its threads end first
};

Worker::Core::Core(WorkerOptions options)
    : options_(checked(std::move(options))),
      endpoint_(internal::read_endpoint(options_.url)),
      network_(endpoint_, options_.token, options_.ca_file),
      reconnect_timer_(network_.timer([this] { connect(); })),
      welcome_timer_(network_.timer([this] {
        if (next_) next_->connection->terminate("the server says nothing");
      })),
      heartbeat_timer_(network_.timer([this] { beat(); })),
      sweep_timer_(network_.timer([this] { sweep(); })),
      progress_timer_(network_.timer([this] { send_progress(); })),
      overdue_timer_(network_.timer([this] { end_overdue(); })),
      repeat_timer_(network_.timer([this] { repeat_reports(); })),
      fallback_timer_(network_.timer([this] { fall_back(); })),
      drain_timer_(network_.timer([this] { drain_overdue(); })),
      pool_(
          static_cast<std::size_t>(options_.slots), [this](const Pool::Task& task) { work(task); },
          [this] { post_mail(); }) {}

void Worker::Core::handle(std::string type, Handler handler) {
  if (started_) throw std::logic_error("handle() comes before run()");
  if (!handler) throw std::logic_error("the handler is empty");
  if (!handlers_.try_emplace(type, std::move(handler)).second) {
    throw std::logic_error("there is a handler for " + type + " already");
  }
}

void Worker::Core::run() {
  if (handlers_.empty()) throw std::logic_error("there is no handler: call handle() first");
  if (started_.exchange(true)) throw std::logic_error("run() was called already");
  if (stop_requested_) return;
  state_ = State::kRunning;
  if (options_.handle_signals) {
    network_.on_signal([this](int number) {
      log(LogLevel::kInfo, "stopping after a signal",
          {{"signal", number}, {"running", running_.size()}});
      begin_stop();
    });
  }
  connect();
  try {
    network_.run();
  } catch (...) {
    shut_down();
    throw;
  }
  shut_down();
  if (refusal_) throw WorkerRefused(refusal_->message, refusal_->code);
}

void Worker::Core::stop() {
  stop_requested_ = true;
  network_.post([this] { begin_stop(); });
}

// --- Handlers' threads ---

void Worker::Core::work(const Pool::Task& task) {
  Attempt& attempt = *task.attempt;
  const HeldJob held = attempt.held();
  const Clock::time_point began = Clock::now();
  // One that was told to stop while it waited for a thread is not begun.
  static const Handler kStopped = [](Job& job) -> boost::json::value {
    job.throw_if_stopped();
    return nullptr;
  };
  Outcome outcome =
      internal::run_attempt(attempt.stop_reason() ? kStopped : *task.handler, attempt);

  Mail mail{.kind = Mail::Kind::kEnded, .attempt = task.attempt};
  mail.duration = std::chrono::round<Milliseconds>(Clock::now() - began);
  mail.progress = attempt.take_progress().value_or("");
  mail.report = {.ref = next_ref_++,
                 .job_id = std::string(held.job_id),
                 .token = std::string(held.token),
                 .progress = attempt.last_progress()};
  switch (outcome.kind) {
    case Outcome::Kind::kComplete: {
      mail.report.kind = Report::Kind::kComplete;
      mail.report.text = write_complete(held, mail.report.ref, outcome.result);
      const std::size_t bytes = mail.report.text.size();
      const std::size_t most = message_bytes_max_;
      if (bytes > most) {
        report_failure(mail,
                       {.permanent = true,
                        .message = "the result takes " + std::to_string(bytes) +
                                   " bytes, the server reads " + std::to_string(most) + " at most",
                        .code = "RESULT_TOO_LARGE",
                        .remediation = "Store the result elsewhere and return a link to it."});
      }
      break;
    }
    case Outcome::Kind::kFail:
      report_failure(mail, std::move(outcome.failure));
      break;
    case Outcome::Kind::kRelease:
      mail.report.kind = Report::Kind::kRelease;
      mail.report.text = write_release(held, mail.report.ref);
      break;
    case Outcome::Kind::kSnooze:
      mail.report.kind = Report::Kind::kSnooze;
      mail.report.text = write_snooze(held, mail.report.ref, outcome.delay);
      break;
  }
  put(std::move(mail), false);
}

void Worker::Core::report_failure(Mail& mail, Failure failure) {
  const HeldJob held = mail.attempt->held();
  mail.report.kind = Report::Kind::kFail;
  mail.report.text = write_fail(held, mail.report.ref, failure);
  if (mail.report.text.size() > message_bytes_max_) {
    failure.details.clear();
    mail.report.text = write_fail(held, mail.report.ref, failure);
  }
  mail.permanent = failure.permanent;
  mail.failure = internal::clean_text(failure.message, 4'096);
}

void Worker::Core::progressed(Attempt& attempt, bool first) {
  if (first) put({.kind = Mail::Kind::kProgress, .attempt = attempt.shared_from_this()}, true);
}

void Worker::Core::record_step(Attempt& attempt, std::string_view name,
                               const boost::json::value& result) {
  if (!records_steps_) return;
  const HeldJob held = attempt.held();
  Mail mail{.kind = Mail::Kind::kStep, .attempt = attempt.shared_from_this()};
  mail.report = {.kind = Report::Kind::kStep,
                 .ref = next_ref_++,
                 .job_id = std::string(held.job_id),
                 .token = std::string(held.token),
                 .step = std::make_shared<StepWait>()};
  mail.report.text = write_step(held, mail.report.ref, name, result);
  if (mail.report.text.size() > message_bytes_max_) {
    throw PermanentError("the result of the step takes " + std::to_string(mail.report.text.size()) +
                             " bytes, the server reads " + std::to_string(message_bytes_max_) +
                             " at most",
                         {.code = "RESULT_TOO_LARGE",
                          .remediation = "Store the result elsewhere and return a link to it."});
  }
  const std::shared_ptr<StepWait> step = mail.report.step;
  put(std::move(mail), true);
  step->wait(attempt);
}

/// Reports of small jobs come in bursts. One that is not needed at once waits until the thread
/// finds no further job, half of the slots have something to say, or the next sweep(): so they
/// share a frame, and the network's thread is not woken for each.
void Worker::Core::put(Mail mail, bool at_once) {
  {
    const std::scoped_lock lock(mail_mutex_);
    if (mail_closed_) {
      if (mail.report.step) mail.report.step->answer(StepWait::Answer::kLost);
      return;
    }
    mail_.push_back(std::move(mail));
    const auto many = static_cast<std::size_t>(std::max(1, options_.slots / 2));
    if (mail_posted_ || (!at_once && mail_.size() < many)) return;
    mail_posted_ = true;
  }
  network_.post([this] { collect(); });
}

void Worker::Core::post_mail() {
  {
    const std::scoped_lock lock(mail_mutex_);
    if (mail_posted_ || mail_.empty()) return;
    mail_posted_ = true;
  }
  network_.post([this] { collect(); });
}

// --- The network's thread ---

void Worker::Core::collect() {
  std::vector<Mail> mail;
  {
    const std::scoped_lock lock(mail_mutex_);
    mail_posted_ = false;
    mail.swap(mail_);
  }
  for (Mail& letter : mail) {
    Attempt& attempt = *letter.attempt;
    if (letter.kind == Mail::Kind::kProgress) {
      progress_due_.push_back(std::move(letter.attempt));
      continue;
    }
    if (letter.kind == Mail::Kind::kStep) {
      if (attempt.lost() || !running_.contains(attempt.held().token)) {
        letter.report.step->answer(StepWait::Answer::kLost);
      } else {
        report(std::move(letter.report), "");
      }
      continue;
    }
    const bool known = running_.erase(attempt.held().token) != 0;
    running_count_ = running_.size();
    const bool late = !known || attempt.lost();
    const bool failed = letter.report.kind == Report::Kind::kFail;
    const LogLevel level = late || failed ? LogLevel::kWarn : LogLevel::kDebug;
    if (logs(level)) {
      boost::json::object fields{{"job_id", attempt.message().job_id},
                                 {"type", attempt.message().job_type},
                                 {"attempt", attempt.message().attempt},
                                 {"correlation_id", attempt.message().correlation_id},
                                 {"duration_ms", letter.duration.count()},
                                 {"outcome", to_string(letter.report.kind)}};
      if (failed) {
        fields.emplace("kind", letter.permanent ? "PERMANENT" : "TRANSIENT");
        fields.emplace("reason", letter.failure);
      }
      log(level,
          late     ? "job ended after its lease"
          : failed ? "job attempt failed"
                   : "job attempt ended",
          fields);
    }
    if (!late) report(std::move(letter.report), letter.progress);
    free_slot();
  }
  if (!progress_due_.empty()) send_progress();
  check_idle();
  flush();
}

void Worker::Core::connect() {
  reconnecting_ = false;
  if (state_ == State::kStopped || next_) return;
  next_.emplace();
  next_->connection = network_.connect(*this);
  welcome_timer_->start(kWelcomeTimeout);
}

void Worker::Core::reconnect_later(const std::string& why) {
  ++failures_;
  const double draw = std::uniform_real_distribution<double>(0, 1)(random_);
  const Milliseconds delay = internal::reconnect_delay(failures_, draw, options_.reconnect_first,
                                                       options_.reconnect_longest);
  log(LogLevel::kWarn, "not connected",
      {{"reason", why}, {"retry_ms", delay.count()}, {"running", running_.size()}});
  reconnecting_ = true;
  reconnect_timer_->start(delay);
}

void Worker::Core::opened(Connection& connection) {
  if (!is_next(connection)) return;
  internal::HelloMessage hello{.slots = options_.slots,
                               .queues = options_.queues,
                               .name = options_.name,
                               .build = options_.build,
                               .sdk = "errand-worker-cpp/" + std::string(kVersion),
                               .labels = options_.labels,
                               .selectors = options_.selectors};
  for (const auto& [type, handler] : handlers_) hello.types.push_back(type);
  std::ranges::sort(hello.types);
  next_->writing = true;
  connection.send(write_hello(hello));
}

void Worker::Core::sent(Connection& connection) {
  if (is_next(connection)) next_->writing = false;
  if (!is_current(connection)) return;
  current_->writing = false;
  flush();
}

void Worker::Core::received(Connection& connection, std::string_view text) {
  if (state_ == State::kStopped) return;
  std::vector<ServerMessage> messages;
  try {
    messages = internal::read_server_messages(text);
  } catch (const std::exception& error) {
    log(LogLevel::kError, "the server sent what cannot be read", {{"reason", error.what()}});
    connection.terminate(error.what());
    return;
  }
  for (ServerMessage& message : messages) {
    if (is_next(connection)) {
      // Nothing counts before the welcome, other than what keeps it from coming.
      if (const auto* welcome = std::get_if<WelcomeMessage>(&message)) on_welcome(*welcome);
      if (const auto* error = std::get_if<ErrorMessage>(&message)) on_error(*next_, *error);
      continue;
    }
    if (is_current(connection)) {
      if (const auto* error = std::get_if<ErrorMessage>(&message)) on_error(*current_, *error);
      if (const auto* drain = std::get_if<DrainMessage>(&message)) on_drain(*drain);
      if (std::holds_alternative<DrainingMessage>(message)) current_->drained = true;
    }
    take(message);
  }
  check_idle();
  flush();
}

void Worker::Core::take(ServerMessage& message) {
  if (auto* job = std::get_if<JobMessage>(&message)) return on_job(std::move(*job));
  if (const auto* ack = std::get_if<AckMessage>(&message)) return on_ack(*ack);
  if (const auto* ack = std::get_if<HeartbeatAckMessage>(&message)) return on_heartbeat_ack(*ack);
  if (const auto* cancel = std::get_if<CancelMessage>(&message)) return on_cancel(*cancel);
}

void Worker::Core::closed(Connection& connection, const std::string& why,
                          const std::optional<Refusal>& refusal) {
  std::erase_if(closing_, [&](const auto& closing) { return closing.get() == &connection; });
  const bool was_current = is_current(connection);
  const bool was_next = is_next(connection);
  std::string error;
  if (was_current) error = std::exchange(current_, std::nullopt)->error;
  if (was_next) error = std::exchange(next_, std::nullopt)->error;
  if (state_ == State::kStopped) {
    if (!current_ && !next_ && closing_.empty()) network_.stop();
    return;
  }
  if (!was_current && !was_next) return;
  if (was_current) heartbeat_timer_->cancel();
  if (refusal) {
    refusal_ = refusal;
    if (!error.empty()) refusal_->message = error;
    log(LogLevel::kError, "the server refused this worker",
        {{"reason", refusal_->message}, {"code", refusal_->code}});
  }
  if (refusal_) {
    // What runs may still end over the old connection.
    if (current_) {
      begin_stop();
    } else {
      finish();
    }
    return;
  }
  check_idle();
  if (state_ == State::kStopped) return;
  lost_contact(error.empty() ? why : error);
}

void Worker::Core::lost_contact(const std::string& why) {
  if (!current_) {
    // By the socket first; a server that cannot be reached so may be by plain HTTP.
    if (failures_ > 0) {
      fallback_soon();
    } else {
      fallback_timer_->start(std::max(heartbeat_interval_, kFallbackInterval));
    }
  }
  const bool wanted = !current_ || current_->server_stops;
  if (wanted && !next_ && !reconnecting_) reconnect_later(why);
}

void Worker::Core::on_welcome(const WelcomeMessage& welcome) {
  if (current_) {
    current_->connection->close();
    closing_.push_back(current_->connection);
  }
  current_ = std::exchange(next_, std::nullopt);
  current_->welcomed_at = Clock::now();
  failures_ = 0;
  fallback_timer_->cancel();
  welcome_timer_->cancel();
  message_bytes_max_ = welcome.message_bytes_max;
  heartbeat_interval_ = welcome.heartbeat;
  records_steps_ =
      std::ranges::find(welcome.features, internal::kFeatureSteps) != welcome.features.end();
  log(LogLevel::kInfo, "connected",
      {{"server", welcome.server}, {"worker_id", welcome.worker_id}, {"url", options_.url}});
  if (!welcome.unknown_types.empty()) {
    boost::json::array types(welcome.unknown_types.begin(), welcome.unknown_types.end());
    log(LogLevel::kWarn, "the server's schema does not have some of the types",
        {{"types", std::move(types)}});
  }
  if (!records_steps_) settle_steps(std::nullopt, StepWait::Answer::kRecorded);

  send_heartbeat();
  for (const auto& [token, attempt] : running_) {
    if (std::string progress = attempt->last_progress(); !progress.empty() && !attempt->lost()) {
      send(std::move(progress));
    }
  }
  for (const auto& [ref, report] : outbox_) {
    if (!report.progress.empty()) send(report.progress);
    send(report.text);
  }
  const auto slots = static_cast<std::size_t>(options_.slots);
  credits_due_ = 0;
  if (state_ == State::kDraining) {
    send(internal::write_drain());
  } else if (slots > running_.size()) {
    credits_due_ = slots - running_.size();
  }
  heartbeat_timer_->start(heartbeat_interval_);
}

void Worker::Core::on_job(JobMessage job) {
  if (running_.contains(job.token)) return;  // it came over two connections
  const auto handler = handlers_.find(job.job_type);
  const bool room = running_.size() < static_cast<std::size_t>(options_.slots);
  if (handler == handlers_.end() || state_ != State::kRunning || !room) {
    Report release{.kind = Report::Kind::kRelease, .ref = next_ref_++};
    release.text = internal::write_release({job.job_id, job.token}, release.ref);
    release.job_id = std::move(job.job_id);
    release.token = std::move(job.token);
    report(std::move(release), "");
    if (room) free_slot();
    return;
  }
  const auto attempt = std::make_shared<Attempt>(std::move(job), *this);
  running_.emplace(attempt->held().token, attempt);
  running_count_ = running_.size();
  if (logs(LogLevel::kDebug)) {
    log(LogLevel::kDebug, "job started",
        {{"job_id", attempt->message().job_id},
         {"type", attempt->message().job_type},
         {"attempt", attempt->message().attempt},
         {"correlation_id", attempt->message().correlation_id}});
  }
  watch(attempt->ends_at());
  pool_.add({attempt, &handler->second});
  if (!sweeping_ && options_.slots > 1) {
    sweeping_ = true;
    sweep_timer_->start(kSweepInterval);
  }
}

void Worker::Core::on_heartbeat_ack(const HeartbeatAckMessage& ack) {
  for (const HeartbeatAckMessage::Entry& entry : ack.jobs) {
    const auto found = running_.find(entry.token);
    if (found == running_.end()) continue;
    Attempt& attempt = *found->second;
    using enum HeartbeatAckMessage::State;
    if (entry.state == kCanceling) stop_attempt(attempt, entry.reason, entry.grace);
    if (entry.state == kLeaseLost) stop_attempt(attempt, StopReason::kLeaseLost, Milliseconds(0));
    if (entry.state == kJobEnded) stop_attempt(attempt, StopReason::kJobEnded, Milliseconds(0));
  }
}

void Worker::Core::on_cancel(const CancelMessage& cancel) {
  const auto found = running_.find(cancel.token);
  if (found != running_.end()) stop_attempt(*found->second, cancel.reason, cancel.grace);
}

void Worker::Core::on_ack(const AckMessage& ack) {
  const auto found = ack.ref ? outbox_.find(*ack.ref) : outbox_.end();
  const bool ours = found != outbox_.end();
  if (ours && ack.error && ack.error->retryable) {
    found->second.again = true;
    repeat_timer_->start(kRetryReport);
    return;
  }
  const bool lost =
      ack.error && (ack.error->code == "LEASE_LOST" || ack.error->code == "JOB_ENDED");
  if (ours) {
    const Report report = std::move(found->second);
    outbox_.erase(found);
    if (ack.error) {
      log(LogLevel::kWarn, "the server refused a report",
          {{"job_id", report.job_id},
           {"report", to_string(report.kind)},
           {"code", ack.error->code},
           {"reason", ack.error->message}});
    }
    if (report.step && !lost) {
      report.step->answer(ack.error ? StepWait::Answer::kRefused : StepWait::Answer::kRecorded,
                          ack.error ? ack.error->code : "", ack.error ? ack.error->message : "");
    }
    if (!report.step || !lost) return;
    // The reason first, so that the handler sees it when its step fails.
    if (const auto running = running_.find(ack.token); running != running_.end()) {
      stop_attempt(*running->second,
                   ack.error->code == "JOB_ENDED" ? StopReason::kJobEnded : StopReason::kLeaseLost,
                   Milliseconds(0));
    }
    report.step->answer(StepWait::Answer::kLost);
    return;
  }
  if (!lost) return;
  // Of a progress. For a job that is not running any more it was only sent again, for safety.
  if (const auto running = running_.find(ack.token); running != running_.end()) {
    stop_attempt(*running->second,
                 ack.error->code == "JOB_ENDED" ? StopReason::kJobEnded : StopReason::kLeaseLost,
                 Milliseconds(0));
  }
}

void Worker::Core::on_drain(const DrainMessage& drain) {
  if (drain.requested) {
    log(LogLevel::kInfo, "an operator drains this worker", {{"running", running_.size()}});
    begin_stop();
    return;
  }
  if (std::exchange(current_->server_stops, true)) return;
  log(LogLevel::kInfo, "the server is stopping", {{"grace_ms", drain.grace.count()}});
  current_->drained = true;
  credits_due_ = 0;
  check_idle();
  if (state_ == State::kStopped || next_ || reconnecting_) return;
  // A server that stops whomever it has just welcomed is not to be hammered.
  if (Clock::now() - current_->welcomed_at < options_.reconnect_first) {
    reconnect_later("the server is stopping");
  } else {  // at once, though not in the same moment as every other worker
    reconnecting_ = true;
    reconnect_timer_->start(Milliseconds(std::uniform_int_distribution<Milliseconds::rep>(
        0, options_.reconnect_first.count() / 10)(random_)));
  }
}

void Worker::Core::on_error(Link& link, const ErrorMessage& error) {
  link.error = error.code + ": " + error.message;
  log(LogLevel::kError, "the server reports a protocol error",
      {{"code", error.code}, {"reason", error.message}});
}

void Worker::Core::stop_attempt(Attempt& attempt, StopReason reason, Milliseconds grace) {
  attempt.stop(reason, grace);
  if (attempt.lost()) settle_steps(attempt.held().token, StepWait::Answer::kLost);
}

/// Answers the steps that wait, of one job or of all.
void Worker::Core::settle_steps(std::optional<std::string_view> token, StepWait::Answer answer) {
  std::erase_if(outbox_, [&](const auto& entry) {
    const Report& report = entry.second;
    if (!report.step || (token && report.token != *token)) return false;
    report.step->answer(answer);
    return true;
  });
}

void Worker::Core::report(Report report, const std::string& progress) {
  if (!progress.empty()) send(progress);
  send(report.text);
  outbox_.emplace(report.ref, std::move(report));
  if (!current_ && failures_ > 1) fallback_soon();
}

void Worker::Core::free_slot() {
  if (state_ == State::kRunning && current_ && !current_->server_stops) ++credits_due_;
}

/// Sends if there is a connection; otherwise on_welcome() sends what still counts then.
void Worker::Core::send(std::string message) {
  if (current_) current_->waiting.push_back(std::move(message));
}

std::vector<std::string> Worker::Core::heartbeats() const {
  std::vector<HeldJob> held;
  held.reserve(running_.size());
  for (const auto& [token, attempt] : running_) {
    if (!attempt->lost()) held.push_back(attempt->held());
  }
  std::vector<std::string> messages;
  std::span<const HeldJob> rest = held;
  do {  // parts, so that none is longer than a message may be
    const std::size_t count = std::min(rest.size(), kMessagesMax);
    messages.push_back(internal::write_heartbeat(rest.first(count)));
    rest = rest.subspan(count);
  } while (!rest.empty());
  return messages;
}

void Worker::Core::send_heartbeat() {
  for (std::string& message : heartbeats()) send(std::move(message));
}

/// Writes what waits, in one frame where it fits; the rest when that is written.
void Worker::Core::flush() {
  if (!current_ || current_->writing || state_ == State::kStopped) return;
  if (credits_due_ > 0) {
    // Behind the reports: free slots and running jobs together stay within the slots.
    send(internal::write_credits(std::exchange(credits_due_, 0)));
  }
  Link& link = *current_;
  if (link.first == link.waiting.size()) return;
  std::string frame = internal::join_frame(link.waiting, link.first, message_bytes_max_);
  if (link.first == link.waiting.size()) {
    link.waiting.clear();
    link.first = 0;
  }
  link.writing = true;
  link.connection->send(std::move(frame));
}

void Worker::Core::beat() {
  if (!current_) return;
  // Each heartbeat is answered, so that silence means a connection that is dead without saying so.
  if (Clock::now() - current_->connection->last_heard() > heartbeat_interval_ * 5 / 2) {
    current_->connection->terminate("nothing was heard of the server");
    return;
  }
  send_heartbeat();
  flush();
  heartbeat_timer_->start(heartbeat_interval_);
}

/// Takes the reports that wait for company, as long as jobs wait for a thread.
void Worker::Core::sweep() {
  // Looked at first: a thread that takes the last job later has put its report before.
  sweeping_ = pool_.has_waiting();
  collect();
  if (sweeping_) sweep_timer_->start(kSweepInterval);
}

void Worker::Core::send_progress() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  std::erase_if(progress_due_, [&](const std::shared_ptr<Attempt>& attempt) {
    const Clock::time_point due = attempt->progress_taken_at() + kProgressInterval;
    if (due > now) {
      next = std::min(next, due);
      return false;
    }
    if (auto message = attempt->take_progress()) send(std::move(*message));
    return true;
  });
  if (!progress_due_.empty()) {
    progress_timer_->start(std::chrono::ceil<Milliseconds>(next - now));
  }
  flush();
}

/// The server ends an attempt by itself; this is for the time when it cannot be reached.
void Worker::Core::end_overdue() {
  const Clock::time_point now = Clock::now();
  overdue_at_ = Clock::time_point::max();
  Clock::time_point next = Clock::time_point::max();
  for (const auto& [token, attempt] : running_) {
    if (attempt->ends_at() <= now) {
      stop_attempt(*attempt, StopReason::kTimeout, Milliseconds(0));
    } else {
      next = std::min(next, attempt->ends_at());
    }
  }
  if (next != Clock::time_point::max()) watch(next);
}

void Worker::Core::watch(Clock::time_point end) {
  if (end >= overdue_at_) return;
  overdue_at_ = end;
  overdue_timer_->start(
      std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(end - Clock::now())));
}

void Worker::Core::repeat_reports() {
  for (auto& [ref, report] : outbox_) {
    if (std::exchange(report.again, false)) send(report.text);
  }
  flush();
}

void Worker::Core::fallback_soon() {
  const auto since = std::chrono::floor<Milliseconds>(Clock::now() - fallback_at_);
  fallback_timer_->start(std::max(Milliseconds(0), kFallbackInterval - since));
}

/// Without a socket: posts what must not wait, at most once a second.
void Worker::Core::fall_back() {
  if (current_ || falling_back_ || state_ == State::kStopped) return;
  if (running_.empty() && outbox_.empty()) return;
  std::vector<std::string> messages;
  if (!running_.empty()) messages = heartbeats();
  for (const auto& [ref, report] : outbox_) {
    if (!report.progress.empty()) messages.push_back(report.progress);
    messages.push_back(report.text);
  }
  std::size_t first = 0;  // what does not fit goes with the next request, after these are answered
  falling_back_ = true;
  fallback_at_ = Clock::now();
  network_.post_messages(
      internal::join_frame(messages, first, message_bytes_max_),
      [this](int status, const std::string& text) {
        falling_back_ = false;
        if (state_ == State::kStopped) return;
        if (status != 200) {
          const bool refused = status >= 400 && status < 500;
          log(refused ? LogLevel::kWarn : LogLevel::kDebug, "reporting by HTTP failed",
              {{"status", status}, {"reason", internal::clean_text(text, 300)}});
        } else {
          try {
            for (ServerMessage& message : internal::read_messages_response(text)) {
              if (!std::holds_alternative<JobMessage>(message)) take(message);
            }
          } catch (const std::exception& error) {
            log(LogLevel::kError, "the server sent what cannot be read",
                {{"reason", error.what()}});
          }
        }
        check_idle();
        if (current_ || state_ == State::kStopped) return;
        if (outbox_.empty()) {
          fallback_timer_->start(std::max(heartbeat_interval_, kFallbackInterval));
        } else {
          fallback_soon();
        }
      });
}

// --- The end ---

void Worker::Core::begin_stop() {
  if (state_ != State::kRunning) return;
  state_ = State::kDraining;
  credits_due_ = 0;
  send(internal::write_drain());
  drain_phase_ = DrainPhase::kFinishing;
  drain_timer_->start(options_.drain_timeout);
  check_idle();
  flush();
}

void Worker::Core::drain_overdue() {
  if (state_ != State::kDraining) return;
  switch (drain_phase_) {
    case DrainPhase::kFinishing:
      if (running_.empty()) return finish();
      drain_phase_ = DrainPhase::kStopping;
      log(LogLevel::kWarn, "jobs still run at the end of draining and are released",
          {{"running", running_.size()}});
      for (const auto& [token, attempt] : running_) {
        stop_attempt(*attempt, StopReason::kShutdown, kStopGrace);
      }
      settle_steps(std::nullopt, StepWait::Answer::kLost);
      drain_timer_->start(kStopGrace);
      break;
    case DrainPhase::kStopping:
      drain_phase_ = DrainPhase::kAcknowledging;
      for (const auto& [token, attempt] : std::exchange(running_, {})) {
        if (attempt->lost()) continue;
        const HeldJob held = attempt->held();
        Report release{.kind = Report::Kind::kRelease,
                       .ref = next_ref_++,
                       .job_id = std::string(held.job_id),
                       .token = std::string(held.token)};
        release.text = write_release(held, release.ref);
        report(std::move(release), "");
      }
      running_count_ = 0;
      drain_timer_->start(kStopGrace);
      check_idle();
      flush();
      break;
    case DrainPhase::kAcknowledging:
      finish();
      break;
  }
}

/// Whether nothing runs, all is acknowledged, and no job can be on its way here.
bool Worker::Core::is_idle() const {
  return running_.empty() && outbox_.empty() && (!current_ || current_->drained);
}

void Worker::Core::check_idle() {
  if (state_ == State::kDraining && is_idle()) finish();
}

void Worker::Core::finish() {
  if (state_ == State::kStopped) return;
  state_ = State::kStopped;
  for (const auto& [token, attempt] : running_) {
    attempt->stop(StopReason::kShutdown, Milliseconds(0));
  }
  settle_steps(std::nullopt, StepWait::Answer::kLost);
  for (const auto* timer :
       {&reconnect_timer_, &welcome_timer_, &heartbeat_timer_, &sweep_timer_, &progress_timer_,
        &overdue_timer_, &repeat_timer_, &fallback_timer_, &drain_timer_}) {
    (*timer)->cancel();
  }
  if (next_) next_->connection->close();
  if (current_) current_->connection->close();
  if (!current_ && !next_ && closing_.empty()) network_.stop();
}

void Worker::Core::shut_down() {
  for (const auto& [token, attempt] : running_) {
    attempt->stop(StopReason::kShutdown, Milliseconds(0));
  }
  {
    const std::scoped_lock lock(mail_mutex_);
    mail_closed_ = true;
    for (const Mail& letter : mail_) {
      if (letter.report.step) letter.report.step->answer(StepWait::Answer::kLost);
    }
  }
  pool_.join();
  running_.clear();
  running_count_ = 0;
}

// --- The public face ---

Worker::Worker(WorkerOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
Worker::~Worker() = default;

Worker& Worker::handle(std::string type, Handler handler) {
  core_->handle(std::move(type), std::move(handler));
  return *this;
}

void Worker::run() { core_->run(); }
void Worker::stop() { core_->stop(); }
std::size_t Worker::running() const { return core_->running(); }

}  // namespace errand_worker
