import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const ROOT = path.resolve(__dirname, "../..");

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/**
 * A copy of examples/app-stack in a folder of its own, with this project as the package that `npm pack` makes. It has
 * what the two declare as dependencies and nothing else of this checkout.
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
    const [tarball = ""] = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
      cwd: ROOT,
      encoding: "utf8",
    })
      .trim()
      .split("\n")
      .slice(-1);
    fs.mkdirSync(this.installed, { recursive: true });
    const unpack = ["-xvzf", path.join(folder, tarball), "--strip-components=1", "-C", this.installed];
    const listed = execFileSync("tar", unpack, { encoding: "utf8" });
    const files = listed.trim().split("\n");
    this.packed = files.map((file) => file.replace("package/", ""));
    for (const manifest of [this.manifest(this.installed), this.manifest(this.project)]) {
      Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).forEach((name) =>
        this.link(name),
      );
    }
  }

  /** What a manifest in this folder declares. */
  manifest(folder: string): Manifest {
    return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;
  }

  private link(name: string): void {
    const link = path.join(this.project, "node_modules", name);
    if (fs.existsSync(link)) return;
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.join(ROOT, "node_modules", name), link);
  }
}
