#include "errand/api/input_key.h"

#include <cstddef>
#include <span>
#include <string_view>

#include <boost/json/value.hpp>

#include "errand/crypto/encoding.h"
#include "errand/json/writer.h"

namespace errand::api {
namespace {

const boost::json::value* value_at(const boost::json::object& arguments, std::string_view path) {
  const boost::json::object* object = &arguments;
  for (;;) {
    const auto dot = path.find('.');
    const auto name = path.substr(0, dot);
    const boost::json::value* value = object->if_contains({name.data(), name.size()});
    if (value == nullptr || dot == std::string_view::npos) return value;
    object = value->if_object();
    if (object == nullptr) return nullptr;
    path = path.substr(dot + 1);
  }
}

}  // namespace

std::string input_key(const crypto::HmacKey& key, const std::vector<std::string>& paths,
                      const boost::json::object& arguments) {
  if (paths.empty()) return {};
  std::string text;
  for (const std::string& path : paths) {
    // JSON texts tell 1 from "1"; no comma outside of one is part of them.
    if (!text.empty()) text += ',';
    const boost::json::value* value = value_at(arguments, path);
    json::append_value(text, value == nullptr ? boost::json::value() : *value);
  }
  constexpr std::size_t kBytes = 16;
  const crypto::Digest digest = key.sign(text);
  return crypto::to_hex(std::span(digest).first(kBytes));
}

}  // namespace errand::api
