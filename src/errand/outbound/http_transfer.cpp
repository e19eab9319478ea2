#include "errand/outbound/http_transfer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <curl/curl.h>
#include <sys/socket.h>

#include "errand/base/assert.h"
#include "errand/net/http_message.h"

namespace errand::outbound {
namespace {

using std::chrono::milliseconds;

/// Longer deadlines are none to libcurl, which counts in 32 bits on some machines.
constexpr milliseconds kTimeoutMax = std::chrono::hours(24);

constexpr const char* kEndedBySink = "The receiver of the response ended it.";

/// What libcurl's callbacks return to end a transfer.
constexpr std::size_t kGiveUp = 0;

/// Whether the client alone may write that header: it frames the message or is the connection's.
bool is_reserved(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kReserved{"connection",
                                                              "content-length",
                                                              "expect",
                                                              "host",
                                                              "http2-settings",
                                                              "keep-alive",
                                                              "proxy-authorization",
                                                              "proxy-connection",
                                                              "te",
                                                              "trailer",
                                                              "transfer-encoding",
                                                              "upgrade"};
  return std::ranges::any_of(
      kReserved, [name](std::string_view r) { return net::equals_ignoring_case(r, name); });
}

template <class T>
void set(CURL* easy, CURLoption option, T value) {
  // A failure is an option that this libcurl does not have, which none of ours may be.
  const CURLcode code = curl_easy_setopt(easy, option, value);
  ERRAND_ASSERT(code == CURLE_OK);
}

}  // namespace

bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

std::string fault_of(const HttpRequest& request) {
  if (!net::is_token(request.method) || request.method == "CONNECT") {
    return "The method is none that can be sent.";
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (!net::is_token(name)) return "The name of a header is no token (RFC 9110, 5.6.2).";
    if (is_reserved(name)) return "The header " + name + " is not for callers to set.";
    if (!is_field_value(value)) return "The header " + name + " holds control characters.";
  }
  return "";
}

struct HttpTransfer::Curl {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};

  Curl() = default;
  ~Curl() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  static curl_socket_t on_open_socket(void* self, curlsocktype /*purpose*/,
                                      curl_sockaddr* address) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const auto ip = IpAddress::from_socket(address->addr);
    if (!transfer.allows(ip ? &*ip : nullptr)) return CURL_SOCKET_BAD;
    transfer.connected_ = true;
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  /// The connection may be one that another request made, under another guard.
  static int on_about_to_send(void* self, char* peer, char* /*local*/, int /*peer_port*/,
                              int /*local_port*/) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const auto ip = IpAddress::parse(peer);
    if (!transfer.allows(ip ? &*ip : nullptr)) return CURL_PREREQFUNC_ABORT;
    if (transfer.sent_ && transfer.request_.once) {
      transfer.stop(HttpFailure::kCutOff, transfer.url_.host +
                                              " ended the connection before its response, and the "
                                              "request is not to be sent twice.");
      return CURL_PREREQFUNC_ABORT;
    }
    transfer.sent_ = true;
    return CURL_PREREQFUNC_OK;
  }

  static std::size_t on_header(char* data, std::size_t /*one*/, std::size_t bytes, void* self) {
    return static_cast<HttpTransfer*>(self)->take_header_line({data, bytes}) ? bytes : kGiveUp;
  }

  static std::size_t on_body(char* data, std::size_t /*one*/, std::size_t bytes, void* self) {
    return static_cast<HttpTransfer*>(self)->take_body({data, bytes});
  }
};

HttpTransfer::HttpTransfer(const Settings& settings, HttpRequest request, TargetUrl url,
                           std::shared_ptr<const AddressGuard> guard, std::function<void()> resume)
    : settings_(settings),
      request_(std::move(request)),
      url_(std::move(url)),
      guard_(std::move(guard)),
      resume_(std::move(resume)),
      begun_(std::chrono::steady_clock::now()) {
  ERRAND_ASSERT(guard_ != nullptr);
}

HttpTransfer::~HttpTransfer() = default;

void* HttpTransfer::handle() const noexcept { return curl_ ? curl_->easy : nullptr; }

