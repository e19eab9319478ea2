// Operations over the zoo: coercion of variables, arguments and results, and what becomes of errors.
import { schemas, zoo } from "../schemas.mjs";

const args = { $args: true };
const coercion = [];
const each = (query, ...values) => values.forEach((v) => coercion.push({ query, variables: v === undefined ? {} : { v }, data: { echo: args, int: args, animal: args } }));

const numbers = [0, 1, -1, 1.0, 1.5, 2147483647, 2147483648, -2147483648, -2147483649, 1e100, 1e-7, 9007199254740993];
const others = [null, "", "1", "a", true, false, [], [1], [null], ["a"], [[1]], {}, { x: 1 }, { a: { b: [] } }];
for (const [type, argument] of [["Int", "i"], ["Float", "f"], ["String", "s"], ["Boolean", "b"], ["ID", "id"], ["Any", "a"], ["Date", "d"]]) {
  each(`query ($v: ${type}) { echo(${argument}: $v) }`, ...numbers, ...others, undefined);
  each(`query ($v: ${type}!) { echo(${argument}: $v) }`, 1, null, "a", undefined);
}
each("query ($v: Size) { echo(e: $v) }", "SMALL", "LARGE", "HUGE", "smal", 1, null, true, ["SMALL"], {}, "", undefined);
each("query ($v: Point) { echo(p: $v) }", { x: 1 }, { x: 1, y: null }, { x: 1, y: 2, z: 3, label: "l" }, {}, { y: 1 }, { x: null }, { x: "1" }, { x: 1, q: 1, r: 2 }, { x: 1, labl: "" }, 1, "p", [], [{ x: 1 }], null, undefined, { x: 1.5, y: "a", z: true, label: 1 });
each("query ($v: [Int!]) { echo(l: $v) }", [], [1, 2], 1, [null], [1, null, "a", 2.5], "a", null, [[1]], {}, undefined);
each("query ($v: [[Int]!]!) { echo(ll: $v) }", [], [[1], [2, null]], [1], 1, [null], [["a"], null, 3, [1.5]], null, undefined);
each("query ($v: Where) { echo(w: $v) }", { id: "a" }, { id: 1 }, { id: null }, {}, { id: "a", name: "b" }, { id: null, name: null }, { nothing: 1 }, { id: "a", nothing: 1 }, { point: { x: 1 } }, { point: {} }, { any: [{ id: "a" }, {}, { id: "a", name: "b" }] }, { any: { name: "n" } }, 1, [], null, undefined);
each("query ($v: Where!) { animal(where: $v) { id } }", { id: "a" }, {}, null, undefined);
each("query ($v: Int = 5) { echo(i: $v) }", 1, null, undefined, "a");
each("query ($v: Int! = 5) { int(v: $v) }", 1, null, undefined);
each("query ($v: Int = null) { echo(i: $v) }", undefined, 3);
each("query ($v: Point = {x: 1}) { echo(p: $v) }", undefined, null, { x: 2 });
each("query ($v: [Int!] = 3) { echo(l: $v) }", undefined);
each("query ($v: Int) { echo(i: $v, l: [1], p: {x: 1, y: 2}) }", undefined, 1, null);
each("query ($v: Int = 2) { int(v: $v) }", undefined, null, 1);
each("query ($v: Int = 2) { echo(p: {x: $v, y: $v}, l: [$v], ll: [[$v], [1, $v]], w: {point: {x: $v}}, a: {k: [$v, {z: $v}]}) }", undefined, 7, null);
each("query ($v: Int) { echo(ll: [[$v, 1]], a: [$v, {b: $v}], p: {x: 1, z: $v}) }", undefined, 7, null);
each("query ($v: Any) { echo(a: $v) x: echo(a: {in: $v}) }", undefined, null, 1, [1, "a", { b: null }], { deep: { er: [[]] } });
each("query ($v: ID!) { animal(where: {id: $v}) { id } }", "a", 1, "");
each("query ($v: Boolean!) { a: int @skip(if: $v) b: int @include(if: $v) c: int @skip(if: $v) @include(if: $v) ... @skip(if: $v) { d: int } ...F @include(if: $v) } fragment F on Query { e: int }", true, false);
each("query ($v: Boolean = true) { a: int @skip(if: $v) b: int @include(if: $v) }", undefined, false, null);
for (const literal of ["i: 1", "i: null", "f: 1", "f: 1e3", "f: -0", "s: \"\\u{1F600}\"", "s: \"\"\"\n  a\n    b\n\"\"\"", "b: true", "id: 1", "id: \"1\"", "id: 9007199254740993", "e: LARGE", "p: {x: 1}", "p: {x: 1, y: null}", "p: {label: \"l\", x: 2}", "l: 1", "l: []", "ll: 1", "ll: [1, [2, null]]", "w: {name: \"n\"}",
  "w: {any: {id: 1}}", "a: {x: [1, 1.5, \"s\", true, null, E, {y: {}}]}", "a: 123456789012345678901234567890", "a: 1.0", "a: -0", "a: 1e400", "d: [X]", "a: \"\"\"block\"\"\""]) {
  coercion.push({ query: `{ echo(${literal}) }`, data: { echo: args } });
}
coercion.push({ query: "{ animals { id } a: animals(limits: {}) { id } b: animals(limits: {first: 1, deep: {}}) { id } c: animals(limits: null) { id } }", data: { animals: [{ $arg: "limits" }] } });
coercion.push({ query: `query (${Array.from({ length: 60 }, (_, i) => `$v${i}: Int!`).join(" ")}) { ${Array.from({ length: 60 }, (_, i) => `a${i}: int(v: $v${i})`).join(" ")} }`, variables: {} });
coercion.push({ query: "query ($v: [Int!]) { echo(l: $v) }", variables: { v: Array(80).fill("x") } });
coercion.push({ query: "query ($v: [Int!], $w: [Int!]) { echo(l: $v) x: echo(l: $w) }", variables: { v: Array(30).fill("x"), w: Array(30).fill(null) } });

