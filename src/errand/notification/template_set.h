#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/contract/job_type.h"
#include "errand/notification/channel.h"

namespace errand::notification {

/// The texts of messages, in Mustache: the server's own in English, and those of a folder.
///
/// A template is a folder of that name with files `FOR[.LOCALE].PART`: FOR is a channel (email,
/// web_push, in_app, chat) or `message` for all, PART is title, text or html: `email.de.text`. Of
/// several the one of the locale counts ("de-AT", then "de", then without), and within it that of
/// the channel; what is not there is the server's own.
///
/// Variables are of the job (`job.type`), of its arguments (`input.email`), of its result
/// (`result.rows`), and of the message (docs/operating/notifications.md). Values are escaped as the
/// part needs it. Neither partials nor lambdas nor other delimiters: what a template can do is
/// bounded. Immutable, hence safe to share between threads.
class TemplateSet {
 public:
  /// Reads `folder`; empty: the server's own alone.
  /// @return kConfigInvalid naming file, line and what is wrong
  static Result<TemplateSet> load(const std::string& folder);

  /// Whether the folder has `name`.
  [[nodiscard]] bool has(std::string_view name) const;

  /// Whether all variables of template `name` are there for messages about jobs of `type`.
  /// @return kConfigInvalid naming file, line, variable and the nearest ones
  [[nodiscard]] Result<void> check(std::string_view name, const contract::JobType& type) const;

  /// A message in words.
  struct Text {
    std::string title;  ///< one line, at most kTitleBytesMax
    std::string text;
    std::string html;  ///< but for kEmail empty
  };
  /// What is rendered.
  struct Request {
    std::string_view name;  ///< empty: the server's own
    NotifyChannel channel = NotifyChannel::kEmail;
    std::string_view locale;  ///< "de-AT"; empty: the default
    Milestone milestone = Milestone::kSucceeded;
  };
  /// @return kLimitExceeded for a text of more than kTextBytesMax
  [[nodiscard]] Result<Text> render(const Request& request, const boost::json::object& data) const;

 private:
  enum class Part : std::uint8_t { kTitle, kText, kHtml };
  struct Source {
    std::string file;  ///< for errors
    std::string text;
  };
  /// Template, channel or "message", locale, part.
  using Key = std::tuple<std::string, std::string, std::string, Part>;

  [[nodiscard]] const Source* find(const Request& request, Part part) const;
  [[nodiscard]] Result<std::string> render_part(const Request& request, Part part,
                                                const boost::json::object& data) const;

  std::map<Key, Source> sources_;
};

inline constexpr std::size_t kTitleBytesMax = 240;
inline constexpr std::size_t kTextBytesMax = 64 << 10;

}  // namespace errand::notification
