// The types of schema.graphql, as the worker sees them.

export type GroupBy = "SECTION" | "PRIORITY" | "SOURCE" | "MAINTAINER" | "ARCHITECTURE";
export type TableFormat = "CSV" | "JSON";

export interface ExportInventoryInput {
  format: TableFormat;
  groupBy: GroupBy;
  minSizeKb: number;
}

export interface OutputFile {
  path: string;
  mediaType: string;
  bytes: number;
}

export interface InventoryGroup {
  name: string;
  packages: number;
  bytes: number;
  share: number;
}

export interface Inventory {
  rows: number;
  bytes: number;
  measuredFiles: number;
  missingFiles: number;
  files: OutputFile[];
  top: InventoryGroup[];
}
