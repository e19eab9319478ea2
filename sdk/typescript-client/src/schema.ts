import { ErrandError } from "./errors.js";

interface TypeRef {
  kind: string;
  name: string | null;
  ofType?: TypeRef | null;
}

interface Field {
  name: string;
  args: { name: string; defaultValue: string | null; type: TypeRef }[];
  type: TypeRef;
}

type Request = (query: string, variables: Record<string, unknown>) => Promise<Record<string, any>>;

const REF = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";
const DEPTH = 3;

/** Asks the server for the few types that are needed where the application gave no document, each once. */
export class SchemaReader {
  readonly #request: Request;
  readonly #types = new Map<string, Promise<{ kind: string; fields: Field[] }>>();
  #mutationType: Promise<string> | undefined;

  constructor(request: Request) {
    this.#request = request;
  }

  /** A document for the field with these arguments, as variables of the same names. */
  async mutation(field: string, names: string[], result?: string): Promise<string> {
    this.#mutationType ??= this.#ask("query { __schema { mutationType { name } } }", {}).then((data) => data["__schema"].mutationType.name);
    this.#mutationType.catch(() => (this.#mutationType = undefined));
    const { fields } = await this.#type(await this.#mutationType);
    const known = fields.find(({ name }) => name === field);
    if (!known) throw new ErrandError(`the schema has no mutation ${field}`, "NOT_FOUND");
    const definitions = names.map((name) => {
      const argument = known.args.find((arg) => arg.name === name);
      if (!argument) throw new ErrandError(`the mutation ${field} has no argument ${name}`, "BAD_USER_INPUT");
      return `$${name}: ${written(argument.type)}`;
    });
    const selection = result === undefined ? await this.result(named(known.type).name ?? "") : `result ${result}`;
    const variables = names.length > 0 ? `(${definitions.join(", ")})` : "";
    const values = names.length > 0 ? `(${names.map((name) => `${name}: $${name}`).join(", ")})` : "";
    return `mutation ${field}${variables} { ${field}${values} { ${selection || "id"} } }`;
  }

  /** The field `result` of a type of job with all its leaves without required arguments, to a depth of 3; "" where there is none. */
  async result(typename: string): Promise<string> {
    const field = (await this.#type(typename)).fields.find(({ name }) => name === "result");
    return field ? `result ${await this.#leaves(field.type, DEPTH)}` : "";
  }

  async #leaves(type: TypeRef, depth: number): Promise<string> {
    const { kind, name } = named(type);
    if (kind === "SCALAR" || kind === "ENUM") return "";
    if (kind === "UNION") return "{ __typename }";
    const parts = kind === "INTERFACE" ? ["__typename"] : [];
    for (const field of (await this.#type(name ?? "")).fields) {
      if (field.args.some((arg) => arg.type.kind === "NON_NULL" && arg.defaultValue === null)) continue;
      const leaf = ["SCALAR", "ENUM"].includes(named(field.type).kind);
      if (!leaf && depth <= 1) continue;
      parts.push(leaf ? field.name : `${field.name} ${await this.#leaves(field.type, depth - 1)}`);
    }
    return `{ ${parts.length > 0 ? parts.join(" ") : "__typename"} }`;
  }

  #type(name: string): Promise<{ kind: string; fields: Field[] }> {
    const known = this.#types.get(name);
    if (known) return known;
    const query = `query Type($name: String!) {
      __type(name: $name) { kind fields(includeDeprecated: true) { name args { name defaultValue type { ${REF} } } type { ${REF} } } }
    }`;
    const asked = this.#ask(query, { name }).then(({ __type }) => ({ kind: __type?.kind ?? "", fields: __type?.fields ?? [] }));
    this.#types.set(name, asked);
    asked.catch(() => this.#types.delete(name)); // the next one asks again
    return asked;
  }

  async #ask(query: string, variables: Record<string, unknown>): Promise<Record<string, any>> {
    try {
      return await this.#request(query, variables);
    } catch (error) {
      if (!(error instanceof ErrandError) || error.code === "NETWORK" || error.code.startsWith("HTTP_")) throw error;
      throw new ErrandError(
        `the result's fields cannot be looked up (${error.message}): submit by a document, or pass \`result\` to follow an id`,
        error.code,
        error,
      );
    }
  }
}

function named(type: TypeRef): TypeRef {
  return type.ofType ? named(type.ofType) : type;
}

function written(type: TypeRef): string {
  if (type.kind === "NON_NULL" && type.ofType) return `${written(type.ofType)}!`;
  if (type.kind === "LIST" && type.ofType) return `[${written(type.ofType)}]`;
  return type.name ?? "";
}
