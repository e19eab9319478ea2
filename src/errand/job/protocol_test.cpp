#include <cstddef>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "errand/job/command.h"
#include "errand/job/event.h"
#include "errand/job/status.h"
#include "errand/job/transition_table.h"

namespace errand::job {
namespace {

/// The rows that docs/protocol/jobs.md is to have, in the order of the page.
std::vector<std::string> transition_rows() {
  std::vector<std::string> rows;
  for (const JobStatus from : kAllJobStatuses) {
    for (std::size_t i = 0; i < kCommandKindCount; ++i) {
      const auto kind = static_cast<CommandKind>(i);
      const Transition& cell = transition(from, kind);
      if (cell.kind == Transition::Kind::kRefuse) continue;
      std::string next;
      for (const JobStatus to : kAllJobStatuses) {
        if (!cell.allows(to)) continue;
        if (!next.empty()) next += ", ";
        next += to_string(to);
      }
      if (cell.kind == Transition::Kind::kAcknowledge) next = "acknowledged";
      rows.push_back("| " + std::string(to_string(from)) + " | `" + std::string(to_string(kind)) +
                     "` | " + next + " |");
    }
  }
  return rows;
}

std::vector<std::string> page_rows(const std::string& first_cell_begins) {
  std::ifstream page(ERRAND_DOCS_PROTOCOL "/jobs.md");
  EXPECT_TRUE(page.is_open());
  std::vector<std::string> rows;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| " + first_cell_begins)) rows.push_back(line);
  }
  return rows;
}

TEST(Protocol, PageShowsTheTableOfTransitions) {
  std::vector<std::string> rows;
  for (const JobStatus status : kAllJobStatuses) {
    for (std::string& row : page_rows(std::string(to_string(status)) + " |")) {
      rows.push_back(std::move(row));
    }
  }
  const std::vector<std::string> expected = transition_rows();
  EXPECT_EQ(rows, expected);
  if (rows != expected) {
    for (const std::string& row : expected) std::cout << row << '\n';
  }
}

TEST(Protocol, PageNamesEveryEventInOrder) {
  std::vector<std::string> names;
  for (const std::string& row : page_rows("`")) {
    names.push_back("dev.errand.job." + row.substr(3, row.find('`', 3) - 3));
  }
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < kEventNameCount; ++i) expected.emplace_back(event_name(i));
  EXPECT_EQ(names, expected);
}

}  // namespace
}  // namespace errand::job
