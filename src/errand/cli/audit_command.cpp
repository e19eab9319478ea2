#include "errand/cli/audit_command.h"

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/base/ids.h"
#include "errand/base/time_text.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/master_key_flag.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"
#include "errand/json/writer.h"
#include "errand/store/event_chain.h"
#include "errand/store/sqlite/chain_verifier.h"

namespace errand::cli {
namespace {

namespace sqlite = store::sqlite;

struct Flags {
  std::string database;
  std::string key;
  std::string checkpoint;
  std::string job;
  bool as_json = false;
};

/// The key without which nothing can be verified.
std::optional<crypto::MasterKey> need_key(Context& context, const Flags& flags) {
  auto key = find_master_key(flags.database, flags.key);
  if (!key) {
    report(context, kUsage, key.error().message);
    return std::nullopt;
  }
  if (!*key) {
    report(context, kUsage,
           fmt::format("There is no master.key beside {}. Name it with --master-key.",
                       flags.database));
  }
  return *std::move(key);
}

Result<store::AuditCheckpoint> read_kept(const std::string& file) {
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{} cannot be read.", file));
    }
    text.assign(std::istreambuf_iterator<char>(stream), {});
  }
  auto checkpoint = store::checkpoint_from_json(text);
  if (checkpoint) return checkpoint;
  return fail(checkpoint.error().code, fmt::format("{}: {}", file, checkpoint.error().message));
}

boost::json::array to_array(const std::vector<std::string>& texts) {
  boost::json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

void print_unchained(std::uint64_t events) {
  if (events == 0) return;
  fmt::print("{} events are from before the chain began: nothing shows a change of them.\n",
             events);
}

void print(const sqlite::ChainReport& report, bool as_json) {
  if (as_json) {
    boost::json::object object{{"faults", to_array(report.faults)},
                               {"cutShort", report.cut_short},
                               {"jobs", report.jobs},
                               {"events", report.events},
                               {"unchainedEvents", report.unchained_events},
                               {"checkpoints", report.checkpoints},
                               {"lastPosition", to_number(report.last_position)}};
    fmt::print("{}\n", json::to_text(object));
    return;
  }
  for (const std::string& fault : report.faults) fmt::print("- {}\n", fault);
  if (report.cut_short) fmt::print("There may be more.\n");
  fmt::print("Looked at {} jobs and {} events up to log position {}: {}\n", report.jobs,
             report.events, to_number(report.last_position),
             report.faults.empty() ? "nothing was changed or deleted."
                                   : fmt::format("{} faults.", report.faults.size()));
  print_unchained(report.unchained_events);
  if (report.checkpoint) {
    fmt::print("{} checkpoints, the last one of {} at log position {}.\n", report.checkpoints,
               format_timestamp(report.checkpoint->time), to_number(report.checkpoint->position));
  } else {
    fmt::print("No checkpoint yet: one is written before the first change of each day (UTC).\n");
  }
}

void verify_all(Context& context, const Flags& flags) {
  const auto key = need_key(context, flags);
  if (!key) return;
  sqlite::ChainVerification options;
  if (!flags.checkpoint.empty()) {
    auto kept = read_kept(flags.checkpoint);
    if (!kept) return report(context, kUsage, kept.error().message);
    options.kept = *std::move(kept);
  }
  const auto found = sqlite::verify_chain(flags.database, store::EventChain(*key), options);
  if (!found) return report_database_error(context, found.error());
  print(*found, flags.as_json);
  if (!found->faults.empty()) context.status = kRefused;
}

void print_checkpoint(Context& context, const Flags& flags) {
  const auto checkpoint = sqlite::last_checkpoint(flags.database);
  if (!checkpoint) return report_database_error(context, checkpoint.error());
  if (!*checkpoint) {
    return report(context, kRefused,
                  "No checkpoint yet: one is written before the first change of each day (UTC).");
  }
  fmt::print("{}\n", store::to_json(**checkpoint));
}

void restart(Context& context, const Flags& flags) {
  if (auto done = sqlite::restart_chain(flags.database); !done) {
    return report_database_error(context, done.error());
  }
  if (flags.as_json) {
    fmt::print("{}\n", json::to_text(boost::json::object{{"restarted", flags.database}}));
  } else {
    fmt::print(
        "{}: the next server begins a new chain under its master key. Nothing shows a change of "
        "what is there now.\n",
        flags.database);
  }
}

void verify_one(Context& context, const Flags& flags) {
  const auto id = JobId::parse(flags.job);
  if (!id) return report(context, kUsage, fmt::format("{} is no job's id.", flags.job));
  const auto key = need_key(context, flags);
  if (!key) return;
  const auto digest = [hmac = key->hmac_key(crypto::kPayloadDigestLabel)](std::string_view bytes) {
    return hmac.sign(bytes);
  };
  const auto found = sqlite::verify_job(flags.database, store::EventChain(*key), digest, *id);
  if (!found) return report_database_error(context, found.error());
  if (flags.as_json) {
    fmt::print("{}\n",
               json::to_text(boost::json::object{{"job", flags.job},
                                                 {"faults", to_array(found->faults)},
                                                 {"events", found->events},
                                                 {"unchainedEvents", found->unchained_events},
                                                 {"payloads", found->payloads}}));
  } else {
    for (const std::string& fault : found->faults) fmt::print("- {}\n", fault);
    fmt::print("Job {}: looked at {} events, the snapshot and {} payloads: {}\n", flags.job,
               found->events, found->payloads,
               found->faults.empty() ? "nothing was changed."
                                     : fmt::format("{} faults.", found->faults.size()));
    print_unchained(found->unchained_events);
  }
  if (!found->faults.empty()) context.status = kRefused;
}

std::shared_ptr<Flags> add_flags(CLI::App& command, bool with_key) {
  auto flags = std::make_shared<Flags>();
  command.add_option("--database", flags->database, "the database, such as errand-data/errand.db")
      ->required();
  if (with_key) {
    command.add_option("--master-key", flags->key, "default: master.key beside the database");
  }
  command.add_flag("--json", flags->as_json, "print JSON");
  return flags;
}

}  // namespace

