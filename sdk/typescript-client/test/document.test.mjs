// Taking a mutation apart, held against graphql-js.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, print } from "graphql";
import { documentText, jobMutation, usedVariables } from "../dist/document.js";

const document = /* GraphQL */ `
  # A comment with { and "
  fragment Title on Part { title @include(if: $titles) }
  mutation Render($input: RenderInput! = {pages: 1, note: """a "block" } string"""}, $titles: Boolean = true, $list: [Int!]! @old) @live {
    job: render(input: $input, text: "a } { \\" string") @first(a: {b: [1, -2.5e3, null, true, PDF]}) {
      status
      result { url ... @skip(if: $titles) { pages } parts { ...Title } }
    }
  }
`;

test("finds what a mutation selects, its fragments and variables", () => {
  const mutation = jobMutation(document);
  assert.equal(mutation.operationName, "Render");
  assert.match(mutation.selection, /^status\s+result \{.*\}$/s);
  assert.equal(print(parse(mutation.fragments)), print(parse("fragment Title on Part { title @include(if: $titles) }")));
  assert.deepEqual([...mutation.variables.keys()], ["input", "titles", "list"]);
  assert.equal(mutation.variables.get("titles"), "$titles: Boolean = true");
  assert.equal(mutation.variables.get("list"), "$list: [Int!]! @old");
  assert.deepEqual([...usedVariables(mutation.selection + mutation.fragments)], ["titles"]);
  assert.match(print(parse(mutation.text)), /\{\n    __typename\n    id\n    type\n    status\n    status\n    result/);
});

test("prints parsed documents as graphql-js does", () => {
  const ast = parse(document.replace('"""a "block" } string"""', '"a string"')); // whose values are the same, if not their form
  assert.equal(print(parse(documentText(ast))), print(ast));
  delete ast.loc;
  assert.deepEqual(jobMutation(ast).operationName, "Render");
  const anonymous = parse("mutation { a { id } }");
  assert.equal(print(parse(documentText(anonymous))), print(anonymous));
  assert.equal(documentText({ toString: () => "mutation { a { id } }" }), "mutation { a { id } }");
});

test("names what it cannot follow", () => {
  assert.throws(() => jobMutation("query { job }"), /expected a mutation/);
  assert.throws(() => jobMutation("mutation { a { id } b { id } }"), /more than one field/);
  assert.throws(() => jobMutation("mutation A { a { id } } mutation B { b { id } }"), /more than one operation/);
  assert.throws(() => jobMutation("mutation { a }"), /selects nothing/);
  assert.throws(() => jobMutation("mutation { a { id }"), /ends too early|more than one field/);
  assert.throws(() => jobMutation("fragment A on B { c }"), /no mutation/);
});
