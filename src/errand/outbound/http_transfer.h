#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "errand/outbound/address_guard.h"
#include "errand/outbound/http_exchange.h"
#include "errand/outbound/target_url.h"

namespace errand::outbound {

/// What is wrong with the method or headers of `request`, which the client cannot send; "" when
/// nothing is. Values are not told.
std::string fault_of(const HttpRequest& request);

/// Whether `text` may be the value of a header: it has no control characters but tabs.
bool is_field_value(std::string_view text);

/// One request on libcurl: sets it up, has its connections judged, gathers its response. HttpClient
/// drives it, on its thread alone.
class HttpTransfer {
 public:
  struct Settings {
    std::string user_agent;
    std::string ca_file;  ///< empty: the system's
    std::size_t header_bytes_max = 0;
  };

  /// @param settings  outlives the transfer
  /// @param guard     has let `url` pass; not null
  /// @param resume    for the request's sink
  HttpTransfer(const Settings& settings, HttpRequest request, TargetUrl url,
               std::shared_ptr<const AddressGuard> guard, std::function<void()> resume);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  /// Makes the handle for libcurl's multi interface, with `user_data` as its private pointer. Once.
  /// It must have been removed from there before the transfer goes.
  void begin(void* user_data);

  /// libcurl's handle; null before begin().
  [[nodiscard]] void* handle() const noexcept;

  /// What came of it. Once, after its end.
  /// @param curl_code  as libcurl says
  HttpResult result(int curl_code);

  /// Ends it for a reason of the client's.
  [[nodiscard]] HttpResult give_up(HttpFailure failure, std::string why) const;

  [[nodiscard]] const HttpRequest& request() const noexcept { return request_; }
  [[nodiscard]] const TargetUrl& url() const noexcept { return url_; }
  [[nodiscard]] std::chrono::steady_clock::time_point begun() const noexcept { return begun_; }

 private:
  struct Curl;  ///< libcurl's objects and callbacks

  bool take_header_line(std::string_view line);
  bool take_head();
  /// @return the bytes that it took, or what libcurl wants to be told else
  std::size_t take_body(std::string_view data);
  bool allows(const IpAddress* address);
  void stop(HttpFailure failure, std::string why);

  const Settings& settings_;
  const HttpRequest request_;
  const TargetUrl url_;
  const std::shared_ptr<const AddressGuard> guard_;
  const std::function<void()> resume_;
  const std::chrono::steady_clock::time_point begun_;
  std::unique_ptr<Curl> curl_;

  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool head_done_ = false;
  bool connected_ = false;  ///< to an address that the guard let pass, or tried
  bool sent_ = false;
  std::string refusal_;                ///< what the guard said last
  std::optional<HttpError> given_up_;  ///< why a callback of ours ended it
};

}  // namespace errand::outbound
