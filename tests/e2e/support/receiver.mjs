// A receiver of webhooks, which checks their signatures with npm's standardwebhooks.
import { once } from "node:events";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

export function verifies(secret, body, headers) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

/**
 * Takes what is posted to /NAME; `answers` of a name says with which status, or sends the response itself and gives nothing.
 * What does not verify by `secrets` of the name, one or several of which one is enough, is among the `faults`.
 */
export class Receiver {
  received = []; // {name, id, event, status}
  answers = {};
  secrets = {};
  faults = [];

  async listen() {
    this.http = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      const name = request.url.slice(1);
      if (request.method === "OPTIONS") return this.options(request, response);
      const secrets = [this.secrets[name]].flat();
      if (secrets[0] !== null && !secrets.some((secret) => verifies(secret, body, request.headers))) {
        this.faults.push(`${name}: ${request.headers["webhook-id"]} does not verify`);
      }
      const event = JSON.parse(body);
      const attempts = this.received.filter((one) => one.name === name && one.id === event.id).length + 1;
      const answer = this.answers[name] ?? (() => 204);
      const status = answer(event, attempts, response);
      this.received.push({ name, id: event.id, event, status, headers: request.headers, body });
      if (status !== undefined && !response.writableEnded) response.writeHead(status).end();
    }).listen(0, "127.0.0.1");
    await once(this.http, "listening");
    this.url = `http://127.0.0.1:${this.http.address().port}`;
    return this;
  }
  /** The handshake of CloudEvents' HTTP webhooks: says nothing where it does not know the sender. */
  options(request, response) {
    const origin = request.headers["webhook-request-origin"];
    response.writeHead(200, this.origins?.includes(origin) ? { "WebHook-Allowed-Origin": origin } : {}).end();
  }
  of(name, job) {
    return this.received.filter((one) => one.name === name && (job === undefined || one.event.subject?.endsWith(job)));
  }
  close() {
    this.http.closeAllConnections();
    this.http.close();
  }
}
