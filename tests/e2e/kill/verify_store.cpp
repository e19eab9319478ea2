// verify_store DATABASE < IDS
//
// Reads a store that no server has open and holds it against the invariants of the design:
//   I1  every id of standard input (one a line: what clients were told) is there, and its job has
//       ended
//   I3  the result of a job was reported under the token of its last start, and there is one end to
//       a run
//   I4  every move is one of the table of transitions (job::fold)
//   I5  log positions, but those of pruned jobs, and the sequences of each job have no gap; the
//       fold of the events is the snapshot; digests match
// and against the audit of a whole store (store::audit): counts, lines, timers and leases too; and
// against the chain of events, with the master.key beside it.
// Prints one line for each fault, then one JSON object of counts. Exit status 1 if there is a
// fault.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "errand/crypto/master_key.h"
#include "errand/job/evolve.h"
#include "errand/store/audit.h"
#include "errand/store/event_chain.h"
#include "errand/store/sqlite/chain_verifier.h"
#include "errand/store/sqlite/sqlite_store.h"

namespace {

using namespace errand;

class Verifier {
 public:
  explicit Verifier(const store::Reader& reader) : reader_(reader) {}

  bool run(const std::set<std::string>& acknowledged) {
    if (!read_log() || !audit()) return false;
    for (const auto& [id, history] : histories_) check_job(id, history);
    for (const auto& id : acknowledged) {
      const auto parsed = JobId::parse(id);
      if (!parsed) {
        fault(fmt::format("{}: is not the id of a job", id));
      } else if (!histories_.contains(*parsed)) {
        fault(fmt::format("{}: was acknowledged, but is not in the store (I1)", id));
      }
    }
    fmt::print(
        R"({{"jobs": {}, "acknowledged": {}, "events": {}, "starts": {}, "attemptsOver": {}, "lostLeases": {}, )"
        R"("succeeded": {}, "otherEnds": {}, "faults": {}}})"
        "\n",
        histories_.size(), acknowledged.size(), events_, starts_, failed_attempts_, lost_leases_,
        succeeded_, other_ends_, faults_);
    return faults_ == 0;
  }

 private:
  void fault(const std::string& text) {
    ++faults_;
    std::cout << text << '\n';
  }

