import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

export const ROOT = path.resolve(__dirname, "../..");

/** A lab of these tests' own, beside whatever lab is up in this checkout. */
export const STATE = path.join(ROOT, ".lab/test");

/** What the names of this lab's containers and networks begin with. */
export const ID = "amanda-lab-" + createHash("sha256").update(path.resolve(STATE)).digest("hex").slice(0, 8);

export const USUAL = ["client1", "client2", "ldap", "server", "storage"];

export interface Host {
  address: string;
  hostKey: string;
  role: string;
  running: boolean;
  user: string;
}

export interface Done {
  status: number | null;
  out: string;
  err: string;
}

export function run(argv: string[], input = ""): Done {
  const done = spawnSync(argv[0] as string, argv.slice(1), {
    input,
    encoding: "utf8",
    env: { ...process.env, LAB_STATE: STATE },
  });
  return { status: done.status, out: done.stdout.trim(), err: done.stderr.trim() };
}

/** A command of lab/, whatever it says. */
export function attempt(command: string, ...words: string[]): Done {
  return run([path.join(ROOT, "lab", command), ...words]);
}

/** A command of lab/ that has to succeed; returns its output. */
export function lab(command: string, ...words: string[]): string {
  const done = attempt(command, ...words);
  if (done.status !== 0) {
    throw new Error(`lab/${command} ${words.join(" ")} ended with ${done.status}: ${done.out} ${done.err}`);
  }
  return done.out;
}

export function hosts(): Record<string, Host> {
  return JSON.parse(lab("status", "--json")) as Record<string, Host>;
}

export function host(name: string): Host {
  const found = hosts()[name];
  if (found === undefined) throw new Error(`the lab has no ${name}`);
  return found;
}

/** A shell's command line on a host, as root; returns its output. */
export function root(host: string, script: string): string {
  return lab("ssh", host, "sudo", "bash", "-euc", script);
}

/** The same as another user, which may fail. */
export function as(user: string, host: string, script: string): Done {
  return attempt("ssh", host, "sudo", "-u", user, "bash", "-euc", script);
}

export function seconds(work: () => void): number {
  const start = Date.now();
  work();
  return (Date.now() - start) / 1000;
}

/** Everything on this machine that belongs to this lab, one line each. */
export function traces(): string[] {
  const subnets = path.join(STATE, "subnets.json");
  const known = fs.existsSync(subnets)
    ? Object.values(JSON.parse(fs.readFileSync(subnets, "utf8")) as Record<string, string>)
    : [];
  const network = known.map((subnet) => subnet.replace(/\d+\/24$/, ""));
  const own = (text: string, marks: string[]) =>
    text.split("\n").filter((line) => marks.some((mark) => line.includes(mark)));
  const podman = (...words: string[]) => run(["podman", ...words]).out;
  const cgroups = run(["find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", ID]).out;
  return [
    ...own(podman("network", "ls", "--format", "{{.Name}}"), [ID]),
    ...own(run(["ps", "-e", "-o", "stat=,args="]).out, [ID]).filter((line) => !line.startsWith("Z")),
    ...own(run(["ip", "-4", "-o", "address"]).out, network),
    ...own(run(["iptables-save"]).out, network),
    ...own(fs.readFileSync("/proc/self/mountinfo", "utf8"), [STATE]),
    ...own(fs.readFileSync("/var/lib/containers/storage/overlay-containers/containers.json", "utf8"), [ID]),
    ...(cgroups ? [cgroups] : []),
  ];
}
