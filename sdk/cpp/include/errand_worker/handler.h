#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "errand_worker/errors.h"
#include "errand_worker/job.h"
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

namespace errand_worker {

/// Runs one attempt of a job and returns its result, which must fit the mutation's type in the SDL.
/// Called on several threads at once when a worker has several slots.
using Handler = std::function<boost::json::value(Job&)>;

/// A Handler of `function(Job&, const Input&) -> Result`. The input goes through
/// boost::json::value_to<Input>() and the result through value_from(): tag_invoke() overloads or
/// BOOST_DESCRIBE_STRUCT() say how. A Result of void is null.
///
/// An input that is no `Input` fails the job for good with the code INPUT_INVALID.
template <class Input, class Result, class Function>
  requires std::is_invocable_r_v<Result, Function&, Job&, const Input&>
Handler typed_handler(Function function) {
  return [function = std::move(function)](Job& job) mutable -> boost::json::value {
    const Input input = [&job] {
      try {
        return boost::json::value_to<Input>(job.input());
      } catch (const std::exception& error) {
        throw PermanentError(
            "the input is not what the worker expects: " + std::string(error.what()),
            {.code = "INPUT_INVALID"});
      }
    }();
    if constexpr (std::is_void_v<Result>) {
      function(job, input);
      return nullptr;
    } else {
      return boost::json::value_from(static_cast<Result>(function(job, input)));
    }
  };
}

}  // namespace errand_worker
