#include "errand/auth/job_credentials.h"

#include <algorithm>

#include "errand/base/utf8.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::auth {
namespace {

/// Of the JSON text: each byte of a value may take six.
constexpr std::size_t kTextBytesMax = 8 * kForwardedHeadersBytesMax;

/// RFC 9110, 5.5: what no field value holds. A line end would begin another header.
bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

}  // namespace

Result<void> check_headers(const JobCredentials& credentials) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : credentials.headers) {
    bytes += name.size() + value.size();
    if (value.size() > kForwardedHeaderBytesMax) {
      return fail(ErrorCode::kPayloadTooLarge,
                  "The header " + name + " has " + std::to_string(value.size()) +
                      " bytes. It is kept with the job, and may have at most " +
                      std::to_string(kForwardedHeaderBytesMax) + ".");
    }
    if (std::ranges::any_of(value, is_control)) {
      return fail(ErrorCode::kBadUserInput, "The header " + name +
                                                " is kept with the job, and must hold no control "
                                                "characters such as line ends.");
    }
    if (!is_valid_utf8(value)) {
      return fail(ErrorCode::kBadUserInput,
                  "The header " + name + " is kept with the job, and must be UTF-8.");
    }
  }
  if (bytes > kForwardedHeadersBytesMax) {
    return fail(ErrorCode::kPayloadTooLarge, "The headers that are kept with the job have " +
                                                 std::to_string(bytes) +
                                                 " bytes, and may have at most " +
                                                 std::to_string(kForwardedHeadersBytesMax) + ".");
  }
  return {};
}

std::string seal(const crypto::Sealer& sealer, const JobId& job,
                 const JobCredentials& credentials) {
  std::string text;
  // So that growing leaves no copies behind.
  std::size_t bytes = credentials.subject.size() * 6 + 64;
  for (const auto& [name, value] : credentials.headers)
    bytes += (name.size() + value.size() + 1) * 6;
  text.reserve(bytes);
  json::Writer writer(text);
  writer.begin_object();
  writer.key("headers");
  writer.begin_object();
  for (const auto& [name, value] : credentials.headers) {
    writer.key(name);
    writer.string(value);
  }
  writer.end_object();
  writer.key("subject");
  writer.string(credentials.subject);
  writer.end_object();
  std::string sealed = sealer.seal(text, job.str());
  crypto::wipe(text);
  return sealed;
}

Result<JobCredentials> open(const crypto::Sealer& sealer, const JobId& job, std::string_view text) {
  auto plain = sealer.open(text, job.str());
  if (!plain) return std::unexpected(std::move(plain.error()));
  const auto parsed = json::parse(*plain, {.bytes_max = kTextBytesMax, .depth_max = 2});
  crypto::wipe(*plain);
  const auto corrupt = [] {
    // Of what was wrong nothing is said, as it may quote a secret.
    return fail(ErrorCode::kStoreCorrupt, "The credentials of the job are in no form known here.");
  };
  if (!parsed || !parsed->is_object()) return corrupt();
  const boost::json::object& object = parsed->get_object();
  const boost::json::value* headers = object.if_contains("headers");
  const boost::json::value* subject = object.if_contains("subject");
  if (headers == nullptr || !headers->is_object() || subject == nullptr || !subject->is_string()) {
    return corrupt();
  }
  JobCredentials credentials;
  credentials.subject = subject->get_string();
  for (const auto& [name, value] : headers->get_object()) {
    if (!value.is_string()) return corrupt();
    credentials.headers.emplace_back(name, value.get_string());
  }
  return credentials;
}

}  // namespace errand::auth
