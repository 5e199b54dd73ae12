import { type Directory } from "../disklist";
import { type Hook } from "./configuration";
import { type Problems, suggestion } from "./problems";
import { WRONG } from "./section";

/** A directory and where it stands. */
export interface Place {
  key: string;
  /** The key of the machine, whose hooks are at `machine`.hooks. */
  machine: string;
  /** Undefined when the machine itself is unknown, which has been reported. */
  hooks: Record<string, Hook> | undefined;
  directory: Directory;
}

/** Report sets of a directory that are not there. */
export function checkSetsOf(
  known: readonly string[],
  problems: Problems,
  { key, directory }: Pick<Place, "key" | "directory">,
): void {
  directory.sets.forEach((set, index) => {
    if (set !== WRONG && !known.includes(set)) {
      problems.add(`${key}.sets[${index}]`, set, `no such set; ${suggestion(set, known)}`);
    }
  });
}

/**
 * Report sets and hooks of a directory that are not there, and what is there twice. `known` are the sets' names;
 * undefined when only another stack knows them.
 */
export function checkDirectory(
  known: readonly string[] | undefined,
  problems: Problems,
  { key, machine, hooks, directory }: Place,
): void {
  if (known !== undefined) {
    checkSetsOf(known, problems, { key, directory });
  }
  if (directory.sets.length === 0) {
    problems.add(`${key}.sets`, [], "no set would dump the directory; name one or leave the directory out");
  }
  for (const list of ["sets", "before", "after"] as const) {
    directory[list].forEach((name, index) => {
      if (name !== WRONG && directory[list].indexOf(name) !== index) {
        problems.add(`${key}.${list}[${index}]`, name, "it is there twice; name it once");
      }
    });
  }
  for (const when of ["before", "after"] as const) {
    directory[when].forEach((hook, index) => {
      if (hook !== WRONG && hooks !== undefined && !Object.hasOwn(hooks, hook)) {
        const declared = Object.keys(hooks);
        problems.add(
          `${key}.${when}[${index}]`,
          hook,
          `no such hook in ${machine}.hooks; ${suggestion(hook, declared)}`,
        );
      }
    });
  }
}

/** Amanda writes an entry's files under its name with `/`, `:` and `\` as `_`, so these must differ as well. */
export function checkTwice(
  problems: Problems,
  taken: Map<string, string>,
  key: string,
  client: string,
  { name }: Directory,
): void {
  const place = `${client} ${name.replace(/[/:\\]/g, "_")}`;
  const before = taken.get(place);
  if (name === WRONG || client === WRONG) {
    return;
  }
  if (before === undefined) {
    taken.set(place, key);
  } else {
    problems.add(
      key,
      name,
      `${client} has this name twice, first at ${before} (Amanda takes '/', ':' and '\\' in a name for '_'); ` +
        "leave one out, or give it another `name`",
    );
  }
}
