import { execFileSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";

/** A folder with one Amanda configuration, which Amanda's own programs read. */
export class AmandaConfig {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "amanda-backup-"));

  constructor(conf: string, disklist = "") {
    fs.writeFileSync(path.join(this.folder, "amanda.conf"), conf);
    fs.writeFileSync(path.join(this.folder, "disklist"), disklist);
    fs.chmodSync(this.folder, 0o755);
  }

  /** amgetconf's answer. Throws with Amanda's words when it does not accept amanda.conf. */
  getconf(...args: string[]): string {
    return this.run("amgetconf", ".", ...args).trimEnd();
  }

  /** The whole configuration as amadmin understands it: `key` or `kind:name:key`, in lower case, to value. */
  config(): Record<string, string> {
    const values: Record<string, string> = {};
    let section = "";
    for (const line of this.run("amadmin", ".", "config").split("\n")) {
      const [, kind, name] = /^#?DEFINE (\S+) (.+) \{$/.exec(line) ?? [];
      const [, key, value] = /^#? *([A-Z_-]+) +(.*)$/.exec(line) ?? [];
      if (kind !== undefined) {
        section = `${kind.toLowerCase()}:${name}:`;
      } else if (/^#?\}$/.test(line)) {
        section = "";
      } else if (key !== undefined) {
        values[section + key.toLowerCase()] = value!.replace(/^"(.*)"$/, "$1");
      }
    }
    return values;
  }

  /** amadmin's reading of the disklist: one block of text an entry. */
  disklist(): string[] {
    const out = this.run("amadmin", ".", "disklist");
    return out.split(/^line \d+ .*:$/m).slice(1);
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private run(program: string, ...args: string[]): string {
    // Amanda's programs refuse root, so root becomes the dump user.
    const prefix =
      process.getuid!() === 0 ? ["setpriv", "--reuid=backup", "--regid=backup", "--init-groups"] : [];
    const [file, ...rest] = [...prefix, program, ...args] as [string, ...string[]];
    const env = { ...process.env, LC_ALL: "C.UTF-8", PATH: `${process.env.PATH}:/usr/sbin` };
    return execFileSync(file, rest, { cwd: this.folder, encoding: "utf8", env, stdio: "pipe" });
  }
}
