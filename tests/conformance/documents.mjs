// Texts for the parser and the printer: each with something that is easy to get wrong.
export const documents = [
  "{ a }",
  "query Q($a: Int = 1 @d, $b: [String!]! = [\"x\"]) @d(e: $a) { a(x: {y: [1, $b], z: E}, w: null) @skip(if: true) { ...F @d ... on T { b } ... @d { c } ... { d } } }\nfragment F on T @d { e }",
  "\"described\" query Q(\"v\" $a: Int) { a }\n\"\"\"\n  block\n\"\"\" fragment F on T { b }",
  "mutation { a(s: \"\\u{1F600}\\uD83D\\uDE00\\n\\t\\\\\\/\\b\\f\\r\\\"\", b: \"\"\"\n    x\n      y \\\"\"\" z\n\n\"\"\") }",
  "subscription S { a(f: 1.5e10, g: -0, h: 0.0, i: -1E-5) }",
  "extend schema @d { query: Q } extend scalar S @d extend type T implements A & B @d { a: Int } extend interface I implements A { a: Int } extend union U @d = | A | B extend enum E { V @d } extend input I @d { a: Int = 1 }",
  "\"\"\"\nSchema\n\"\"\" schema @d { query: Q mutation: M } directive @d(\"arg\" a: Int = 1 @e) repeatable on | FIELD | QUERY\n\"t\" type T implements & A & B { \"f\" f(a: Int, \"\"\"b\nb\"\"\" b: [Int!] = [1]): Int @d }\ninterface I { a: Int } union U = A | B enum E { \"v\" V W } input In { a: Int = {b: 1} } scalar S @d",
  "type T type U implements A input I enum E union V interface W scalar X",
  "{ a(x: \"\"\"\"\"\", y: \"\"\"  \"\"\", z: \"\"\"\\n\"\"\") # comment \u{1F600}\n , b , , c: d }",
  "\uFEFF{ a\r\n  b\r  c }",
  "{ on fragment query true: null false: type null: on }",
  "query query { fragment } fragment fragment on on { on }",
  "{ a(x: $y, l: [[1 2][3,4]], o: {a: {b: {}}}) }",
  "query ($a: [[Int!]]! = [[1]]) { a(very: \"long argument\", list: \"that must be\", broken: \"over several lines\", because: \"it is too long\") }",
];
