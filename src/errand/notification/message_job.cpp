#include "errand/notification/message_job.h"

#include <array>
#include <charconv>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::notification {
namespace {

constexpr std::array<std::string_view, kMilestoneCount> kMilestoneNames = {
    "ENQUEUED", "STARTED",       "PROGRESS", "WAITING", "SUCCEEDED",
    "FAILED",   "DEAD_LETTERED", "CANCELED", "EXPIRED", "OVERDUE"};

constexpr std::array<std::string_view, 4> kMessageTypes = {
    "errand.notify.mail", "errand.notify.web_push", "errand.notify.inbox", "errand.notify.slack"};

constexpr std::array<std::string_view, 3> kOutcomeNames = {"SENT", "SUPPRESSED", "DIGESTED"};

/// Bytes of a digest that name something: 128 bits.
constexpr std::size_t kNameBytes = 16;

std::string name_of(std::string_view text) {
  const crypto::Digest digest = crypto::sha256(text);
  return crypto::to_hex(std::span(digest).first(kNameBytes));
}

/// Members of an object of ours; wrong() once one is not as it is written.
class Members {
 public:
  explicit Members(std::string_view text) : value_(json::parse(text)) {
    if (value_) object_ = value_->if_object();
  }

  [[nodiscard]] bool wrong() const { return object_ == nullptr || wrong_; }

  std::string text(std::string_view name) {
    const auto* found = find(name);
    if (found == nullptr) return {};
    if (!found->is_string()) {
      wrong_ = true;
      return {};
    }
    return {found->get_string().data(), found->get_string().size()};
  }
  std::int64_t integer(std::string_view name) {
    const auto* found = find(name);
    if (found == nullptr) return 0;
    if (!found->is_int64()) {
      wrong_ = true;
      return 0;
    }
    return found->get_int64();
  }
  double number(std::string_view name) {
    const auto* found = find(name);
    if (found == nullptr) return 0;
    if (found->is_int64()) return static_cast<double>(found->get_int64());
    if (!found->is_double()) {
      wrong_ = true;
      return 0;
    }
    return found->get_double();
  }
  bool flag(std::string_view name) {
    const auto* found = find(name);
    return found != nullptr && found->is_bool() && found->get_bool();
  }

 private:
  const boost::json::value* find(std::string_view name) {
    return object_ == nullptr ? nullptr : object_->if_contains(name);
  }

  Result<boost::json::value> value_;
  const boost::json::object* object_ = nullptr;
  bool wrong_ = false;
};

void write_text(json::Writer& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.key(name);
  out.string(text);
}

}  // namespace

std::string_view to_string(Milestone milestone) noexcept {
  return kMilestoneNames.at(static_cast<std::size_t>(milestone));
}

std::optional<Milestone> parse_milestone(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kMilestoneNames.size(); ++i) {
    if (kMilestoneNames.at(i) == text) return static_cast<Milestone>(i);
  }
  return std::nullopt;
}

std::string_view message_type(ChannelKind channel) noexcept {
  return kMessageTypes.at(static_cast<std::size_t>(channel));
}

std::optional<ChannelKind> channel_of(const JobTypeName& type) noexcept {
  for (std::size_t i = 0; i < kMessageTypes.size(); ++i) {
    if (kMessageTypes.at(i) == type.view()) return static_cast<ChannelKind>(i);
  }
  return std::nullopt;
}

SubjectId recipient_identity(const SubjectId& subject, ChannelKind channel,
                             std::string_view address) {
  if (!subject.empty()) return subject;
  return SubjectId((channel == ChannelKind::kSlack ? "slack:" : "mailto:") + std::string(address));
}

std::string job_tag(const JobId& job) { return "job:" + job.str(); }

std::string recipient_tag(const SubjectId& identity) { return "to:" + name_of(identity.view()); }

std::string digest_tag(const SubjectId& identity, ChannelKind channel, std::string_view category) {
  return "digest:" +
         name_of(fmt::format("{}\n{}\n{}", to_string(channel), category, identity.view()));
}

