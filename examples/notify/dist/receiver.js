// Receives webhooks of Errand: whatever is not signed with the endpoint's secret is refused.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
const webhook = new Webhook(process.env["WEBHOOK_SECRET"]);
createServer(async (request, response) => {
    try {
        const event = webhook.verify(await text(request), request.headers);
        console.log(event.type, event.subject);
        response.writeHead(204).end();
    }
    catch (error) {
        response.writeHead(400).end(String(error));
    }
}).listen(Number(process.env["PORT"] ?? 7423), "127.0.0.1");
//# sourceMappingURL=receiver.js.map