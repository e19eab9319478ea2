// Mail, Web Push and chats, by `errand notification test`, met by programs of others: npm's smtp-server and mailparser take mail, mailauth
// checks its DKIM signature, Debian's OpenSMTPD passes it on; http_ece decrypts a Web Push message, jose verifies who sent it.
import assert from "node:assert/strict";
import { createECDH, createPublicKey, randomBytes } from "node:crypto";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import ece from "http_ece";
import { importJWK, jwtVerify } from "jose";
import { data, poll, RawWorker } from "./support/clients.mjs";
import { MailSink, refusal } from "./support/mail.mjs";
import { binary, environment, Server } from "./support/server.mjs";

const { dkimVerify } = createRequire(import.meta.url)("mailauth/lib/dkim/verify");

let folder;
let tls; // {key, cert} of 127.0.0.1, and the file of the certificate

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "errand-channels-"));
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
    "-subj", "/CN=mail.example.org", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")],
    { stdio: "ignore" });
  tls = { key: await readFile(join(folder, "key.pem")), cert: await readFile(join(folder, "cert.pem")), file: join(folder, "cert.pem") };
  await writeFile(join(folder, "password"), "kept secret\n", { mode: 0o600 });
  await writeFile(join(folder, "wrong"), "wrong\n", { mode: 0o600 });
});
after(() => rm(folder, { recursive: true }));

let files = 0;
/** Runs `errand notification test` by settings. @return {status, out, err} */
async function tell(settings, ...words) {
  const file = join(folder, `errand-${(files += 1)}.toml`);
  await writeFile(file, settings);
  return new Promise((resolve) => {
    execFile(binary, ["notification", "test", ...words, "--config", file], { env: environment, timeout: 60_000 },
      (error, out, err) => resolve({ status: error ? error.code : 0, out, err }));
  });
}

const provider = (name, port, more = 'security = "none"') =>
  `[notifications.email.providers.${name}]\nhost = "127.0.0.1"\nport = ${port}\n${more}\n`;
const mailBy = (...providers) => `[notifications.email]\nfrom = "Errand <errand@example.org>"\n${providers.join("")}`;
const ann = ["--to", "ann@example.org"];

/** A sink that wants a login. */
const withLogin = (more) => ({
  authOptional: false, allowInsecureAuth: false, key: tls.key, cert: tls.cert,
  onAuth: (auth, _, done) =>
    auth.username === "errand" && auth.password === "kept secret" ? done(null, { user: "errand" }) : done(refusal(535, "5.7.8 no such login")),
  ...more,
});
const login = (security, password = "password", ca = tls.file) =>
  `security = "${security}"\nuser = "errand"\npassword_file = "${join(folder, password)}"\nca_file = "${ca}"\n`;

/** Runs `body` with a sink that listens. */
async function withSink(options, body) {
  const sink = await new MailSink().listen(options);
  try {
    return await body(sink);
  } finally {
    await sink.close();
  }
}

test("mail is taken over TLS from the first byte, and over STARTTLS, with a login", async () => {
  for (const [security, options] of [["tls", { secure: true }], ["starttls", { disabledCommands: [] }]]) {
    await withSink(withLogin(options), async (sink) => {
      const { status, out, err } = await tell(mailBy(provider("main", sink.port, login(security))), "email", ...ann,
        "--title", "Grüße – 你好", "--text", "Erste Zeile\n.\n.zweite = mit Punkt\n", "--html", "<p>Erste &amp; zweite</p>", "--id", "one-1");
      assert.deepEqual({ status, err }, { status: 0, err: "" });
      assert.equal(out, "main: accepted\nsent by main as <one-1@example.org>\n");
      const [{ mail, from, to, raw }] = sink.received;
      assert.deepEqual([from, to], ["errand@example.org", ["ann@example.org"]]);
      assert.equal(mail.subject, "Grüße – 你好");
      assert.equal(mail.text.trimEnd(), "Erste Zeile\n.\n.zweite = mit Punkt");
      assert.equal(mail.html.trim(), "<p>Erste &amp; zweite</p>");
      assert.equal(mail.messageId, "<one-1@example.org>");
      assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
      assert.equal(mail.from.text, '"Errand" <errand@example.org>');
      for (const line of raw.toString("latin1").split("\r\n")) assert.ok(line.length <= 998 && /^[\x20-\x7e\t]*$/.test(line), line);
    });
  }
});