  bool read_log() {
    const auto pruned = reader_.pruned_position(std::nullopt);
    if (!pruned) {
      fault(pruned.error().message);
      return false;
    }
    LogPosition after{};
    while (true) {
      const auto page = reader_.events_after(after, std::nullopt, 1'000);
      if (!page) {
        fault(page.error().message);
        return false;
      }
      if (page->empty()) break;
      for (const auto& entry : *page) {
        if (to_number(entry.event.position) != to_number(after) + 1 &&
            to_number(entry.event.position) > to_number(*pruned) + 1) {
          fault(fmt::format("the log goes from position {} to {} (I5)", to_number(after),
                            to_number(entry.event.position)));
        }
        after = entry.event.position;
        ++events_;
        histories_[entry.event.job].push_back(entry.event);
      }
    }
    const auto last = reader_.last_position();
    if (!last || *last != std::max(after, *pruned))
      fault("the store's last position is not that of its last event (I5)");
    return true;
  }

  bool audit() {
    const auto report = store::audit(reader_, {});
    if (!report) {
      fault(report.error().message);
      return false;
    }
    for (const std::string& each : report->faults) fault(each);
    return true;
  }

  void check_job(JobId id, const std::vector<job::Event>& history) {
    const std::string name = id.str();
    const auto folded = job::fold(history);
    if (!folded) return fault(fmt::format("{}: {} (I4, I5)", name, folded.error().message));
    const auto stored = reader_.job(id);
    if (!stored) return fault(fmt::format("{}: {}", name, stored.error().message));
    if (*stored == nullptr) return fault(fmt::format("{}: has events, but no snapshot (I5)", name));
    if (!(**stored == *folded))
      fault(fmt::format("{}: its events do not fold to its snapshot (I5)", name));
    if (!folded->terminal())
      fault(fmt::format("{}: has not ended but is {} (I11)", name, job::to_string(folded->status)));
    check_results(name, history);
    check_payload(name, id, store::PayloadKind::kInput, folded->spec.input);
    if (folded->result) check_payload(name, id, store::PayloadKind::kResult, *folded->result);
  }

  void check_results(const std::string& name, const std::vector<job::Event>& history) {
    FencingToken token{};
    std::size_t ends_in_run = 0;
    for (const auto& event : history) {
      if (const auto* started = std::get_if<job::Started>(&event.data)) {
        ++starts_;
        if (to_number(started->token) <= to_number(token))
          fault(fmt::format("{}: a start under an old token (I3)", name));
        token = started->token;
      } else if (const auto* failed = std::get_if<job::AttemptFailed>(&event.data)) {
        ++failed_attempts_;
        if (failed->kind == job::FailureKind::kLeaseLost) ++lost_leases_;
        check_report(name, failed->report, token);
      } else if (const auto* done = std::get_if<job::Succeeded>(&event.data)) {
        ++succeeded_;
        ++ends_in_run;
        if (!done->report) fault(fmt::format("{}: succeeded without a report (I3)", name));
        check_report(name, done->report, token);
      } else if (std::holds_alternative<job::Failed>(event.data) ||
                 std::holds_alternative<job::Canceled>(event.data) ||
                 std::holds_alternative<job::Killed>(event.data) ||
                 std::holds_alternative<job::Expired>(event.data)) {
        ++other_ends_;
        ++ends_in_run;
      } else if (std::holds_alternative<job::Requeued>(event.data)) {
        ends_in_run = 0;
      }
      if (ends_in_run > 1) fault(fmt::format("{}: ends twice in one run (I4)", name));
    }
  }

  void check_report(const std::string& name, const std::optional<job::ReportMark>& report,
                    FencingToken token) {
    if (report && report->token != token) {
      fault(fmt::format("{}: a report under token {} was taken while {} was the last (I3)", name,
                        to_number(report->token), to_number(token)));
    }
  }

  void check_payload(const std::string& name, JobId id, store::PayloadKind kind,
                     const job::PayloadRef& ref) {
    const auto payload = reader_.payload(id, kind);
    if (!payload) return fault(fmt::format("{}: {}", name, payload.error().message));
    if (!*payload) return fault(fmt::format("{}: a payload is missing (I5)", name));
    if ((*payload)->digest != ref.digest || (*payload)->bytes.size() != ref.size_bytes) {
      fault(fmt::format("{}: a payload is not the one that the event names (I5)", name));
    }
  }

  const store::Reader& reader_;
  std::map<JobId, std::vector<job::Event>> histories_;
  std::uint64_t events_ = 0;
  std::uint64_t starts_ = 0;
  std::uint64_t failed_attempts_ = 0;
  std::uint64_t lost_leases_ = 0;
  std::uint64_t succeeded_ = 0;
  std::uint64_t other_ends_ = 0;
  std::uint64_t faults_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: verify_store DATABASE < IDS\n";
    return 2;
  }
  const auto reader = store::sqlite::open_reader(argv[1]);
  if (!reader) {
    std::cerr << reader.error().message << '\n';
    return 2;
  }
  const std::filesystem::path database = argv[1];
  const auto key = crypto::MasterKey::load(database.parent_path() / "master.key");
  if (!key) {
    std::cerr << key.error().message << '\n';
    return 2;
  }
  const auto chain = store::sqlite::verify_chain(database, store::EventChain(*key), {});
  if (!chain || !chain->faults.empty()) {
    std::cerr << "chain of events: " << (chain ? chain->faults.front() : chain.error().message)
              << '\n';
    return 1;
  }
  std::set<std::string> acknowledged;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty()) acknowledged.insert(line);
  }
  return Verifier(**reader).run(acknowledged) ? 0 : 1;
}
