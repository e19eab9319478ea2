// A mailbox on this machine: takes whatever mail comes, delivers none of it, and prints it. PORT says where it listens.
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  onData(stream, session, done) {
    simpleParser(stream).then((mail) => {
      console.log(`\nTo: ${mail.to.text}\nSubject: ${mail.subject}\nMessage-ID: ${mail.messageId}\n\n${mail.text.trimEnd()}`);
      done();
    }, done);
  },
}).listen(Number(process.env["PORT"] ?? 7422), "127.0.0.1");
