// What of two answers to one case is the same.
import { isDeepStrictEqual } from "node:util";

const byPlace = (error) => JSON.stringify([error.path ?? [], error.locations ?? []]);

/** Errors of execution come in the order in which fields end, which is nobody's promise. */
function sorted(errors) {
  return [...errors].sort((a, b) => (byPlace(a) < byPlace(b) ? -1 : byPlace(a) > byPlace(b) ? 1 : 0));
}

function compareErrors(ours, theirs, inOrder) {
  const [a, b] = [ours ?? [], theirs ?? []].map((errors) => (inOrder ? errors : sorted(errors)));
  return {
    count: a.length === b.length,
    locations: isDeepStrictEqual(a.map((error) => error.locations ?? []), b.map((error) => error.locations ?? [])),
    paths: isDeepStrictEqual(a.map((error) => error.path), b.map((error) => error.path)),
    extensions: isDeepStrictEqual(a.map((error) => error.extensions), b.map((error) => error.extensions)),
    messages: isDeepStrictEqual(a.map((error) => error.message), b.map((error) => error.message)),
  };
}

function merge(results) {
  const merged = {};
  for (const result of results) for (const [key, same] of Object.entries(result)) merged[key] = (merged[key] ?? true) && same;
  return merged;
}

/** {aspect: whether it is the same}; the aspects but `messages` must all be. */
export function compare(op, ours, theirs) {
  if (ours.unsupported) return { verdict: false };
  switch (op) {
    case "parse":
    case "schema":
    case "validate":
      return { verdict: ours.ok === theirs.ok, printed: ours.printed === theirs.printed, ...compareErrors(ours.errors, theirs.errors, true) };
    case "subscribe": {
      const [a, b] = [ours.results, theirs.results];
      const verdict = (a === undefined) === (b === undefined) && a?.length === b?.length;
      if (!verdict) return { verdict };
      return { verdict, ...merge([compareErrors(ours.errors, theirs.errors, true), ...(a ?? []).map((result, i) => compareResponse(result, b[i]))]) };
    }
    default:
      return compareResponse(ours, theirs);
  }
}

function compareResponse(ours, theirs) {
  const began = "data" in theirs;
  return {
    verdict: "data" in ours === began,
    data: isDeepStrictEqual(ours.data, theirs.data),
    ...compareErrors(ours.errors, theirs.errors, !began),
  };
}
