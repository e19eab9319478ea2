import { PermanentError, TransientError, type Job } from "@errand/worker";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { Measurer } from "./measure.js";
import { installedPackages } from "./packages.js";
import { csv, groups, json, readableBytes, svg, type Row } from "./report.js";
import type { ExportInventoryInput, Inventory, OutputFile } from "./jobs.js";

export interface ExportSettings {
  /** dpkg's folder, "/var/lib/dpkg". */
  database: string;
  /** Where the files go. */
  out: string;
  /** Where the packages are installed: "/" but for tests. */
  root?: string;
}

/** What a handler needs of a job, so that tests need no server. */
export type ExportJob = Pick<Job<ExportInventoryInput>, "id" | "input" | "signal" | "progress">;

/** Runs one export. Running it again for the same job writes the same files anew. */
export async function exportInventory(job: ExportJob, settings: ExportSettings): Promise<Inventory> {
  const { format, groupBy, minSizeKb } = job.input;
  job.progress({ stage: "reading", message: "reading the package database" });
  const packages = await installedPackages(settings.database);

  const measurer = new Measurer(settings.database, settings.root);
  const rows: Row[] = [];
  let measuredFiles = 0;
  let missingFiles = 0;
  for (const [done, pack] of packages.entries()) {
    job.signal.throwIfAborted();
    const measure = await measurer.measure(pack);
    measuredFiles += measure.files;
    missingFiles += measure.missing;
    if (measure.bytes >= minSizeKb * 1000) rows.push({ pack, bytes: measure.bytes, files: measure.files });
    job.progress({
      stage: "measuring",
      completed: done + 1,
      total: packages.length,
      message: `${pack.name}: ${readableBytes(measure.bytes)} in ${measure.files} files`,
    });
  }

  job.progress({ stage: "writing", message: `writing ${rows.length} rows` });
  rows.sort((a, b) => b.bytes - a.bytes || (a.pack.name < b.pack.name ? -1 : 1));
  const all = groups(rows, groupBy);
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  const title = `${hostname()}: ${rows.length} packages, ${readableBytes(bytes)}, by ${groupBy.toLowerCase()}`;
  const table =
    format === "JSON"
      ? { name: "inventory.json", mediaType: "application/json", text: json(rows, groupBy) }
      : { name: "inventory.csv", mediaType: "text/csv", text: csv(rows, groupBy) };
  const chart = { name: "inventory.svg", mediaType: "image/svg+xml", text: svg(all, title) };
  const files: OutputFile[] = [];
  for (const file of [table, chart]) files.push(await write(join(settings.out, job.id), file));
  return { rows: rows.length, bytes, measuredFiles, missingFiles, files, top: all.slice(0, 10) };
}

/** Writes a file whole or not at all. */
async function write(folder: string, file: { name: string; mediaType: string; text: string }): Promise<OutputFile> {
  const path = resolve(folder, file.name);
  const draft = `${path}.${process.pid}.new`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(draft, file.text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    const { code } = error as NodeJS.ErrnoException;
    const message = `${path} cannot be written: ${code}`;
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new TransientError(message, { code: "DISK_FULL", remediation: "Make room on the disk.", retryAfter: 30_000, cause: error });
    }
    throw new PermanentError(message, {
      code: "OUTPUT_NOT_WRITABLE",
      remediation: "Let the worker write to the folder, or name another one in INVENTORY_OUT.",
      cause: error,
    });
  }
  return { path, mediaType: file.mediaType, bytes: Buffer.byteLength(file.text) };
}
