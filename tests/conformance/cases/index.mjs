import { executeCases } from "./execute.mjs";
import { parseCases } from "./parse.mjs";
import { schemaCases } from "./schema.mjs";
import { validateCases } from "./validate.mjs";

/** The cases written by hand. */
export const cases = [...parseCases, ...schemaCases, ...validateCases, ...executeCases];
