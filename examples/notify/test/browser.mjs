// Debian's Chromium, driven over its DevTools protocol.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import CDP from "chrome-remote-interface";

export class Browser {
  static async start(program = "/usr/bin/chromium") {
    const browser = new Browser();
    browser.folder = mkdtempSync(join(tmpdir(), "errand-browser-"));
    // Its own folder is its home too: a shared machine keeps no trace of it. The sandbox needs a user that is not root.
    browser.child = spawn(program, ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--remote-debugging-port=0", `--user-data-dir=${browser.folder}`, "--window-size=760,900", "about:blank"],
      { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HOME: browser.folder } });
    browser.exited = new Promise((resolve) => browser.child.on("exit", resolve));
    browser.log = [];
    const port = await new Promise((resolve, reject) => {
      browser.child.on("error", reject);
      browser.exited.then(() => reject(new Error(`${program} ended before it listened:\n${browser.log.join("\n")}`)));
      createInterface({ input: browser.child.stderr }).on("line", (line) => {
        browser.log.push(line);
        const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(line);
        if (found) resolve(Number(found[1]));
      });
    });
    const { webSocketDebuggerUrl } = await CDP.Version({ port });
    browser.root = await CDP({ target: webSocketDebuggerUrl });
    const { targetId } = await browser.root.Target.createTarget({ url: "about:blank" });
    browser.page = await CDP({ port, target: targetId });
    browser.registrations = [];
    browser.page.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => browser.registrations.push(...registrations));
    await Promise.all([browser.page.Page.enable(), browser.page.Runtime.enable(), browser.page.ServiceWorker.enable()]);
    return browser;
  }

  /** Opens `url`; `before` runs in the page ahead of its own scripts. */
  async open(url, before) {
    const { Page } = this.page;
    await this.root.Browser.grantPermissions({ origin: new URL(url).origin, permissions: ["notifications"] });
    if (before) await Page.addScriptToEvaluateOnNewDocument({ source: before });
    const loaded = Page.loadEventFired();
    await Page.navigate({ url });
    await loaded;
  }

  /** @return what `expression` gives in the page, awaited; plain values */
  async run(expression) {
    const { result, exceptionDetails } = await this.page.Runtime.evaluate({ expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Hands a message to the service worker of `url`'s origin, as a push service's would come. */
  async push(url, data) {
    const { origin } = new URL(url);
    const { registrationId } = this.registrations.findLast(({ scopeURL, isDeleted }) => scopeURL.startsWith(origin) && !isDeleted);
    await this.page.ServiceWorker.deliverPushMessage({ origin, registrationId, data });
  }

  async screenshot() {
    return Buffer.from((await this.page.Page.captureScreenshot()).data, "base64");
  }

  async stop() {
    this.child.kill("SIGTERM");
    await this.exited;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
