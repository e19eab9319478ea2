#include "errand/notification/chat_channel.h"

#include <chrono>
#include <fstream>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/base/utf8.h"
#include "errand/json/writer.h"
#include "errand/notification/http_outcome.h"
#include "errand/outbound/target_url.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using outbound::CircuitBreaker;
using worker::FailureKind;
using worker::make_failure;

constexpr std::size_t kResponseBytesMax = 4 << 10;
// Slack's limits, in bytes rather than characters.
constexpr std::size_t kHeaderMax = 150;
constexpr std::size_t kSectionMax = 3'000;
constexpr std::size_t kTextMax = 39'000;
constexpr std::size_t kUrlMax = 4'096;
/// Of one post: a room that does not answer is not to keep the others waiting.
constexpr Milliseconds kPostTimeout{15'000};

/// The beginning of an escaped text, with no escape cut.
std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  constexpr std::string_view kCut = "…";
  std::string_view rest = cut_utf8(text, bytes_max - kCut.size());
  const std::size_t ampersand = rest.rfind('&');
  if (ampersand != std::string_view::npos && !rest.substr(ampersand).contains(';')) {
    rest = rest.substr(0, ampersand);
  }
  return std::string(rest) + std::string(kCut);
}

/// Reads a hook's address. Blocks for as long as the file system does; errors do not tell it.
Result<outbound::TargetUrl> read_url(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line(kUrlMax + 1, '\0');
  if (in) in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(in.is_open() ? static_cast<std::size_t>(in.gcount()) : 0);
  line.resize(std::min(line.size(), line.find_first_of("\r\n")));
  if (line.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                file + " cannot be read, or does not begin with a line that is the hook's URL");
  }
  auto url = outbound::parse_target_url(line);
  if (!url) return fail(ErrorCode::kInvalidArgument, file + ": " + url.error().message);
  return url;
}

/// What an operator can do about it; empty: nothing.
std::string_view remediation_for(unsigned status) {
  switch (status) {
    case 403:
      return "Allow the app to post there, or make a new incoming webhook and write its URL into "
             "the hook's file.";
    case 404:
    case 410:
      return "The room or its webhook is no more: make a new one and write its URL into the hook's "
             "file.";
    default:
      return {};
  }
}

}  // namespace

std::string chat_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string chat_payload(const Message& message) {
  // The text is escaped by whoever rendered it, as it may hold marks of its own; a title is plain.
  const std::string title = chat_escape(message.title);
  boost::json::array blocks;
  if (!message.title.empty()) {
    blocks.push_back(boost::json::object{
        {"type", "header"},
        {"text",
         boost::json::object{
             {"type", "plain_text"}, {"text", cut(message.title, kHeaderMax)}, {"emoji", false}}}});
  }
  if (!message.text.empty()) {
    blocks.push_back(boost::json::object{
        {"type", "section"},
        {"text",
         boost::json::object{{"type", "mrkdwn"}, {"text", cut(message.text, kSectionMax)}}}});
  }
  const std::string both =
      title.empty() || message.text.empty() ? title + message.text : title + "\n" + message.text;
  boost::json::object payload{{"text", cut(both, kTextMax)}};
  if (!blocks.empty()) payload["blocks"] = std::move(blocks);
  return json::to_text(payload);
}

Result<std::shared_ptr<ChatChannel>> ChatChannel::create(const std::vector<ChatHook>& hooks,
                                                         const Means& means) {
  std::shared_ptr<ChatChannel> channel(new ChatChannel(means));
  for (const ChatHook& hook : hooks) {
    if (const auto url = read_url(hook.url_file); !url) {
      return fail(ErrorCode::kInvalidArgument, hook.name + ": " + url.error().message);
    }
    channel->hooks_.emplace(
        hook.name, Hook{.url_file = hook.url_file, .breaker = CircuitBreaker::create({}).value()});
  }
  return channel;
}

boost::asio::awaitable<SendOutcome> ChatChannel::send(const Message& message, Milliseconds timeout,
                                                      std::stop_token stop) {
  const auto ends_at = std::chrono::steady_clock::now() + timeout;
  const auto found = hooks_.find(message.recipient.hook);
  if (found == hooks_.end()) {
    co_return std::unexpected(make_failure(
        FailureKind::kPermanent, kNoRecipient,
        fmt::format("There is no chat \"{}\" in the settings.", message.recipient.hook)));
  }
  Hook& hook = found->second;
  const auto url = co_await means_.pool.run([file = hook.url_file] { return read_url(file); });
  if (!url) {
    // Somebody is to correct it, or is replacing it in this moment.
    co_return std::unexpected(
        make_failure(FailureKind::kTransient, "CHAT_NOT_READY", url.error().message));
  }
  std::optional<CircuitBreaker::Permit> permit;
  {
    const std::lock_guard lock(mutex_);
    const MonotonicTime now = means_.clock.now().monotonic;
    const auto acquired = hook.breaker.acquire(now);
    if (!acquired) {
      worker::Failure failure =
          make_failure(FailureKind::kTransient, "CHAT_UNREACHABLE",
                       "The chat has failed too often lately, and is left alone for a while.");
      failure.retry_after = std::max(acquired.error() - now, Milliseconds(1));
      co_return std::unexpected(std::move(failure));
    }
    permit = *acquired;
  }
  const auto now = std::chrono::steady_clock::now();
  const auto response =
      co_await means_.client.fetch({.method = "POST",
                                    .url = url->str(),
                                    .headers = {{"Content-Type", "application/json"}},
                                    .body = chat_payload(message),
                                    .deadline = std::min(ends_at, now + kPostTimeout),
                                    .response_bytes_max = kResponseBytesMax,
                                    .when_too_large = outbound::WhenTooLarge::kTruncate,
                                    .stop = std::move(stop)});
  {
    const std::lock_guard lock(mutex_);
    // One message a second is what a room takes: 429 asks to wait, and is no sickness.
    const bool asked_to_wait = response && response->status == 429;
    hook.breaker.report(
        *permit,
        asked_to_wait ? CircuitBreaker::Outcome::kNeither : outbound::breaker_outcome(response),
        means_.clock.now().monotonic);
  }
  if (!response) co_return std::unexpected(unreachable(response.error(), "chat", "CHAT"));
  if (response->status >= 200 && response->status < 300) {
    co_return Sent{.provider = message.recipient.hook, .reference = ""};
  }
  worker::Failure failure = refusal(*response, "chat", means_.clock.now().wall);
  if (const auto remediation = remediation_for(response->status); !remediation.empty()) {
    failure.remediation = remediation;
  }
  co_return std::unexpected(std::move(failure));
}

}  // namespace errand::notification