std::string MessageJob::dedupe_key() const {
  return name_of(fmt::format("{}\n{}\n{}\n{}\n{}\n{}", job.str(), run, to_string(milestone), share,
                             to_string(channel), identity().view()));
}

std::string MessageJob::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_text(out, "job", job.str());
  out.key("run");
  out.unsigned_integer(run);
  out.key("sequence");
  out.unsigned_integer(to_number(sequence));
  write_text(out, "milestone", to_string(milestone));
  if (share > 0) {
    out.key("share");
    out.number(share);
  }
  write_text(out, "channel", to_string(channel));
  write_text(out, "subject", subject.view());
  write_text(out, "address", address);
  write_text(out, "policy", policy);
  write_text(out, "category", category);
  if (mandatory) {
    out.key("mandatory");
    out.boolean(true);
  }
  write_text(out, "template", template_name);
  out.end_object();
  return text;
}

std::optional<MessageJob> parse_message_job(std::string_view text) {
  Members in(text);
  const auto id = JobId::parse(in.text("job"));
  const auto milestone = parse_milestone(in.text("milestone"));
  const auto channel = parse_channel_kind(in.text("channel"));
  const std::int64_t run = in.integer("run");
  const std::int64_t sequence = in.integer("sequence");
  if (!id || !milestone || !channel || run < 1 || sequence < 1) return std::nullopt;
  MessageJob message{.job = *id,
                     .run = static_cast<std::uint32_t>(run),
                     .sequence = Sequence{static_cast<std::uint64_t>(sequence)},
                     .milestone = *milestone,
                     .share = in.number("share"),
                     .channel = *channel,
                     .subject = SubjectId(in.text("subject")),
                     .address = in.text("address"),
                     .policy = in.text("policy"),
                     .category = in.text("category"),
                     .mandatory = in.flag("mandatory"),
                     .template_name = in.text("template")};
  if (in.wrong()) return std::nullopt;
  return message;
}

std::string_view to_string(MessageOutcome outcome) noexcept {
  return kOutcomeNames.at(static_cast<std::size_t>(outcome));
}

std::string MessageResult::to_json() const {
  std::string out_text;
  json::Writer out(out_text);
  out.begin_object();
  write_text(out, "outcome", to_string(outcome));
  write_text(out, "reason", to_string(reason));
  write_text(out, "messageId", message_id);
  write_text(out, "provider", provider);
  write_text(out, "reference", reference);
  if (digest) write_text(out, "digest", digest->str());
  write_text(out, "title", title);
  write_text(out, "text", text);
  write_text(out, "link", link);
  if (messages > 0) {
    out.key("messages");
    out.unsigned_integer(messages);
  }
  out.end_object();
  return out_text;
}

std::optional<MessageResult> parse_message_result(std::string_view text) {
  Members in(text);
  const std::string outcome = in.text("outcome");
  const auto reason = parse_decision_reason(in.text("reason"));
  if (!reason) return std::nullopt;
  MessageResult result{.reason = *reason,
                       .message_id = in.text("messageId"),
                       .provider = in.text("provider"),
                       .reference = in.text("reference"),
                       .digest = JobId::parse(in.text("digest")),
                       .title = in.text("title"),
                       .text = in.text("text"),
                       .link = in.text("link"),
                       .messages = static_cast<std::uint32_t>(in.integer("messages"))};
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
    if (kOutcomeNames.at(i) != outcome) continue;
    result.outcome = static_cast<MessageOutcome>(i);
    if (!in.wrong()) return result;
  }
  return std::nullopt;
}

std::string DigestJob::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_text(out, "channel", to_string(channel));
  write_text(out, "subject", subject.view());
  write_text(out, "address", address);
  write_text(out, "category", category);
  out.end_object();
  return text;
}

std::optional<DigestJob> parse_digest_job(std::string_view text) {
  Members in(text);
  const auto channel = parse_channel_kind(in.text("channel"));
  if (!channel) return std::nullopt;
  DigestJob digest{.channel = *channel,
                   .subject = SubjectId(in.text("subject")),
                   .address = in.text("address"),
                   .category = in.text("category")};
  if (in.wrong()) return std::nullopt;
  return digest;
}

}  // namespace errand::notification
