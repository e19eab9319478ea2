// Takes jobs of the type exportInventory. Settings come from the environment:
//   ERRAND_URL     address of the server, http://127.0.0.1:7420 unless given
//   ERRAND_TOKEN   a token with the scope `worker`; the server prints one at its first start
//   INVENTORY_OUT  folder for the files, ./inventory-out unless given
//   DPKG_DATABASE  dpkg's folder, /var/lib/dpkg unless given
import { Worker, WorkerRefused } from "@errand/worker";
import { exportInventory } from "./export.js";
import { handle } from "./jobs.js";

const token = process.env["ERRAND_TOKEN"];
if (!token) {
  console.error("ERRAND_TOKEN is not set: pass the worker token that `errand serve` printed.");
  process.exit(2);
}
const settings = {
  database: process.env["DPKG_DATABASE"] ?? "/var/lib/dpkg",
  out: process.env["INVENTORY_OUT"] ?? "inventory-out",
};

const worker = new Worker({
  url: process.env["ERRAND_URL"] ?? "http://127.0.0.1:7420",
  token,
  name: "inventory",
  queues: ["inventory"],
  slots: 2,
});
handle(worker, { exportInventory: (job) => exportInventory(job, settings) });

try {
  await worker.run();
} catch (error) {
  if (!(error instanceof WorkerRefused)) throw error;
  console.error(error.message);
  process.exit(1);
}
