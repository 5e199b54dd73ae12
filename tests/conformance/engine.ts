import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const ROOT = path.resolve(__dirname, "../..");
export const RUN = path.join(ROOT, "toolchain/run");

/** What one call of the engine said. */
export interface Outcome {
  status: number | null;
  /** Everything that a person would see. */
  output: string;
  /** Messages by the name of the resource that they are about ("" for the stack's own). */
  messages: Record<string, string[]>;
}

export interface Resource {
  urn: string;
  type: string;
  id?: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  additionalSecretOutputs?: string[];
}

interface EngineEvent {
  diagnosticEvent?: { urn?: string; message: string };
}

/** A secret's envelope in the state. */
const SECRET = "4dabf18193072939515e22adb298388d";

export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && SECRET in value;
}

/** One program of `programs/`, in a folder and a local backend of its own. */
export class Stack {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-"));
  private readonly project: string;
  private readonly env: NodeJS.ProcessEnv;
  private calls = 0;

  constructor(
    private readonly program: string,
    facts: Record<string, unknown> = {},
    env: NodeJS.ProcessEnv = {},
  ) {
    this.project = path.join(this.folder, "project");
    this.env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${this.folder}`,
      PULUMI_CONFIG_PASSPHRASE: "conformance",
      PULUMI_DEBUG_COMMANDS: "true", // for --event-log
      SSH_AUTH_SOCK: "",
      ...env,
    };
    fs.mkdirSync(this.project);
    fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(this.project, "node_modules"));
    fs.writeFileSync(
      path.join(this.project, "Pulumi.yaml"),
      `name: ${program}\nruntime: { name: nodejs, options: { typescript: false } }\n`,
    );
    fs.writeFileSync(path.join(this.project, "package.json"), `{"name": "${program}", "main": "index.js"}\n`);
    fs.writeFileSync(
      path.join(this.project, "facts.json"),
      JSON.stringify({ folder: this.folder, ...facts }),
    );
    this.step(1);
    const made = this.pulumi(["stack", "init", "test"]);
    if (made.status !== 0) throw new Error(`no stack: ${made.output}`);
  }

  /** Takes the program of an update step. */
  step(number: number): void {
    const from = path.join(__dirname, "programs", this.program, number === 1 ? "" : `step${number}`);
    fs.copyFileSync(path.join(from, "index.js"), path.join(this.project, "index.js"));
  }

  config(key: string, value: string, kind: "--plaintext" | "--secret" = "--plaintext"): void {
    const set = this.pulumi(["config", "set", kind, "--stack", "test", key, value]);
    if (set.status !== 0) throw new Error(`no configuration: ${set.output}`);
  }

  up(...more: string[]): Outcome {
    return this.pulumi(["up", "--yes", "--skip-preview", "--stack", "test", ...more], true);
  }

  preview(...more: string[]): Outcome {
    return this.pulumi(["preview", "--diff", "--stack", "test", ...more], true);
  }

  refresh(): Outcome {
    return this.pulumi(["refresh", "--yes", "--skip-preview", "--stack", "test"], true);
  }

  destroy(): Outcome {
    return this.pulumi(["destroy", "--yes", "--skip-preview", "--stack", "test"], true);
  }

  /** Starts `up`, interrupts it once as a person would when `ready`, and waits for its end. */
  async interruptedUp(ready: () => boolean): Promise<Outcome> {
    const [argv, events] = this.argv(["up", "--yes", "--skip-preview", "--stack", "test"], true);
    const child = spawn(RUN, argv, { cwd: this.project, env: this.env });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const poll = setInterval(() => {
      if (!ready()) return;
      clearInterval(poll);
      child.kill("SIGINT");
    }, 50);
    const status = await ended;
    clearInterval(poll);
    return { status, output, messages: readMessages(events) };
  }

  /** The resource of this name as the state holds it. */
  resource(name: string): Resource {
    const found = this.resources().find((resource) => resource.urn.endsWith(`::${name}`));
    if (!found) throw new Error(`the state has no ${name}`);
    return found;
  }

  names(): string[] {
    return this.resources().map((resource) => resource.urn.replace(/.*::/, ""));
  }

  /** The whole state as it lies on the disk. */
  plainState(): string {
    return fs.readFileSync(path.join(this.folder, ".pulumi/stacks", this.program, "test.json"), "utf8");
  }

  /** The lines that the programs' commands wrote to the file `log`. */
  log(name = "log"): string[] {
    const file = path.join(this.folder, name);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private resources(): Resource[] {
    return JSON.parse(this.plainState()).checkpoint.latest.resources ?? [];
  }

  private argv(command: string[], withEvents: boolean): [string[], string] {
    const events = path.join(this.folder, `events-${++this.calls}.json`);
    const more = withEvents ? ["--event-log", events] : [];
    return [["pulumi", "--non-interactive", "--color", "never", ...command, ...more], events];
  }

  private pulumi(command: string[], withEvents = false): Outcome {
    const [argv, events] = this.argv(command, withEvents);
    const done = spawnSync(RUN, argv, { cwd: this.project, env: this.env, encoding: "utf8" });
    return { status: done.status, output: done.stdout + done.stderr, messages: readMessages(events) };
  }
}

function readMessages(file: string): Record<string, string[]> {
  const messages: Record<string, string[]> = {};
  if (!fs.existsSync(file)) return messages;
  for (const line of fs.readFileSync(file, "utf8").split("\n").filter(Boolean)) {
    const diagnostic = (JSON.parse(line) as EngineEvent).diagnosticEvent;
    if (!diagnostic) continue;
    const name = diagnostic.urn?.replace(/.*::/, "") ?? "";
    (messages[name] ??= []).push(diagnostic.message.replace(/<\{%[^%]*%\}>/g, ""));
  }
  return messages;
}
