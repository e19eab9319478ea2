#include "errand/app/unsubscribe_page.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "errand/engine/request.h"

namespace errand::app {
namespace {

namespace asio = boost::asio;
using notification::NotifyChannel;
using notification::Subscription;
using notification::UserBook;

/// Of a form with one field, as multipart/form-data too.
constexpr std::size_t kBodyBytesMax = 4'096;
constexpr int kTries = 3;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string_view channel_words(NotifyChannel channel) {
  switch (channel) {
    case NotifyChannel::kEmail:
      return "by mail";
    case NotifyChannel::kWebPush:
      return "as push messages";
    case NotifyChannel::kInApp:
      return "in the inbox";
    case NotifyChannel::kChat:
      return "in the chat";
  }
  return "by mail";
}

net::HttpResponse page(unsigned status, std::string_view title, std::string_view content) {
  net::HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("X-Robots-Tag", "noindex");
  response.headers.set("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                       "frame-ancestors 'none'; base-uri 'none'");
  response.body = fmt::format(
      R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{0}</title>
<style>
:root {{ color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; }}
main {{ max-width: 30rem; padding: 1.5rem; }}
h1 {{ font-size: 1.4rem; line-height: 1.25; margin: 0 0 .75rem; }}
button {{ font: inherit; padding: .5rem 1.1rem; border-radius: .4rem; border: 1px solid; background: none; color: inherit; cursor: pointer; }}
button.first {{ background: #1a6b54; border-color: #1a6b54; color: #fff; }}
</style>
</head>
<body>
<main>
<h1>{0}</h1>
{1}
</main>
</body>
</html>
)",
      escaped(title), content);
  return response;
}

net::HttpResponse not_found() {
  return page(404, "This link is not good",
              "<p>It may have been cut off. Copy it whole from the message, or take the link of a "
              "newer one.</p>");
}

std::string button(std::string_view name, std::string_view value, std::string_view text,
                   bool first) {
  return fmt::format("<form method=\"post\"><button{} name=\"{}\" value=\"{}\">{}</button></form>",
                     first ? " class=\"first\"" : "", name, value, text);
}

net::HttpResponse ask(const UnsubscribePages& pages, const Subscription& subscription) {
  return page(
      200, "Unsubscribe?",
      fmt::format("<p>You would get no more messages about “{}” {}.</p>\n{}",
                  escaped(pages.title(subscription.category)), channel_words(subscription.channel),
                  button("List-Unsubscribe", "One-Click", "Unsubscribe", true)));
}

net::HttpResponse done(const UnsubscribePages& pages, const Subscription& subscription,
                       bool enabled) {
  const std::string what = fmt::format("“{}” {}", escaped(pages.title(subscription.category)),
                                       channel_words(subscription.channel));
  if (enabled) {
    return page(200, "You are subscribed again",
                fmt::format("<p>You get messages about {}.</p>\n{}", what,
                            button("List-Unsubscribe", "One-Click", "Unsubscribe", false)));
  }
  return page(200, "You are unsubscribed",
              fmt::format("<p>You get no more messages about {}.</p>\n{}", what,
                          button("undo", "1", "Undo", false)));
}

/// Writes the choice of one category over one channel.
asio::awaitable<Result<void>> choose(const UnsubscribePages& pages, Subscription subscription,
                                     bool enabled) {
  for (int i = 0;; ++i) {
    auto kept = co_await pages.pool.run([&users = pages.users, subscription] {
      return users.preferences(subscription.tenant, subscription.user);
    });
    if (!kept) co_return std::unexpected(std::move(kept.error()));
    auto& choices = kept->value.choices;
    const auto found = std::ranges::find_if(choices, [&](const auto& choice) {
      return choice.category == subscription.category && choice.channel == subscription.channel;
    });
    if (found != choices.end()) {
      if (found->enabled == enabled) co_return Result<void>();
      found->enabled = enabled;
    } else {
      choices.push_back(
          {.category = subscription.category, .channel = subscription.channel, .enabled = enabled});
    }
    const auto written = co_await pages.lane.execute(engine::WriteRecords{
        .changes = {UserBook::write(subscription.tenant, subscription.user, *kept)}});
    if (written) co_return Result<void>();
    // The user changes them at this moment too.
    if (written.error().code != ErrorCode::kConflict || i + 1 == kTries) {
      co_return std::unexpected(written.error());
    }
  }
}

/// Whether a form holds that field; mail programs may send it as multipart/form-data as well.
bool has_field(const net::HttpRequest& form, std::string_view name, std::string_view value) {
  std::string_view rest = form.body;
  if (form.header("Content-Type").value_or("").starts_with("multipart/")) {
    return rest.contains(fmt::format("name=\"{}\"\r\n", name)) &&
           rest.contains(fmt::format("\r\n{}\r\n", value));
  }
  const std::string wanted = fmt::format("{}={}", name, value);
  while (true) {
    const auto end = rest.find('&');
    std::string_view field = rest.substr(0, end);
    // As typed by hand, with a line's end.
    while (field.ends_with('\n') || field.ends_with('\r')) field.remove_suffix(1);
    if (field == wanted) return true;
    if (end == std::string_view::npos) return false;
    rest.remove_prefix(end + 1);
  }
}

asio::awaitable<net::HttpResponse> handle(net::HttpRequest request,
                                          std::shared_ptr<const UnsubscribePages> pages) {
  const auto subscription = pages->links.read(
      std::string_view(request.path).substr(notification::UnsubscribeLinks::kPath.size()));
  if (!subscription) co_return not_found();
  if (request.method != "POST") co_return ask(*pages, *subscription);
  if (request.body.size() > kBodyBytesMax) {
    co_return page(413, "That is too much", "<p>The form has one field. Nothing was changed.</p>");
  }
  const bool leave = has_field(request, "List-Unsubscribe", "One-Click");
  if (!leave && !has_field(request, "undo", "1")) {
    co_return page(400, "Nothing was changed",
                   "<p>A mail program sends <code>List-Unsubscribe=One-Click</code>.</p>" +
                       button("List-Unsubscribe", "One-Click", "Unsubscribe", true));
  }
  const auto chosen = co_await choose(*pages, *subscription, !leave);
  if (!chosen) {
    auto response = page(503, "Not now", "<p>Please try it again in a minute.</p>");
    response.headers.set("Retry-After", "60");
    co_return response;
  }
  co_return done(*pages, *subscription, !leave);
}

}  // namespace

void add_unsubscribe_pages(net::Router& router, UnsubscribePages pages) {
  const auto shared = std::make_shared<const UnsubscribePages>(std::move(pages));
  router.add(net::Route{.methods = {"GET", "POST"},
                        .path = std::string(notification::UnsubscribeLinks::kPath) + "*",
                        .handler = [shared](net::HttpRequest request) {
                          return handle(std::move(request), shared);
                        }});
}

}  // namespace errand::app
