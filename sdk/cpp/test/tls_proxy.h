#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace errand_worker::testing {

/// Takes TLS on 127.0.0.1 and hands what is within to a port without. Its certificate is its own,
/// for the name "localhost". Runs on a thread of its own.
class TlsProxy {
 public:
  explicit TlsProxy(std::uint16_t target_port);
  ~TlsProxy();
  TlsProxy(const TlsProxy&) = delete;
  TlsProxy& operator=(const TlsProxy&) = delete;

  std::uint16_t port() const;
  /// File with the certificate, in PEM.
  const std::string& certificate_file() const;

 private:
  class Parts;

  std::unique_ptr<Parts> parts_;
};

}  // namespace errand_worker::testing