void HttpTransfer::begin(void* user_data) {
  curl_ = std::make_unique<Curl>();
  curl_->easy = curl_easy_init();
  ERRAND_ASSERT(curl_->easy != nullptr);
  CURL* const easy = curl_->easy;

  set(easy, CURLOPT_PRIVATE, user_data);
  set(easy, CURLOPT_ERRORBUFFER, curl_->error.data());
  set(easy, CURLOPT_URL, url_.str().c_str());
  // Both read the same host, since TargetUrl leaves nothing to interpret.
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, guard_->allows_http() ? "http,https" : "https");
  set(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(easy, CURLOPT_PROXY, "");  // not the environment's
  set(easy, CURLOPT_NOSIGNAL, 1L);
  // Else ending a request that resolves its host would wait for getaddrinfo(), and all others with
  // it.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
  set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // Rather share the connection that is being made, if it turns out to be HTTP/2, than make
  // another.
  set(easy, CURLOPT_PIPEWAIT, url_.scheme == "https" ? 1L : 0L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!settings_.ca_file.empty()) set(easy, CURLOPT_CAINFO, settings_.ca_file.c_str());
  if (!request_.plain) set(easy, CURLOPT_USERAGENT, settings_.user_agent.c_str());
  if (request_.once) set(easy, CURLOPT_MAXAGE_CONN, static_cast<long>(kIdleMaxOfOnce.count()));

  const auto left =
      std::chrono::ceil<milliseconds>(request_.deadline - std::chrono::steady_clock::now());
  // 0 would be no limit.
  const auto bounded = [](milliseconds time) {
    return static_cast<long>(std::clamp(time, milliseconds(1), kTimeoutMax).count());
  };
  set(easy, CURLOPT_TIMEOUT_MS, bounded(left));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, bounded(std::min(left, request_.connect_timeout)));

  if (request_.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
  } else if ((request_.method == "GET" || request_.method == "OPTIONS") && request_.body.empty()) {
    set(easy, CURLOPT_HTTPGET, 1L);
    if (request_.method != "GET") set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  } else {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(easy, CURLOPT_POSTFIELDS, request_.body.c_str());  // not copied
    if (request_.method != "POST") set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }

  curl_slist* list = nullptr;
  const auto add = [&list](const std::string& line) {
    list = curl_slist_append(list, line.c_str());
    ERRAND_ASSERT(list != nullptr);
  };
  // A name with nothing after its colon is left out.
  add("Expect:");
  if (!request_.headers.find("content-type")) add("Content-Type:");
  if (request_.plain && !request_.headers.find("accept")) add("Accept:");
  for (const auto& [name, value] : request_.headers.fields()) {
    // An empty value is written with a semicolon.
    add(net::trim(value).empty() ? name + ";" : name + ": " + value);
  }
  curl_->headers = list;
  set(easy, CURLOPT_HTTPHEADER, list);

  set(easy, CURLOPT_OPENSOCKETFUNCTION, &Curl::on_open_socket);
  set(easy, CURLOPT_OPENSOCKETDATA, this);
  set(easy, CURLOPT_PREREQFUNCTION, &Curl::on_about_to_send);
  set(easy, CURLOPT_PREREQDATA, this);
  set(easy, CURLOPT_HEADERFUNCTION, &Curl::on_header);
  set(easy, CURLOPT_HEADERDATA, this);
  set(easy, CURLOPT_WRITEFUNCTION, &Curl::on_body);
  set(easy, CURLOPT_WRITEDATA, this);
}

HttpResult HttpTransfer::give_up(HttpFailure failure, std::string why) const {
  return std::unexpected(HttpError{
      .failure = failure, .message = std::move(why), .sent = sent_, .tried = curl_ != nullptr});
}

HttpResult HttpTransfer::result(int curl_code) {
  const auto failed = [this](HttpFailure failure, const std::string& what) {
    const std::string_view detail = curl_->error.data();
    return give_up(failure, detail.empty() ? what + "." : what + ": " + std::string(detail) + ".");
  };
  if (given_up_) return std::unexpected(std::move(*given_up_));
  const std::string& host = url_.host;
  if (curl_code == CURLE_OK || response_.truncated) {
    if (!head_done_) return failed(HttpFailure::kProtocol, host + " sent no HTTP response");
    char* peer = nullptr;
    curl_easy_getinfo(curl_->easy, CURLINFO_PRIMARY_IP, &peer);
    if (peer != nullptr) response_.peer = peer;
    response_.duration = std::chrono::ceil<milliseconds>(std::chrono::steady_clock::now() - begun_);
    return std::move(response_);
  }
  switch (curl_code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return failed(HttpFailure::kResolve, "The name " + host + " has no address");
    case CURLE_ABORTED_BY_CALLBACK:
      return give_up(HttpFailure::kRefused, refusal_);
    case CURLE_COULDNT_CONNECT:
      if (!connected_ && !refusal_.empty()) return give_up(HttpFailure::kRefused, refusal_);
      return failed(HttpFailure::kConnect, "Could not connect to " + host);
    case CURLE_OPERATION_TIMEDOUT:
      if (!sent_) {
        return failed(HttpFailure::kTimedOut, host + " could not be reached in time");
      }
      return failed(HttpFailure::kTimedOut, host + " did not answer in time");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return failed(HttpFailure::kTls, "No secure connection to " + host);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
      return failed(HttpFailure::kProtocol, host + " sent no proper HTTP response");
    default:
      if (!sent_) return failed(HttpFailure::kConnect, "Could not connect to " + host);
      return failed(HttpFailure::kCutOff, host + " ended the connection before its response");
  }
}