void add_audit_commands(CLI::App& app, Context& context) {
  auto* audit =
      app.add_subcommand("audit", "Show whether the history was changed outside of Errand")
          ->require_subcommand(1);
  audit->footer(
      "Each event is chained to the one before it under the master key, and the set of all jobs is "
      "sealed, so that\nchanges and deletions show that no server with that key made.");
  {
    auto* command = audit->add_subcommand("verify", "Verify all chains, the seal and checkpoints");
    auto flags = add_flags(*command, true);
    command->add_option("--checkpoint", flags->checkpoint,
                        "a checkpoint that was kept elsewhere, as a file or - for standard input; "
                        "shows an older database in the place of this one");
    command->footer(
        "Writes nothing; works beside a running server. Exit status 1 if something was changed.\n\n"
        "Examples:\n"
        "  errand audit verify --database errand-data/errand.db\n"
        "  errand audit verify --database errand-data/errand.db --checkpoint kept/2026-11-30.json");
    command->callback([=, &context] { verify_all(context, *flags); });
  }
  {
    auto* command =
        audit->add_subcommand("checkpoint", "Print the last checkpoint, to keep it elsewhere");
    auto flags = add_flags(*command, false);
    command->footer(
        "A signed line of JSON. Kept where nobody who can write to the database can write, it "
        "shows later that the\ndatabase is not an older copy. The server logs each one too.\n\n"
        "Examples:\n"
        "  errand audit checkpoint --database errand-data/errand.db > kept/2026-11-30.json");
    command->callback([=, &context] { print_checkpoint(context, *flags); });
  }
  {
    auto* command = audit->add_subcommand("restart", "Begin a new chain after the key was lost");
    auto flags = add_flags(*command, false);
    command->footer(
        "Stop the server first. What is there stays, but nothing shows a change of it any "
        "more.\n\n"
        "Examples:\n"
        "  errand audit restart --database errand-data/errand.db");
    command->callback([=, &context] { restart(context, *flags); });
  }
}

void add_job_verify_command(CLI::App& job, Context& context) {
  auto* command =
      job.add_subcommand("verify", "Show whether a job's history was changed outside of Errand");
  auto flags = add_flags(*command, true);
  command->add_option("id", flags->job, "the job's id")->required();
  command->footer(
      "Reads the database, also beside a running server: each event against the chain, the "
      "snapshot "
      "against the\nevents, input and result against their digests. Whether the last events are "
      "all there, errand audit verify tells.\n\n"
      "Examples:\n"
      "  errand job verify 0190163d-8694-739b-aea5-966c26f8ad90 --database errand-data/errand.db");
  command->callback([=, &context] { verify_one(context, *flags); });
}

}  // namespace errand::cli
