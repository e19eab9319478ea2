// What graphql-js answers to a case of `errand graphql batch`, in the same form.
import { createRequire } from "node:module";

// graphql 17 is made for Node 22, and this is all that it takes from beyond Node 18.
if (!Array.prototype.toSorted) {
  Object.defineProperty(Array.prototype, "toSorted", { value(compare) { return [...this].sort(compare); } });
}

// Both by require(): an import and a require would each load a copy, which do not know each other's classes.
const require = createRequire(import.meta.url);

export class Reference {
  #schemas = new Map();

  /** @param {"graphql" | "graphql-16"} name of the package */
  constructor(name) {
    this.graphql = require(name);
    this.validateSDL = require(`${name}/validation/validate.js`).validateSDL;
  }

  async answer({ id, op, schema, query, variables, operationName, data }) {
    const answer = await this[`_${op}`]({ schema, query, variables: variables ?? {}, operationName, data });
    return { id, ...JSON.parse(JSON.stringify(answer)) };
  }

  _parse({ query }) {
    const { document, error } = this.#document(query);
    return error ? { ok: false, errors: [error] } : { ok: true, errors: [], printed: this.graphql.print(document) };
  }

  _schema({ schema }) {
    const { errors } = this.#schema(schema);
    return { ok: errors.length === 0, errors };
  }

  _validate({ schema, query }) {
    const { errors } = this.#validated(schema, query);
    return { ok: errors.length === 0, errors };
  }

  _introspect({ query, ...others }) {
    const options = { specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true,
      experimentalDirectiveDeprecation: true, oneOf: true };
    return this._execute({ query: query ?? this.graphql.getIntrospectionQuery(options), ...others });
  }

  _execute({ schema, query, variables, operationName, data }) {
    const validated = this.#validated(schema, query);
    if (validated.errors.length > 0) return { errors: validated.errors };
    return this.graphql.execute({
      schema: validated.schema, document: validated.document, rootValue: data, variableValues: variables, operationName, fieldResolver: this.#resolve,
    });
  }

  async _subscribe({ schema, query, variables, operationName, data }) {
    const validated = this.#validated(schema, query);
    if (validated.errors.length > 0) return { errors: validated.errors };
    let stream;
    try {
      stream = await this.graphql.subscribe({
        schema: validated.schema, document: validated.document, rootValue: data, variableValues: variables, operationName,
        fieldResolver: this.#resolve, subscribeFieldResolver: this.#open,
      });
    } catch (error) {
      return { errors: [error] };
    }
    if (!(Symbol.asyncIterator in stream)) return stream;
    const results = [];
    for await (const result of stream) results.push(result);
    return { results };
  }

  #resolve = (source, args, _context, { fieldName }) => this.#value(member(source, fieldName), args);

  #open = (source, args, _context, { fieldName }) => {
    const events = member(source, fieldName);
    if (!Array.isArray(events)) return this.#value(events, args);
    return (async function* () {
      for (const event of events) yield member(event, fieldName) === undefined ? { [fieldName]: event } : event;
    })();
  };

  #value(data, args) {
    if (Array.isArray(data)) return data.map((item) => this.#value(item, args));
    if (typeof data !== "object" || data === null) return data;
    if (typeof data.$error === "string") return new this.graphql.GraphQLError(data.$error, { extensions: data.extensions });
    if (data.$args === true) return args;
    if (typeof data.$arg === "string") return args[data.$arg];
    return data;
  }

  #document(text) {
    try {
      return { document: this.graphql.parse(text, { allowEmptySelectionSets: false }) };
    } catch (error) {
      if (error instanceof RangeError) throw error;
      return { error };
    }
  }

  /** The schema, and what is wrong with it: its syntax, or the rules for SDL, or those for type systems. */
  #schema(texts) {
    const sdl = [texts].flat().join("\n");
    if (!this.#schemas.has(sdl)) {
      if (this.#schemas.size > 500) this.#schemas.clear();
      this.#schemas.set(sdl, this.#build(sdl));
    }
    return this.#schemas.get(sdl);
  }

  #build(sdl) {
    const { document, error } = this.#document(sdl);
    if (error) return { errors: [error] };
    const faults = this.validateSDL(document);
    if (faults.length > 0) return { errors: faults };
    try {
      const schema = this.graphql.buildASTSchema(document, { assumeValidSDL: true });
      return { schema, errors: this.graphql.validateSchema(schema) };
    } catch (thrown) {
      return { errors: [thrown instanceof this.graphql.GraphQLError ? thrown : { message: thrown.message }] };
    }
  }

  #validated(texts, query) {
    const { schema, errors } = this.#schema(texts);
    if (errors.length > 0) return { errors };
    const { document, error } = this.#document(query);
    if (error) return { errors: [error] };
    return { schema, document, errors: this.graphql.validate(schema, document) };
  }
}

function member(object, name) {
  return typeof object === "object" && object !== null && Object.hasOwn(object, name) ? object[name] : undefined;
}
