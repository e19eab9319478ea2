/** A parsed document, such as a TypedDocumentNode or what `gql` makes; or an object whose toString() is the text. */
export type TypedDocument<Data = any, Variables = any> = ({ readonly kind: string } | { toString(): string }) & {
  readonly __apiType?: (variables: Variables) => Data;
};

export type Document = string | TypedDocument;

/** A mutation that starts one job, taken apart as far as following the job needs it. */
export interface JobMutation {
  /** The mutation, its field selecting `__typename id type status` too. */
  text: string;
  operationName: string | undefined;
  /** What it selects of the job, without braces. */
  selection: string;
  /** The document's fragments. */
  fragments: string;
  /** Its variable definitions, such as "$full: Boolean = false", by name. */
  variables: ReadonlyMap<string, string>;
}

interface Token {
  text: string;
  start: number;
  end: number;
}

const TOKEN = /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|-?\d[\d.eE+-]*|[^\s,\uFEFF]/g;

function tokens(text: string): Token[] {
  const result: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    if (!match[0].startsWith("#")) result.push({ text: match[0], start: match.index, end: match.index + match[0].length });
  }
  return result;
}

const CLOSING: Record<string, string> = { "{": "}", "(": ")", "[": "]" };

/** Takes a mutation with one root field apart. What is wrong with it otherwise is the server's to say. */
export function jobMutation(document: Document): JobMutation {
  const text = documentText(document);
  const all = tokens(text);
  let at = 0;
  const peek = (): string => all[at]?.text ?? "";
  const next = (): Token => {
    const token = all[at++];
    if (!token) throw new SyntaxError("the document ends too early");
    return token;
  };
  /** Goes past a bracketed group; gives where its content begins and ends. */
  const group = (): { begin: number; end: number } => {
    const open = next();
    const waiting = [CLOSING[open.text]];
    let last = open;
    while (waiting.length > 0) {
      last = next();
      if (last.text === waiting.at(-1)) waiting.pop();
      else if (last.text in CLOSING) waiting.push(CLOSING[last.text]);
    }
    return { begin: open.end, end: last.start };
  };

  let operationName: string | undefined;
  let field: { begin: number; end: number } | undefined;
  const variables = new Map<string, string>();
  const fragments: string[] = [];
  while (at < all.length) {
    const keyword = next();
    if (keyword.text === "fragment") {
      while (peek() !== "{") next();
      fragments.push(text.slice(keyword.start, group().end + 1));
      continue;
    }
    if (keyword.text !== "mutation") throw new SyntaxError(`expected a mutation, found ${JSON.stringify(keyword.text)}`);
    if (field) throw new SyntaxError("the document has more than one operation");
    if (/^\w/.test(peek())) operationName = next().text;
    if (peek() === "(") {
      const { begin, end } = group();
      for (const definition of definitions(text.slice(begin, end))) variables.set(/^\$\s*(\w+)/.exec(definition)?.[1] ?? "", definition);
    }
    while (peek() !== "{") next(); // directives
    next();
    next(); // the field, or its alias
    if (peek() === ":") {
      next();
      next();
    }
    if (peek() === "(") group();
    while (peek() === "@") {
      next();
      next();
      if (peek() === "(") group();
    }
    if (peek() !== "{") throw new SyntaxError("the mutation's field selects nothing of its job");
    field = group();
    if (peek() !== "}") throw new SyntaxError("the mutation has more than one field: submit one job at a time");
    next();
  }
  if (!field) throw new SyntaxError("the document has no mutation");
  return {
    text: `${text.slice(0, field.begin)} __typename id type status ${text.slice(field.begin)}`,
    operationName,
    selection: text.slice(field.begin, field.end).trim(),
    fragments: fragments.join("\n"),
    variables,
  };
}

/** Variable definitions, each with its type, default value and directives. */
function definitions(text: string): string[] {
  const result: string[] = [];
  let depth = 0;
  let begin: number | undefined;
  for (const token of tokens(text)) {
    if (token.text in CLOSING) depth += 1;
    else if ("})]".includes(token.text)) depth -= 1;
    else if (token.text === "$" && depth === 0) {
      if (begin !== undefined) result.push(text.slice(begin, token.start));
      begin = token.start;
    }
  }
  if (begin !== undefined) result.push(text.slice(begin));
  return result.map((definition) => definition.replace(/[\s,]+$/, ""));
}

/** Names of the variables that a piece of a document uses. */
export function usedVariables(text: string): Set<string> {
  const all = tokens(text);
  return new Set(all.flatMap((token, i) => (token.text === "$" ? [all[i + 1]?.text ?? ""] : [])));
}

/** The text of a document, printed where only its parsed form is there. */
export function documentText(document: Document): string {
  if (typeof document === "string") return document;
  if (!("kind" in document)) return document.toString();
  // Not `loc`: that may lack the fragments which the document was put together with.
  return print(document as Node);
}

interface Node {
  kind: string;
  [name: string]: any;
}

/** Prints the parsed form of executable documents (GraphQL spec, section 2). */
function print(node: Node): string {
  const list = (nodes: Node[] | undefined, between: string, open = "", close = "") =>
    nodes && nodes.length > 0 ? `${open}${nodes.map(print).join(between)}${close}` : "";
  switch (node.kind) {
    case "Document":
      return list(node["definitions"], "\n");
    case "OperationDefinition":
      return `${node["operation"]} ${node["name"] ? print(node["name"]) : ""}${list(node["variableDefinitions"], ", ", "(", ")")}${list(node["directives"], "")} ${print(node["selectionSet"])}`;
    case "VariableDefinition":
      return `${print(node["variable"])}: ${print(node["type"])}${node["defaultValue"] ? ` = ${print(node["defaultValue"])}` : ""}${list(node["directives"], "")}`;
    case "FragmentDefinition":
      return `fragment ${print(node["name"])} on ${print(node["typeCondition"])}${list(node["directives"], "")} ${print(node["selectionSet"])}`;
    case "SelectionSet":
      return list(node["selections"], " ", "{ ", " }");
    case "Field":
      return `${node["alias"] ? `${print(node["alias"])}: ` : ""}${print(node["name"])}${list(node["arguments"], ", ", "(", ")")}${list(node["directives"], "")}${node["selectionSet"] ? ` ${print(node["selectionSet"])}` : ""}`;
    case "FragmentSpread":
      return `...${print(node["name"])}${list(node["directives"], "")}`;
    case "InlineFragment":
      return `...${node["typeCondition"] ? ` on ${print(node["typeCondition"])}` : ""}${list(node["directives"], "")} ${print(node["selectionSet"])}`;
    case "Directive":
      return ` @${print(node["name"])}${list(node["arguments"], ", ", "(", ")")}`;
    case "Argument":
    case "ObjectField":
      return `${print(node["name"])}: ${print(node["value"])}`;
    case "Variable":
      return `$${print(node["name"])}`;
    case "Name":
      return node["value"] as string;
    case "NamedType":
      return print(node["name"]);
    case "ListType":
      return `[${print(node["type"])}]`;
    case "NonNullType":
      return `${print(node["type"])}!`;
    case "ListValue":
      return `[${list(node["values"], ", ")}]`;
    case "ObjectValue":
      return `{${list(node["fields"], ", ")}}`;
    case "StringValue":
      return JSON.stringify(node["value"]);
    case "NullValue":
      return "null";
    default:
      return String(node["value"]); // Int, Float, Boolean, Enum
  }
}
