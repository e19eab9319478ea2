#include "errand/cli/large_stack.h"

#include <exception>
#include <system_error>

#include <pthread.h>

namespace errand::cli {

namespace {

struct Call {
  const std::function<void()>& work;
  std::exception_ptr failure;
};

void* run(void* argument) {
  auto& call = *static_cast<Call*>(argument);
  try {
    call.work();
  } catch (...) {
    call.failure = std::current_exception();
  }
  return nullptr;
}

}  // namespace

void run_on_large_stack(std::size_t bytes, const std::function<void()>& work) {
  // std::thread has no word for the size of its stack.
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  int error = ::pthread_attr_setstacksize(&attributes, bytes);
  Call call{work, nullptr};
  pthread_t thread;
  if (error == 0) error = ::pthread_create(&thread, &attributes, run, &call);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "large stack");
  ::pthread_join(thread, nullptr);
  if (call.failure) std::rethrow_exception(call.failure);
}

}  // namespace errand::cli
