#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "errand/cli/commands.h"
#include "errand/cli/exit_status.h"
#include "errand/cli/master_key_flag.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/master_key.h"
#include "errand/json/writer.h"
#include "errand/store/sqlite/backup.h"
#include "errand/store/sqlite/doctor.h"

namespace errand::cli {

namespace {

namespace sqlite = store::sqlite;

struct CopyFlags {
  std::string from;
  std::string to;
  bool force = false;
  bool as_json = false;
};

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1'000'000) return fmt::format("{} kB", (bytes + 999) / 1'000);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

/// One line that is redrawn, on a terminal alone.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (shown_) fmt::print(stderr, "\r\x1b[2K");
  }

  void show(std::uint64_t done, std::uint64_t total) {
    if (!terminal_ || total == 0) return;
    fmt::print(stderr, "\r\x1b[2K{:3} % of {}", done * 100 / total, size_text(total));
    std::fflush(stderr);
    shown_ = true;
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
};

void print_copied(const CopyFlags& flags, const sqlite::Copied& copied, const char* sentence) {
  if (flags.as_json) {
    fmt::print("{}\n",
               json::to_text(boost::json::object{{"to", flags.to},
                                                 {"bytes", copied.bytes},
                                                 {"layout", copied.layout},
                                                 {"lastPosition", to_number(copied.last_position)},
                                                 {"epoch", copied.epoch}}));
    return;
  }
  fmt::print("{}: {}, up to log position {}, checked.\n",
             fmt::format(fmt::runtime(sentence), flags.to), size_text(copied.bytes),
             to_number(copied.last_position));
}

void backup(Context& context, const CopyFlags& flags) {
  Result<sqlite::Copied> copied = fail(ErrorCode::kInternal, "");
  {
    ProgressLine line;
    copied = sqlite::back_up(flags.from, flags.to, [&](std::uint64_t done, std::uint64_t total) {
      line.show(done, total);
    });
  }
  if (!copied) return report_database_error(context, copied.error());
  print_copied(flags, *copied, "Backed up to {}");
  if (!flags.as_json) {
    fmt::print("Keep master.key of the data folder with it, as safely as a password.\n");
  }
}

void restore(Context& context, const CopyFlags& flags) {
  Result<sqlite::Copied> copied = fail(ErrorCode::kInternal, "");
  {
    ProgressLine line;
    copied =
        sqlite::restore(flags.from, flags.to, {.replace = flags.force},
                        [&](std::uint64_t done, std::uint64_t total) { line.show(done, total); });
  }
  if (!copied) return report_database_error(context, copied.error());
  print_copied(flags, *copied, "Restored to {}");
  if (!flags.as_json) {
    fmt::print("The server needs the master.key that belongs to it. Start it with: errand serve\n");
  }
}

struct DoctorFlags {
  std::string database;
  std::string key;
  bool as_json = false;
};

void print_findings(const sqlite::Examination& found, bool as_json, bool with_key) {
  if (as_json) {
    boost::json::array findings;
    for (const auto& finding : found.findings) {
      findings.push_back(boost::json::object{{"what", finding.what}, {"remedy", finding.remedy}});
    }
    fmt::print("{}\n", json::to_text(boost::json::object{{"findings", std::move(findings)},
                                                         {"cutShort", found.cut_short},
                                                         {"layout", found.layout},
                                                         {"jobs", found.jobs},
                                                         {"events", found.events},
                                                         {"payloads", found.payloads}}));
    return;
  }
  for (const auto& finding : found.findings) {
    fmt::print("- {}\n  {}\n", finding.what, finding.remedy);
  }
  if (found.cut_short) fmt::print("There may be more.\n");
  fmt::print(
      "Layout {}; looked at {} jobs, {} events and {} payloads: {}\n", found.layout, found.jobs,
      found.events, found.payloads,
      found.findings.empty() ? "all is well." : fmt::format("{} findings.", found.findings.size()));
  if (!with_key) {
    fmt::print(
        "Without the master key neither the digests of payloads nor the chain of events were "
        "checked; name it with --master-key.\n");
  }
}

void examine(Context& context, const DoctorFlags& flags) {
  const auto key = find_master_key(flags.database, flags.key);
  if (!key) return report(context, kUsage, key.error().message);
  sqlite::ExaminationOptions options;
  if (*key) {
    options.digest = [hmac = (*key)->hmac_key(crypto::kPayloadDigestLabel)](
                         std::string_view bytes) { return hmac.sign(bytes); };
    options.chain.emplace(**key);
  }
  const auto found = sqlite::examine(flags.database, options);
  if (!found) return report_database_error(context, found.error());
  print_findings(*found, flags.as_json, key->has_value());
  if (!found->findings.empty()) context.status = kRefused;
}

}  // namespace

void add_database_commands(CLI::App& app, Context& context) {
  {
    auto* command = app.add_subcommand("backup", "Copy the database, also while the server runs");
    auto flags = std::make_shared<CopyFlags>();
    command->add_option("--database", flags->from, "the database, such as errand-data/errand.db")
        ->required();
    command->add_option("--to", flags->to, "the new file; must not exist")->required();
    command->add_flag("--json", flags->as_json, "print JSON");
    command->footer(
        "The copy is the database as it was at one moment. It is checked, and has its name only "
        "once it is good.\n\n"
        "Examples:\n"
        "  errand backup --database errand-data/errand.db --to /backup/errand-2026-11-30.db");
    command->callback([=, &context] { backup(context, *flags); });
  }
  {
    auto* command = app.add_subcommand("restore", "Put a backup in place of the database");
    auto flags = std::make_shared<CopyFlags>();
    command->add_option("--from", flags->from, "the backup")->required();
    command->add_option("--to", flags->to, "the database, such as errand-data/errand.db")
        ->required();
    command->add_flag("--force", flags->force, "replace a database that is there");
    command->add_flag("--json", flags->as_json, "print JSON");
    command->footer(
        "Stop the server first. The backup is checked before anything changes. Work that was "
        "acknowledged after the\n"
        "backup is gone, and workers may have done some of it already.\n\n"
        "Examples:\n"
        "  errand restore --from /backup/errand-2026-11-30.db --to errand-data/errand.db --force");
    command->callback([=, &context] { restore(context, *flags); });
  }
  {
    auto* command = app.add_subcommand("doctor", "Look for what is wrong with a database");
    auto flags = std::make_shared<DoctorFlags>();
    command
        ->add_option("--database", flags->database, "the database, such as errand-data/errand.db")
        ->required();
    command->add_option("--master-key", flags->key,
                        "checks the digests of payloads and the chain of events; default: "
                        "master.key beside the database");
    command->add_flag("--json", flags->as_json, "print JSON");
    command->footer(
        "Reads everything and writes nothing, also while the server runs. Each finding says what "
        "to do. Exit status 1\nif there is one.\n\n"
        "Examples:\n"
        "  errand doctor --database errand-data/errand.db\n"
        "  errand doctor --database /backup/errand-2026-11-30.db --master-key /secret/master.key");
    command->callback([=, &context] { examine(context, *flags); });
  }
}

}  // namespace errand::cli
