// A mail server for tests: npm's smtp-server takes mails, npm's mailparser reads them.
import { once } from "node:events";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

export class MailSink {
  received = []; // {from, to, raw, mail}
  transmissions = 0; // whole messages, those that were not taken included
  /** Called with each message and how often its Message-ID has come; what it throws is the answer. "drop": ends the connection. A promise is waited for. */
  answer = () => {};

  async listen(options = {}) {
    this.smtp = new SMTPServer({
      authOptional: true, disabledCommands: ["STARTTLS"], logger: false, ...options,
      onData: async (stream, session, done) => {
        const chunks = [];
        for await (const chunk of stream) chunks.push(chunk);
        const raw = Buffer.concat(chunks);
        this.transmissions += 1;
        const mail = await simpleParser(raw);
        const entry = { from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map(({ address }) => address), raw, mail };
        const times = this.received.filter((one) => one.mail.messageId === mail.messageId).length + 1;
        try {
          if ((await this.answer(entry, times)) === "drop") {
            this.received.push(entry);
            for (const connection of this.smtp.connections) if (connection.id === session.id) connection._socket.destroy();
            return;
          }
        } catch (error) {
          done(error);
          return;
        }
        this.received.push(entry);
        done();
      },
    });
    this.smtp.on("error", () => {}); // clients that are killed
    const server = this.smtp.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.port = server.address().port;
    return this;
  }

  of(to) {
    return this.received.filter((one) => one.to.includes(to));
  }

  close() {
    return new Promise((resolve) => this.smtp.close(resolve));
  }
}

/** An error that smtp-server answers with. */
export function refusal(responseCode, message) {
  return Object.assign(new Error(message), { responseCode });
}
