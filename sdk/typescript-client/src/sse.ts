export interface ServerSentEvent {
  event: string;
  data: string;
}

/**
 * Reads an event stream (HTML Living Standard, 9.2.6) as far as this client needs it: names and data.
 *
 * @param alive called with every piece that comes, comments included
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let event = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return; // what has no blank line behind it is not an event
      alive();
      text += decoder.decode(value, { stream: true });
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (event !== "" || data.length > 0) yield { event: event || "message", data: data.join("\n") };
          event = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const content = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        if (field === "event") event = content;
        if (field === "data") data.push(content);
      }
    }
  } finally {
    // Also where the reader of the events stops early: the connection is not left open behind it.
    await reader.cancel().catch(() => undefined);
  }
}
