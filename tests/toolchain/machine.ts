import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const ROOT = path.resolve(__dirname, "../..");

/** A copy of `toolchain/` in a folder of its own, on a machine whose PATH and home the test fills. */
export class Machine {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "toolchain-test-"));
  readonly bin = path.join(this.folder, "bin");
  readonly home = path.join(this.folder, "home");
  readonly made = path.join(this.folder, "repository/.toolchain");
  /** What Pulumi's site is on this machine; the default refuses. */
  site = "http://127.0.0.1:1";

  constructor() {
    for (const folder of [this.bin, this.home]) fs.mkdirSync(folder);
    fs.cpSync(path.join(ROOT, "toolchain"), path.join(this.folder, "repository/toolchain"), {
      recursive: true,
    });
  }

  /** Puts a program on this machine that answers as `says` tells. */
  program(file: string, says: string): void {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `#!/bin/sh\n${says}\n`, { mode: 0o755 });
  }

  /** An engine and its language host, as an official installation has them. */
  engine(folder: string, version: string): void {
    this.program(path.join(folder, "pulumi"), INSTALLER.replace("VERSION", version));
    this.program(path.join(folder, "pulumi-language-nodejs"), "exit 0");
  }

  /** A plugin in the user's Pulumi folder, as `pulumi plugin install` leaves it. */
  plugin(name: string, version: string): string {
    const file = path.join(this.home, `.pulumi/plugins/resource-${name}-v${version}/pulumi-resource-${name}`);
    this.program(file, `echo ${version}`);
    return file;
  }

  /** A Go compiler: a real one's calls, without its ten minutes. */
  go(): void {
    this.program(path.join(this.bin, "go"), GO.replace("CALLS", path.join(this.folder, "go-calls")));
  }

  goCalls(): string[] {
    const file = path.join(this.folder, "go-calls");
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
  }

  setup(): SpawnSyncReturns<string> {
    return this.call("toolchain/setup");
  }

  run(...command: string[]): SpawnSyncReturns<string> {
    return this.call("toolchain/run", ...command);
  }

  env(): NodeJS.ProcessEnv {
    return {
      PATH: `${this.bin}:/usr/bin:/bin`,
      HOME: this.home,
      PULUMI_SITE: this.site,
    };
  }

  script(name: string): string {
    return path.join(this.folder, "repository", name);
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private call(name: string, ...more: string[]): SpawnSyncReturns<string> {
    return spawnSync(this.script(name), more, { env: this.env(), encoding: "utf8", cwd: "/" });
  }
}

/** `pulumi version` and `pulumi plugin install … --file`, which is all that setup asks of an engine. */
const INSTALLER = `case "$1" in
version) echo vVERSION ;;
plugin)
  folder=$PULUMI_HOME/plugins/$3-$4-v$5
  rm -rf "$folder"
  mkdir -p "$folder"
  tar -xzf "$7" -C "$folder"
  ;;
esac`;

const GO = `echo "$*" >> CALLS
case "$1 $2" in
"build -v")
  while [ "$1" != -o ]; do shift; done
  case $2 in
  *generator*) printf '#!/bin/sh\\ntouch "$3/schema.json" "$3/bridge-metadata.json"\\n' > "$2" ;;
  *pulumi.new*) cat > "$2" <<'ENGINE'
#!/bin/sh
${INSTALLER.replace("VERSION", "3.259.0")}
ENGINE
  ;;
  *) printf '#!/bin/sh\\necho built here\\n' > "$2" ;;
  esac
  chmod 755 "$2"
  sleep "\${GO_SECONDS:-0}"
  ;;
esac`;
