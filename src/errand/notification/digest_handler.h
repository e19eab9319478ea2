#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
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

  /// Names the recipient, channel and category, and begins the keys of the records that wait for
  /// their digests, whichever window they were meant for. Holds no address.
  [[nodiscard]] std::string group(const crypto::HmacKey& payload_key) const;
  /// Names the window.
  [[nodiscard]] std::string key(const crypto::HmacKey& payload_key) const;
  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const Digest&, const Digest&) = default;
};
/// @return nullopt for what to_json() did not write
std::optional<Digest> parse_digest(std::string_view json, const TenantId& tenant);

/// Makes the job that sends `digest`, or a later one where that is under way or over. A job that
/// runs may have looked before what is to be sent was there.
struct ScheduledDigest {
  JobId job;
  Timestamp until{};  ///< the end of its window
};
boost::asio::awaitable<Result<ScheduledDigest>> schedule_digest(const runtime::LaneClient& lane,
                                                                Digest digest,
                                                                crypto::HmacKey payload_key,
                                                                Timestamp now, Random& random);

/// What makes a message wait for its digest: it, and a mark that it did, which outlives it. Refused
/// with kConflict where that was written before, be the message sent by now or not.
std::vector<engine::RecordChange> gathered(const Digest& digest, const Message& message,
                                           const crypto::HmacKey& payload_key);

/// Sends what waits as one message, once the window is over and the user's quiet hours are. Each
/// waiting message is claimed by one digest before it is sent, so that it stands in no other.
/// Thread-safe.
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
    Random& random;  ///< thread-safe
  };

  explicit DigestHandler(Means means) : means_(std::move(means)) {}

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  struct Facts {
    std::vector<store::Record> records;
    bool more = false;  ///< others wait, for the next digest
    Preferences preferences;
    Contact contact;
  };
  /// On the pool. Those that `job` has claimed before, which its message has held from then on;
  /// where there are none, those that wait unclaimed.
  [[nodiscard]] Result<Facts> load(const Digest& digest, const JobId& job) const;
  boost::asio::awaitable<Result<void>> claim(std::vector<store::Record>& records, JobId job);
  boost::asio::awaitable<void> erase(const std::vector<store::Record>& records);
  [[nodiscard]] Message make(const Digest& digest, const Facts& facts, const JobId& job) const;

  const Means means_;
};

}  // namespace errand::notification