test("without the TLS that was asked for nothing goes out, the password least of all", async () => {
  const seen = [];
  const note = { logger: { ...Object.fromEntries(["level", "trace", "debug", "info", "warn", "error", "fatal"].map((name) =>
    [name, (...words) => seen.push(JSON.stringify(words))])) } };
  // One that is stripped of STARTTLS.
  await withSink(withLogin({ disabledCommands: ["STARTTLS"], allowInsecureAuth: true, ...note }), async (sink) => {
    const { status, out } = await tell(mailBy(provider("main", sink.port, login("starttls"))), "email", ...ann);
    assert.equal(status, 1);
    assert.match(out, /^main: refused us: .*STARTTLS/m);
    assert.equal(sink.transmissions, 0);
  });
  // One whose certificate nobody vouches for; one that is another's.
  await withSink(withLogin({ secure: true, ...note }), async (sink) => {
    let { status, out } = await tell(mailBy(provider("main", sink.port, login("tls", "password", "/etc/ssl/certs/ca-certificates.crt"))), "email", ...ann);
    assert.equal(status, 1);
    assert.match(out, /^main: refused us: .*no secure connection/m);
    const named = provider("main", sink.port, login("tls")).replace('"127.0.0.1"', '"localhost"');
    ({ status, out } = await tell(mailBy(named), "email", ...ann));
    assert.equal(status, 1);
    assert.match(out, /^main: refused us: .*no secure connection/m);
    assert.equal(sink.transmissions, 0);
  });
  assert.ok(seen.length > 0);
  assert.equal(seen.some((line) => line.includes("AUTH PLAIN") || line.includes(Buffer.from("\0errand\0kept secret").toString("base64"))), false);
});

test("a refused login is told, and the next server takes the message", async () => {
  await withSink(withLogin({ secure: true }), (strict) => withSink({}, async (backup) => {
    const { status, out } = await tell(mailBy(provider("a", strict.port, login("tls", "wrong")), provider("b", backup.port)), "email", ...ann);
    assert.equal(status, 0);
    assert.match(out, /^a: refused us: .*535 5\.7\.8 no such login\nb: accepted\nsent by b as /);
    assert.equal(out.includes("wrong\n"), false);
    assert.deepEqual([strict.transmissions, backup.received.length], [0, 1]);
  }));
});

test("what may pass goes to the next server, what may not ends there", async () => {
  await withSink({}, (first) => withSink({}, async (second) => {
    const settings = mailBy(provider("a", first.port), provider("b", second.port));
    first.answer = () => { throw refusal(451, "4.3.0 later"); };
    const passed = await tell(settings, "email", ...ann, "--id", "failover");
    assert.equal(passed.status, 0);
    assert.match(passed.out, /^a: not now: .*451 4\.3\.0 later\nb: accepted\nsent by b as <failover@example\.org>\n$/);
    first.answer = () => { throw refusal(550, "5.1.1 no such user"); };
    const refused = await tell(settings, "email", ...ann);
    assert.equal(refused.status, 1);
    assert.match(refused.out, /^a: refused the message: .*550 5\.1\.1 no such user\n$/);
    assert.match(refused.err, /\[SMTP_550\]/);
    assert.equal(second.received.length, 1);
  }));
});

test("a connection that ends after the message makes it ambiguous: sent again it is the same", async () => {
  await withSink({}, (first) => withSink({}, async (second) => {
    const settings = mailBy(provider("a", first.port), provider("b", second.port));
    first.answer = (_, times) => (times === 1 ? "drop" : undefined);
    const lost = await tell(settings, "email", ...ann, "--id", "twice");
    assert.equal(lost.status, 1);
    assert.match(lost.out, /^a: may have taken it: /);
    assert.match(lost.err, /\[MAIL_AMBIGUOUS\][^]*would be tried again/);
    assert.equal(second.transmissions, 0); // another server would not know that it is the same
    const again = await tell(settings, "email", ...ann, "--id", "twice");
    assert.equal(again.status, 0);
    assert.deepEqual(first.received.map(({ mail }) => mail.messageId), ["<twice@example.org>", "<twice@example.org>"]);
  }));
});

