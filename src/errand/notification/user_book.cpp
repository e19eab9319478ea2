#include "errand/notification/user_book.h"

#include <algorithm>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/outbound/target_url.h"

namespace errand::notification {
namespace {

constexpr const char* kPreferences = "notification_preferences";
constexpr const char* kContact = "notification_contact";
constexpr std::string_view kAddressPrefix = "mailto:";

std::unexpected<Error> damaged(std::string_view what, std::string_view user) {
  return fail(ErrorCode::kStoreCorrupt, fmt::format("The {} of \"{}\" are damaged.", what, user));
}

}  // namespace

Result<UserBook::Kept<Preferences>> UserBook::preferences(const TenantId& tenant,
                                                          std::string_view user) const {
  const auto record = reader_.record({kPreferences, tenant, std::string(user)});
  if (!record) return std::unexpected(record.error());
  if (!*record) return Kept<Preferences>{};
  auto value = parse_preferences((*record)->text);
  if (!value) return damaged("preferences", user);
  return Kept<Preferences>{*std::move(value), (*record)->revision};
}

Result<UserBook::Kept<Contact>> UserBook::contact(const TenantId& tenant,
                                                  std::string_view user) const {
  const auto record = reader_.record({kContact, tenant, std::string(user)});
  if (!record) return std::unexpected(record.error());
  if (!*record) return Kept<Contact>{};
  const auto value = json::parse((*record)->text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return damaged("contact data", user);
  const auto member = [&](const char* name) {
    const auto* text = object->if_contains(name);
    return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
  };
  return Kept<Contact>{
      {.address = member("address"), .locale = member("locale"), .zone = member("zone")},
      (*record)->revision};
}

engine::RecordChange UserBook::write(const TenantId& tenant, std::string_view user,
                                     const Kept<Preferences>& preferences) {
  return {.id = {kPreferences, tenant, std::string(user)},
          .text = preferences.value.to_json(),
          .if_revision = preferences.revision};
}

engine::RecordChange UserBook::write(const TenantId& tenant, std::string_view user,
                                     const Kept<Contact>& contact) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] :
       {std::pair{"address", contact.value.address}, std::pair{"locale", contact.value.locale},
        std::pair{"zone", contact.value.zone}}) {
    out.key(name);
    out.string(value);
  }
  out.end_object();
  return {.id = {kContact, tenant, std::string(user)},
          .text = std::move(text),
          .if_revision = contact.revision};
}

std::string UserBook::user_of(const Recipient& recipient) {
  if (!recipient.subject.empty()) return recipient.subject.str();
  if (recipient.address.empty()) return {};
  return std::string(kAddressPrefix) + recipient.address;
}

std::string mail_address_of(const Recipient& recipient, const Contact& contact) {
  if (!recipient.address.empty()) return recipient.address;
  return contact.address.empty() ? recipient.subject.str() : contact.address;
}

bool is_mail_address(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254) return false;
  const std::string_view local = text.substr(0, at);
  const bool plain = std::ranges::all_of(local, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(c);
  });
  if (!plain || local.front() == '.' || local.back() == '.' || local.contains("..")) return false;
  const auto domain = outbound::normalize_host_name(text.substr(at + 1));
  return domain && !domain->contains('_') && !text.ends_with('.');
}

Result<void> check_contact(const Contact& contact) {
  const auto invalid = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  if (!contact.address.empty() && !is_mail_address(contact.address)) {
    return invalid("The address is none of mail; write one such as \"ann@example.org\".");
  }
  const bool is_locale = std::ranges::all_of(contact.locale, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!is_locale || contact.locale.size() > 35) {
    return invalid("The locale is no language tag (BCP 47); write one such as \"de-AT\".");
  }
  if (!contact.zone.empty() && !is_time_zone(contact.zone)) {
    return invalid(fmt::format(
        "There is no time zone \"{}\"; write one of the IANA database, such as \"Europe/Vienna\".",
        contact.zone));
  }
  return {};
}

}  // namespace errand::notification
