// Any text is a URL in one spelling, which reads back as itself and means the same host, port, path
// and query to libcurl, or an error with a text. Without exceptions the guard lets no URL pass
// whose host is an address that reads as an inner one. A Retry-After is within its bounds.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "errand/base/assert.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/retry_after.h"
#include "errand/outbound/target_url.h"

namespace {

using namespace errand;

std::string curl_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

void check_url(std::string_view text) {
  const auto target = outbound::parse_target_url(text);
  if (!target) {
    ERRAND_ASSERT(!target.error().message.empty());
    return;
  }
  const auto again = outbound::parse_target_url(target->str());
  ERRAND_ASSERT(again && again->str() == target->str());

  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  ERRAND_ASSERT(curl_url_set(url.get(), CURLUPART_URL, target->str().c_str(), CURLU_PATH_AS_IS) ==
                CURLUE_OK);
  std::string host = curl_part(url.get(), CURLUPART_HOST);
  std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
  ERRAND_ASSERT(host == target->host);
  ERRAND_ASSERT(curl_part(url.get(), CURLUPART_PORT) == std::to_string(target->port));
  ERRAND_ASSERT(curl_part(url.get(), CURLUPART_USER).empty());
  ERRAND_ASSERT(curl_part(url.get(), CURLUPART_PATH) ==
                target->path_and_query.substr(0, target->path_and_query.find('?')));

  static const outbound::AddressGuard guard = *outbound::AddressGuard::create({});
  const bool inner = host.starts_with("127.") || host.starts_with("10.") ||
                     host.starts_with("192.168.") || host.starts_with("169.254.") ||
                     host.starts_with("::ffff:127.") || host == "::1" || host.starts_with("fd");
  if (target->address && inner) ERRAND_ASSERT(!guard.check_url(*target));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_url(text);
  const Timestamp now{std::chrono::days(20'000)};
  if (const auto wait = outbound::parse_retry_after(text, now)) {
    ERRAND_ASSERT(*wait >= Milliseconds::zero() && *wait <= outbound::kRetryAfterMax);
  }
  return 0;
}
