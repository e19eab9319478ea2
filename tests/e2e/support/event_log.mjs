// Follows the log of a tenant's job events, as a client does that must miss none: over broken connections and restarts of the server.
import { setTimeout as pause } from "node:timers/promises";

/**
 * Resolves once `signal` has aborted.
 *
 * @param address  resolves with the server's URL, when there is one to be asked
 * @param fields   of jobEvents; `cursor` is needed
 * @param cursor   the event to go on after; the log's end unless given
 * @param opened   called each time the server has answered
 * @param hear     called with each event
 * @param told     called with the errors of an event that came with some
 * @param broken   called with what ended a connection, unless it was `signal`
 */
export async function follow({ address, token, fields, cursor, signal, hear, told, opened = () => {}, broken = () => {} }) {
  const body = JSON.stringify({ query: `subscription { jobEvents { ${fields} } }` });
  while (!signal.aborted) {
    try {
      const response = await fetch(`${await address()}/graphql/stream`, {
        method: "POST", body, signal,
        headers: {
          "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}`,
          ...(cursor ? { "last-event-id": cursor } : {}),
        },
      });
      opened();
      let text = "";
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const messages = (text + chunk).split("\n\n");
        text = messages.pop(); // not complete yet
        for (const message of messages) {
          const field = (name) => message.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
          if (field("event") !== "next") continue;
          const { data, errors } = JSON.parse(field("data"));
          if (errors) told(errors);
          else hear(data.jobEvents);
          cursor = data?.jobEvents?.cursor ?? cursor;
        }
      }
    } catch (error) {
      if (!signal.aborted) broken(error);
    }
    await pause(5);
  }
}
