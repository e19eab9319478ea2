#include "errand/notification/webhook_endpoint.h"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/contract/cloud_event.h"
#include "errand/contract/event_pattern.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::notification {
namespace {

constexpr std::string_view kJobTypePrefix = "errand.webhook.";

}  // namespace

bool is_type_pattern(std::string_view text) { return contract::is_event_pattern(text); }

bool is_data_path(std::string_view text) {
  if (!text.starts_with('/') || text.size() > kDataPathMax) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x20) return false;
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) {
      return false;
    }
  }
  return true;
}

bool is_endpoint_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool WebhookEndpoint::takes_type(std::string_view type) const {
  return contract::takes_event_type(types, type);
}

bool WebhookEndpoint::takes_job(const job::JobState& job) const {
  const job::JobSpec& spec = job.spec;
  if (!tenants.empty() && !tenants.contains(spec.tenant)) return false;
  if (!job_types.empty() && !job_types.contains(spec.type)) return false;
  return tags.empty() ||
         std::ranges::any_of(spec.tags, [&](const std::string& tag) { return tags.contains(tag); });
}

bool WebhookEndpoint::takes(const job::Event& event, const job::JobState& job) const {
  if (!takes_type(job::event_name(event.data)) || !takes_job(job)) return false;
  if (data.empty()) return true;
  const std::string text = contract::to_cloud_event(
      event, {.base_url = {}, .tenant = job.spec.tenant, .job_type = job.spec.type});
  const auto whole = json::parse(text, {.bytes_max = text.size()});
  if (!whole) return false;
  const auto* of_event = whole->as_object().if_contains("data");
  return of_event != nullptr && std::ranges::all_of(data, [&](const WebhookDataCondition& each) {
           boost::system::error_code error;
           const auto* found = of_event->find_pointer(each.path, error);
           return found != nullptr &&
                  std::ranges::find(each.in, json::to_text(*found)) != each.in.end();
         });
}

JobTypeName WebhookEndpoint::job_type() const {
  return JobTypeName(std::string(kJobTypePrefix) + name);
}

QueueName WebhookEndpoint::queue() const { return QueueName(std::string(kJobTypePrefix) + name); }

std::string WebhookDelivery::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("job");
  out.string(job.str());
  out.key("sequence");
  out.unsigned_integer(to_number(sequence));
  out.end_object();
  return text;
}

std::optional<WebhookDelivery> parse_webhook_delivery(std::string_view text) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  const auto* job = object->if_contains("job");
  const auto* sequence = object->if_contains("sequence");
  if (job == nullptr || !job->is_string() || sequence == nullptr || !sequence->is_int64()) {
    return std::nullopt;
  }
  const auto id = JobId::parse(std::string(job->get_string()));
  if (!id || sequence->get_int64() < 1) return std::nullopt;
  return WebhookDelivery{.job = *id,
                         .sequence = Sequence{static_cast<std::uint64_t>(sequence->get_int64())}};
}

}  // namespace errand::notification
