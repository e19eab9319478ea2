// Random operations over a schema, with fragments, variables and directives: nearly all valid, and the variables and data to execute them.

const kKinds = ["query", "mutation", "subscription"];

/** @param {import("./random.mjs").Random} random  @param graphql the module @param schema a GraphQLSchema */
export class Operations {
  constructor(random, graphql, schema) {
    this.random = random;
    this.graphql = graphql;
    this.schema = schema;
  }

  /** {query, variables, data} of one operation, a subscription only where asked for. */
  make({ subscription = false } = {}) {
    this.fragments = [];
    this.definitions = new Map();
    this.variables = {};
    const { random, schema } = this;
    const kind = subscription ? "subscription" : random.chance(0.8) ? "query" : "mutation";
    const root = { query: schema.getQueryType(), mutation: schema.getMutationType(), subscription: schema.getSubscriptionType() }[kind] ?? schema.getQueryType();
    const kept = root === schema.getQueryType() ? "query" : kind;
    const selection = subscription ? `{ ${this.#field(root, 0)} }` : this.#selection(root, 0);
    const definitions = [...this.definitions].map(([name, text]) => `$${name}: ${text}`);
    const head = kept === "query" && definitions.length === 0 && random.chance(0.5)
      ? "" : `${kept}${random.chance(0.5) ? " Main" : ""}${definitions.length > 0 ? `(${definitions.join(", ")})` : ""}${this.#directives("QUERY")} `;
    const query = [head + selection, ...this.fragments].join(random.chance(0.5) ? "\n" : "\n\n");
    return { query, variables: this.variables, data: subscription ? this.#events(root) : this.#object(root, 0) };
  }

  #selection(type, depth) {
    const { random } = this;
    const count = 1 + random.below(depth === 0 ? 4 : 3);
    const parts = [];
    for (let i = 0; i < count; ++i) parts.push(this.#one(type, depth));
    return `{${random.chance(0.3) ? "\n" : " "}${parts.join(random.chance(0.3) ? "\n  " : " ")} }`;
  }

  #one(type, depth) {
    const { random, graphql } = this;
    const roll = random.next();
    if (depth < 4 && roll < 0.12) {
      const on = this.#overlapping(type);
      return `... on ${on}${this.#directives("INLINE_FRAGMENT")} ${this.#selection(on, depth + 1)}`;
    }
    if (depth < 4 && roll < 0.16) return `...${this.#directives("INLINE_FRAGMENT")} ${this.#selection(type, depth + 1)}`;
    if (depth < 3 && roll < 0.24) {
      const on = this.#overlapping(type);
      const name = `F${this.fragments.length}`;
      const at = this.fragments.push("") - 1;
      this.fragments[at] = `fragment ${name} on ${on} ${this.#selection(on, depth + 1)}`;
      return `...${name}${this.#directives("FRAGMENT_SPREAD")}`;
    }
    if (roll < 0.3 || graphql.isUnionType(type)) return `${random.chance(0.2) ? "kind: " : ""}__typename`;
    return this.#field(type, depth);
  }

