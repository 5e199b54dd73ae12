import * as fs from "fs";
import * as path from "path";
import { ROOT } from "./text";

/** What differs between families of distributions: a row of host/platforms.json. */
export interface Platform {
  family: string;
  dumpUser: string;
  dumpGroup: string;
  amandad: string;
  gnutarListDir: string;
  [fact: string]: string | string[];
}

/** The table of platforms, by family. */
export function platforms(): Record<string, Platform> {
  return JSON.parse(fs.readFileSync(path.join(ROOT, "host", "platforms.json"), "utf8"));
}

/** The row of one family. Throws a sentence when the table has none. */
export function platformOf(family: string): Platform {
  const table = platforms();
  const row = Object.hasOwn(table, family) ? table[family] : undefined;
  if (row === undefined) {
    throw new Error(
      `platform ${JSON.stringify(family)} is not in host/platforms.json; known: ${Object.keys(table).join(", ")}`,
    );
  }
  return row;
}
