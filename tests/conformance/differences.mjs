// Where Errand and graphql-js 17 differ, and why. differences.md is the same list for people.

/** Each: the reason, and what tells a case of it. `ours` and `theirs` are matched with the messages, one a line. */
const kDifferences = [
  {
    reason: "one-of-variable",
    ours: /must be non-nullable to be used for OneOf Input Object/,
  },
  {
    reason: "type-definitions-among-operations",
    op: /validate|execute/,
    theirs: /definition is not executable/,
    ours: /definition is not executable/,
  },
  {
    reason: "javascript-infinity",
    ours: /Float cannot represent non numeric value: -?\d+(\.\d+)?([eE]\+?\d+)?$/m,
  },
  {
    reason: "directive-condition-null",
    theirs: /Argument "@(skip|include)\(if:\)" has invalid value: Expected variable .* not to be null/,
  },
  {
    reason: "graphql-js-throws",
    theirs: /to be a GraphQL leaf type|is not iterable|Maximum call stack|Cannot read propert/,
  },
  {
    reason: "standard-types-written-out",
    op: /introspect/,
    schema: /\b(scalar|type|interface|union|enum|input) (Int|Float|String|Boolean|ID|__\w+)\b/,
  },
  {
    reason: "one-of-by-extension",
    schema: /extend input \w+ @oneOf/,
  },
  {
    reason: "depth",
    ours: /nested deeper than 1000 levels/,
  },
  {
    reason: "list-depth",
    ours: /Lists nest at most 30 deep/,
  },
];

const messages = (answer) => [
  ...(answer.errors ?? []), ...(answer.results ?? []).flatMap((result) => result.errors ?? []),
].map((error) => error.message).concat(answer.threw ?? []).join("\n");

/** The reason of a listed difference; undefined where there is none. */
export function listedDifference(one, ours, theirs) {
  const [a, b] = [messages(ours), messages(theirs)];
  return kDifferences.find((known) => (known.op === undefined || known.op.test(one.op)) &&
    (known.schema === undefined || known.schema.test(one.schema)) && (known.ours === undefined || known.ours.test(a)) &&
    (known.theirs === undefined || known.theirs.test(b)))?.reason;
}