const results = [];
for (const field of ["int", "float", "string", "boolean", "id", "size", "any"]) {
  for (const value of [...numbers, ...others, "SMALL", "1.5", " 1 ", "1e3", "Infinity", -0.0, { $error: "e" }]) results.push({ query: `{ ${field} }`, data: { [field]: value } });
}
const lists = [[], [1, 2], [1, null], [null], [1, "a", 2], [1, { $error: "e" }], { $error: "e" }, null, 1, "text", {}, true, [[1]], [1.5, 2147483648]];
for (const field of ["ints", "strict", "never"]) for (const value of lists) results.push({ query: `{ before: int ${field} after: string }`, data: { int: 1, string: "s", [field]: value } });
for (const value of [[[1], [2]], [[1], null], [[null]], null, [], [[]], [1], [[1, "a"]], [[{ $error: "e" }]]]) results.push({ query: "{ grid }", data: { grid: value } }, { query: "{ keeper { matrix } }", data: { keeper: { matrix: value } } });

const dog = (more) => ({ __typename: "Dog", id: "d", name: "Rex", barks: true, owner: { id: "k", name: "Ann", pets: [] }, ...more });
const objects = [
  ["{ keeper { id name } }", { keeper: { id: "k", name: null } }], ["{ keeper { id name } }", { keeper: null }], ["{ keeper { id } }", { keeper: {} }], ["{ must { name } }", { must: null }], ["{ must { id } }", { must: {} }], ["{ must { name } any }", { any: 1 }], ["{ keeper { name } }", { keeper: 1 }], ["{ keeper { name } }", { keeper: "text" }], ["{ keeper { name } }", { keeper: true }],
  ["{ keeper { id pets { name } } }", { keeper: { id: "k", pets: [dog(), dog({ name: null }), dog()] } }], ["{ keeper { id pets { name } } }", { keeper: { id: "k", pets: [dog(), null] } }], ["{ keeper { id pets { id owner { id } } } }", { keeper: { id: "k", pets: [dog()] } }],
  ["{ keeper { pets { ... on Dog { owner { name pets { ... on Dog { owner { id } } } } } } } }", { keeper: { pets: [dog({ owner: { name: "x", pets: [dog({ owner: {} })] } })] } }], ["{ animals { name size } }", { animals: [dog(), dog({ size: "HUGE" }), dog({ name: { $error: "no name" } })] }],
  ["{ residents { __typename ... on Dog { barks } ... on Cat { meows } ... on Keeper { name } } }", { residents: [dog(), { __typename: "Cat", meows: true }, { __typename: "Keeper", name: "Ann" }] }], ["{ residents { __typename } }", { residents: [{}] }], ["{ residents { __typename } }", { residents: [{ __typename: "Query" }] }],
  ["{ residents { __typename } }", { residents: [{ __typename: "Nothing" }] }], ["{ residents { __typename } }", { residents: [{ __typename: "Size" }] }], ["{ residents { __typename } }", { residents: [{ __typename: 1 }] }], ["{ residents { __typename } }", { residents: [null] }], ["{ node(id: 1) { id __typename } }", { node: { id: 1 } }],
  ["{ node(id: 1) { id __typename } }", { node: { id: 1, __typename: "Animal" } }], ["{ node(id: 1) { id } }", { node: 5 }], ["{ node(id: 1) { id } }", { node: "text" }], ["{ node(id: 1) { id } }", { node: [] }], ["{ node(id: 1) { id ... on Animal { name(upper: true) } ... on Dog { barks } } }", { node: dog({ name: { $arg: "upper" } }) }],
  ["{ a: keeper { id } keeper { name } keeper { id born } }", { keeper: { id: "k", name: "n", born: { y: 2000 } } }], ["{ keeper { ...A ...B } } fragment A on Keeper { name id ...B } fragment B on Keeper { born name }", { keeper: { id: "k", name: "n", born: 1 } }], ["{ animal(where: {id: 1}) { best { best { best { id } } } } }", { animal: dog({ best: dog({ best: dog({ best: dog() }) }) }) }],
  ["{ animals { friends(first: 1) { id } friends(first: 1) { name } } }", { animals: [dog({ friends: [dog(), null] })] }], ["{ x: __typename keeper { __typename y: __typename } }", { keeper: {} }], ["{ old any: int int: any }", { old: "o", int: 1, any: [1] }], ["mutation { a: feed b: feed add(point: {x: 1}) c: feed }", { feed: 1, add: args }], ["mutation { a: feed b: rename(id: 1) { id } }", { feed: null, rename: dog() }],
  ["mutation { feed add(point: {x: 1}) }", { feed: { $error: "no food", extensions: { code: "EMPTY" } }, add: 1 }], ["{ any a: any }", { any: { $error: "m", extensions: {} } }], ["{ any }", { any: { $error: "m", extensions: { code: "X", deep: [1, { a: null }] } } }], ["{ strict }", { strict: [1, { $error: "m", extensions: { i: 1 } }, 3] }], ["{ any }", { any: { $error: "" } }],
  ["{ any }", { any: [{ x: { $args: true } }] }], ["{ int(v: 3) }", { int: { $arg: "v" } }], ["{ int(v: 3) }", { int: { $arg: "nothing" } }], ["{ any }", { any: { $args: true } }], ["{ animals(limits: {first: 2, sizes: [LARGE]}) { id } }", { animals: [{ $args: true }] }], ["{ echo(l: [1, 2]) }", { echo: { $arg: "l" } }], ["{ any }", null], ["{ any }", undefined], ["{ any }", 5], ["{ any }", []],
  ["{ must { id } never ints }", { must: { id: { $error: "deep" } }, never: [1, null], ints: ["x"] }], ["{ keeper { pets { id name } name } any }", { keeper: { name: "Ann", pets: [dog({ id: null, name: null })] }, any: 1 }], ["{ residents { ... on Keeper { pets { name } } } }", { residents: [{ __typename: "Keeper", pets: [{ __typename: "Cat", name: null }] }] }],
];

