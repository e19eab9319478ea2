#include "errand/server/document.h"

#include <map>
#include <memory>
#include <utility>

#include "errand/base/assert.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/json/writer.h"

namespace errand::server {

namespace asio = boost::asio;

namespace {

/// A document with the tag of its text.
struct Tagged {
  Document document;
  std::string etag;
};

/// By path.
using Shelf = std::map<std::string, Tagged, std::less<>>;

std::string tag_of(std::string_view text) {
  return '"' + crypto::to_base64url(crypto::sha256(text)).substr(0, 22) + '"';
}

net::HttpResponse not_found(const std::string& index) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("error");
  writer.string("There is no such document; see the index.");
  writer.key("available");
  writer.begin_array();
  writer.string("GET " + index);
  writer.end_array();
  writer.end_object();
  return net::HttpResponse::json(404, body + '\n');
}

net::HttpResponse serve(const Shelf& shelf, const std::string& index,
                        const net::HttpRequest& request) {
  const auto found = shelf.find(request.path);
  net::HttpResponse response = found == shelf.end() ? not_found(index) : net::HttpResponse();
  // They are public and the same for everyone: no page learns from them what it may not know.
  response.headers.set("Access-Control-Allow-Origin", "*");
  response.headers.set("X-Content-Type-Options", "nosniff");
  if (found == shelf.end()) return response;
  const auto& [document, etag] = found->second;
  response.headers.set("Content-Type", document.content_type);
  response.headers.set("Cache-Control", "public, max-age=3600");
  response.headers.set("ETag", etag);
  response.headers.set("Access-Control-Expose-Headers", "ETag");
  const std::string known = request.headers.joined("If-None-Match");
  if (known.find(etag) != std::string::npos || known == "*") {
    response.status = 304;
  } else {
    response.body = document.text;
  }
  return response;
}

}  // namespace

void add_document_routes(net::Router& router, std::string_view prefix,
                         std::vector<Document> documents) {
  ERRAND_ASSERT(!documents.empty() && documents.front().path == prefix);
  auto shelf = std::make_shared<Shelf>();
  for (Document& document : documents) {
    ERRAND_ASSERT(document.path.starts_with(prefix));
    std::string etag = tag_of(document.text);
    std::string path = document.path;
    shelf->emplace(std::move(path), Tagged{std::move(document), std::move(etag)});
  }
  router.add(net::Route{
      .methods = {"GET"},
      .path = std::string(prefix) + "*",
      .handler = [shelf = std::shared_ptr<const Shelf>(std::move(shelf)),
                  index = std::string(prefix)](net::HttpRequest request)
          -> asio::awaitable<net::HttpResponse> { co_return serve(*shelf, index, request); }});
}

}  // namespace errand::server
