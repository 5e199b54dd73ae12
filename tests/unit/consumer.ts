import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const ROOT = path.resolve(__dirname, "../..");

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/**
 * A copy of examples/app-stack in a folder of its own, with this project as the package that `npm pack` makes. Each of
 * the two has what it declares as dependencies, and nothing else of this checkout.
 */
export class Consumer {
  readonly project: string;
  /** The installed package. */
  readonly installed: string;
  /** The files of the tarball. */
  readonly packed: string[];

  constructor(folder: string) {
    this.project = path.join(folder, "app-stack");
    this.installed = path.join(this.project, "node_modules/amanda-backup");
    fs.cpSync(path.join(ROOT, "examples/app-stack"), this.project, {
      recursive: true,
      filter: (source) => path.basename(source) !== "node_modules",
    });
    const pack = ["pack", "--silent", "--pack-destination", folder];
    const done = spawnSync("npm", pack, { cwd: ROOT, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`npm pack failed: ${done.stdout}${done.stderr}`);
    const tarball = done.stdout.trim().split("\n").at(-1) ?? "";
    fs.mkdirSync(this.installed, { recursive: true });
    const unpack = ["-xvzf", path.join(folder, tarball), "--strip-components=1", "-C", this.installed];
    const listed = execFileSync("tar", unpack, { encoding: "utf8" });
    const files = listed.trim().split("\n");
    this.packed = files.map((file) => file.replace("package/", ""));
    for (const folder of [this.installed, this.project]) this.link(folder);
  }

  /** Gives the package in this folder what its manifest declares. */
  private link(folder: string): void {
    const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
    const development = folder === this.project ? manifest.devDependencies : {};
    for (const name of Object.keys({ ...manifest.dependencies, ...development })) {
      const link = path.join(folder, "node_modules", name);
      if (fs.existsSync(link)) continue;
      fs.mkdirSync(path.dirname(link), { recursive: true });
      fs.symlinkSync(path.join(ROOT, "node_modules", name), link);
    }
  }
}
