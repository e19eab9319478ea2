// event_documents documents | events
//
// For tools/event_schemas.mjs and events.test.mjs: prints what contract/event_schemas.h makes as
// one JSON object from path to text, or CloudEvents as contract/cloud_event.h writes them, one to a
// line: each kind of event with and without what may be missing, thin and full, and the histories
// of jobs in every status.
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include <boost/json/object.hpp>

#include "errand/contract/cloud_event.h"
#include "errand/contract/event_samples.h"
#include "errand/contract/event_schemas.h"
#include "errand/job/testing/jobs.h"
#include "errand/json/writer.h"

namespace {

using namespace errand;

void print(const std::string& line) { std::printf("%s\n", line.c_str()); }

void print_documents() {
  boost::json::object documents;
  for (const auto& document : contract::event_documents()) documents[document.path] = document.text;
  print(json::to_text(documents));
}

/// Takes out of `error` what may be missing.
void strip(job::JobError& error) {
  error = {.code = error.code, .message = "", .details = "", .remediation = ""};
}

/// The event without anything that may be missing.
job::Event stripped(job::Event event) {
  event.cause = {};
  event.actor = {};
  std::visit(
      [](auto& data) {
        using Data = std::remove_cvref_t<decltype(data)>;
        if constexpr (requires { data.error; }) strip(data.error);
        if constexpr (std::is_same_v<Data, job::Enqueued>) data.spec = job::testing::spec();
        if constexpr (std::is_same_v<Data, job::Started>) data.worker_build.clear();
        if constexpr (std::is_same_v<Data, job::Progressed>) data.progress = {.completed = 0.5};
        if constexpr (std::is_same_v<Data, job::CancelRequested>) data.message.clear();
        if constexpr (std::is_same_v<Data, job::Requeued>) data.deadline.reset();
        if constexpr (requires { data.reason.clear(); }) data.reason.clear();
      },
      event.data);
  return event;
}

contract::CloudEventContext context_of(bool with_url) {
  return {.base_url = with_url ? "https://jobs.example.com" : "",
          .tenant = TenantId("acme"),
          .job_type = JobTypeName("exportReport"),
          .job = nullptr,
          .result = {}};
}

void print_events() {
  const auto state = job::testing::job_in(job::JobStatus::kFailed).state();
  for (std::size_t kind = 0; kind < job::kEventNameCount; ++kind) {
    const job::Event event = contract::sample_event(kind);
    for (const bool with_url : {true, false}) {
      auto context = context_of(with_url);
      print(to_cloud_event(event, context));
      print(to_cloud_event(stripped(event), context));
      context.job = &state;
      print(to_cloud_event(event, context));
      context.result = R"({"url":"https://files.example.com/1","rows":[1,null,"x"]})";
      print(to_cloud_event(stripped(event), context));
    }
  }
  for (const job::JobStatus status : job::kAllJobStatuses) {
    const auto job = job::testing::job_in(status);
    // Each event with the state that it led to.
    job::testing::History so_far;
    for (const job::Event& event : job.events()) {
      so_far.append({event.data}, event.time);
      auto context = context_of(true);
      context.job = &so_far.state();
      print(to_cloud_event(event, context));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "documents") {
    print_documents();
  } else if (what == "events") {
    print_events();
  } else {
    std::fprintf(stderr, "usage: event_documents documents | events\n");
    return 2;
  }
  return 0;
}
