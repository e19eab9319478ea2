#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "errand/net/http_message.h"

namespace errand::server {

/// Writes the parts of a multipart/mixed response (RFC 2046, 5.1), each a JSON text.
///
/// The delimiter that ends a part goes out with it, so that a client need not wait for the next
/// part to read this one. Used on one strand; the writer must outlive it.
class MultipartWriter {
 public:
  explicit MultipartWriter(net::BodyWriter& writer) : writer_(writer) {}

  /// Value of Content-Type.
  /// @param parameter  such as "subscriptionSpec=1.0", which tells clients what the parts mean
  static std::string content_type(std::string_view parameter);

  /// @return false once the client is gone.
  boost::asio::awaitable<bool> part(std::string_view json);

  /// Ends the body.
  boost::asio::awaitable<void> close();

 private:
  net::BodyWriter& writer_;
  bool begun_ = false;
};

}  // namespace errand::server