test("what would add a header or a recipient is refused", async () => {
  await withSink({}, async (sink) => {
    const settings = mailBy(provider("a", sink.port));
    for (const words of [["--title", "x\r\nBcc: eve@example.org"], ["--title", "x\ny"], ["--unsubscribe-url", "https://x/>\r\nX: y"]]) {
      const { status, err } = await tell(settings, "email", ...ann, ...words);
      assert.equal(status, 1);
      assert.match(err, /\[MAIL_INVALID\]/);
    }
    for (const to of ["ann", "ann@", "a@x.org,b@x.org", "<a@x.org>", "a@x.org>\r\nRCPT TO:<b@x.org", "ä@x.org", "a b@x.org"]) {
      const { status, err } = await tell(settings, "email", "--to", to);
      assert.equal(status, 1, to);
      assert.match(err, /\[MAIL_INVALID\]/);
    }
    assert.equal(sink.transmissions, 0);
  });
});

test("settings that would tell secrets or lead nowhere are refused", async () => {
  for (const [settings, why] of [
    ["", /notifications\.email\.providers/],
    [mailBy('[notifications.email.providers.a]\nhost = "mail.example.org"\nsecurity = "none"\n'), /allow_plain/],
    [mailBy('[notifications.email.providers.a]\nhost = "mail.example.org"\nsecurity = "none"\nallow_plain = true\nuser = "x"\n'), /in the clear/],
    [mailBy(provider("a", 1, 'password_file = "/nowhere"')), /\/nowhere cannot be read/],
    [mailBy(provider("a", 1)).replace("<errand@example.org>", ""), /notifications\.email\.from/],
  ]) {
    const { status, err } = await tell(settings, "email", ...ann);
    assert.equal(status, 2);
    assert.match(err, why);
  }
});

test("DKIM signatures of RSA and Ed25519 hold, and cover the links to unsubscribe", async () => {
  const keys = { rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ed25519: ["-algorithm", "ED25519"] };
  for (const [kind, how] of Object.entries(keys)) {
    const file = join(folder, `${kind}.pem`);
    execFileSync("openssl", ["genpkey", ...how, "-out", file], { stdio: "ignore" });
    const der = createPublicKey(await readFile(file)).export({ type: "spki", format: "der" });
    const record = `v=DKIM1; k=${kind}; p=${(kind === "rsa" ? der : der.subarray(-32)).toString("base64")}`;
    const resolver = async (name, type) => {
      assert.deepEqual([name, type], ["errand._domainkey.example.org", "TXT"]);
      return [[record]];
    };
    await withSink({}, async (sink) => {
      const settings = mailBy(`dkim_domain = "example.org"\ndkim_selector = "errand"\ndkim_key = "${file}"\n`, provider("a", sink.port));
      for (const [title, text, html] of [["Done", "a\n", "<p>a</p>"], ["Grüße  und\tmehr".replace("\t", " "), "  a  b \n\n\n", ""], ["x".repeat(900), ".\n", "<p>\n\n</p>"]]) {
        const { status, err } = await tell(settings, "email", ...ann, "--title", title, "--text", text, "--html", html,
          "--unsubscribe-url", "https://errand.example.org/unsubscribe/abc");
        assert.deepEqual({ status, err }, { status: 0, err: "" });
        const { raw, mail } = sink.received.at(-1);
        assert.equal(mail.subject, title);
        const { results: [result] } = await dkimVerify(raw, { resolver });
        assert.equal(result.status.result, "pass", JSON.stringify(result.status));
        assert.equal(result.signingDomain, "example.org");
        assert.equal(result.algo, `${kind}-sha256`);
        assert.equal(result.status.aligned, "example.org");
        const covered = result.signingHeaders.keys.toLowerCase().split(/[:;,\s]+/);
        for (const name of ["from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post"]) assert.ok(covered.includes(name), name);
        // Oversigned: a second From, or another word, breaks it.
        for (const forged of [Buffer.concat([Buffer.from("From: eve@example.com\r\n"), raw]), Buffer.from(raw.toString("latin1").replace("abc>", "abd>"), "latin1")]) {
          const { results: [broken] } = await dkimVerify(forged, { resolver });
          assert.notEqual(broken.status.result, "pass");
        }
        assert.equal(mail.headers.get("list").unsubscribe.url, "https://errand.example.org/unsubscribe/abc");
        assert.equal(mail.headers.get("list")["unsubscribe-post"].name, "List-Unsubscribe=One-Click");
      }
    });
  }
});

