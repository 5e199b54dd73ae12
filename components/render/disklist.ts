import { byCodePoint, quoteAmanda, render, sorted } from "./text";

/** A directory as an enrolment carries it; docs/contracts.md. */
export interface Directory {
  /** Amanda's name of the disklist entry. */
  name: string;
  /** The absolute path on the client. */
  path: string;
  /** The sets that dump it. */
  sets: string[];
  dumptype: string;
  exclude: string[];
  include: string[];
  /** Names of hooks to run before the dump, in this order. */
  before: string[];
  /** Names of hooks to run after the dump, in this order. */
  after: string[];
}

/** A client's directories, or a stand-alone one's, before they are rendered. */
export interface Fragment {
  /** `project.stack` */
  namespace: string;
  /** The client's name, or `CLIENT+NAME`. */
  fragment: string;
  /** Amanda's name of the client. */
  client: string;
  directories: Directory[];
}

/** The same directories in one order, so that declaring them in another changes nothing. */
export function inOrder(directories: readonly Directory[]): Directory[] {
  return directories
    .map((directory) => ({
      ...directory,
      sets: sorted(directory.sets),
      exclude: sorted(directory.exclude),
      include: sorted(directory.include),
    }))
    .sort((a, b) => byCodePoint(a.name, b.name));
}

/**
 * The fragment's part of each set's disklist; a set that no directory is in has none. The server renders the same
 * (host/amanda_backup/disklist.py) and refuses an enrolment whose text differs.
 */
export function disklist(fragment: Fragment): Record<string, string> {
  const sets = sorted([...new Set(fragment.directories.flatMap((directory) => directory.sets))]);
  return Object.fromEntries(sets.map((set) => [set, disklistOfSet(fragment, set)]));
}

function disklistOfSet(fragment: Fragment, set: string): string {
  const entries = inOrder(fragment.directories)
    .filter((directory) => directory.sets.includes(set))
    .map((directory) => ({
      host: fragment.client,
      name: directory.name,
      path: directory.path,
      dumptype: directory.dumptype,
      hasExclude: directory.exclude.length > 0,
      exclude: directory.exclude,
      hasInclude: directory.include.length > 0,
      include: directory.include,
      hasHooks: directory.before.length + directory.after.length > 0,
      hasBefore: directory.before.length > 0,
      before: directory.before,
      hasAfter: directory.after.length > 0,
      after: directory.after,
    }));
  return render(
    "disklist",
    { namespace: fragment.namespace, fragment: fragment.fragment, entries },
    quoteAmanda,
  );
}
