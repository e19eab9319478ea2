#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "errand/store/conformance/invariants.h"
#include "errand/store/store.h"

namespace errand::store::conformance {

/// A store with what the suite does around it.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Store& store() = 0;
  /// Closes the store and opens it again on what is durable, as a restart does.
  virtual void restart() = 0;
};

struct Candidate {
  std::string name;
  std::function<std::unique_ptr<Subject>()> make;  ///< an empty store each time
};

/// What every store has to do (DESIGN 7 and 11). A store's test program links the suite and says
///
///     INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(candidate), name_of);
class StoreConformance : public testing::TestWithParam<Candidate> {
 protected:
  void SetUp() override { subject_ = GetParam().make(); }

  Store& store() { return subject_->store(); }
  const Reader& reader() { return store().reader(); }
  Subject& subject() { return *subject_; }

 private:
  std::unique_ptr<Subject> subject_;
};

inline std::string name_of(const testing::TestParamInfo<Candidate>& info) {
  return info.param.name;
}

}  // namespace errand::store::conformance
