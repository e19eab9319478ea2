#include "errand/notification/template_set.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <kainjow/mustache.hpp>

#include "errand/base/utf8.h"
#include "errand/notification/chat_channel.h"
#include "errand/notification/template_check.h"

namespace errand::notification {
namespace {

namespace json = boost::json;
namespace mustache = kainjow::mustache;

constexpr std::size_t kFileBytesMax = 64 << 10;
constexpr std::size_t kFilesMax = 10'000;
constexpr const char* kAnyChannel = "message";

/// The server's own texts.
struct Standard {
  Milestone milestone;
  const char* title;
  const char* text;
};
constexpr std::array kStandard{
    Standard{Milestone::kEnqueued, "{{job.type}} was accepted",
             "{{job.type}} was accepted and waits for its turn.\n"},
    Standard{Milestone::kStarted, "{{job.type}} has started", "{{job.type}} has started.\n"},
    Standard{Milestone::kProgress, "{{job.type}}: {{progress.percent}} % done",
             "{{job.type}} is {{progress.percent}} % done."
             "{{#progress.message}} {{progress.message}}{{/progress.message}}\n"},
    Standard{Milestone::kWaiting, "{{job.type}} waits",
             "{{job.type}} waits for something outside before it can go on. It may need you.\n"},
    Standard{Milestone::kOverdue, "{{job.type}} takes longer than usual",
             "{{job.type}} still runs, longer than nine in ten of its kind.\n"},
    Standard{Milestone::kSucceeded, "{{job.type}} is done",
             "{{job.type}} is done{{#job.duration}}, after {{job.duration}}{{/job.duration}}.\n"},
    Standard{Milestone::kFailed, "{{job.type}} failed",
             "{{job.type}} failed{{#error}}: {{error.message}}{{/error}}\n"
             "{{#error.remediation}}\n{{error.remediation}}\n{{/error.remediation}}"},
    Standard{Milestone::kDeadLettered, "{{job.type}} failed and needs an operator",
             "{{job.type}} failed after {{job.attempt}} attempts and waits for an operator"
             "{{#error}}: {{error.message}}{{/error}}\n"
             "{{#error.remediation}}\n{{error.remediation}}\n{{/error.remediation}}"},
    Standard{Milestone::kCanceled, "{{job.type}} was canceled", "{{job.type}} was canceled.\n"},
    Standard{Milestone::kExpired, "{{job.type}} expired",
             "{{job.type}} was not done in time{{#error}}: {{error.message}}{{/error}}\n"},
};
/// Put after the text, and around it in HTML.
constexpr const char* kStandardFooter =
    "{{#link}}\n\n{{link}}\n{{/link}}{{#unsubscribeUrl}}\n\nTo hear no more of this: "
    "{{unsubscribeUrl}}\n{{/unsubscribeUrl}}";
constexpr const char* kStandardHtml =
    "<!doctype html>\n<html lang=\"en\"><head><meta "
    "charset=\"utf-8\"><title>{{title}}</title></head>"
    "<body style=\"font:16px/1.5 sans-serif;max-width:36em;margin:2em auto;padding:0 1em\">\n"
    "<h1 style=\"font-size:1.25em\">{{title}}</h1>\n"
    "{{#error}}<p>{{error.message}}</p>\n{{#remediation}}<p>{{remediation}}</p>\n{{/remediation}}"
    "{{/error}}{{#progress.message}}<p>{{progress.message}}</p>\n{{/progress.message}}"
    "{{#link}}<p><a href=\"{{link}}\">{{link}}</a></p>\n{{/link}}"
    "<p style=\"color:#666;font-size:.85em\">{{job.type}} {{job.id}}, {{time}}"
    "{{#unsubscribeUrl}}<br><a href=\"{{unsubscribeUrl}}\">Unsubscribe</a>{{/unsubscribeUrl}}</p>\n"
    "</body></html>\n";

std::string channel_word(NotifyChannel channel) {
  switch (channel) {
    case NotifyChannel::kEmail:
      return "email";
    case NotifyChannel::kWebPush:
      return "web_push";
    case NotifyChannel::kInApp:
      return "in_app";
    case NotifyChannel::kChat:
      return "chat";
  }
  return "email";
}

bool is_locale(std::string_view text) {
  return text.size() >= 2 && text.size() <= 35 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

std::unexpected<Error> refuse(const std::string& file, std::string_view why) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("{}: {}", file, why));
}

mustache::data to_data(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return mustache::data(mustache::data::type::bool_false);
    case json::kind::bool_:
      return mustache::data(value.get_bool() ? mustache::data::type::bool_true
                                             : mustache::data::type::bool_false);
    case json::kind::string:
      // What is empty is not there, so that sections can ask for it.
      if (value.get_string().empty()) return mustache::data(mustache::data::type::bool_false);
      return mustache::data(std::string(value.get_string()));
    case json::kind::array: {
      mustache::data list(mustache::data::type::list);
      for (const json::value& item : value.get_array()) list << to_data(item);
      return list;
    }
    case json::kind::object: {
      mustache::data object;
      for (const auto& [name, member] : value.get_object()) {
        object.set(std::string(name), to_data(member));
      }
      return object;
    }
    default:
      return mustache::data(json::serialize(value));
  }
}