  /** A type that some object of `type` has. */
  #overlapping(type) {
    const { random, schema, graphql } = this;
    const own = new Set(schema.getPossibleTypes && graphql.isAbstractType(type) ? schema.getPossibleTypes(type) : [type]);
    const all = Object.values(schema.getTypeMap()).filter((other) => !other.name.startsWith("__") && graphql.isCompositeType(other) &&
      (graphql.isAbstractType(other) ? schema.getPossibleTypes(other) : [other]).some((object) => own.has(object)));
    return random.pick(all);
  }

  #field(type, depth) {
    const { random, graphql } = this;
    let fields = Object.values(type.getFields());
    if (depth >= 5) fields = fields.filter((field) => graphql.isLeafType(graphql.getNamedType(field.type)));
    if (fields.length === 0) return "__typename";
    const field = random.pick(fields);
    const args = field.args.filter((arg) => graphql.isRequiredArgument(arg) || random.chance(0.5)).map((arg) => `${arg.name}: ${this.#argument(arg.type, arg.defaultValue !== undefined)}`);
    const named = graphql.getNamedType(field.type);
    // Arguments differ between two of the same name, so that most have an alias.
    const alias = random.chance(args.length > 0 ? 0.8 : 0.1) ? `${random.pick(["p", "q", "r", "s", "t"])}${random.below(40)}: ` : "";
    const selection = graphql.isCompositeType(named) ? ` ${this.#selection(named, depth + 1)}` : "";
    return `${alias}${field.name}${args.length > 0 ? `(${args.join(random.pick([", ", " "]))})` : ""}${this.#directives("FIELD")}${selection}`;
  }

  #directives(location) {
    const { random } = this;
    if (random.chance(0.85)) return "";
    const conditional = ["FIELD", "INLINE_FRAGMENT", "FRAGMENT_SPREAD"].includes(location);
    if (conditional && random.chance(0.8)) {
      const bool = new this.graphql.GraphQLNonNull(this.graphql.GraphQLBoolean);
      return ` @${random.pick(["skip", "include"])}(if: ${this.#argument(bool, false)})`;
    }
    if (!this.schema.getDirective("tag")) return "";
    return ["FIELD", "QUERY", "FRAGMENT_SPREAD"].includes(location) ? random.pick([" @tag", " @tag(level: 2) @tag", " @once", ""]) : "";
  }

  #argument(type, hasDefault) {
    const { random } = this;
    if (random.chance(0.65)) return this.#literal(type, 0);
    const name = `v${this.definitions.size}`;
    let variableType = String(type);
    let initial = "";
    if (random.chance(0.3)) {
      const inner = variableType.replace(/!$/, "");
      if (random.chance(0.5)) variableType = inner + (random.chance(0.5) || variableType !== inner ? "" : "!");
      if (random.chance(0.7)) initial = ` = ${this.#literal(type, 0, true)}`;
    }
    this.definitions.set(name, `${variableType}${initial}`);
    if (random.chance(hasDefault || initial || !variableType.endsWith("!") ? 0.7 : 0.96)) this.variables[name] = this.#json(type, 0);
    return `$${name}`;
  }

  #literal(type, depth, constant = false) {
    const { random, graphql } = this;
    if (graphql.isNonNullType(type)) return this.#literal(type.ofType, depth, constant) === "null" ? this.#leaf(type.ofType) : this.#present(type.ofType, depth, constant);
    if (random.chance(0.08)) return "null";
    if (!constant && depth > 0 && random.chance(0.1)) return this.#argument(type, false);
    return this.#present(type, depth, constant);
  }

  #present(type, depth, constant) {
    const { random, graphql } = this;
    if (graphql.isNonNullType(type)) return this.#present(type.ofType, depth, constant);
    if (graphql.isListType(type)) {
      if (random.chance(0.2)) return this.#literal(type.ofType, depth + 1, constant);
      return `[${Array.from({ length: random.below(3) }, () => this.#literal(type.ofType, depth + 1, constant)).join(", ")}]`;
    }
    if (!graphql.isInputObjectType(type)) return this.#leaf(type);
    const fields = Object.values(type.getFields());
    if (type.isOneOf) {
      const field = random.pick(fields.filter((one) => depth < 3 || graphql.isLeafType(graphql.getNamedType(one.type))));
      return `{${field.name}: ${this.#present(field.type, depth + 1, constant)}}`;
    }
    const chosen = fields.filter((field) => graphql.isRequiredInputField(field) || (depth < 3 && random.chance(0.4)));
    return `{${chosen.map((field) => `${field.name}: ${this.#literal(field.type, depth + 1, constant)}`).join(", ")}}`;
  }

  #leaf(type) {
    const { random, graphql } = this;
    const named = graphql.getNamedType(type);
    const wrong = random.chance(0.03);
    if (graphql.isEnumType(named)) return wrong ? random.pick(['"SMALL"', "HUGE", "1"]) : random.pick(named.getValues()).name;
    if (graphql.isInputObjectType(named)) return this.#present(named, 3, true);
    const name = wrong ? random.pick(["Int", "String", "Boolean", "Float"]) : named.name;
    switch (name) {
      case "Int": return String(random.pick([0, 1, -1, 42, 2147483647, -2147483648, ...(wrong ? [2147483648] : [])]));
      case "Float": return random.pick(["0", "1", "-0.0", "1.5", "1e10", "0.1", "-1.5e-7", "123456789012"]);
      case "Boolean": return random.pick(["true", "false"]);
      case "ID": return random.pick(['"a"', "1", "9007199254740993", '""']);
      case "String": return random.pick(['"s"', '""', '"\\u00e9\\n\\"q\\""', '"""\n  block\n    deeper\n"""', '"\u{1F600}é"', '"\\u{1F600}"']);
      default: return random.pick(["1", '"any"', "true", "[1, [2.5]]", "{a: 1, b: {c: null}}", "ENUM", "1.0"]);
    }
  }

  #json(type, depth) {
    const { random, graphql } = this;
    if (random.chance(0.03)) return random.pick([null, 1, 1.5, "x", true, [], {}, [null], { x: 1 }, -2147483649, "1", "SMALL", [[1]], { id: "a", name: "b" }]);
    if (graphql.isNonNullType(type)) {
      const value = this.#json(type.ofType, depth);
      return value === null && random.chance(0.9) ? this.#json(type, depth) : value;
    }
    if (random.chance(0.08)) return null;
    if (graphql.isListType(type)) {
      if (random.chance(0.2)) return this.#json(type.ofType, depth + 1);
      return Array.from({ length: random.below(3) }, () => this.#json(type.ofType, depth + 1));
    }
    if (graphql.isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      const chosen = type.isOneOf ? [random.pick(fields.filter((one) => depth < 3 || graphql.isLeafType(graphql.getNamedType(one.type))))]
        : fields.filter((field) => graphql.isRequiredInputField(field) || (depth < 3 && random.chance(0.4)));
      const object = Object.fromEntries(chosen.map((field) => [field.name, this.#json(field.type, depth + 1)]));
      if (random.chance(0.03)) object[random.pick(["x", "unknown", "firts"])] = 1;
      return object;
    }
    if (graphql.isEnumType(type)) return random.pick(type.getValues()).name;
    switch (type.name) {
      case "Int": return random.pick([0, 1, -5, 2147483647, 3.0]);
      case "Float": return random.pick([0, 1, 1.5, -2.25, 1e100]);
      case "Boolean": return random.chance(0.5);
      case "ID": return random.pick(["a", 7, ""]);
      case "String": return random.pick(["s", "", "\u{1F600}", "line\n"]);
      default: return random.pick([1, "any", [1, { a: null }], { b: [] }, false, 0.25]);
    }
  }

  #events(root) {
    const { random } = this;
    const data = {};
    for (const field of Object.values(root.getFields())) {
      data[field.name] = random.chance(0.06) ? random.pick([null, 1, "text", { $error: "no stream", extensions: { code: "X" } }])
        : Array.from({ length: random.below(4) }, () => ({ [field.name]: this.#value(field, field.type, 0) }));
    }
    return data;
  }

  #object(type, depth) {
    const { random, graphql, schema } = this;
    if (random.chance(0.02)) return random.pick([1, "text", true]);
    let concrete = type;
    const object = {};
    if (graphql.isAbstractType(type)) {
      concrete = random.pick(schema.getPossibleTypes(type));
      if (!random.chance(0.03)) object.__typename = random.chance(0.03) ? random.pick(["Query", "Nothing", "Size", "Keeper", "Animal", "Int"]) : concrete.name;
    }
    for (const field of Object.values(concrete.getFields())) {
      if (random.chance(0.1)) continue;
      if (depth > 3 && graphql.isCompositeType(graphql.getNamedType(field.type))) continue;
      object[field.name] = this.#value(field, field.type, depth);
    }
    return object;
  }

  #value(field, type, depth) {
    const { random, graphql } = this;
    if (random.chance(0.03)) return { $error: random.pick(["boom", "é \"quoted\""]), ...(random.chance(0.5) ? { extensions: random.pick([{}, { code: "C", n: 1.5 }]) } : {}) };
    if (field.args.length > 0 && random.chance(0.3)) return random.chance(0.5) ? { $args: true } : { $arg: random.pick(field.args).name };
    if (graphql.isNonNullType(type)) return random.chance(0.06) ? null : this.#value(field, type.ofType, depth);
    if (random.chance(0.08)) return null;
    if (graphql.isListType(type)) {
      if (random.chance(0.04)) return random.pick([1, "text", {}, true]);
      return Array.from({ length: random.below(depth > 2 ? 2 : 4) }, () => this.#value(field, type.ofType, depth));
    }
    if (graphql.isCompositeType(type)) return this.#object(type, depth + 1);
    if (random.chance(0.05)) return random.pick([1.5, "12", "", "text", true, false, 2147483648, -0.0, [1], { a: 1 }, "SMALL", 1e20]);
    if (graphql.isEnumType(type)) return random.pick(type.getValues()).name;
    switch (type.name) {
      case "Int": return random.pick([0, 1, -7, 2147483647]);
      case "Float": return random.pick([0, 2, 1.5, -0.25, 1e21]);
      case "Boolean": return random.chance(0.5);
      case "ID": return random.pick(["a", 7]);
      case "String": return random.pick(["s", "", "\u{1F600}\u2028"]);
      default: return random.pick([1, "any", [1, { a: null }], { b: [] }, false, 0.25]);
    }
  }
}
