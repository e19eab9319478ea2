// Documents against the zoo, each with what one rule forbids or just allows; then some against schemas of their own.
import { zoo } from "../schemas.mjs";

const repeat = (count, make) => Array.from({ length: count }, (_, i) => make(i)).join(" ");

const documents = [
  // operations
  "query A { any } query A { any }", "query A { any } mutation A { feed }", "{ any } query B { any }", "{ any } { any }", "query A { any } { any }", "{ any } fragment F on Query { any }", "query A { any } query B { any }",
  "subscription { tick }", "subscription { tick arrived { __typename } }", "subscription { tick ...F } fragment F on Subscription { must }", "subscription { __typename }", "subscription { tick __typename }", "subscription { __schema { queryType { name } } }",
  "subscription { a: tick b: tick }", "subscription { tick tick }", "subscription { tick @skip(if: true) }", "subscription ($v: Boolean!) { tick @include(if: $v) }", "subscription { ... @include(if: true) { tick } }", "subscription { ...F @skip(if: false) } fragment F on Subscription { tick }",
  "subscription { ...F } fragment F on Subscription { ...G } fragment G on Subscription { tick must }", "subscription { ...F } fragment F on Subscription { tick ...F }", "subscription S { tick } subscription T { must }", "subscription { nothing }", "subscription Named { tick must }",
  // fields
  "{ nothing }", "{ anyy }", "{ animals { barks } }", "{ animals { meow } }", "{ residents { name } }", "{ residents { id } }", "{ residents { __typename } }", "{ residents { nothing } }", "{ keeper { nam } }", "{ keeper { pets { volume } } }", "{ __typenam }", "{ __schema { types { nam } } }",
  "{ keeper { ... on Node { name } } }", "fragment F on Nothing { anything { at { all } } } { ...F }", "{ keeper { __schema { types { name } } } }", "{ node(id: 1) { name } }", "mutation { __schema { types { name } } }", "{ Any }", "{ nevr neve strct }",
  // leafs
  "{ any { x } }", "{ ints { x } }", "{ keeper }", "{ residents }", "{ animals }", "{ keeper { pets } }", "{ size { name } }", "{ echo { x } }", "{ __typename { x } }", "{ __schema }", "{ keeper @skip(if: true) }",
  // fragments
  "{ ...F }", "{ ...F ...G } fragment F on Query { any }", "{ any } fragment F on Query { any }", "{ any } fragment F on Query { ...G } fragment G on Query { any }", "{ ...F } fragment F on Query { any } fragment F on Query { ints }", "{ ...F } fragment F on Query { ...F }",
  "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }", "{ ...F } fragment F on Query { ...G ...H } fragment G on Query { ...F } fragment H on Query { ...F ...G }", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...B ...A any }",
  "{ ... on Query { ... on Query { any } } }", "{ ... on Int { x } }", "{ ... on Size { x } }", "{ ... on Point { x } }", "{ ... on Any { x } }", "{ ... on Nothing { x } }", "{ ...F } fragment F on Int { x }", "{ ...F } fragment F on Where { x }", "{ ...F } fragment F on Nothng { x }", "{ ...F } fragment F on Quer { any }",
  "{ keeper { ... on Dog { barks } } }", "{ keeper { ... on Animal { name } } }", "{ animals { ... on Keeper { name } } }", "{ animals { ... on Dog { barks } } }", "{ animals { ... on Node { id } } }", "{ residents { ... on Animal { name } } }", "{ node(id: 1) { ... on Resident { __typename } } }", "{ keeper { ...F } } fragment F on Cat { meows }",
  "{ animals { ... on Dog { ... on Cat { meows } } } }", "{ animals { ... on Dog { ... on Animal { ... on Cat { meows } } } } }", "{ animals { ... on Query { any } } }", "{ ... { ... @include(if: true) { any } } }", "{ animals { ...on Resident { ...on Node { id } } } }",
  // types and variables
  "query ($a: Nothing) { any }", "query ($a: Nothing) { int(v: $a) }", "query ($a: Keeper) { int(v: $a) }", "query ($a: [Animal!]!) { any }", "query ($a: Strin) { string(v: $a) }", "query ($a: Resident, $b: Query!) { any }", "query ($a: Int, $a: Int) { int(v: $a) }", "query ($a: Int, $a: String, $b: Int, $b: Int, $a: Int) { int(v: $a) x: int(v: $b) }",
  "query ($a: Int) { any }", "query Q($a: Int, $b: Int) { int(v: $b) }", "query Q { int(v: $a) }", "{ int(v: $a) float(v: $a) }", "query Q { ...F } fragment F on Query { int(v: $a) }", "query Q($a: Int!) { ...F } query R { ...F } fragment F on Query { int(v: $a) }", "query Q($a: Int) { ...F } fragment F on Query { ...G } fragment G on Query { int(v: $a) }",
  "query Q($a: Int = $b) { int(v: $a) }", "query ($a: Boolean!) { any @skip(if: $a) @include(if: $b) }", "query ($a: Int!) { echo(p: {x: $a}) }", "query ($a: Int!) { echo(p: {x: $b}) }", "query ($a: Int) @once(if: $a) { any }", "query ($a: Boolean = true) @once(if: $a) { any }", "query ($a: Int @once) { int(v: $a) }", "query ($a: Int @tag) { int(v: $a) }",
  "query ($a: Int! = 1) { int(v: $a) }", "query ($a: Int = 1) { int(v: $a) }", "query ($a: Int) { int(v: $a) }", "query ($a: Int = null) { int(v: $a) }", "query ($a: Int) { echo(p: {x: $a}) }", "query ($a: Int = 1) { echo(p: {x: $a}) }", "query ($a: Int) { echo(p: {x: 1, y: $a}) }", "query ($a: String) { int(v: $a) }", "query ($a: [Int]) { echo(l: $a) }",
  "query ($a: [Int!]) { echo(l: $a) }", "query ($a: [Int!]!) { echo(l: $a) }", "query ($a: Int!) { echo(l: $a) }", "query ($a: Int) { echo(l: [$a]) }", "query ($a: Int!) { echo(l: [$a, 1]) }", "query ($a: [[Int]!]!) { echo(ll: $a) }", "query ($a: [[Int]!]) { echo(ll: $a) }", "query ($a: [Int]!) { echo(ll: [$a]) }", "query ($a: ID) { node(id: $a) { id } }",
  "query ($a: ID!) { node(id: $a) { id } }", "query ($a: String!) { node(id: $a) { id } }", "query ($a: Size) { size(v: $a) }", "query ($a: String) { size(v: $a) }", "query ($a: ID) { animal(where: {id: $a}) { id } }", "query ($a: ID!) { animal(where: {id: $a}) { id } }", "query ($a: ID! = 1) { animal(where: {id: $a}) { id } }", "query ($a: Where) { animal(where: $a) { id } }",
  "query ($a: Any, $b: Int) { echo(a: {x: $a, y: [$b]}) }", "query ($a: Int = 1) { echo(ll: [[$a]]) }", "query ($a: Boolean) { any @skip(if: $a) }", "query ($a: Boolean = false) { any @skip(if: $a) }", "query ($a: Int = \"s\", $b: Size = \"SMALL\", $c: Point = {x: 1, q: 2}, $d: [Int!] = [null], $e: Where = {id: 1, name: \"x\"}) { echo(i: $a, e: $b, p: $c, l: $d, w: $e) }",
  "query ($a: Int! = null) { int(v: $a) }", "query ($on: Int!) { int(v: $on) }",
  // directives
  "{ any @nothing }", "{ any @ski(if: true) }", "query @skip(if: true) { any }", "{ any @skip }", "{ any @skip(if: 1) }", "{ any @skip(if: null) }", "{ any @skip(if: true, if: false) }", "{ any @skip(if: true) @skip(if: false) }", "{ any @tag @tag(name: \"x\") }", "{ any @once @once }", "{ any @once(iff: true) }", "{ any @once(if: \"x\", limits: {first: null}) }",
  "fragment F on Query @once { any } { ...F @once @tag }", "{ ...F @deprecated } fragment F on Query @tag { any }", "query @once @tag @tag { any } ", "mutation @tag { feed }", "subscription @once { tick }", "{ ... @once { any } }", "{ ... @tag { any } }", "{ any @specifiedBy(url: \"x\") }", "query ($v: Int @deprecated) { int(v: $v) }", "{ any @tag(name: null) @tag(level: \"1\") @tag(nam: \"x\") }",
  // arguments
  "{ node { id } }", "{ node(id: null) { id } }", "{ node(idd: 1) { id } }", "{ node(id: 1, id: 2) { id } }", "{ int(v: 1, v: 1, v: 1) int(w: 1, w: 2) }", "{ any(x: 1) }", "{ keeper(first: 1) { name } }", "{ animals(limit: {}) { id } }", "mutation { add }", "mutation { add(point: {}) rename(name: 1) { id } }", "{ animal { id } }", "{ any(x: $v) }", "{ echo(ll: null) }", "{ string(value: \"x\", v: \"y\") }", "{ __type { name } }", "{ __type(nam: \"x\") { name } }",
  // values
  ...["i: 1", "i: -1", "i: 2147483647", "i: 2147483648", "i: -2147483648", "i: -2147483649", "i: 1.0", "i: \"1\"", "i: true", "i: X", "i: [1]", "i: {}", "i: null", "f: 1", "f: 1.5", "f: \"1\"", "f: true", "f: 1e400", "f: 123456789012345678901234567890", "s: 1", "s: 1.5", "s: true", "s: X", "s: \"\"\"b\"\"\"", "s: null", "b: 1", "b: \"true\"", "b: TRUE",
    "id: 1", "id: \"1\"", "id: 1.5", "id: true", "id: X", "e: SMALL", "e: \"SMALL\"", "e: HUGE", "e: SMAL", "e: small", "e: 1", "e: true", "e: [SMALL]", "p: {x: 1}", "p: {x: null}", "p: {}", "p: {y: 1}", "p: {x: 1, q: 1}", "p: {x: 1, labl: \"x\"}", "p: {x: 1, x: 2}", "p: {x: \"1\", y: 1.5, z: \"z\", label: 1}", "p: 1", "p: [{x: 1}]", "p: \"x\"", "p: null",
    "l: 1", "l: [1, 2]", "l: [1, null]", "l: [1, \"2\"]", "l: [[1]]", "l: null", "l: \"x\"", "l: []", "l: {}", "ll: 1", "ll: [1]", "ll: [[1], null]", "ll: [[1], [null, 2]]", "ll: [[[1]]]", "ll: null", "ll: \"x\"", "w: {}", "w: {id: 1}", "w: {id: null}", "w: {id: 1, name: \"x\"}", "w: {name: 1}", "w: {point: {x: 1}}", "w: {point: {}}", "w: {any: [{id: 1}, {}]}", "w: {any: {id: 1}}",
    "w: {nothing: 1}", "w: {id: 1, nothing: 1}", "w: 1", "w: {id: $v}", "w: {id: $v, name: \"x\"}", "a: 1", "a: {b: [1, {c: X}], d: \"x\"}", "a: {b: 1, b: 2}", "a: [$v]", "d: {x: 1}", "d: \"2020\"", "nothing: {a: {b: 1, b: 2}}"].map((argument) => `{ echo(${argument}) }`),
  "{ animals(limits: {first: 1, sizes: [SMALL, TINY], deep: {first: null, deep: {note: 1}}}) { id } }", "{ animals(limits: {sizes: SMALL, after: 1}, matching: 1, sizes: [[SMALL], [X]]) { id } }",
  // merging
  "{ a: any a: ints }", "{ a: int a: int(v: 1) }", "{ a: int(v: 1) a: int(v: 2) }", "{ a: int(v: 1) a: int(v: 1) }", "query ($x: Int!, $y: Int!) { a: int(v: $x) a: int(v: $y) }", "{ any any any: ints }", "{ keeper { name } keeper { name: born } }", "{ keeper { a: name } keeper { a: id } }", "{ keeper { pets { a: name } } keeper { pets { a: id } } }",
  "{ keeper { pets { a: name(upper: true) b: id } } keeper { pets { a: name b: size } } }", "{ animals { ... on Dog { volume } ... on Cat { volume } } }", "{ animals { ... on Dog { v: volume } ... on Cat { v: meows } } }", "{ animals { ... on Dog { a: name } ... on Cat { a: name(upper: true) } } }", "{ animals { ... on Dog { a: barks } ... on Cat { a: meows } } }",
  "{ animals { ... on Dog { a: friends { id } } ... on Cat { a: best { id } } } }", "{ animals { ... on Dog { a: best { x: id } } ... on Cat { a: best { x: name } } } }", "{ animals { ... on Animal { a: name } ... on Cat { a: id } } }", "{ ...F ...G } fragment F on Query { a: any } fragment G on Query { a: ints }", "{ a: any ...F } fragment F on Query { a: ints }",
  "{ ...F } fragment F on Query { a: any ...G } fragment G on Query { a: ints ...H } fragment H on Query { a: strict }", "{ keeper { ...F } } fragment F on Keeper { a: name pets { ...G } } fragment G on Animal { a: id best { ...G a: size } }", "{ a: int(v: 1) a: float(v: 1) b: any b: ints }", "{ a: echo(p: {x: 1, y: 2}) a: echo(p: {y: 2, x: 1}) }", "{ a: echo(l: [1, 2]) a: echo(l: [2, 1]) }",
  "{ a: string(v: \"x\") a: string(v: \"\"\"x\"\"\") }", "{ a: keeper { id } a: must { id } }", "{ a: keeper { id } a: any }", "{ a: nothing a: any }", "{ a: any a: nothing }", "{ keeper { x: name x: name } keeper { x: name x: id } }", "{ animals { ...on Dog { x: size } ...on Cat { x: size } ...on Animal { x: id } } }",
  "{ residents { ...on Dog { id } ...on Keeper { id: name } } }", "{ residents { ...on Dog { o: owner { x: name } } ...on Keeper { o: pets { x: name } } } }",
  // introspection
  "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "{ __type(name: \"X\") { fields { type { fields { type { fields { type { name } } } } } } } }", "{ __schema { types { interfaces { interfaces { interfaces { name } } } } } }", "{ __schema { types { ofType { ofType { ofType { ofType { ofType { name } } } } } } } }", "{ __schema { nothing } __type(name: 1) { name } }",
  "{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...U } } } fragment U on __Type { fields { type { fields { name } } } }",
  // type systems among operations
  "{ any } type T { a: Int }", "{ any } extend type Query { a: Int }", "schema { query: Q }", "{ any } directive @d on FIELD", "type T { a: Nothing @nothing }", "{ nothing } scalar S enum E { A }",
  // very many faults
  `{ ${repeat(99, (i) => `nothing${i}`)} }`, `{ ${repeat(100, (i) => `nothing${i}`)} }`, `{ ${repeat(101, (i) => `nothing${i}`)} }`, `{ ${repeat(300, (i) => `nothing${i}(a: $v${i})`)} }`, `{ ${repeat(120, (i) => `a${i}: node { id }`)} }`, `{ ${repeat(60, (i) => `a${i % 7}: int(v: ${i})`)} }`,
  `query (${repeat(60, (i) => `$v${i}: Int`)}) { any ${repeat(60, (i) => `...F${i}`)} }`,
  // deep
  `{ keeper { pets ${"{ best ".repeat(150)}{ id }${"}".repeat(150)} } }`, `{ keeper { pets ${"{ best ".repeat(700)}{ nothing }${"}".repeat(700)} } }`, `{ echo(a: ${"[".repeat(400)}1${"]".repeat(400)}) }`, `{ echo(w: ${"{any: ".repeat(200)}{id: 1}${"}".repeat(200)}) }`,
  // lines and columns
  "{\r\n  nothing\r  nothing2\n  nothing3 }", "\uFEFF{ nothing }", "{ s: string(v: \"\u{1F600}\") nothing }", "{ string(v: \"\"\"\n\u{1F600}\n\"\"\") nothing }", "# \u{1F600}\n{ nothing }", "\"d\u{1F600}\" query { nothing }", "\"\"\"\nlong\n\"\"\"\nquery (\"v\" $a: Nothing) { any }",
];

const others = [
  ["type Query { a: Int }", ["mutation { a }", "subscription { a }", "mutation M { a } subscription S { b } query { a }", "mutation { ...F } fragment F on Mutation { a }", "mutation ($v: Int) { a(x: $v) @skip(if: $w) }"]],
  ["interface A { x: Int } interface B { x: Int } type C implements A { x: Int y: String! } type D implements B { x: Int y: String } union U = C | D type Query { a: A b: B u: U }",
    ["{ a { ... on B { x } } }", "{ a { ... on D { x } } }", "{ u { ... on A { x } ... on B { x } } }", "{ u { ... on C { y } ... on D { y } } }", "{ u { y } }", "{ a { y } }", "{ a { ... on U { ... on D { y } } } }"]],
  ["type Query { list: [Box] } interface Box { s: String } type IntBox implements Box { s: String v: Int deep: IntBox l: [Int] } type StringBox implements Box { s: String v: String deep: StringBox l: [String!]! } type NonNull implements Box { s: String v: Int! deep: IntBox! l: Int }",
    ["{ list { ... on IntBox { v } ... on StringBox { v } } }", "{ list { ... on IntBox { v } ... on NonNull { v } } }", "{ list { ... on IntBox { deep { v } } ... on StringBox { deep { v } } } }", "{ list { ... on IntBox { deep { a: v } } ... on StringBox { deep { a: s } } } }", "{ list { ... on IntBox { l } ... on StringBox { l } ... on NonNull { l } } }",
      "{ list { ... on IntBox { x: l } ... on NonNull { x: l } } }", "{ list { ...I ...S } } fragment I on IntBox { deep { v ...I2 } } fragment I2 on IntBox { w: v } fragment S on StringBox { deep { v w: s } }", "{ list { s: s ... on IntBox { s: v } ... on StringBox { s: v } } }"]],
];

export const validateCases = [
  ...documents.map((query) => ({ schema: zoo, query })),
  ...others.flatMap(([schema, queries]) => queries.map((query) => ({ schema, query }))),
].map((one, i) => ({ id: `validate-${i}`, op: "validate", ...one }));