async function freePort() {
  const probe = createTcpServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

// It needs root and keeps its queue and its control socket where Debian has them, so that one runs on a machine at a time.
test("Debian's OpenSMTPD takes mail and passes it on", { skip: process.getuid() !== 0 && "smtpd runs as root alone" }, async () => {
  await withSink({}, async (sink) => {
    const port = await freePort();
    const config = join(folder, "smtpd.conf");
    await writeFile(config, `listen on 127.0.0.1 port ${port} hostname relay.example.org
action "sink" relay host smtp+notls://127.0.0.1:${sink.port}
match from any for any action "sink"
`);
    const smtpd = spawn("/usr/sbin/smtpd", ["-d", "-f", config], { stdio: ["ignore", "pipe", "pipe"] });
    const log = [];
    for (const stream of [smtpd.stdout, smtpd.stderr]) createInterface({ input: stream }).on("line", (line) => log.push(line));
    const ended = once(smtpd, "exit");
    try {
      const settings = mailBy(provider("relay", port));
      const words = ["email", ...ann, "--id", "relayed", "--title", "Grüße", "--text", ".\nübergeben\n"];
      const sent = await poll(() => {
        assert.equal(smtpd.exitCode, null, log.join("\n"));
        return tell(settings, ...words);
      }, ({ out }) => !out.includes("cannot be reached"));
      assert.equal(sent.status, 0, sent.out + sent.err + log.join("\n"));
      const [{ mail, from, to }] = await poll(() => sink.received, (list) => list.length > 0);
      assert.deepEqual([from, to], ["errand@example.org", ["ann@example.org"]]);
      assert.deepEqual([mail.messageId, mail.subject, mail.text], ["<relayed@example.org>", "Grüße", ".\nübergeben\n"]);
      assert.match(JSON.stringify(mail.headerLines), /relay\.example\.org/);
    } finally {
      smtpd.kill("SIGTERM");
      await ended;
    }
  });
});

/** A browser that subscribed to the push service at `url`. */
class Browser {
  constructor(url) {
    this.keys = createECDH("prime256v1");
    this.keys.generateKeys();
    this.auth = randomBytes(16);
    this.subscription = { endpoint: url, keys: { p256dh: this.keys.getPublicKey("base64url"), auth: this.auth.toString("base64url") } };
  }
  read({ body }) {
    return JSON.parse(ece.decrypt(body, { version: "aes128gcm", privateKey: this.keys, authSecret: this.auth }));
  }
}

/** Takes what is posted; `answer` says with which status, headers and body. */
class Receiver {
  received = [];
  answer = () => [200, {}, "ok"];

  async listen() {
    this.http = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      this.received.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
      const [status, headers, body] = this.answer(request);
      response.writeHead(status, headers).end(body);
    }).listen(0, "127.0.0.1");
    await once(this.http, "listening");
    this.url = `http://127.0.0.1:${this.http.address().port}`;
    return this;
  }
  get settings() {
    return `[outbound]\nallow = ["127.0.0.1"]\nhttp = "on"\nports = ["${this.http.address().port}"]\n`;
  }
  close() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

