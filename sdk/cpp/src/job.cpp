#include "errand_worker/job.h"

#include "attempt.h"

namespace errand_worker {

const std::string& Job::id() const { return attempt_.message().job_id; }
const std::string& Job::type() const { return attempt_.message().job_type; }
const boost::json::value& Job::input() const { return attempt_.input(); }
const boost::json::object& Job::arguments() const {
  return attempt_.message().arguments.get_object();
}
const std::string& Job::queue() const { return attempt_.message().queue; }
const std::string& Job::tenant() const { return attempt_.message().tenant; }
int Job::run() const { return attempt_.message().run; }
int Job::attempt() const { return attempt_.message().attempt; }
int Job::max_attempts() const { return attempt_.message().max_attempts; }
int Job::priority() const { return attempt_.message().priority; }
const std::vector<std::string>& Job::tags() const { return attempt_.message().tags; }
const std::map<std::string, std::string>& Job::labels() const { return attempt_.message().labels; }
const std::string& Job::correlation_id() const { return attempt_.message().correlation_id; }
const std::optional<std::string>& Job::traceparent() const {
  return attempt_.message().traceparent;
}
std::chrono::system_clock::time_point Job::created_at() const {
  return attempt_.message().created_at;
}

std::stop_token Job::stop_token() const { return attempt_.stop_token(); }
std::stop_token Job::lost_token() const { return attempt_.lost_token(); }
std::optional<StopReason> Job::stop_reason() const { return attempt_.stop_reason(); }
std::chrono::milliseconds Job::grace_left() const { return attempt_.grace_left(); }
void Job::throw_if_stopped() const { attempt_.sleep_for(std::chrono::milliseconds(0)); }
void Job::sleep_for(std::chrono::milliseconds duration) const { attempt_.sleep_for(duration); }
std::chrono::milliseconds Job::time_left() const { return attempt_.time_left(); }

void Job::progress(const Progress& progress) { attempt_.progress(progress); }

std::optional<boost::json::value> Job::recorded_step(std::string_view name) {
  return attempt_.recorded_step(name);
}

void Job::record_step(std::string_view name, const boost::json::value& result) {
  attempt_.record_step(name, result);
}

}  // namespace errand_worker
