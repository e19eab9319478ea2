#include "errand/worker/command_handler.h"

#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "errand/base/random.h"

namespace errand::worker {
namespace {

namespace asio = boost::asio;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr auto kId = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Scripts of sh, by the first profile that this machine can do: what a handler does is the same
/// with each.
class CommandHandlerTest : public testing::Test {
 protected:
  static sandbox::Machine machine() {
    sandbox::Machine machine{.scratch = std::filesystem::temp_directory_path()};
    if (::geteuid() == 0) machine.run_as = sandbox::User{.uid = 65'534, .gid = 65'534};
    return machine;
  }

  static std::shared_ptr<const sandbox::Sandbox> sandbox() {
    static const std::shared_ptr<const sandbox::Sandbox> sandbox =
        *sandbox::Sandbox::create(machine(), sandbox::Capabilities::probe(machine()));
    return sandbox;
  }

  static sandbox::Request shell(std::string script) {
    sandbox::Request request{.argv = {"/bin/sh", "-c", std::move(script)}};
    for (const auto profile :
         {sandbox::Profile::kIsolated, sandbox::Profile::kRestricted, sandbox::Profile::kNone}) {
      request.profile = profile;
      request.network = profile == sandbox::Profile::kNone;
      if (sandbox()->check(request)) break;
    }
    return request;
  }

