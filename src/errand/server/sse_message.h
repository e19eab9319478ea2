#pragma once

#include <string>
#include <string_view>

/// Events of GraphQL over SSE (graphql-sse, PROTOCOL.md) as text/event-stream writes them.
/// `payload` is JSON text without line breaks, as every JSON text of ours is.
namespace errand::server::sse {

/// A comment, which shows that the stream lives and holds proxies from closing it.
inline constexpr std::string_view kKeepAlive = ":\n\n";

/// Distinct connections mode: a result.
/// @param event_id  what the client sends as Last-Event-ID when it connects again; "": none
std::string next(std::string_view payload, std::string_view event_id);
/// Distinct connections mode: the operation is over. Its data are empty but there: an EventSource
/// drops an event without them.
std::string complete();

/// Single connection mode: a result of the operation `id`. It carries no event id: one stream has
/// several operations, and no one place to go on from.
std::string next_of(std::string_view id, std::string_view payload);
/// Single connection mode: the operation `id` is over.
std::string complete_of(std::string_view id);

}  // namespace errand::server::sse
