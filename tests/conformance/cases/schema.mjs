// Type systems, each with what one rule forbids or just allows.
const q = "type Query { a: Int }\n";

const texts = [
  // roots
  "type T { a: Int }", "schema { query: Q }", "schema { query: Q } type Q { a: Int }", "schema { mutation: M } type M { a: Int }", "schema { query: E } enum E { A }", "input Query { a: Int }",
  "interface Query { a: Int }", `${q}union Mutation = Query`, `${q}scalar Subscription`, `${q}schema { query: Query mutation: Query }`, `${q}schema { query: Query mutation: Query subscription: Query }`,
  `${q}schema { query: Query query: Query }`, `${q}schema { query: Query } schema { query: Query }`, `${q}schema { query: Query } extend schema { query: Query }`, `${q}schema { query: Query } extend schema { mutation: Query }`,
  `${q}extend schema { mutation: M } type M { a: Int }`, `${q}extend schema @d directive @d on SCHEMA`, `${q}type M { a: Int } schema { query: Query mutation: M } extend schema { subscription: S } type S { a: Int }`,
  "extend schema { query: Q } type Q { a: Int }", `${q}schema { query: Missing }`, `${q}schema @d { query: Query }`, `${q}schema @skip(if: true) { query: Query }`, `type Query`, `type Query { a: Int } type Mutation`,
  // names
  "type Query { __a: Int }", `${q}type __T { a: Int }`, `${q}enum E { __A }`, `${q}input I { __a: Int }`, `${q}directive @__d on FIELD`, `${q}directive @d(__a: Int) on FIELD`, "type Query { a(__x: Int): Int }", `${q}scalar __S`,
  `${q}interface __I { a: Int }`, `${q}union __U = Query`, `type Query { a: __Type }`, `type Query { a: __Schema b: __TypeKind }`, `${q}type __Type { a: Int }`, `${q}extend type __Type { a: Int }`, `${q}enum __TypeKind { A }`,
  // unique
  `${q}type A { a: Int } type A { b: Int }`, `${q}type A { a: Int } enum A { B } input A { c: Int }`, `${q}type Query { b: Int }`, `${q}scalar Int`, `${q}scalar String scalar String`, `${q}type Int { a: Boolean }`, `${q}enum ID { A }`,
  "type Query { a: Int a: Int }", "type Query { a: Int } extend type Query { a: String }", "type Query { a: Int a: Int a: String }", `${q}extend type Query { b: Int } extend type Query { b: Int }`, `${q}interface I { a: Int a: Int }`,
  `${q}input I { a: Int a: Int }`, `${q}input I { a: Int } extend input I { a: Int }`, `${q}enum E { A A }`, `${q}enum E { A } extend enum E { A B }`, "type Query { a(x: Int, x: Int): Int }", `${q}directive @d(x: Int, x: Int) on FIELD`,
  `${q}directive @d on FIELD directive @d on QUERY`, `${q}directive @skip on FIELD`, `${q}directive @skip(if: Boolean!) on FIELD`, `${q}directive @deprecated(reason: String) on FIELD_DEFINITION`, `${q}directive @deprecated on ENUM_VALUE`,
  `${q}directive @oneOf on OBJECT`, `${q}directive @specifiedBy on SCALAR`, `${q}directive @include(a: Int) on FIELD directive @include on FIELD`, `${q}interface I { a(x: Int, x: Int, y: Int): Int }`,
  // known types
  "type Query { a: Missing }", "type Query { a: Quer }", "type Query { a(x: Missing): Int }", `${q}union U = Missing`, `${q}union U = Qery`, `type Query implements Missing { a: Int }`, `${q}input I { a: Missing b: Intt }`, `${q}directive @d(x: Missing) on FIELD`,
  `${q}extend union U = Query`, `${q}extend type Missing { a: Int }`, `${q}extend type Qury { a: Int }`, `${q}extend enum Query { A }`, `${q}extend scalar Int @d directive @d on SCALAR`, `${q}extend input Query { a: Int }`, `${q}extend interface Query { a: Int }`,
  `${q}extend union Query = Query`, `${q}extend scalar Query @d`, `${q}enum E { A } extend type E { a: Int }`, `${q}scalar S extend enum S { A }`, `${q}input I { a: Int } extend type I { a: Int }`, `${q}union U = Query extend interface U { a: Int }`,
  `${q}extend scalar String @specifiedBy(url: "x")`, `type Query { a: [Missing!]! b(x: [[Missing]]): Int }`,
  // empty
  `${q}type T`, `${q}interface I`, `${q}union U`, `${q}enum E`, `${q}input I`, `${q}type T extend type T { a: Int }`, `${q}union U extend union U = Query`, `${q}enum E extend enum E { A }`, `${q}input I extend input I { a: Int }`, `${q}interface I extend interface I { a: Int }`,
  `${q}type T extend type T @d directive @d on OBJECT`,
  // input and output types
  "type Query { a(x: Query): Int }", "type Query { a: I } input I { a: Int }", "type Query { a: [I!] } input I { a: Int }", `${q}input I { a: Query }`, `${q}input I { a: [Query!]! }`, `${q}interface J { a: Int } input I { a: J }`, `${q}union U = Query input I { a: U }`,
  `${q}directive @d(x: Query) on FIELD`, `${q}directive @d(x: [Query!]) on FIELD`, `${q}union U = I input I { a: Int }`, `${q}union U = Int`, `${q}union U = U`, `${q}union U = J interface J { a: Int }`, `${q}union U = E enum E { A }`, `${q}union U = Query | Query`,
  `${q}union U = Query extend union U = Query`, `${q}union U = Query | Query | Query | Int`,
  // implements
  "interface I { a: Int } type Query implements I { a: Int }", "interface I { a: Int } type Query implements I { b: Int }", "interface I { a: Int } type Query implements I { a: String }", "interface I { a: Int } type Query implements I { a: Int! }",
  "interface I { a: Int! } type Query implements I { a: Int }", "interface I { a: [Int] } type Query implements I { a: [Int!]! }", "interface I { a: [Int!] } type Query implements I { a: [Int] }", "interface I { a: Int } type Query implements I { a: [Int] }",
  "interface I { a: I } type Query implements I { a: Query }", "interface I { a: U } union U = Query type Query implements I { a: Query }", "interface I { a: I } type Query implements I { a: T } type T { b: Int }", "interface I { a(x: Int): Int } type Query implements I { a(x: Int): Int }",
  "interface I { a(x: Int): Int } type Query implements I { a: Int }", "interface I { a(x: Int): Int } type Query implements I { a(x: Int!): Int }", "interface I { a(x: Int): Int } type Query implements I { a(x: Int, y: Int): Int }",
  "interface I { a(x: Int): Int } type Query implements I { a(x: Int, y: Int!): Int }", "interface I { a(x: Int): Int } type Query implements I { a(x: Int, y: Int! = 1): Int }", "interface I { a: Int } type Query implements I & I { a: Int }",
  "interface I { a: Int } type Query implements I { a: Int } extend type Query implements I", "type Query implements Query { a: Int }", "type Query implements T { a: Int } type T { a: Int }", "union U = Query type Query implements U { a: Int }", "type Query implements Int { a: Int }",
  "interface I implements I { a: Int } type Query implements I { a: Int }", "interface A implements B { a: Int } interface B implements A { a: Int } type Query { a: Int }", "interface A { a: Int } interface B implements A { a: Int } type Query implements B { a: Int }",
  "interface A { a: Int } interface B implements A { a: Int } type Query implements A & B { a: Int }", "interface A implements B { a: Int } interface B implements C { a: Int } interface C implements A { a: Int } type Query implements A { a: Int }",
  "interface A { a: Int } extend interface A { b: Int } type Query implements A { a: Int }", "interface I { a: Int b: Int } type Query implements I { c: Int } extend type Query { a: Int }", "interface I { a: Int } type Query implements I { a: Int @deprecated }",
  "interface I { a: Int @deprecated } type Query implements I { a: Int @deprecated }", "interface I { a: Int @deprecated } type Query implements I { a: Int }", "interface I { a(x: [Int!]): Int } type Query implements I { a(x: [Int]): Int }",
  "interface I { a(x: Int = 1): Int } type Query implements I { a(x: Int = 2): Int }", "interface I { a: Int } interface J { a: String } type Query implements I & J { a: Int }",
  // deprecated
  "type Query { a(x: Int! @deprecated): Int }", "type Query { a(x: Int! = 1 @deprecated): Int }", `${q}input I { a: Int! @deprecated }`, `${q}input I { a: Int! = 1 @deprecated b: Int @deprecated(reason: "r") }`, `${q}directive @d(x: Int! @deprecated) on FIELD`,
  "type Query { a: Int @deprecated(reason: null) }", "type Query { a: Int @deprecated(reason: 1) }", "type Query { a: Int @deprecated(because: \"x\") }", "type Query { a: Int @deprecated @deprecated }", `type Query @deprecated { a: Int }`,
  // one of
  `${q}input I @oneOf { a: Int b: String }`, `${q}input I @oneOf { a: Int! }`, `${q}input I @oneOf { a: Int = 1 }`, `${q}input I @oneOf { a: Int! = 1 }`, `${q}input I @oneOf { a: I }`, `${q}input I @oneOf { a: I b: I }`, `${q}input I @oneOf { a: I b: Int }`, `${q}input I @oneOf { a: [I] }`,
  `${q}input I @oneOf { a: J } input J @oneOf { a: I }`, `${q}input I @oneOf { a: J } input J { a: I! }`, `${q}input I @oneOf { a: J } input J { a: I }`, `${q}input I @oneOf { a: Int } extend input I { b: Int! }`, `${q}type T @oneOf { a: Int }`, `${q}input I { a: Int } extend input I @oneOf`,
  `${q}input I @oneOf @oneOf { a: Int }`, `${q}input A @oneOf { b: B c: C } input B @oneOf { a: A } input C @oneOf { a: A b: B }`,
  // input cycles
  `${q}input I { a: I! }`, `${q}input I { a: I }`, `${q}input I { a: [I!]! }`, `${q}input A { b: B! } input B { a: A! }`, `${q}input A { b: B! } input B { a: A }`, `${q}input A { b: B! } input B { c: C! } input C { a: A! b: B! }`, `${q}input A { a1: A! a2: A! b: B! } input B { b: B! }`,
  `${q}input I { i: I = {} }`, `${q}input I { i: I = {i: null} }`, `${q}input I { i: [I] = [{}] }`, `${q}input A { b: B = {} } input B { a: A = {} }`, `${q}input A { b: B = {} } input B { a: A }`, `${q}input A { b: B = {a: {}} } input B { a: A }`, `${q}input A { x: Int b: B = {a: {x: 1}} } input B { a: A }`,
  `${q}input A { b: B = {} } input B { c: C = {} } input C { a: A = {} x: Int }`, `type Query { a(i: A = {}): Int } input A { b: B = {} } input B { a: A = {} }`,
  // defaults
  "type Query { a(x: Int = \"s\"): Int }", "type Query { a(x: Int! = null): Int }", "type Query { a(x: [Int!] = [null]): Int }", "type Query { a(x: [Int] = 1): Int }", "type Query { a(x: E = B): Int } enum E { A }", "type Query { a(x: E = \"A\"): Int } enum E { A }",
  "type Query { a(x: I = {}): Int } input I { a: Int! }", "type Query { a(x: I = {b: 1}): Int } input I { a: Int }", "type Query { a(x: I = {a: {a: \"x\"}}): Int } input I { a: I b: Int }", "type Query { a(x: I = {a: 1, a: 2}): Int } input I { a: Int }", `${q}input I { a: Int = 1.5 b: Float = 1 c: ID = 1 d: ID = 1.5 e: Boolean = 1 }`,
  `${q}input I { a: Int = 2147483648 b: Float = 1e400 }`, `${q}input I @oneOf { a: Int b: Int } input J { i: I = {} j: I = {a: 1, b: 2} k: I = {a: null} l: I = {a: 1} m: I = {c: 1} }`, `${q}directive @d(x: Int = "s", y: [Int] = [1, "x", true]) on FIELD`, `${q}scalar S input I { s: S = {a: [1, "x", E]} }`,
  `${q}input I { a: [[Int]] = [1, [2], null, [[3]]] }`,
  // directives
  "type Query { a: Int @missing }", "type Query { a: Int @depricated }", "type Query { a: Int @skip(if: true) }", `${q}scalar S @specifiedBy`, `${q}scalar S @specifiedBy(url: 1)`, `${q}scalar S @specifiedBy(url: "x") @specifiedBy(url: "y")`, `${q}scalar S @specifiedBy(uri: "x")`, `${q}enum E { A @specifiedBy(url: "x") }`,
  ...["SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT", "INPUT_FIELD_DEFINITION", "FIELD"].map((location) =>
    `directive @d on ${location} schema @d { query: Query } scalar S @d type Query @d { a(x: Int @d): Int @d } interface I @d { a: Int @d } union U @d = Query enum E @d { A @d } input In @d { a: Int @d } extend type Query @d extend enum E @d extend schema @d`),
  `${q}directive @d(x: Int!, y: String) on OBJECT type A @d { a: Int } type B @d(x: 1) { a: Int } type C @d(x: 1, z: 2) { a: Int } type D @d(x: "s") { a: Int } type E @d(x: 1, x: 2) { a: Int } type F @d(x: null) { a: Int }`,
  `${q}directive @d(i: I) on OBJECT input I { a: Int! } type A @d(i: {}) { a: Int } type B @d(i: {a: 1, a: 2}) { a: Int } type C @d(i: {a: 1, b: 2}) { a: Int }`, `${q}directive @d repeatable on OBJECT type T @d @d { a: Int } extend type T @d`, `${q}directive @d on OBJECT type T @d @d { a: Int }`,
  `${q}directive @d on OBJECT type T @d { a: Int } extend type T @d`, `${q}directive @d(x: Int @d) on ARGUMENT_DEFINITION`, `${q}directive @a(x: Int @b) on ARGUMENT_DEFINITION directive @b(x: Int @a) on ARGUMENT_DEFINITION`, `${q}directive @d(x: I) on INPUT_FIELD_DEFINITION input I { a: Int @d }`,
  `${q}directive @d on FIELD | FIELD`, `${q}type T { a(x: Int @missing, y: Int @deprecated(x: 1)): Int @missing }`, `${q}directive @d on OBJECT extend directive @d @d`, `${q}directive @d @deprecated on OBJECT`, `${q}extend directive @d @deprecated`,
  // all together, and none
  `${q}union U = Query\ntype T implements I & J { a: Missing }\ninterface I { b: Int }\nextend type X { a: Int }\nenum E { A A }`, "{ a }", `${q}{ a }`, `${q}fragment F on Query { a }`, `${q}type T { a: T! b: [T!]! }`, `"d" ${q}`, `${q}# end`,
  `${q}type A{a:B} type B{a:A} interface N{id:ID!} type C implements N{id:ID! n:N}`,
];

export const schemaCases = texts.flatMap((schema, i) => [{ id: `schema-${i}`, op: "schema", schema }, { id: `introspect-${i}`, op: "introspect", schema }]);
