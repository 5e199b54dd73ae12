import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { programs } from "../../components/render/programs";
import { Consumer } from "./consumer";
import { type Run, Secret, run, valueOf } from "./engine";
import { configure } from "./program";
import { HOST_KEYS } from "./stack";

const ROOT = path.resolve(__dirname, "../..");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "package-"));
let consumer: Consumer;

beforeAll(() => {
  consumer = new Consumer(folder);
}, 120_000);

// A first load of the SDKs takes its time on a busy machine.
jest.setTimeout(60_000);

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** What the stack of a backup server gives out for other stacks. */
const BACKUP_SERVER = {
  format: 1,
  serverName: "backup1",
  address: "10.1.0.11",
  port: 22,
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZnCOAq49T/R6J5bUTZZTyS32u7bsOF3YrzeL1",
  sourceAddress: "10.1.0.11",
  dumpPublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJs0baB4TTusro+cwOi3zlSwSwRDFcgWv9JsGE7W6umb dump",
  platform: "debian",
  identity: { generation: 1 },
  sets: ["daily"],
};

interface Outputs {
  enrolmentPublicKey: pulumi.Output<string>;
}

/** Runs the example's program against an engine that records. */
async function runExample(enrol: boolean): Promise<Run & { publicKey: string }> {
  // A module is loaded once, and each run needs its own.
  const program = path.join(consumer.project, `enrol-${enrol}.ts`);
  fs.copyFileSync(path.join(consumer.project, "index.ts"), program);
  let publicKey = "";
  const declare = async () => {
    configure({
      backupStack: "organization/amanda-backup/prod",
      network: "shop",
      address: "10.1.0.30",
      image: "00000000-0000-4000-8000-000000000000",
      flavor: "m1.small",
      adminKeys: [HOST_KEYS[0]],
      adminNetworks: ["192.0.2.0/24"],
      enrol,
    });
    const { enrolmentPublicKey } = (await import(program)) as Outputs;
    publicKey = await valueOf(enrolmentPublicKey);
  };
  const recorded = await run(false, declare, { stackOutputs: { backupServer: BACKUP_SERVER } });
  return { ...recorded, publicKey };
}

function named(recorded: Run, type: string): string[] {
  return recorded.resources.filter((resource) => resource.type.endsWith(`:${type}`)).map(({ name }) => name);
}

function plain(value: unknown): Record<string, unknown> {
  return (value instanceof Secret ? value.value : value) as Record<string, unknown>;
}

/** What a command gets on its standard input. */
function documentOf(inputs: Record<string, unknown>): Record<string, unknown> {
  const text = inputs["stdin"] instanceof Secret ? inputs["stdin"].value : inputs["stdin"];
  return JSON.parse(text as string) as Record<string, unknown>;
}

describe("the tarball of npm pack", () => {
  test("has all that the components read, and the declarations", () => {
    const roles = ["client", "secrets", "server"] as const;
    const sent = roles.flatMap((role) => Object.keys(programs(role))).map((file) => `host/${file}`);
    expect(sent.length).toBeGreaterThan(30);
    expect(consumer.packed).toEqual(
      expect.arrayContaining([
        ...sent,
        "bin/backupClient.d.ts",
        "bin/index.d.ts",
        "bin/index.js",
        "host/bootstrap.py",
        "host/platforms.json",
        "host/programs.json",
        "templates/amanda.conf.mustache",
      ]),
    );
  });

  test("has licence and README, and neither sources nor what Python left behind", () => {
    expect(consumer.packed.filter((file) => !/^(bin|host|templates)\//.test(file)).sort()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
    expect(consumer.packed.filter((file) => /pycache|[^d]\.ts$/.test(file))).toEqual([]);
  });
});

describe("examples/app-stack with the installed package", () => {
  test("passes the type checker, the package's declarations included", () => {
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const done = spawnSync(process.execPath, [tsc, "-p", "."], { cwd: consumer.project, encoding: "utf8" });
    expect(done.stdout + done.stderr + done.status).toBe("0");
  });

  test("makes its machine and its key first, gives out the public half, and says that nothing is backed up", async () => {
    const warned = jest.spyOn(console, "warn").mockImplementation();
    const recorded = await runExample(false);
    expect(named(recorded, "Instance")).toEqual(["shop1-instance"]);
    expect(named(recorded, "SecGroupRule").sort()).toEqual(["shop-ssh-192.0.2.0/24", "shop-ssh-server"]);
    // Of a network with IPv6 too the first subnet may be the other.
    expect(recorded.calls).toContainEqual([
      "openstack:networking/getSubnet:getSubnet",
      { networkId: "network-id", ipVersion: 4 },
    ]);
    expect(named(recorded, "Command")).toEqual([]);
    expect(recorded.publicKey).toMatch(/^ssh-ed25519 \S+$/);
    expect(warned.mock.calls.join()).toMatch(/nothing is backed up yet/);
    warned.mockRestore();
  });

  test("sets its machine up and enrols both directories once it is let in", async () => {
    const recorded = await runExample(true);
    expect(named(recorded, "Command").sort()).toEqual([
      "/srv/uploads-enrolment-command",
      "shop1-enrolment-command",
      "shop1-setup-command",
    ]);
    const enrolments = recorded.resources.filter(({ inputs }) => inputs["create"] === "enrol");
    expect(
      enrolments
        .map(({ inputs }) => documentOf(inputs))
        .map(({ client, directories }) => ({ client, directories })),
    ).toEqual([
      { client: "shop1", directories: [expect.objectContaining({ path: "/srv/shop" })] },
      { client: "shop1", directories: [expect.objectContaining({ path: "/srv/uploads" })] },
    ]);
    for (const { inputs } of enrolments) {
      const { host, hostKey, user } = plain(inputs["connection"]);
      expect({ host, hostKey, user }).toEqual({
        host: "10.1.0.11",
        hostKey: BACKUP_SERVER.hostKey,
        user: "enrol",
      });
    }
  });
});