const names = [["query A { int } query B { string }", "A"], ["query A { int } query B { string }", "B"], ["query A { int } query B { string }", "C"], ["query A { int } query B { string }", null], ["{ int }", ""], ["{ int }", null], ["query A { int }", "A"], ["fragment F on Query { int }", null], ["query A { int } mutation A { feed }", "A"], ["{ int", null], ["{ nothing }", null],
  ["query A { int } mutation M { feed }", "M"], ["subscription { tick }", null], ["subscription { must }", null]];

const introspection = ["{ __schema { queryType { name kind fields { name } } mutationType { name } subscriptionType { name } directives { name isRepeatable locations args { name defaultValue type { name kind ofType { name } } } } } }", "{ __type(name: \"Limits\") { name kind isOneOf inputFields { name defaultValue type { kind name ofType { kind name ofType { kind name } } } } } }",
  "{ __type(name: \"Size\") { enumValues { name } all: enumValues(includeDeprecated: true) { name isDeprecated deprecationReason } } }", "{ __type(name: \"Query\") { fields { name args { name } } all: fields(includeDeprecated: true) { name isDeprecated deprecationReason args(includeDeprecated: true) { name isDeprecated deprecationReason } } } }", "{ __type(name: \"Nothing\") { name } __typename }",
  "{ __type(name: \"Animal\") { possibleTypes { name } interfaces { name } } __schema { description } }", "{ __type(name: \"Resident\") { possibleTypes { name } fields { name } kind } w: __type(name: \"Where\") { isOneOf } d: __type(name: \"Date\") { specifiedByURL description } }", "{ __type(name: \"__Type\") { name fields { name type { name } } } i: __type(name: \"Int\") { name description kind } }",
  "query ($v: Boolean!) { __type(name: \"Size\") { enumValues(includeDeprecated: $v) { name } } }", "{ keeper { __typename } __schema { types { name } } }"];