std::string as_is(std::string_view text) { return std::string(text); }

/// Ends of lines and other control characters become spaces, so that a value can begin no header.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  while (text.ends_with(' ')) text.pop_back();
  const std::size_t begin = text.find_first_not_of(' ');
  text.erase(0, begin == std::string::npos ? text.size() : begin);
  return std::string(cut_utf8(text, kTitleBytesMax));
}

const Standard& standard(Milestone milestone) {
  return *std::ranges::find(kStandard, milestone, &Standard::milestone);
}

}  // namespace

Result<TemplateSet> TemplateSet::load(const std::string& folder) {
  namespace fs = std::filesystem;
  TemplateSet set;
  if (folder.empty()) return set;
  std::error_code error;
  fs::directory_iterator templates(folder, error);
  if (error) return refuse(folder, "the folder of templates cannot be read: " + error.message());
  for (const fs::directory_entry& entry : templates) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) continue;
    if (!entry.is_directory(error) || !contract::is_notify_name(name)) {
      return refuse(entry.path().string(),
                    "is no folder of a template, whose name is 1 to 64 of a-z, 0-9, \"-\" and "
                    "\"_\"");
    }
    fs::directory_iterator files(entry.path(), error);
    if (error) return refuse(entry.path().string(), "cannot be read: " + error.message());
    for (const fs::directory_entry& file : files) {
      const std::string path = file.path().string();
      const std::string file_name = file.path().filename().string();
      if (file_name.starts_with('.')) continue;
      const auto first = file_name.find('.');
      const auto last = file_name.rfind('.');
      const std::string what = file_name.substr(0, first);
      const std::string part = last == std::string::npos ? "" : file_name.substr(last + 1);
      std::string locale = first < last ? file_name.substr(first + 1, last - first - 1) : "";
      const bool for_channel =
          std::ranges::any_of(contract::kNotifyChannels,
                              [&](NotifyChannel channel) { return channel_word(channel) == what; });
      const bool is_part = part == "title" || part == "text" || part == "html";
      if ((!for_channel && what != kAnyChannel) || !is_part ||
          (!locale.empty() && !is_locale(locale))) {
        return refuse(path,
                      "a file of a template is called FOR[.LOCALE].PART, where FOR is message, "
                      "email, web_push, in_app or chat, and PART is title, text or html, such as "
                      "email.de.text");
      }
      if (set.sources_.size() >= kFilesMax) return refuse(folder, "has more than 10,000 files");
      std::ifstream in(file.path(), std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      if (!in) return refuse(path, "cannot be read");
      if (text.size() > kFileBytesMax) return refuse(path, "is larger than 64 KiB");
      if (!is_valid_utf8(text)) return refuse(path, "is not UTF-8");
      if (const auto checked = check_template_syntax(text); !checked) {
        return refuse(path, checked.error().message);
      }
      const Part kind = part == "title" ? Part::kTitle : part == "text" ? Part::kText : Part::kHtml;
      set.sources_.emplace(Key{name, what, std::move(locale), kind},
                           Source{.file = path, .text = std::move(text)});
    }
  }
  return set;
}

