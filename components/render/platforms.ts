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