const subscriptions = [["subscription { tick }", { tick: [{ tick: 1 }, { tick: 2 }] }], ["subscription { tick }", { tick: [] }], ["subscription { tick }", {}], ["subscription { tick }", { tick: null }], ["subscription { tick }", { tick: 5 }], ["subscription { tick }", { tick: { $error: "closed", extensions: { code: "C" } } }], ["subscription { must }", { must: [{ must: 1 }, { must: null }, { must: "x" }, { must: 2 }] }],
  ["subscription { a: tick(every: 5) }", { tick: [{ tick: { $arg: "every" } }, { tick: { $error: "m" } }] }], ["subscription { arrived { __typename ... on Dog { name } } }", { arrived: [{ arrived: dog() }, { arrived: { __typename: "Keeper" } }, { arrived: {} }, { arrived: null }] }], ["subscription ($v: Int!) { tick(every: $v) }", { tick: [{ tick: { $args: true } }] }, { v: 3 }],
  ["subscription ($v: Int!) { tick(every: $v) }", { tick: [] }], ["subscription { tick must }", { tick: [] }], ["{ any }", {}], ["subscription { tick", {}]];

export const executeCases = [
  ...coercion, ...results, ...objects.map(([query, data]) => ({ query, data })), ...names.map(([query, operationName]) => ({ query, operationName, data: { int: 1, string: "s", feed: 2, tick: 3 } })),
  ...introspection.map((query) => ({ query, op: "introspect", variables: { v: true } })), ...subscriptions.map(([query, data, variables]) => ({ query, data, variables, op: "subscribe" })),
].map((one, i) => ({ id: `execute-${i}`, op: "execute", schema: zoo, ...one })).concat(schemas.map((schema, i) => ({ id: `introspect-own-${i}`, op: "introspect", schema })));
