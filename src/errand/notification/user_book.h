#pragma once

#include <cstdint>
#include <string>

#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/engine/request.h"
#include "errand/notification/channel.h"
#include "errand/notification/preferences.h"
#include "errand/store/reader.h"

namespace errand::notification {

/// How a user can be reached, and is spoken to. A plain value.
struct Contact {
  std::string address;  ///< of mail; empty: the subject, where that is one
  std::string locale;   ///< "de-AT"; empty: the default
  std::string zone;     ///< IANA time zone; empty: that of the quiet hours, else UTC

  friend bool operator==(const Contact&, const Contact&) = default;
};

/// Reads what is kept of users and recipients, and makes what changes it. The one place that knows
/// how it is stored: two records a user. Thread-safe; `reader` outlives it.
class UserBook {
 public:
  explicit UserBook(const store::Reader& reader) : reader_(reader) {}

  /// A value with the revision that a change of it is based on; 0: it is not there yet.
  template <class T>
  struct Kept {
    T value;
    std::uint64_t revision = 0;
  };

  /// Calls may block on the disk. @return the store's errors
  [[nodiscard]] Result<Kept<Preferences>> preferences(const TenantId& tenant,
                                                      std::string_view user) const;
  [[nodiscard]] Result<Kept<Contact>> contact(const TenantId& tenant, std::string_view user) const;

  /// `user` is user_of(). Both are to be checked before.
  [[nodiscard]] static engine::RecordChange write(const TenantId& tenant, std::string_view user,
                                                  const Kept<Preferences>& preferences);
  [[nodiscard]] static engine::RecordChange write(const TenantId& tenant, std::string_view user,
                                                  const Kept<Contact>& contact);

  /// Under which name the recipient's preferences are kept: its subject, else its address. Empty
  /// for a chat, which has none.
  [[nodiscard]] static std::string user_of(const Recipient& recipient);

 private:
  const store::Reader& reader_;
};

/// @return kInvalidArgument saying what is wrong and what to write instead
Result<void> check_contact(const Contact& contact);

/// Whether `text` is an address that mail can be sent to: one "@", a local part of the unquoted
/// characters of RFC 5321, 4.1.2 (ASCII), a domain of at least one label; 254 characters at most.
[[nodiscard]] bool is_mail_address(std::string_view text);

/// Where mail for `recipient` goes: its own address, else its contact's, else the subject, which
/// may itself be one, as many identity providers have it.
std::string mail_address_of(const Recipient& recipient, const Contact& contact);

}  // namespace errand::notification
