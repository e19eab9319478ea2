// Asio's own code, compiled once for the whole program (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// Asio counts references to executors by fetch_sub(release) and, for the last one, a separate
// acquire fence. ThreadSanitizer does not know fences and takes the destruction for a race.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:boost::asio::execution::detail::shared_target_executor\n";
}
#endif
#endif
