// Changes a GraphQL text a little, token by token: most results are wrong in one way, some are still right.

const kToken = /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n])*"|[_A-Za-z][_0-9A-Za-z]*|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\.\.|[!$&(){}:=@[\]|]|#[^\n]*|[\s,\uFEFF]+|[^]/gu;

const kSpare = ["{", "}", "(", ")", "[", "]", "!", "$", "&", ":", "=", "@", "|", "...", "on", "null", "true", "false", "query", "mutation",
  "subscription", "fragment", "type", "interface", "union", "enum", "input", "scalar", "extend", "schema", "directive", "implements", "repeatable",
  "0", "-0", "1", "2147483648", "-1.5", "1e3", "1.", "01", "\"s\"", "\"\"", "\"\\u{1F600}\"", "\"\\uD83D\\uDE00\"", "\"\\uD83D\"", "\"\"\"b\"\"\"",
  "\"unclosed", "# c\n", "é", "\u{1F600}", "\uFEFF", "\r\n", "\t", ",", "__typename", "__schema", "__type", "Int", "String", "ID", "Boolean", "Float",
  "@skip(if: true)", "@include(if: $v)", "@deprecated", "@oneOf", "@specifiedBy(url: \"u\")", "Query", "id", "a", "x"];

export function tokens(text) {
  return text.match(kToken) ?? [];
}

/** @param {import("./random.mjs").Random} random */
export function mutate(random, text, changes = 1) {
  const list = tokens(text);
  const meaningful = () => {
    for (let tries = 0; tries < 50; ++tries) {
      const at = random.below(list.length);
      if (/\S/.test(list[at] ?? "") && !list[at].startsWith("#")) return at;
    }
    return 0;
  };
  const isName = (token) => /^[_A-Za-z]/.test(token);
  for (let i = 0; i < changes && list.length > 0; ++i) {
    const at = meaningful();
    const kind = random.below(9);
    if (kind === 0) list.splice(at, 1);
    else if (kind === 1) list.splice(at, 0, list[at], " ");
    else if (kind === 2) list[at] = list[meaningful()];
    else if (kind === 3) list[at] = random.pick(kSpare);
    else if (kind === 4) list.splice(at, 0, " ", random.pick(kSpare), " ");
    else if (kind === 5 && isName(list[at])) list[at] = typo(random, list[at]);
    else if (kind === 6) {
      // A name by another of the same text, which keeps the syntax.
      const names = list.filter(isName);
      const other = meaningful();
      if (isName(list[other]) && names.length > 0) list[other] = random.pick(names);
    } else if (kind === 7) {
      const other = meaningful();
      [list[at], list[other]] = [list[other], list[at]];
    } else {
      // A whole stretch again, or away.
      const length = 1 + random.below(12);
      if (random.chance(0.5)) list.splice(at, 0, ...list.slice(at, at + length), " ");
      else list.splice(at, length);
    }
  }
  return list.join("");
}

function typo(random, name) {
  const at = random.below(name.length);
  switch (random.below(3)) {
    case 0: return name.slice(0, at) + name.slice(at + 1) || "q";
    case 1: return `${name.slice(0, at)}${random.pick("aeixz_")}${name.slice(at)}`;
    default: return name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase();
  }
}