test("a Web Push message is for its browser's eyes, and says who sent it", async () => {
  const server = await Server.start(); // makes the master key
  const folderOfServer = join(server.folder, "data");
  const receiver = await new Receiver().listen();
  try {
    const browser = new Browser(`${receiver.url}/push/1`);
    const file = join(folder, "subscription.json");
    await writeFile(file, JSON.stringify({ expirationTime: null, ...browser.subscription }));
    const settings = `[store]\ndata = "${folderOfServer}"\n[notifications.web_push]\ncontact = "mailto:ops@example.org"\nkeep = "1h"\n${receiver.settings}`;
    const send = (...words) => tell(settings, "web-push", "--subscription", file, ...words);

    receiver.answer = () => [201, { location: "/message/7" }, ""];
    assert.deepEqual(await send("--id", "push-1", "--title", "Grüße", "--text", "Es ist getan."),
      { status: 0, out: "sent by 127.0.0.1 as /message/7\n", err: "" });
    const [message] = receiver.received;
    assert.deepEqual(browser.read(message), { id: "push-1", title: "Grüße", body: "Es ist getan.", category: "test" });
    const { headers } = message;
    assert.deepEqual([headers["content-encoding"], headers.ttl, headers.urgency], ["aes128gcm", "3600", "high"]);
    assert.match(headers.topic, /^[A-Za-z0-9_-]{32}$/);

    const [, token, key] = headers.authorization.match(/^vapid t=([\w.-]+), k=([\w-]+)$/);
    const point = Buffer.from(key, "base64url");
    const jwk = { kty: "EC", crv: "P-256", x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
    const { payload } = await jwtVerify(token, await importJWK(jwk, "ES256"), { audience: receiver.url, algorithms: ["ES256"] });
    assert.equal(payload.sub, "mailto:ops@example.org");
    assert.ok(payload.exp * 1000 > Date.now() && payload.exp * 1000 <= Date.now() + 24 * 3_600_000);
    assert.equal(execFileSync(binary, ["notification", "web-push-key", "--data", folderOfServer], { encoding: "utf8", env: environment }).trim(), key);

    // The longest message fits one record, and is cut between characters.
    await send("--text", "ä".repeat(5_000));
    assert.ok(receiver.received[1].body.length <= 4_096 && receiver.received[1].body.length > 4_080);
    assert.match(browser.read(receiver.received[1]).body, /^ä+…$/);

    for (const [status, code, text] of [[410, "NO_RECIPIENT", /would be dropped/], [404, "NO_RECIPIENT", /would be dropped/], [403, "PUSH_CONFIGURATION", /^$/],
      [413, "PUSH_TOO_LARGE", /^$/], [429, "HTTP_429", /^$/], [503, "HTTP_503", /^$/]]) {
      receiver.answer = () => [status, { "retry-after": "120" }, "reason"];
      const { status: exit, out, err } = await send();
      assert.equal(exit, 1);
      assert.match(out, text);
      assert.ok(err.includes(`[${code}]`), err);
      assert.equal(err.includes("not before 2m"), status === 429 || status === 503, err);
    }
    // Without the exceptions it is an internal address.
    const { status, err } = await tell(settings.replace(receiver.settings, ""), "web-push", "--subscription", file);
    assert.equal(status, 1);
    assert.match(err, /\[PUSH_REFUSED\]/);
  } finally {
    receiver.close();
    await server.stop();
  }
});

test("a chat gets text and blocks, and what it answers is told", async () => {
  const receiver = await new Receiver().listen();
  try {
    const file = join(folder, "hook");
    await writeFile(file, `${receiver.url}/services/T0/B0/secret\n`, { mode: 0o600 });
    const settings = `[notifications.chats.ops]\nurl_file = "${file}"\n${receiver.settings}`;
    const sent = await tell(settings, "chat", "--room", "ops", "--title", "a < b", "--text", "done");
    assert.deepEqual(sent, { status: 0, out: "sent by ops\n", err: "" });
    const [{ url, headers, body }] = receiver.received;
    assert.deepEqual([url, headers["content-type"]], ["/services/T0/B0/secret", "application/json"]);
    const posted = JSON.parse(body);
    assert.equal(posted.text, "a &lt; b\ndone");
    assert.deepEqual(posted.blocks.map(({ type, text }) => [type, text.text]), [["header", "a < b"], ["section", "done"]]);
    for (const [status, text, again] of [[404, "no_service", false], [403, "invalid_token", false], [429, "rate_limited", true], [500, "rollup_error", true]]) {
      receiver.answer = () => [status, { "retry-after": "1" }, text];
      const { status: exit, err } = await tell(settings, "chat", "--room", "ops");
      assert.equal(exit, 1);
      assert.ok(err.includes(`[HTTP_${status}]`) && err.includes(text), err);
      assert.equal(err.includes("would be tried again"), again);
      assert.equal(err.includes("secret"), false);
    }
    const other = await tell(settings, "chat", "--room", "others");
    assert.match(other.err, /no chat "others"/);
  } finally {
    receiver.close();
  }
});

test("a job tells the browsers of who submitted it, and a chat", async () => {
  const receiver = await new Receiver().listen();
  await writeFile(join(folder, "ops"), `${receiver.url}/hook\n`, { mode: 0o600 });
  await writeFile(join(folder, "telling.graphql"), `type Mutation {
  greet(name: String!): String! @job
    @notify(on: [SUCCEEDED], channels: [WEB_PUSH])
    @notify(on: [SUCCEEDED], channels: [CHAT], to: ["group:ops"])
}`);
  await writeFile(join(folder, "telling.toml"), `${receiver.settings}
[notifications.web_push]
contact = "mailto:ops@example.org"
[notifications.groups.ops]
chats = ["ops"]
[notifications.chats.ops]
url_file = "${join(folder, "ops")}"
`);
  const server = await Server.start(["--config", join(folder, "telling.toml")], join(folder, "telling.graphql"));
  try {
    const raw = new RawWorker(server, server.tokens.acme.worker);
    await raw.opened;
    raw.send({ type: "hello", types: ["greet"], slots: 5 });
    await raw.frame(({ type }) => type === "welcome");
    raw.send({ type: "credits", add: 5 });
    raw.socket.on("message", (bytes) => {
      for (const { type, jobId, token } of [JSON.parse(bytes.toString())].flat()) {
        if (type === "job") raw.send([{ ref: jobId, jobId, token, type: "complete", result: "hi" }, { type: "credits", add: 1 }]);
      }
    });
    const me = server.tokens.acme.client;
    const { webPushPublicKey } = await data(server, me, "{ webPushPublicKey }");
    const browsers = ["/kept", "/gone"].map((path) => new Browser(receiver.url + path));
    for (const { subscription: { endpoint, keys } } of browsers) {
      await data(server, me, "mutation ($input: WebPushSubscriptionInput!) { addWebPushSubscription(input: $input) { id } }", { input: { endpoint, ...keys } });
    }
    receiver.answer = ({ url }) => [url === "/gone" ? 410 : url === "/kept" ? 201 : 200, {}, "ok"];
    const { greet: { id } } = await data(server, me, 'mutation { greet(name: "Ann") { id } }');
    await poll(() => receiver.received, (list) => list.length >= 3);
    const pushed = receiver.received.find(({ url }) => url === "/kept");
    const told = browsers[0].read(pushed);
    assert.equal(told.title, "greet is done");
    assert.ok(JSON.stringify(told.data).includes(id));
    assert.ok(pushed.headers.authorization.endsWith(`k=${webPushPublicKey}`));
    assert.match(JSON.parse(receiver.received.find(({ url }) => url === "/hook").body).text, /^greet is done\n/);
    const list = () => data(server, me, "{ webPushSubscriptions { id } }").then((answer) => answer.webPushSubscriptions);
    await poll(list, (subscriptions) => subscriptions.length === 1);
    assert.equal(receiver.received.length, 3);
  } finally {
    await server.stop();
    receiver.close();
  }
});

test("a mail server that keeps its last word to itself holds up neither other messages nor a stop", async () => {
  await withSink({}, async (sink) => {
    const silent = [];
    sink.answer = ({ to }) => (to[0] === "slow@example.org" ? new Promise(() => silent.push(to)) : undefined);
    await writeFile(join(folder, "slow.graphql"),
      'type Mutation { tell(email: String!): Int @job @notify(on: [ENQUEUED], channels: [EMAIL], to: ["email"]) }');
    await writeFile(join(folder, "slow.toml"), `[server]\ndrain_timeout = "1s"\n${mailBy(provider("a", sink.port))}`);
    const server = await Server.start(["--config", join(folder, "slow.toml")], join(folder, "slow.graphql"));
    const tellOf = (email) => data(server, server.tokens.acme.client, "mutation ($email: String!) { tell(email: $email) { id } }", { email });
    await tellOf("slow@example.org");
    await poll(() => silent.length, (count) => count === 1);
    await tellOf("ann@example.org");
    await poll(() => sink.of("ann@example.org"), (list) => list.length === 1);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
});