  AttemptPtr attempt(Milliseconds timeout = 60s) {
    JobOffer offer{.job = *JobId::parse(kId),
                   .token = "token",
                   .type = JobTypeName("exportReport"),
                   .queue = QueueName("default"),
                   .tenant = TenantId("t"),
                   .attempt = 2,
                   .max_attempts = 5,
                   .arguments_json = R"({"input":{"year":2026}})",
                   .timeout = timeout,
                   .correlation_id = "corr",
                   .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    return std::make_shared<Attempt>(
        std::move(offer), FencingToken(1),
        [this](Progress progress, std::move_only_function<void()> done) {
          heard(std::move(progress));
          done();
        });
  }

  void heard(Progress progress) {
    std::function<void()> then;
    {
      const std::scoped_lock lock(mutex_);
      progress_.push_back(std::move(progress));
      then = then_;
    }
    if (then) then();
  }

  Outcome run(sandbox::Request command, const AttemptPtr& attempt) {
    asio::io_context context;  // outlives the handler's threads, which post to it
    auto handler = CommandHandler::create({.command = std::move(command)}, sandbox(), log_);
    EXPECT_TRUE(handler) << handler.error().message;
    auto outcome = asio::co_spawn(context, (*handler)->run(attempt), asio::use_future);
    context.run();
    return outcome.get();
  }
  Outcome run(std::string script) { return run(shell(std::move(script)), attempt()); }

  Failure fails(std::string script) { return failure_in(run(std::move(script))); }
  static Failure failure_in(const Outcome& outcome) {
    EXPECT_TRUE(std::holds_alternative<Failure>(outcome)) << outcome.index();
    return std::holds_alternative<Failure>(outcome) ? std::get<Failure>(outcome) : Failure{};
  }

  std::mutex mutex_;
  std::vector<Progress> progress_;  ///< guarded by mutex_
  std::function<void()> then_;      ///< after each progress
  std::string lines_;
  telemetry::Log log_ =
      telemetry::Log::to_sink(telemetry::LogLevel::kDebug, telemetry::LogFormat::kText,
                              [this](std::string_view line) { lines_.append(line) += '\n'; });
};

TEST_F(CommandHandlerTest, HandsTheJobOverAndTakesProgressAndResult) {
  const auto outcome = run(R"(
    read -r job
    echo '{"progress": {"completed": 1, "total": 2, "stage": "half"}}'
    printf '{"result": {"job": %s, "id": "%s", "type": "%s", "attempt": "%s", "trace": "%s"}}\n' \
      "$job" "$ERRAND_JOB_ID" "$ERRAND_JOB_TYPE" "$ERRAND_ATTEMPT" "$TRACEPARENT")");
  ASSERT_TRUE(std::holds_alternative<Complete>(outcome)) << failure_in(outcome).message;
  const auto& result = std::get<Complete>(outcome).result;
  const auto& job = result.at("job");
  EXPECT_EQ(job.at("jobId"), kId);
  EXPECT_EQ(job.at("type"), "exportReport");
  EXPECT_EQ(job.at("attempt"), 2);
  EXPECT_EQ(job.at("maxAttempts"), 5);
  EXPECT_EQ(job.at("arguments").at("input").at("year"), 2026);
  EXPECT_EQ(job.at("correlationId"), "corr");
  EXPECT_LE(job.at("timeLeftMs").as_int64(), 60'000);
  EXPECT_GT(job.at("timeLeftMs").as_int64(), 0);
  EXPECT_EQ(result.at("id"), kId);
  EXPECT_EQ(result.at("type"), "exportReport");
  EXPECT_EQ(result.at("attempt"), "2");
  EXPECT_EQ(result.at("trace"), job.at("traceparent"));
  ASSERT_EQ(progress_.size(), 1U);
  EXPECT_EQ(progress_[0].stage, "half");
}

TEST_F(CommandHandlerTest, TakesErrorsReleasesAndSnoozes) {
  const Failure failure = fails(
      R"(echo why >&2; echo '{"error": {"kind": "PERMANENT", "code": "NO", "message": "m"}}'; exit 1)");
  EXPECT_EQ(failure.kind, FailureKind::kPermanent);
  EXPECT_EQ(failure.code, "NO");
  EXPECT_EQ(failure.details->at("stderr"), "why\n");
  EXPECT_TRUE(std::holds_alternative<Release>(run(R"(echo '{"release": true}')")));
  EXPECT_EQ(std::get<Snooze>(run(R"(echo '{"snoozeMs": 5}')")).delay, 5ms);
}

TEST_F(CommandHandlerTest, AResultCountsOnlyWithStatusZero) {
  const Failure failure = fails(R"(echo '{"result": 1}'; exit 4)");
  EXPECT_EQ(failure.code, "COMMAND_FAILED");
  EXPECT_EQ(failure.details->at("exitStatus"), 4);
  EXPECT_EQ(fails("true").code, "NO_RESULT");
  EXPECT_EQ(fails("true").kind, FailureKind::kPermanent);
}

TEST_F(CommandHandlerTest, ReadsStatusesAsSysexitsMeansThem) {
  for (const int status : {1, 2, 63, 71, 74, 75, 79, 126, 255}) {
    EXPECT_EQ(fails("exit " + std::to_string(status)).kind, FailureKind::kTransient) << status;
  }
  for (const int status : {64, 65, 66, 70, 72, 76, 77, 78}) {
    EXPECT_EQ(fails("exit " + std::to_string(status)).kind, FailureKind::kPermanent) << status;
  }
  const Failure killed = fails("kill -SEGV 0");
  EXPECT_EQ(killed.kind, FailureKind::kTransient);
  EXPECT_EQ(killed.details->at("signal"), SIGSEGV);
}

TEST_F(CommandHandlerTest, NamesALineThatIsWrong) {
  const Failure failure = fails("echo; echo hello; sleep 600");
  EXPECT_EQ(failure.code, "OUTPUT_INVALID");
  EXPECT_EQ(failure.kind, FailureKind::kPermanent);
  EXPECT_THAT(failure.message, HasSubstr("line 2"));
}

TEST_F(CommandHandlerTest, NamesAMissingCommand) {
  sandbox::Request command = shell("");
  command.argv = {"/no/such/command"};
  Failure failure = failure_in(run(command, attempt()));
  EXPECT_EQ(failure.code, "COMMAND_NOT_FOUND");
  EXPECT_EQ(failure.kind, FailureKind::kPermanent);
  EXPECT_NE(failure.remediation, std::nullopt);
  command.argv = {"/usr/share"};
  failure = failure_in(run(command, attempt()));
  EXPECT_EQ(failure.code, "COMMAND_NOT_EXECUTABLE");
}

TEST_F(CommandHandlerTest, NamesTheLimitThatEndedIt) {
  sandbox::Request command = shell("while true; do echo; done");
  command.limits.output_bytes = 10'000;
  EXPECT_EQ(failure_in(run(command, attempt())).code, "OUTPUT_TOO_LARGE");
  command = shell("while :; do :; done");
  command.limits.cpu = 1s;
  EXPECT_EQ(failure_in(run(command, attempt())).code, "CPU_LIMIT");
  command = shell("sleep 600");
  command.limits.wall = 100ms;
  EXPECT_EQ(failure_in(run(command, attempt())).code, "TIMEOUT");
  command = shell("head -c 100000 /dev/zero > file; exit $?");
  command.limits.file_bytes = 1'000;
  EXPECT_EQ(failure_in(run(command, attempt())).code, "FILE_TOO_LARGE");
}

TEST_F(CommandHandlerTest, KeepsTheEndOfTheLog) {
  const Failure failure = fails(
      R"(head -c 100000 /dev/zero | tr '\0' x >&2; printf 'the end \303\244 \377' >&2; exit 1)");
  const std::string log(failure.details->at("stderr").as_string());
  EXPECT_EQ(log.size(), 4'096U + 2);  // U+FFFD has three bytes where one was
  EXPECT_THAT(log, testing::EndsWith("the end \u00e4 \uFFFD"));
  EXPECT_THAT(lines_, HasSubstr(kId));
  EXPECT_THAT(lines_, HasSubstr("the end"));
}

TEST_F(CommandHandlerTest, ACancelIsASigtermThatItMayAnswer) {
  const AttemptPtr canceled = attempt();
  then_ = [&] { canceled->request_stop(AttemptStop::kCancel, 60s); };
  const auto outcome = run(shell(R"(
    trap 'echo "{\"result\": \"stopped\"}"; exit 0' TERM
    echo '{"progress": {"stage": "up"}}'
    while true; do sleep 0.05; done)"),
                           canceled);
  ASSERT_TRUE(std::holds_alternative<Complete>(outcome)) << failure_in(outcome).message;
  EXPECT_EQ(std::get<Complete>(outcome).result, "stopped");
}

TEST_F(CommandHandlerTest, ACancelThatIsIgnoredEndsWithItsGrace) {
  const AttemptPtr canceled = attempt();
  then_ = [&] { canceled->request_stop(AttemptStop::kCancel, 100ms); };
  const Failure failure = failure_in(run(shell(R"(
    trap '' TERM
    echo '{"progress": {"stage": "up"}}'
    while true; do sleep 0.05; done)"),
                                         canceled));
  EXPECT_EQ(failure.code, "CANCELED");
}

TEST_F(CommandHandlerTest, AKillWithinTheGraceIsNotWaitedFor) {
  const AttemptPtr killed = attempt();
  int told = 0;
  then_ = [&] {
    ++told;
    killed->request_stop(told == 1 ? AttemptStop::kCancel : AttemptStop::kKill, 3'600s);
  };
  run(shell(R"(
    trap 'echo "{\"progress\": {\"stage\": \"asked\"}}"' TERM
    echo '{"progress": {"stage": "up"}}'
    while true; do sleep 0.05; done)"),
      killed);
  EXPECT_EQ(told, 2);
}

TEST_F(CommandHandlerTest, AtTheServersEndTheJobIsGivenBack) {
  const AttemptPtr stopped = attempt();
  then_ = [&] { stopped->request_stop(AttemptStop::kShutdown, 60s); };
  const auto outcome =
      run(shell(R"(echo '{"progress": {"stage": "up"}}'; exec sleep 600)"), stopped);
  EXPECT_TRUE(std::holds_alternative<Release>(outcome));
}

TEST_F(CommandHandlerTest, IsNotMadeWhereTheMachineCannotKeepItsLimits) {
  sandbox::Request command = shell("true");
  command.limits.memory_total_bytes = 1 << 30;
  if (sandbox()->capabilities().no_cgroup.empty()) return;
  const auto handler = CommandHandler::create({.command = command}, sandbox(), log_);
  ASSERT_FALSE(handler);
  EXPECT_EQ(handler.error().code, ErrorCode::kConfigInvalid);
}

}  // namespace
}  // namespace errand::worker
