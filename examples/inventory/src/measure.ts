import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Package } from "./packages.js";

export interface Measure {
  /** Blocks on the disk, in bytes. */
  bytes: number;
  files: number;
  missing: number;
}

const STATS_AT_ONCE = 32;

/** Measures packages by looking at each of their files. A file that several names share counts once. */
export class Measurer {
  readonly #database: string;
  readonly #root: string;
  readonly #seenLinks = new Set<string>();

  /** @param root where the packages are installed: "/" but for tests */
  constructor(database: string, root = "/") {
    this.#database = database;
    this.#root = root;
  }

  async measure(pack: Package): Promise<Measure> {
    const result: Measure = { bytes: 0, files: 0, missing: 0 };
    const paths = await this.#paths(pack);
    for (let i = 0; i < paths.length; i += STATS_AT_ONCE) {
      await Promise.all(paths.slice(i, i + STATS_AT_ONCE).map((path) => this.#add(path, result)));
    }
    return result;
  }

  async #paths(pack: Package): Promise<string[]> {
    const names = pack.multiArch ? [`${pack.name}:${pack.architecture}`, pack.name] : [pack.name];
    for (const name of names) {
      try {
        const text = await readFile(join(this.#database, "info", `${name}.list`), "utf8");
        return text.split("\n").filter((path) => path !== "" && path !== "/.");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    return [];
  }

  async #add(path: string, result: Measure): Promise<void> {
    try {
      const status = await lstat(join(this.#root, path));
      if (status.isDirectory()) return; // shared by many packages
      result.files += 1;
      if (status.nlink > 1) {
        const key = `${status.dev}:${status.ino}`;
        if (this.#seenLinks.has(key)) return;
        this.#seenLinks.add(key);
      }
      result.bytes += status.blocks * 512;
    } catch (error) {
      // Documentation is left out on small systems: recorded, but not there.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EACCES") throw error;
      result.missing += 1;
    }
  }
}
