// Texts for the lexer, the parser and the printer.
import { documents } from "../documents.mjs";

const deep = (open, close, depth, middle = "a") => open.repeat(depth) + middle + close.repeat(depth);

export const parseCases = [
  ...documents,
  "", " ", "# only a comment", "{", "}", "{}", "{ }", "{ a {} }", "query", "query Q", "query Q()", "query Q() { a }", "{ a() }", "{ a(x) }", "{ a(x:) }",
  "{ a(x: 1 }", "{ a: }", "{ : a }", "{ ...}", "{ ... on }", "{ ... on T }", "{ ...on }", "{ ...on on { a } }", "fragment on on T { a }", "fragment F { a }",
  "fragment F on T", "{ a }}", "{ a } { b }", "notAKeyword { a }", "queryy { a }", "query Q { a } extra", "{ a @ }", "{ a @d( }", "{ a @d(x: $v) }",
  "query Q($a) { a }", "query Q($a: ) { a }", "query Q($a: Int =) { a }", "query Q($a: Int = $b) { a }", "query Q($a: Int = [$b]) { a }", "query Q($a: [Int) { a }",
  "query Q($a: Int!!) { a }", "query Q($a: [Int!]!) { a }", "query Q($a: [[[Int]]!]) { a }", "query Q($a: Int @d(x: $b)) { a }", "query Q(a: Int) { a }", "query Q($: Int) { a }",
  "\"description\" { a }", "\"description\" query { a }", "\"d\" fragment F on T { a }", "\"\"\"d\"\"\" mutation M { a }", "\"d\" extend type T { a: Int }", "\"d\" \"e\" query { a }",
  // numbers
  ...["0", "-0", "00", "01", "-01", "1", "-1", "--1", "+1", "-", "1.", ".5", "1.5", "-1.5", "1.5.", "1e5", "1E+5", "1e-5", "1e", "1e+", "1.e5", "1.5e", "0x1", "0xF", "1a",
    "1_000", "1.0a", "1e5b", "123$", "1...", "0.0", "-0.0", "1é", "9".repeat(400), "1.7976931348623157e309"].map((number) => `{ a(x: ${number}) }`),
  // strings
  ...["\"\"", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"", "\"\\b\\f\\n\\r\\t\"", "\"\\x\"", "\"\\u\"", "\"\\u0\"", "\"\\u00e9\"", "\"\\u00EG\"", "\"\\uD83D\\uDE00\"", "\"\\uD83D\"",
    "\"\\uDE00\"", "\"\\uD83D\\uD83D\"", "\"\\uD83D x\"", "\"\\u{1F600}\"", "\"\\u{}\"", "\"\\u{0}\"", "\"\\u{10FFFF}\"", "\"\\u{110000}\"", "\"\\u{D800}\"", "\"\\u{FFFFFFFFFF}\"",
    "\"\\u{00000000041}\"", "\"\\u{4", "\"\\u{4G}\"", "\"unclosed", "\"line\nbreak\"", "\"cr\rbreak\"", "\"tab\t\"", "\"\u0000\"", "\"\u0007\"", "\"\u007f\"", "\"\u0080\"", "\"é\u{1F600}\"",
    "\"\u2028\"", "\"\uFEFF\"", "\"\uFFFF\"", "\"a\" \"b\"", "'a'", "`a`"].map((string) => `{ a(x: ${string}) }`),
  // block strings
  ...["", "a", " a", "\n a\n  b\n", "\n\n a\n\n", "\ta\n\tb", "a\n  b\n c", "\r\n  a\r\n  b", "\r  a\r b", "\\\"\"\"", "\\n", "\\u00e9", "\"a\"", "a\"\"", "\u0007", "é\u{1F600}",
    "   \n   \n", "\n  \n  a\n \n", "a\\", "ends with quote\" "].map((text) => `{ a(x: """${text}""") }`),
  "{ a(x: \"\"\"unclosed) }", "{ a(x: \"\"\"a\"\"\"\"\"\") }", "{ a(x: \"\"\"\"\"\"\"\") }",
  // characters and lines
  "\uFEFF{ a }", "{ a\uFEFF }", "{ \u{1F600} }", "{ é }", "{ aé }", "{ a\u00a0 }", "{ a ? }", "{ a .. b }", "{ a . }", "{ a ; }", "{ a % b }", "{ a\u0000 }", "{ a\u0007 }", "{ a \\ }",
  "{\n  a\n  ?\n}", "{\r  a\r  ?\r}", "{\r\n  a\r\n  ?\r\n}", "{\n\r a\n\r ? }", "{ a # \u{1F600}\u{1F600}\n ? }", "{ a(x: \"\u{1F600}\") ? }", "{ a(x: \"\"\"\u{1F600}\n\u{1F600}\"\"\") ? }", "# c\r# d\r\n# e\n?",
  ",,,{,a,,b,},", "{a,b}", "{a b}", "{a#c\nb}", "{ a:b }", "{ a : b : c }", "&", "!", "|", "=", "{ a(x: &) }",
  // keywords as names
  "query on { a }", "fragment true on T { a }", "{ true false null on }", "{ a(x: true, y: null, z: on) }", "enum E { true }", "enum E { null }", "enum E { A true }", "type on { a: Int }",
  "query ($on: Int) { a }", "query ($true: Int) { a(x: $true) }", "{ a @true }", "extend enum E { false }",
  // type systems
  "type", "type T", "type T {}", "type T { }", "type T { a }", "type T { a: }", "type T { a: Int, }", "type T { a(): Int }", "type T { a(x: Int): Int }", "type T { a(x: Int = 1 @d): [Int!]! @d }",
  "type T implements", "type T implements A", "type T implements & A", "type T implements A B", "type T implements A, B", "type T implements A & B & C { a: Int }", "type T implements & { a: Int }",
  "interface I implements A & B { a: Int }", "interface I", "interface I {}", "union U", "union U =", "union U = A", "union U = | A | B", "union U = A | | B", "union U = A B", "union U @d = A",
  "enum E", "enum E {}", "enum E { A, B }", "enum E { A @d B }", "enum E { \"x\" A }", "input I", "input I {}", "input I { a: Int = 1 }", "input I { a: Int = $v }", "input I { a(x: Int): Int }",
  "scalar S", "scalar S @d(x: 1)", "scalar", "schema", "schema {}", "schema { query }", "schema { query: }", "schema { query: Q }", "schema { foo: Q }", "schema @d { query: Q subscription: S }",
  "directive", "directive @d", "directive @d on", "directive @d on FIELD", "directive @d on | FIELD | QUERY", "directive @d on FIELD |", "directive @d on INCORRECT", "directive @d(x: Int) on FIELD",
  "directive @d repeatable on FIELD", "directive @d() on FIELD", "directive d on FIELD", "directive @d on field", "directive @d on FRAGMENT_VARIABLE_DEFINITION", "directive @repeatable on FIELD",
  "extend", "extend type T", "extend type T {}", "extend type T @d", "extend type T implements A", "extend type T { a: Int }", "extend schema", "extend schema @d", "extend schema { query: Q }", "extend schema {}",
  "extend scalar S", "extend scalar S @d", "extend union U", "extend union U = A", "extend union U @d", "extend enum E", "extend enum E { A }", "extend enum E @d", "extend input I", "extend input I { a: Int }",
  "extend input I @d", "extend interface I", "extend interface I @d", "extend interface I implements J", "extend query", "extend foo", "extend \"d\" type T { a: Int }", "extend fragment F on T { a }",
  "\"d\" type T \"e\" enum E { \"f\" A } \"\"\"g\"\"\" input I { \"h\" a: Int } \"i\" directive @d(\"j\" x: Int) on FIELD \"k\" schema { query: Q } \"l\" union U = A \"m\" scalar S \"n\" interface I { \"o\" a(\"p\" x: Int): Int }",
  "\"d\"", "\"d\" 1", "\"d\" extend", "type T { \"d\" }", "type T { \"d\" \"e\" a: Int }", "type A { a: Int } { a } type B { b: Int }",
  // depth
  deep("{ a ", "}", 50, "b"), deep("{ a ", "}", 199, "b"), deep("{ a ", "}", 900, "b"), `{ a(x: ${deep("[", "]", 500, "1")}) }`, `{ a(x: ${deep("{a: ", "}", 500, "1")}) }`,
  `query ($a: ${deep("[", "]", 25, "Int")}) { a }`, deep("{ a ", "", 300), `{ a(x: ${deep("[", "", 300, "1")}) }`,
  // the printer's ways with long lines, and with strings
  `{ ${"field ".repeat(30)} }`, `{ a(${Array.from({ length: 12 }, (_, i) => `argument${i}: "value ${i}"`).join(", ")}) }`, `{ a(x: [${Array.from({ length: 40 }, (_, i) => i).join(", ")}]) }`,
  `{ a(x: {${Array.from({ length: 12 }, (_, i) => `field${i}: "value ${i}"`).join(", ")}}) }`, `query (${Array.from({ length: 9 }, (_, i) => `$variable${i}: [Int!] = [1, 2]`).join(", ")}) { a }`,
  `type T { ${Array.from({ length: 3 }, (_, i) => `field${i}(argument: Int, "d" other: String = "x"): Int`).join("\n")} }`, `union U = ${Array.from({ length: 30 }, (_, i) => `Member${i}`).join(" | ")}`,
  `directive @d(${Array.from({ length: 9 }, (_, i) => `argument${i}: [Int!] = [1, 2]`).join(", ")}) on ${["FIELD", "QUERY", "OBJECT"].join(" | ")}`, "{ a(x: \"\"\"\n\n  leading\n\"\"\") }",
  "\"\"\"ends with \\\\\"\"\" type T { a: Int }", "\"\"\" leading blank\"\"\" type T", "\"ends with \\\\\" type T", "\"\\n\" type T", "\"a\\nb\" type T { \"c\\nd\" a: Int }",
].map((query, i) => ({ id: `parse-${i}`, op: "parse", query }));
