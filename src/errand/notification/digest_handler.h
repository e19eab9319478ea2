#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/crypto/digest.h"
#include "errand/engine/request.h"
#include "errand/notification/channel.h"
#include "errand/notification/message_handler.h"
#include "errand/notification/user_book.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/reader.h"
#include "errand/worker/attempt.h"

namespace errand::notification {

/// Type and queue of the jobs that send what was gathered.
inline constexpr std::string_view kDigestType = "errand.notify.digest";

/// Messages to one recipient over one channel, of one category, until one time: sent as one.
struct Digest {
  NotifyChannel channel = NotifyChannel::kEmail;
  Recipient recipient;
  std::string category;
  Timestamp until{};

  /// Names the window, and begins the keys of its records. Holds no address.
  [[nodiscard]] std::string key(const crypto::HmacKey& payload_key) const;
  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const Digest&, const Digest&) = default;
};
/// @return nullopt for what to_json() did not write
std::optional<Digest> parse_digest(std::string_view json, const TenantId& tenant);

/// The record of a message that waits for its digest.
engine::RecordChange gathered(const Digest& digest, const Message& message,
                              const crypto::HmacKey& payload_key);

/// Sends what was gathered in a window as one message, once it is over and the user's quiet hours
/// are. Thread-safe.
class DigestHandler final : public worker::Handler {
 public:
  /// All outlive the handler.
  struct Means {
    const Channels& channels;
    const UnsubscribeLinks& links;
    const UserBook& users;
    const store::Reader& reader;
    async::BlockingPool& pool;
    runtime::LaneClient lane;
    crypto::HmacKey payload_key;  ///< under crypto::kPayloadDigestLabel
    const Clock& clock;
  };

  explicit DigestHandler(Means means) : means_(std::move(means)) {}

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  struct Facts {
    std::vector<store::Record> records;
    Preferences preferences;
  };
  [[nodiscard]] Result<Facts> load(const Digest& digest) const;
  [[nodiscard]] Message make(const Digest& digest, const std::vector<store::Record>& records,
                             std::string id) const;

  const Means means_;
};

}  // namespace errand::notification
