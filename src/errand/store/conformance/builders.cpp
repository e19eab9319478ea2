#include "errand/store/conformance/builders.h"

#include <memory>
#include <utility>

#include "errand/job/evolve.h"

namespace errand::store::conformance {

BatchBuilder::BatchBuilder(const Store& store, std::uint64_t seed)
    : store_(&store), random_(seed), time_(Milliseconds(1'790'000'000'000)) {}

job::JobSpec BatchBuilder::spec(std::string_view tenant, std::string_view queue) {
  job::JobSpec spec;
  spec.tenant = TenantId(tenant);
  spec.subject = SubjectId("user:anna");
  spec.type = JobTypeName("exportReport");
  spec.queue = QueueName(queue);
  spec.input.digest.fill(0x5a);
  spec.input.size_bytes = 17;
  spec.contract_hash = "c0ffee";
  spec.tags = {"yearly", "größe \"quoted\""};
  spec.labels = {{"team", "billing"}, {"a.b \"c\"", "d'e"}};
  return spec;
}

job::StatePtr BatchBuilder::enqueue(job::JobSpec spec) {
  auto state = std::make_shared<job::JobState>();
  state->id = JobId{Uuid::v7(time_, random_)};
  return add(state, {job::Enqueued{std::move(spec)}});
}

job::StatePtr BatchBuilder::add(const job::StatePtr& job, std::vector<job::EventData> events) {
  if (batch_.jobs.empty()) next_position_ = to_number(store_->last_position()) + 1;
  const auto [place, is_new] = places_.try_emplace(job->id, batch_.jobs.size());
  if (is_new) {
    JobWrite write;
    if (job->last_sequence != Sequence{}) write.before = job->status;
    batch_.jobs.push_back(std::move(write));
  }
  JobWrite& write = batch_.jobs[place->second];

  job::JobState state = *job;
  for (job::EventData& data : events) {
    job::Event event;
    event.job = job->id;
    event.sequence = Sequence{to_number(state.last_sequence) + 1};
    event.position = LogPosition{next_position_++};
    event.time = time_;
    event.actor = {job::ActorKind::kClient, SubjectId("user:anna")};
    event.cause = {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "order-1047"};
    event.data = std::move(data);
    if (state.last_sequence == Sequence{}) {
      job::JobState fresh;
      job::apply(fresh, event);
      state = std::move(fresh);
    } else {
      job::apply(state, event);
    }
    write.events.push_back(std::move(event));
  }
  write.after = std::make_shared<const job::JobState>(std::move(state));
  return write.after;
}

job::StatePtr BatchBuilder::start(const job::StatePtr& job) {
  job::Started started;
  started.attempt = job->attempt + 1;
  started.token = FencingToken{to_number(job->token) + 1};
  started.worker = WorkerId("render-1");
  started.worker_build = "build-7";
  return add(job, {started});
}

job::StatePtr BatchBuilder::succeed(const job::StatePtr& job) {
  job::Succeeded succeeded;
  succeeded.result.digest.fill(0xa5);
  succeeded.result.size_bytes = 2;
  return add(job, {succeeded});
}

job::StatePtr BatchBuilder::fail(const job::StatePtr& job, std::string_view fingerprint) {
  const job::JobError error{.code = "BROKEN",
                            .message = "It does not work.",
                            .details = {},
                            .remediation = {},
                            .attempt = job->attempt};
  return add(job, {job::AttemptFailed{job::FailureKind::kError, error, {}}, job::Failed{error},
                   job::DeadLettered{std::string(fingerprint)}});
}

Batch BatchBuilder::take() {
  Batch batch = std::exchange(batch_, {});
  places_.clear();
  batch.id = Uuid::v7(time_, random_);
  batch.epoch = store_->epoch();
  batch.time = time_;
  return batch;
}

}  // namespace errand::store::conformance
