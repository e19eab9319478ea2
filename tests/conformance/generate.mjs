// The generated cases: deterministic from a seed.
import { createRequire } from "node:module";
import { mutate } from "./mutate.mjs";
import { Operations } from "./operations.mjs";
import { Random } from "./random.mjs";
import { schemas } from "./schemas.mjs";
import { documents } from "./documents.mjs";

const graphql = createRequire(import.meta.url)("graphql");

/** `count` cases of all kinds; the same for the same seed. */
export function generate(seed, count) {
  const random = new Random(seed);
  const playgrounds = schemas.map((sdl) => ({ sdl, operations: new Operations(random, graphql, graphql.buildSchema(sdl)) }));
  const zoo = playgrounds[0];
  const cases = [];
  while (cases.length < count) {
    const { sdl, operations } = random.chance(0.7) ? zoo : random.pick(playgrounds);
    const changes = 1 + random.below(random.chance(0.3) ? 4 : 1);
    const roll = random.next();
    const add = (op, more) => cases.push({ id: `${seed}-${cases.length}`, op, ...more });
    if (roll < 0.12) {
      add("parse", { query: mutate(random, random.chance(0.5) ? random.pick(documents) : random.chance(0.5) ? sdl : operations.make().query, changes) });
    } else if (roll < 0.34) {
      add("schema", { schema: mutate(random, random.pick(playgrounds).sdl, changes) });
    } else if (roll < 0.62) {
      add("validate", { schema: sdl, query: mutate(random, operations.make().query, changes) });
    } else if (roll < 0.9) {
      add("execute", { schema: sdl, ...operations.make() });
    } else if (roll < 0.96) {
      add("subscribe", { schema: zoo.sdl, ...zoo.operations.make({ subscription: true }) });
    } else {
      add("introspect", { schema: random.chance(0.5) ? sdl : mutate(random, sdl, 1) });
    }
  }
  return cases;
}