void HttpTransfer::stop(HttpFailure failure, std::string why) {
  given_up_ = {
      .failure = failure, .message = std::move(why), .sent = sent_, .tried = curl_ != nullptr};
}

bool HttpTransfer::allows(const IpAddress* address) {
  if (address == nullptr) {
    refusal_ = "The address of " + url_.host + " is refused: it is neither IPv4 nor IPv6.";
    return false;
  }
  auto checked = guard_->check_address(url_.host, *address);
  if (!checked) refusal_ = std::move(checked.error().message);
  return checked.has_value();
}

bool HttpTransfer::take_header_line(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > settings_.header_bytes_max) {
    stop(HttpFailure::kTooLarge, "The head of the response of " + url_.host + " is larger than " +
                                     std::to_string(settings_.header_bytes_max) + " bytes.");
    return false;
  }
  if (head_done_) return true;  // trailers
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) {
    // Interim responses (1xx) come before the one that counts.
    return response_.status < 200 || take_head();
  }
  if (line.starts_with("HTTP/")) {
    response_.headers = {};
    response_.status = 0;
    const std::size_t blank = std::min(line.find(' '), line.size() - 1);
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), response_.status);
    return true;
  }
  const std::size_t colon = line.find(':');
  // A line without one, or that begins with a blank, continues the last: an obsolete form of which
  // no header that we read makes use.
  if (colon != std::string_view::npos && !line.starts_with(' ') && !line.starts_with('\t')) {
    response_.headers.add(line.substr(0, colon), net::trim(line.substr(colon + 1)));
  }
  return true;
}

bool HttpTransfer::take_head() {
  // libcurl would unpack it, as it belongs to the transfer and not to the content.
  const std::string coding = response_.headers.joined("transfer-encoding");
  if (!coding.empty() && !net::equals_ignoring_case(coding, "chunked")) {
    stop(HttpFailure::kProtocol, url_.host + " sends with a transfer coding other than chunked.");
    return false;
  }
  // libcurl takes the last one, another reader the first.
  const auto length = response_.headers.find("content-length");
  for (const auto& [name, value] : response_.headers.fields()) {
    if (net::equals_ignoring_case(name, "content-length") && value != *length) {
      stop(HttpFailure::kProtocol, url_.host + " says two lengths of one response.");
      return false;
    }
  }
  head_done_ = true;
  if (!request_.sink || request_.sink->on_head(response_.status, response_.headers, resume_)) {
    return true;
  }
  stop(HttpFailure::kCanceled, kEndedBySink);
  return false;
}

std::size_t HttpTransfer::take_body(std::string_view data) {
  const std::string_view taken = data.substr(0, request_.response_bytes_max - body_bytes_);
  if (!request_.sink) {
    response_.body += taken;
  } else if (!taken.empty()) {
    switch (request_.sink->on_data(taken)) {
      case HttpSink::Take::kTaken:
        break;
      case HttpSink::Take::kWait:
        return CURL_WRITEFUNC_PAUSE;
      case HttpSink::Take::kStop:
        stop(HttpFailure::kCanceled, kEndedBySink);
        return kGiveUp;
    }
  }
  body_bytes_ += taken.size();
  if (taken.size() == data.size()) return data.size();
  if (request_.when_too_large == WhenTooLarge::kTruncate) {
    response_.truncated = true;
  } else {
    stop(HttpFailure::kTooLarge, "The response of " + url_.host + " is larger than " +
                                     std::to_string(request_.response_bytes_max) + " bytes.");
  }
  return kGiveUp;
}

}  // namespace errand::outbound
