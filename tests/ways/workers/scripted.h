#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>
#include <errand_worker/job.h>

/// The scripted handler of the conformance program (tests/ways/README.md) in C++, and how its
/// programs read what they are told.
namespace scripted {

boost::json::value perform(errand_worker::Job& job);

/// An environment variable.
std::string variable(const char* name, std::string otherwise = {});

/// The parts between commas that are not empty.
std::vector<std::string> split(std::string_view list);

}  // namespace scripted
