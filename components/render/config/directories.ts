import { type Directory } from "../disklist";
import { CLIENT_DUMPTYPES, OWN_DUMPTYPE } from "../dumptypes";
import { sorted } from "../text";
import * as checks from "./checks";
import { type Hook } from "./configuration";
import { type Problems, suggestion } from "./problems";
import { isMapping, Section, WRONG } from "./section";

/** The set of a directory that names none. */
export const DEFAULT_SETS = ["daily"];

const KEYS = ["name", "path", "sets", "dumptype", "exclude", "include", "before", "after"];

/**
 * What of itself the server backs up unless the configuration says otherwise: what an administrator would look up
 * on the worst day. Its keys stay out: the kit carries them, and a backup that holds its own key opens for nobody.
 */
export function ownDirectories(sets: readonly string[]): Directory[] {
  const set = DEFAULT_SETS.find((name) => sets.includes(name)) ?? sorted(sets)[0];
  if (set === undefined) {
    return [];
  }
  const own = { sets: [set], dumptype: OWN_DUMPTYPE, include: [], before: [], after: [] };
  return [
    { ...own, name: "/etc/amanda", path: "/etc/amanda", exclude: [] },
    { ...own, name: "/etc/amanda-backup", path: "/etc/amanda-backup", exclude: ["./keys", "./ssh"] },
  ];
}

/** A directory as it is declared, in the configuration and in programs alike. */
export interface DirectorySpec {
  /** Amanda's name of the disklist entry, which amrecover's `setdisk` takes. Default: `path`. */
  name?: string;
  /** The absolute path on the client. Default: `name`. */
  path?: string;
  /** The sets that dump it. Default `["daily"]`. */
  sets?: string[];
  /** Default `encrypt-gnutar-ssh`: compressed on the client, encrypted on the server. */
  dumptype?: string;
  /** GNU tar patterns of what to leave out, such as `./cache` or `*.tmp`. Default: none. */
  exclude?: string[];
  /** What to take, when it is not all of it; each begins with `./`. Default: all. */
  include?: string[];
  /** Names of hooks to run before the dump, in this order. One that fails makes the dump fail. Default: none. */
  before?: string[];
  /** Names of hooks to run after the dump, in this order, also when it failed. Default: none. */
  after?: string[];
}

/** Stands for a directory that was none and has been reported. */
const NO_DIRECTORY: Directory = {
  name: WRONG,
  path: WRONG,
  sets: [WRONG],
  dumptype: WRONG,
  exclude: [],
  include: [],
  before: [],
  after: [],
};

/**
 * A directory: a path, or a mapping with at least `path` or `name`.
 * `own`: whether it is the server's, which dumps itself without ssh.
 */
export function readDirectory(problems: Problems, key: string, item: unknown, own = false): Directory {
  const raw = typeof item === "string" ? { path: item } : item;
  if (!isMapping(raw)) {
    problems.add(key, item, "give an absolute path, or a mapping with path and what else it needs");
    return NO_DIRECTORY;
  }
  return directoryIn(new Section(problems, key, raw, KEYS), own);
}

/** A directory that is enrolled by itself, and so names its client. */
export function readStandAlone(
  problems: Problems,
  key: string,
  item: unknown,
): Directory & { client: string } {
  if (!isMapping(item)) {
    problems.add(key, item, "give a mapping with client and path");
    return { client: WRONG, ...NO_DIRECTORY };
  }
  const section = new Section(problems, key, item, ["client", ...KEYS]);
  const client = section.text("client", "name the client that has the directory", () => undefined);
  return { client, ...directoryIn(section, false) };
}

function directoryIn(section: Section, own: boolean): Directory {
  const dumptypes = own ? [OWN_DUMPTYPE] : CLIENT_DUMPTYPES;
  return {
    ...readNameAndPath(section),
    sets: section.texts("sets", () => undefined, DEFAULT_SETS),
    dumptype: section.textOr("dumptype", dumptypes[0]!, (value) =>
      dumptypes.includes(value) ? undefined : `no such dumptype; ${suggestion(value, dumptypes)}`,
    ),
    exclude: section.texts("exclude", checks.line),
    include: section.texts("include", checks.includePattern),
    before: section.texts("before", checks.hookName),
    after: section.texts("after", checks.hookName),
  };
}

function readNameAndPath(section: Section): { name: string; path: string } {
  if (!section.has("name") && !section.has("path")) {
    section.problems.missing(section.at("path"), "give the absolute path of the directory");
    return { name: WRONG, path: WRONG };
  }
  const path = section.optional(section.has("path") ? "path" : "name", checks.absolutePath) ?? WRONG;
  if (section.has("name")) {
    // A name that is the path too has been checked above.
    const name = section.has("path") ? section.optional("name", checks.entryName)! : path;
    return { name, path };
  }
  const wrong = path === WRONG ? undefined : checks.entryName(path);
  if (wrong !== undefined) {
    section.problems.add(section.at("path"), path, wrong);
  }
  return { name: path, path };
}

/** The hooks of a machine. */
export function readHooks(machine: Section): Record<string, Hook> {
  const hooks = machine.named("hooks", checks.hookName, ["user", "script"]).map(([name, section]) => {
    const user = section.text("user", "name the account that runs the script", checks.userName);
    const script = section.text("script", "give the text of the script", checks.hookScript);
    return [name, { user, script }] as const;
  });
  return Object.fromEntries(hooks);
}
