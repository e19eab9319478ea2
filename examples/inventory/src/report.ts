import type { Package } from "./packages.js";
import type { GroupBy, InventoryGroup } from "./jobs.js";

export interface Row {
  pack: Package;
  bytes: number;
  files: number;
}

export function groupOf(pack: Package, by: GroupBy): string {
  switch (by) {
    case "SECTION":
      return pack.section;
    case "PRIORITY":
      return pack.priority;
    case "SOURCE":
      return pack.source;
    case "MAINTAINER":
      return pack.maintainer;
    case "ARCHITECTURE":
      return pack.architecture;
  }
}

/** Adds rows up by group, largest first. */
export function groups(rows: Row[], by: GroupBy): InventoryGroup[] {
  const sums = new Map<string, InventoryGroup>();
  let total = 0;
  for (const row of rows) {
    const name = groupOf(row.pack, by);
    const group = sums.get(name) ?? { name, packages: 0, bytes: 0, share: 0 };
    group.packages += 1;
    group.bytes += row.bytes;
    total += row.bytes;
    sums.set(name, group);
  }
  const all = [...sums.values()].sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  for (const group of all) group.share = total > 0 ? group.bytes / total : 0;
  return all;
}

/** "1.5 MB", in powers of 1,000. */
export function readableBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function csvField(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180, with a header line. */
export function csv(rows: Row[], by: GroupBy): string {
  const lines = [["package", "version", "architecture", "group", "files", "bytes"]];
  for (const { pack, bytes, files } of rows) {
    lines.push([pack.name, pack.version, pack.architecture, groupOf(pack, by), String(files), String(bytes)]);
  }
  return lines.map((line) => line.map(csvField).join(",") + "\r\n").join("");
}

export function json(rows: Row[], by: GroupBy): string {
  const table = rows.map(({ pack, bytes, files }) => ({
    package: pack.name,
    version: pack.version,
    architecture: pack.architecture,
    group: groupOf(pack, by),
    files,
    bytes,
  }));
  return JSON.stringify(table, null, 1) + "\n";
}

function xml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
}

/** A bar chart of the largest groups; the rest stands in one last bar. */
export function svg(all: InventoryGroup[], title: string, bars = 12): string {
  const shown = all.slice(0, bars);
  const rest = all.slice(bars);
  if (rest.length > 0) {
    shown.push({
      name: `${rest.length} more`,
      packages: rest.reduce((sum, group) => sum + group.packages, 0),
      bytes: rest.reduce((sum, group) => sum + group.bytes, 0),
      share: rest.reduce((sum, group) => sum + group.share, 0),
    });
  }
  const row = 26;
  const left = 190;
  const span = 420;
  const height = 64 + shown.length * row;
  const longest = Math.max(1, ...shown.map((group) => group.bytes));
  const body = shown.map((group, i) => {
    const y = 52 + i * row;
    const width = Math.max(1, (group.bytes / longest) * span);
    const label = `${readableBytes(group.bytes)} · ${(group.share * 100).toFixed(1)} %`;
    const name = group.name.length > 26 ? `${group.name.slice(0, 25)}…` : group.name;
    return (
      `<text x="${left - 10}" y="${y + 14}" text-anchor="end">${xml(name)}</text>` +
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="18" rx="3" fill="${i < bars ? "#3b6fb6" : "#9aa7b8"}">` +
      `<title>${xml(group.name)}: ${group.packages} packages</title></rect>` +
      `<text x="${(left + width + 8).toFixed(1)}" y="${y + 14}" class="value">${label}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 ${height}" width="780" height="${height}" role="img">` +
    `<title>${xml(title)}</title>` +
    "<style>text{font:13px system-ui,sans-serif;fill:#243042}.value{fill:#5b6675}h1,.title{font-size:17px;font-weight:600}</style>" +
    `<rect width="780" height="${height}" fill="#fff"/>` +
    `<text x="20" y="30" class="title">${xml(title)}</text>${body.join("")}</svg>\n`
  );
}
