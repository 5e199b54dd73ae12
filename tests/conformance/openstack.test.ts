import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Stack } from "./engine";

const PASSWORD = "openstack-Secret-4kQ7wN";

/** A Keystone on the loopback interface that lets nobody in and remembers who asked. */
class Keystone {
  private constructor(
    readonly url: string,
    private readonly log: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(folder: string): Promise<Keystone> {
    const log = path.join(folder, "requests");
    fs.writeFileSync(log, "");
    const child = spawn(process.execPath, [path.join(__dirname, "keystone.js"), log], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data: Buffer) => resolve(data.toString().trim())),
    );
    return new Keystone(`http://127.0.0.1:${port}/v3`, log, child);
  }

  /** The requests since the last call. */
  asked(): { request: string; body: string }[] {
    const lines = fs.readFileSync(this.log, "utf8").split("\n").filter(Boolean);
    fs.writeFileSync(this.log, "");
    return lines.map((line) => JSON.parse(line) as { request: string; body: string });
  }

  stop(): void {
    this.process.kill();
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-openstack-"));
const stacks: Stack[] = [];
let keystone: Keystone;

/** A stack in an environment that has no other OS_* variables than these. */
function fresh(program: string, variables: Record<string, string> = {}): Stack {
  const inherited = Object.keys(process.env).filter((name) => name.startsWith("OS_"));
  const env = { ...Object.fromEntries(inherited.map((name) => [name, undefined])), ...variables };
  stacks.push(new Stack(program, {}, env));
  return stacks[stacks.length - 1] as Stack;
}

/** OS_* variables as an `openrc` file sets them. */
function openrc(): Record<string, string> {
  return {
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: "backup",
    OS_PASSWORD: PASSWORD,
    OS_PROJECT_NAME: "vault",
    OS_USER_DOMAIN_NAME: "Default",
    OS_PROJECT_DOMAIN_NAME: "Default",
    OS_REGION_NAME: "RegionOne",
  };
}

beforeAll(async () => {
  keystone = await Keystone.start(folder);
});

afterAll(() => {
  stacks.forEach((stack) => stack.remove());
  keystone.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

test("a preview with everything unknown asks no cloud and warns of nothing", () => {
  const outcome = fresh("openstack", openrc()).preview();
  expect(outcome).toMatchObject({ status: 0, output: expect.stringMatching(/\+ 12 to create/) });
  expect(outcome.output).not.toMatch(/warning|deprecated/i);
  expect(keystone.asked()).toEqual([]);
}, 60_000);

test("useOctavia is told to be deprecated to who sets it", () => {
  const stack = fresh("openstackLogin", openrc());
  stack.config("openstack:useOctavia", "true");
  expect(stack.preview().output).toMatch(/warning.*useOctavia.*deprecated/);
}, 60_000);

test("a name that is not given is made as the official plugin makes it", () => {
  const outcome = fresh("openstack", openrc()).preview();
  expect(outcome.output).toMatch(/name +: "named by the plugin-[0-9a-f]{7}"/);
  expect(outcome.output.match(/name +: "backup"/g)).toHaveLength(4);
}, 60_000);

describe("credentials", () => {
  /** Runs `up` and checks who knocked, what is said of the refusal, and that the password stays where it was. */
  function expectLogin(stack: Stack): void {
    const outcome = stack.up();
    expect(outcome.status).not.toBe(0);
    expect(outcome.output).toMatch(/Error creating OpenStack networking client: Authentication failed/);
    const [asked] = keystone.asked();
    expect(asked?.request).toBe("POST /v3/auth/tokens");
    expect(JSON.parse(asked?.body ?? "{}")).toMatchObject({
      auth: {
        identity: { password: { user: { name: "backup", password: PASSWORD } } },
        scope: { project: { name: "vault", domain: expect.anything() } },
      },
    });
    expect(outcome.output + stack.plainState()).not.toContain(PASSWORD);
  }

  test("are taken from OS_* variables", () => expectLogin(fresh("openstackLogin", openrc())), 60_000);

  test("are taken from the stack's configuration, the password as a secret", () => {
    const stack = fresh("openstackLogin");
    for (const [key, value] of Object.entries({
      authUrl: keystone.url,
      userName: "backup",
      tenantName: "vault",
      userDomainName: "Default",
      projectDomainName: "Default",
    })) {
      stack.config(`openstack:${key}`, value);
    }
    stack.config("openstack:password", PASSWORD, "--secret");
    expectLogin(stack);
  }, 60_000);

  test.each([
    ["OS_CLOUD", { OS_CLOUD: "here" }],
    ["the stack's configuration", undefined],
  ])(
    "are taken from clouds.yaml, the cloud named by %s",
    (_, variables) => {
      const file = path.join(folder, "clouds.yaml");
      const auth = {
        auth_url: keystone.url,
        username: "backup",
        password: PASSWORD,
        project_name: "vault",
        user_domain_name: "Default",
        project_domain_name: "Default",
      };
      fs.writeFileSync(file, JSON.stringify({ clouds: { here: { auth, region_name: "RegionOne" } } }));
      const stack = fresh("openstackLogin", { OS_CLIENT_CONFIG_FILE: file, ...variables });
      if (!variables) stack.config("openstack:cloud", "here");
      expectLogin(stack);
    },
    60_000,
  );

  test("that are missing altogether are asked for", () => {
    const outcome = fresh("openstackLogin").preview();
    expect(outcome.status).not.toBe(0);
    expect(outcome.output).toMatch(/One of 'auth_?[uU]rl' or 'cloud' must be specified/);
  }, 60_000);
});