bool TemplateSet::has(std::string_view name) const {
  return std::ranges::any_of(sources_,
                             [&](const auto& entry) { return std::get<0>(entry.first) == name; });
}

Result<void> TemplateSet::check(std::string_view name, const contract::JobType& type) const {
  for (const auto& [key, source] : sources_) {
    if (std::get<0>(key) != name) continue;
    if (const auto checked = check_template_names(source.text, type); !checked) {
      return refuse(source.file, checked.error().message);
    }
  }
  return {};
}

const TemplateSet::Source* TemplateSet::find(const Request& request, Part part) const {
  if (request.name.empty()) return nullptr;
  std::vector<std::string> locales;
  for (std::string locale(request.locale); !locale.empty();) {
    locales.push_back(locale);
    const auto dash = locale.rfind('-');
    locale.resize(dash == std::string::npos ? 0 : dash);
  }
  locales.emplace_back();
  for (const std::string& locale : locales) {
    for (const std::string& what : {channel_word(request.channel), std::string(kAnyChannel)}) {
      const auto found = sources_.find(Key{std::string(request.name), what, locale, part});
      if (found != sources_.end()) return &found->second;
    }
  }
  return nullptr;
}

Result<std::string> TemplateSet::render_part(const Request& request, Part part,
                                             const json::object& data) const {
  std::string text;
  if (const Source* source = find(request, part)) {
    text = source->text;
  } else if (part == Part::kHtml) {
    // Texts of one's own without mark-up are mails without mark-up.
    if (find(request, Part::kText) != nullptr) return std::string();
    text = kStandardHtml;
  } else if (part == Part::kTitle) {
    text = standard(request.milestone).title;
  } else {
    text = standard(request.milestone).text;
    if (request.channel == NotifyChannel::kEmail || request.channel == NotifyChannel::kChat) {
      text += kStandardFooter;
    }
  }
  mustache::mustache made(text);
  if (part != Part::kHtml) {
    made.set_custom_escape(
        request.channel == NotifyChannel::kChat && part == Part::kText ? chat_escape : as_is);
  }
  std::string rendered = made.render(to_data(data));
  if (!made.is_valid()) return fail(ErrorCode::kConfigInvalid, made.error_message());
  if (rendered.size() > kTextBytesMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("the message would be larger than {} bytes", kTextBytesMax));
  }
  return rendered;
}

Result<TemplateSet::Text> TemplateSet::render(const Request& request,
                                              const json::object& data) const {
  auto title = render_part(request, Part::kTitle, data);
  if (!title) return std::unexpected(title.error());
  Text text{.title = one_line(*std::move(title))};
  json::object with_title = data;
  with_title["title"] = text.title;
  auto body = render_part(request, Part::kText, with_title);
  if (!body) return std::unexpected(body.error());
  // A mail ends with the end of its last line; elsewhere there is none to be shown.
  if (request.channel != NotifyChannel::kEmail) {
    body->erase(body->find_last_not_of(" \t\r\n") + 1);
  }
  text.text = *std::move(body);
  if (request.channel == NotifyChannel::kEmail) {
    auto html = render_part(request, Part::kHtml, with_title);
    if (!html) return std::unexpected(html.error());
    text.html = *std::move(html);
  }
  return text;
}

}  // namespace errand::notification
