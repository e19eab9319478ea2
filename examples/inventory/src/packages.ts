import { PermanentError } from "@errand/worker";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A package that is installed, as dpkg knows it. */
export interface Package {
  name: string;
  version: string;
  architecture: string;
  section: string;
  priority: string;
  source: string;
  maintainer: string;
  multiArch: boolean;
}

/** Reads the paragraphs of a Debian control file (deb822): fields, and lines that go on with a blank. */
export function* paragraphs(text: string): Generator<Map<string, string>> {
  let fields = new Map<string, string>();
  let last = "";
  for (const line of text.split("\n")) {
    if (line === "") {
      if (fields.size > 0) yield fields;
      fields = new Map();
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      fields.set(last, `${fields.get(last) ?? ""}\n${line.slice(1)}`);
    } else {
      const colon = line.indexOf(":");
      if (colon < 1) continue;
      last = line.slice(0, colon).toLowerCase();
      fields.set(last, line.slice(colon + 1).trim());
    }
  }
  if (fields.size > 0) yield fields;
}

/** The packages of dpkg's database that are installed, by name. */
export async function installedPackages(database: string): Promise<Package[]> {
  const file = join(database, "status");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new PermanentError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      code: "NO_PACKAGE_DATABASE",
      remediation: "Run the worker on a Debian system, or name dpkg's folder in DPKG_DATABASE.",
      cause: error,
    });
  }
  const packages: Package[] = [];
  for (const fields of paragraphs(text)) {
    const name = fields.get("package");
    if (!name || !fields.get("status")?.endsWith(" installed")) continue;
    const section = fields.get("section") ?? "unknown";
    packages.push({
      name,
      version: fields.get("version") ?? "",
      architecture: fields.get("architecture") ?? "unknown",
      // "contrib/net" and "net" are both net.
      section: section.slice(section.lastIndexOf("/") + 1),
      priority: fields.get("priority") ?? "unknown",
      // "glibc (2.36-9)": the source's own version where it differs.
      source: (fields.get("source") ?? name).split(" ")[0]!,
      maintainer: (fields.get("maintainer") ?? "unknown").replace(/\s*<.*$/, ""),
      multiArch: fields.get("multi-arch") === "same",
    });
  }
  if (packages.length === 0) {
    throw new PermanentError(`${file} lists no installed package`, { code: "NO_PACKAGE_DATABASE" });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}
