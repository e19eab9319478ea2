#include "tls_proxy.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace errand_worker::testing {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

template <class Type, void (*Free)(Type*)>
struct Freed {
  void operator()(Type* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;

/// Signed by itself, for localhost, for an hour.
Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3'600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Tcp::socket client, asio::ssl::context& tls)
      : client_(std::move(client), tls), server_(client_.get_executor()) {}

  void start(std::uint16_t port) {
    client_.async_handshake(
        asio::ssl::stream_base::server, [self = shared_from_this(), port](error_code error) {
          if (error) return;
          self->server_.connect({asio::ip::address_v4::loopback(), port}, error);
          if (error) return;
          self->pump(self->client_, self->server_, self->up_);
          self->pump(self->server_, self->client_, self->down_);
        });
  }

 private:
  template <class From, class To>
  void pump(From& from, To& to, std::array<char, 4'096>& buffer) {
    from.async_read_some(asio::buffer(buffer), [this, self = shared_from_this(), &from, &to,
                                                &buffer](error_code error, std::size_t size) {
      if (error) return end();
      asio::async_write(to, asio::buffer(buffer, size),
                        [this, self, &from, &to, &buffer](error_code failed, std::size_t) {
                          if (failed) return end();
                          pump(from, to, buffer);
                        });
    });
  }

  void end() {
    error_code ignored;
    server_.close(ignored);
    client_.lowest_layer().close(ignored);
  }

  asio::ssl::stream<Tcp::socket> client_;
  Tcp::socket server_;
  std::array<char, 4'096> up_;
  std::array<char, 4'096> down_;
};

}  // namespace

class TlsProxy::Parts {
 public:
  explicit Parts(std::uint16_t target_port)
      : target_port_(target_port), acceptor_(io_, {asio::ip::address_v4::loopback(), 0}) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = make_certificate(key.get());
    SSL_CTX_use_PrivateKey(tls_.native_handle(), key.get());
    SSL_CTX_use_certificate(tls_.native_handle(), certificate.get());

    std::string path = std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp";
    path += "/errand-worker-test-XXXXXX";
    const int descriptor = mkstemp(path.data());
    std::FILE* file = descriptor < 0 ? nullptr : fdopen(descriptor, "w");
    if (!file) throw std::runtime_error("no temporary file");
    PEM_write_X509(file, certificate.get());
    std::fclose(file);
    certificate_file_ = path;

    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~Parts() {
    io_.stop();
    thread_.join();
    std::remove(certificate_file_.c_str());
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, Tcp::socket socket) {
      if (error) return;
      std::make_shared<Pipe>(std::move(socket), tls_)->start(target_port_);
      accept();
    });
  }

  const std::uint16_t target_port_;
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  asio::io_context io_{1};
  Tcp::acceptor acceptor_;
  std::string certificate_file_;
  std::thread thread_;
};

TlsProxy::TlsProxy(std::uint16_t target_port) : parts_(std::make_unique<Parts>(target_port)) {}
TlsProxy::~TlsProxy() = default;

std::uint16_t TlsProxy::port() const { return parts_->acceptor_.local_endpoint().port(); }
const std::string& TlsProxy::certificate_file() const { return parts_->certificate_file_; }

}  // namespace errand_worker::testing
