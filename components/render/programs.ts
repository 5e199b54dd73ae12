import * as fs from "fs";
import * as path from "path";
import { ROOT } from "./text";

/** What a host is converged to; host/programs.json lists the programs that each needs. */
export type Role = "client" | "secrets" | "server";

/** The programs of a role: path below the install folder, and the text. A program that is missing is an error. */
export function programs(role: Role): Record<string, string> {
  const folder = path.join(ROOT, "host");
  const lists = JSON.parse(fs.readFileSync(path.join(folder, "programs.json"), "utf8"));
  const names = lists[role] as string[];
  return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]));
}
