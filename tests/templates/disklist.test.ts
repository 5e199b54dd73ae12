import { type Directory, disklist } from "../../components/render/disklist";
import { amandaConf } from "../../components/render/amandaConf";
import { sorted } from "../../components/render/text";
import { AmandaConfig } from "./amanda";
import cases from "./disklist-cases.json";
import { FACTS } from "./example";

test.each(cases)("$case: rendered as reviewed", ({ namespace, document, disklist: expected }) => {
  expect(disklist({ namespace, ...document })).toEqual(expected);
});

test.each(cases)("$case: read by Amanda as declared", ({ document, disklist: texts }) => {
  for (const [set, text] of Object.entries(texts)) {
    const expected = document.directories.filter((directory) => directory.sets.includes(set));
    const found = new AmandaConfig(amandaConf(FACTS), text);
    try {
      expect(found.disklist().map(entry).sort()).toEqual(
        expected.map((directory) => declared(document.client, directory)).sort(),
      );
    } finally {
      found.remove();
    }
  }
});

/** An entry in amadmin's words: host, name, path, dumptype's facts, exclude, include, whether hooks are there. */
function entry(text: string): string {
  const [, host, name, path] = /host (.*):\n.*\n +disk (.*):\n +device (.*)\n/.exec(text)!;
  const field = (key: string) => new RegExp(`^ +${key} +(.*)$`, "m").exec(text)?.[1] ?? "";
  const hooks = field("SCRIPT") !== '""';
  return [host, name, path, field("ENCRYPT"), field("EXCLUDE +FILE"), field("INCLUDE +FILE"), hooks].join(
    "\n",
  );
}

function declared(client: string, directory: Directory): string {
  const list = (texts: string[]) =>
    sorted(texts)
      .map((text) => JSON.stringify(text))
      .join(" ");
  const hooks = directory.before.length + directory.after.length > 0;
  const { name, path, exclude, include } = directory;
  return [client, name, path, "SERVER", list(exclude), list(include), hooks].join("\n");
}

test("the order of what is declared does not change the text", () => {
  for (const { namespace, document, disklist: expected } of cases) {
    const reversed = document.directories
      .map((directory) => ({
        ...directory,
        sets: [...directory.sets].reverse(),
        exclude: [...directory.exclude].reverse(),
        include: [...directory.include].reverse(),
      }))
      .reverse();
    expect(disklist({ namespace, ...document, directories: reversed })).toEqual(expected);
  }
});

test("a control character is refused", () => {
  const directory = { ...cases[1]!.document.directories[0]!, name: "/srv/a\nb" };
  const fragment = { namespace: "p.s", fragment: "web1", client: "web1", directories: [directory] };
  expect(() => disklist(fragment)).toThrow('"/srv/a\\nb" holds a control character');
});
