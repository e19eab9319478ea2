#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/engine/reactor.h"

namespace errand::engine {

/// Several reactors as one, each with internal types of its own.
class ReactorList final : public Reactor {
 public:
  /// @param prefix  what the types of its reactions begin with, which no other's do
  /// @param reactor  outlives this
  void add(std::string prefix, Reactor& reactor) {
    entries_.push_back({.prefix = std::move(prefix), .reactor = &reactor});
  }

  void react(const JobChange& change, std::vector<EnqueueJob>& reactions) override {
    for (const Entry& entry : entries_) entry.reactor->react(change, reactions);
  }

  std::optional<EnqueueJob> instead_of(const EnqueueJob& reaction, LogPosition position) override {
    for (const Entry& entry : entries_) {
      if (reaction.spec.type.view().starts_with(entry.prefix)) {
        return entry.reactor->instead_of(reaction, position);
      }
    }
    return std::nullopt;
  }

  void on_refused(std::vector<RefusedReaction> refused) override {
    for (const Entry& entry : entries_) {
      std::vector<RefusedReaction> own;
      std::vector<RefusedReaction> others;
      for (RefusedReaction& each : refused) {
        const bool is_own = each.request.spec.type.view().starts_with(entry.prefix);
        (is_own ? own : others).push_back(std::move(each));
      }
      if (!own.empty()) entry.reactor->on_refused(std::move(own));
      refused = std::move(others);
    }
  }

 private:
  struct Entry {
    std::string prefix;
    Reactor* reactor;
  };
  std::vector<Entry> entries_;
};

}  // namespace errand::engine
