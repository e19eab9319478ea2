// The schemas that cases are made from: each has its own part of the type system.

/** Everything at once, for operations of all kinds. */
export const zoo = `"""A zoo, and what can be asked of it."""
schema @tag(name: "zoo") {
  query: Query
  mutation: Mutation
  subscription: Subscription
}

"Marks a thing."
directive @tag(name: String! = "x", level: Int) repeatable on SCHEMA | OBJECT | FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE | FIELD | QUERY | FRAGMENT_SPREAD
directive @once(if: Boolean = true, limits: Limits) on FIELD | QUERY | MUTATION | SUBSCRIPTION | FRAGMENT_DEFINITION | FRAGMENT_SPREAD | INLINE_FRAGMENT | VARIABLE_DEFINITION

scalar Any
scalar Date @specifiedBy(url: "https://example.com/date")

enum Size { SMALL MEDIUM @deprecated LARGE @deprecated(reason: "too large") }

interface Node { id: ID! }
interface Animal implements Node {
  id: ID!
  name(upper: Boolean = false): String!
  size: Size
  friends(first: Int = 2, kinds: [Size!]): [Animal]
  best: Animal
}

type Dog implements Animal & Node {
  id: ID!
  name(upper: Boolean = false): String!
  size: Size
  friends(first: Int = 2, kinds: [Size!]): [Animal]
  best: Animal
  barks: Boolean!
  volume: Int
  owner: Keeper!
}

type Cat implements Animal & Node {
  id: ID!
  name(upper: Boolean = false): String!
  size: Size
  friends(first: Int = 2, kinds: [Size!]): [Animal]
  best: Animal
  meows: Boolean
  volume: Float
}

type Keeper implements Node {
  id: ID!
  name: String
  pets: [Animal!]!
  matrix: [[Int!]]
  born: Date
}

union Resident = Dog | Cat | Keeper

input Limits { first: Int! = 10, after: ID, sizes: [Size!] = [SMALL], deep: Limits, note: String = "n" }
input Point { x: Int!, y: Int! = 0, z: Float, label: String }
input Where @oneOf { id: ID, name: String, point: Point, any: [Where!] }

type Query {
  node(id: ID!): Node
  animal(where: Where!): Animal
  animals(limits: Limits = {first: 3}, matching: String, sizes: [[Size]]): [Animal!]
  residents(first: Int): [Resident!]!
  keeper: Keeper
  must: Keeper!
  echo(i: Int, f: Float, s: String, b: Boolean, id: ID, e: Size, p: Point, l: [Int!], ll: [[Int]!]!=[[1]], w: Where, a: Any, d: Date): Any
  int(v: Int! = 1): Int
  float(v: Float): Float
  string(v: String): String
  boolean(v: Boolean): Boolean
  id(v: ID): ID
  size(v: Size = MEDIUM): Size
  ints: [Int]
  strict: [Int!]
  never: [Int!]!
  grid: [[Int!]!]!
  any: Any
  old(arg: Int @deprecated): String @deprecated(reason: "use any")
}

type Mutation {
  add(point: Point!): Any
  rename(id: ID!, name: String = "none"): Animal
  feed(where: Where): Int!
}

type Subscription {
  tick(every: Int = 1): Int
  arrived(where: Where): Resident
  must: Int!
}
`;

/** Small ones, each a playground for one part of the rules for type systems. */
export const schemas = [
  zoo,
  `type Query { a: Int }`,
  `interface A { x(a: Int!, b: [String!] = ["q"]): A y: U }
interface B implements A { x(a: Int!, b: [String!] = ["q"], c: Int): B y: U z: E! }
type C implements A & B { x(a: Int!, b: [String!] = ["q"], c: Int): C! y: D z: E! }
type D { c: C, d: [D!]! }
union U = C | D
enum E { ONE TWO }
type Query { a: A b(e: E = ONE): B u: U }
extend type Query { more: Int }
extend union U = Query
extend enum E { THREE }
extend interface A { w: Int }
extend interface B { w: Int }
extend type C { w: Int }`,
  `input I { a: Int = 1, b: [I!], c: J, d: E = X, e: String! = "s" }
input J { i: I, list: [[Int]] = [[1], null], n: Float = 1.5 }
input O @oneOf { a: Int, b: String, o: O }
enum E { X Y }
directive @d(i: I = {b: []}, o: O, e: [E!] = [X, Y]) repeatable on OBJECT | FIELD_DEFINITION | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | ARGUMENT_DEFINITION | SCALAR | INTERFACE | UNION | SCHEMA
scalar S @d(i: {a: 2})
type Query @d(o: {a: 1}) @d { f(i: I = {a: 3, c: {i: null}}, o: O = {b: "x"}, s: S = [1, {k: $}] @d): S @d(e: X) }
extend input I { z: Int! = 0 }
extend scalar S @d(e: [])`.replace("[1, {k: $}]", "[1, {k: true}]"),
  `"""
  A block description
    with "quotes" and \\""" inside
"""
type Query {
  "one" a(
    "an argument" x: Int = 0 @deprecated(reason: "no")
  ): String @deprecated
  """two"""
  b: [Int!]! @deprecated(reason: "gone")
  deprecatedInput(i: In): Int
}
input In { "a field" f: Int @deprecated, g: Float! }
"the enum" enum Q { "v" V @deprecated }
schema { query: Query mutation: M }
type M { x(v: Q = V): Q }
extend schema { subscription: Sub }
type Sub { y: Int }
directive @deprecated(reason: String! = "No longer supported") on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE`,
  `type Query { pets: [Pet!]! search(q: SearchInput!): SearchResult }
interface Pet { name: String! }
type Dog implements Pet { name: String! breed: String }
type Cat implements Pet { name: String! lives: Int! = 9 }`.replace(" = 9", "") + `
union SearchResult = Dog | Cat
input SearchInput { text: String! page: PageInput = {size: 10} filters: [FilterInput!] }
input PageInput { size: Int! = 20 cursor: String }
input FilterInput { field: String! op: Op! = EQ value: String }
enum Op { EQ NE LT GT }
type Subscription { pet: Pet }
scalar Url @specifiedBy(url: "https://example.com")
directive @auth(role: Role! = USER) on OBJECT | FIELD_DEFINITION
enum Role { USER ADMIN }
type Secret @auth(role: ADMIN) { value: Url! @auth }`,
];
