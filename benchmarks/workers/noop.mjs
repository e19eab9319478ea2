import { silentLogger, Worker } from "../../sdk/typescript/dist/index.js";

const worker = new Worker({ url: process.env.ERRAND_URL, token: process.env.ERRAND_TOKEN, slots: 64, logger: silentLogger });
worker.handle("work", (job) => job.arguments.n);
await worker.run();
