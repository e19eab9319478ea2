// npm's graphql-http audits: GraphQL over HTTP as the public suite asks for it, MUST, SHOULD and MAY.
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { serverAudits } from "graphql-http";
import { Server } from "./support/server.mjs";

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.stop());

const audits = serverAudits({
  url: () => `${server.url}/graphql`,
  fetchFn: (url, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${server.tokens.acme.client}`);
    return fetch(url, { ...init, headers });
  },
});

describe("graphql-http audits", () => {
  for (const audit of audits) {
    test(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn();
      assert.equal(result.status, "ok", result.reason);
    });
  }
});
