#include "errand/api/limits.h"

#include <algorithm>
#include <set>
#include <utility>

namespace errand::api {
namespace {

using contract::JobType;
using contract::LimitRule;

std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : "+") + path;
  return text;
}

engine::Limit to_limit(const JobType& type, const LimitRule& rule) {
  engine::Limit limit;
  limit.kind = rule.kind == LimitRule::Kind::kRate ? engine::LimitKind::kRate
                                                   : engine::LimitKind::kConcurrency;
  if (rule.of_queue) {
    limit.queue = type.queue;
  } else {
    limit.type = type.name;
  }
  limit.by_tenant = rule.by_tenant;
  if (rule.by_input) limit.by_input = joined(type.limit_key_paths);
  limit.fifo = rule.fifo;
  if (rule.kind == LimitRule::Kind::kRate) limit.per = rule.per;
  return limit;
}

}  // namespace

std::vector<engine::Limit> limits_of(const contract::Contract& contract) {
  std::vector<engine::Limit> limits;
  std::set<std::string> ids;
  const auto add = [&](engine::Limit limit) {
    if (ids.insert(limit.id()).second) limits.push_back(std::move(limit));
  };
  for (const JobType& type : contract.job_types()) {
    for (const LimitRule& rule : type.limits) {
      engine::Limit limit = to_limit(type, rule);
      limit.value = rule.limit;
      add(std::move(limit));
    }
  }
  for (const JobType& type : contract.job_types()) {
    add({.kind = engine::LimitKind::kLength, .queue = type.queue, .type = {}, .by_input = {}});
    for (const auto kind : {LimitRule::Kind::kConcurrency, LimitRule::Kind::kRate}) {
      LimitRule rule{.kind = kind, .per = Milliseconds(60'000)};
      for (const bool of_queue : {true, false}) {
        rule.of_queue = of_queue;
        for (const bool by_tenant : {false, true}) {
          rule.by_tenant = by_tenant;
          add(to_limit(type, rule));
        }
      }
      rule.by_input = true;
      if (!type.limit_key_paths.empty()) add(to_limit(type, rule));
    }
  }
  return limits;
}

}  // namespace errand::api
