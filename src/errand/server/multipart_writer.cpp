#include "errand/server/multipart_writer.h"

#include <utility>

namespace errand::server {

namespace asio = boost::asio;

namespace {

/// A boundary must not occur in a part after a line break, and no JSON text of ours has any.
constexpr std::string_view kDelimiter = "\r\n--graphql";

}  // namespace

std::string MultipartWriter::content_type(std::string_view parameter) {
  return "multipart/mixed; boundary=\"graphql\"; " + std::string(parameter);
}

asio::awaitable<bool> MultipartWriter::part(std::string_view json) {
  std::string piece;
  piece.reserve(json.size() + 96);
  if (!std::exchange(begun_, true)) piece += kDelimiter;
  piece += "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n";
  piece += json;
  piece += kDelimiter;
  co_return co_await writer_.write(std::move(piece));
}

asio::awaitable<void> MultipartWriter::close() {
  std::string piece;
  if (!std::exchange(begun_, true)) piece += kDelimiter;
  piece += "--\r\n";
  co_await writer_.write(std::move(piece));
}

}  // namespace errand::server
