import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { Machine } from "./machine";

const ROOT = path.resolve(__dirname, "../..");
let machine: Machine;

beforeEach(() => (machine = new Machine()));
afterEach(() => machine.remove());

function officialMachine(): void {
  machine.engine(machine.bin, "3.260.1");
  machine.plugin("command", "1.2.1");
  machine.plugin("openstack", "3.15.2");
  machine.plugin("random", "4.21.2");
  machine.plugin("tls", "5.6.1");
}

function pluginProgram(name: string, version: string): string {
  return path.join(machine.made, `pulumi-home/plugins/resource-${name}-v${version}/pulumi-resource-${name}`);
}

describe("the real toolchain of this repository", () => {
  test("a second setup does nothing, in under two seconds", () => {
    const first = spawnSync(path.join(ROOT, "toolchain/setup"), { encoding: "utf8" });
    expect(first.stderr + first.status).toBe("0");
    const parts = () =>
      ["bin/pulumi", "parts/engine", "parts/command", "parts/openstack", "parts/random", "parts/tls"].map(
        (file) => fs.statSync(path.join(ROOT, ".toolchain", file)).mtimeMs,
      );
    const before = parts();
    const started = process.hrtime.bigint();
    const second = spawnSync(path.join(ROOT, "toolchain/setup"), { encoding: "utf8" });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    expect(second.stdout.trim().split("\n")).toHaveLength(5);
    expect(second.stdout).not.toMatch(/building/);
    expect(parts()).toEqual(before);
    expect(seconds).toBeLessThan(2);
  }, 60_000);

  test("run gives an engine that sees the four plugins, from any folder", () => {
    const run = path.join(ROOT, "toolchain/run");
    const version = spawnSync(run, ["pulumi", "version"], { cwd: "/", encoding: "utf8" });
    expect(version.stdout.trim()).toMatch(/^v3\.\d+\.\d+$/);
    const listed = spawnSync(run, ["pulumi", "plugin", "ls", "--json"], { cwd: "/", encoding: "utf8" });
    const names = (JSON.parse(listed.stdout) as { name: string; version: string }[]).map(
      ({ name, version }) => `${name} ${version}`,
    );
    expect(names.sort()).toEqual(["command 1.2.1", "openstack 3.15.2", "random 4.21.2", "tls 5.6.1"]);
  });
});

describe("what the machine has", () => {
  test("goes before anything else, is linked, and nothing is fetched or built", () => {
    officialMachine();
    machine.go();
    const done = machine.setup();
    expect(done.stderr + done.status).toBe("0");
    expect(done.stdout).toMatch(/engine 3.259.0: taken from .*\/bin\/pulumi 3.260.1/);
    expect(fs.realpathSync(path.join(machine.made, "bin/pulumi"))).toBe(
      fs.realpathSync(`${machine.bin}/pulumi`),
    );
    for (const [name, version] of [
      ["command", "1.2.1"],
      ["openstack", "3.15.2"],
      ["random", "4.21.2"],
      ["tls", "5.6.1"],
    ] as const) {
      expect(fs.realpathSync(pluginProgram(name, version))).toContain("/home/.pulumi/plugins/");
    }
    expect(machine.goCalls()).toEqual([]);
  });

  test("replaces what was built before", () => {
    machine.go();
    expect(machine.setup().status).toBe(0);
    expect(spawnSync(pluginProgram("tls", "5.6.1"), { encoding: "utf8" }).stdout).toBe("built here\n");
    officialMachine();
    expect(machine.setup().stdout).toMatch(/tls 5.6.1: taken from/);
    expect(spawnSync(pluginProgram("tls", "5.6.1"), { encoding: "utf8" }).stdout).toBe("5.6.1\n");
    expect(machine.run("pulumi", "version").stdout).toBe("v3.260.1\n");
  });

  test("is not taken in another version, half installed, or without its language host", () => {
    officialMachine();
    machine.go();
    machine.engine(machine.bin, "3.100.0");
    fs.renameSync(
      path.join(machine.home, ".pulumi/plugins/resource-random-v4.21.2"),
      path.join(machine.home, ".pulumi/plugins/resource-random-v4.0.0"),
    );
    fs.writeFileSync(path.join(machine.home, ".pulumi/plugins/resource-tls-v5.6.1.partial"), "");
    machine.program(path.join(machine.bin, "pulumi-resource-random"), "echo 4.0.0");
    const said = machine.setup().stdout;
    expect(said).toMatch(
      /engine 3.259.0: built from Go modules \(not found: .* is 3.100.0, not 3.x from 3.200.0 on;/,
    );
    expect(said).toMatch(/random 4.21.2: built .*not found: .*pulumi-resource-random is of version 4.0.0/);
    expect(said).toMatch(/tls 5.6.1: built/);
    expect(said).toMatch(/command 1.2.1: taken from/);
    fs.rmSync(path.join(machine.bin, "pulumi-language-nodejs"));
    machine.program(path.join(machine.bin, "pulumi"), "echo v3.260.1");
    expect(machine.setup().stdout).toMatch(/engine 3.259.0: .*has no pulumi-language-nodejs beside it/);
  });
});

describe("Pulumi's site", () => {
  let server: http.Server;
  const asked: string[] = [];

  /** Serves the archives that the official site has, by the same names. */
  async function serve(answer: (name: string) => Buffer | undefined): Promise<void> {
    asked.length = 0;
    server = http.createServer((request, response) => {
      asked.push(path.basename(request.url ?? ""));
      const body = answer(request.url ?? "");
      response.writeHead(body ? 200 : 403).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    machine.site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  afterEach(() => server.close());

  function archive(folder: string, ...names: string[]): Buffer {
    return spawnSync("tar", ["-cz", "-C", folder, ...names]).stdout;
  }

  /** setup, without blocking this process, which serves the archives. */
  function setup(): Promise<{ status: number | null; output: string }> {
    const child = spawn(machine.script("toolchain/setup"), { env: machine.env() });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, output })));
  }

  test("is asked next, once for each part", async () => {
    const source = path.join(machine.folder, "source");
    machine.engine(path.join(source, "pulumi"), "3.259.0");
    for (const name of ["command", "openstack", "random", "tls"])
      machine.program(path.join(source, `pulumi-resource-${name}`), "echo official");
    machine.go();
    await serve((url) => {
      const name = /pulumi-resource-[a-z]+/.exec(url)?.[0] ?? "pulumi";
      return archive(source, name);
    });
    const done = await setup();
    expect(done).toMatchObject({
      status: 0,
      output: expect.stringMatching(/tls 5.6.1: downloaded from http:/),
    });
    expect(asked.sort()).toEqual([
      expect.stringMatching(/^pulumi-resource-command-v1\.2\.1-linux-a\w+64\.tar\.gz$/),
      expect.stringMatching(/^pulumi-resource-openstack-v3\.15\.2-linux-a\w+64\.tar\.gz$/),
      expect.stringMatching(/^pulumi-resource-random-v4\.21\.2-linux-a\w+64\.tar\.gz$/),
      expect.stringMatching(/^pulumi-resource-tls-v5\.6\.1-linux-a\w+64\.tar\.gz$/),
      expect.stringMatching(/^pulumi-v3\.259\.0-linux-\w+64\.tar\.gz$/),
    ]);
    expect(spawnSync(pluginProgram("tls", "5.6.1"), { encoding: "utf8" }).stdout).toBe("official\n");
    expect(machine.goCalls()).toEqual([]);
    asked.length = 0;
    expect((await setup()).output).toMatch(/engine 3.259.0: downloaded earlier/);
    expect(asked).toEqual([]);
  });

  test("is asked once in all when it refuses, and then Go builds every part", async () => {
    machine.go();
    await serve(() => undefined);
    const done = await setup();
    expect(done).toMatchObject({
      status: 0,
      output: expect.stringMatching(/tls 5.6.1: built from Go modules .*403/),
    });
    expect(asked).toHaveLength(1);
  });

  test("is not believed when it sends something else than an archive", async () => {
    machine.go();
    await serve(() => Buffer.from("<html>please log in</html>"));
    const done = await setup();
    expect(done).toMatchObject({
      status: 0,
      output: expect.stringMatching(/engine 3.259.0: built .*is no archive/),
    });
  });
});

describe("a build", () => {
  test("says what is missing when there is no Go either", () => {
    const done = machine.setup();
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(
      /engine 3.259.0 is not to be had:\n {2}not found: no pulumi on PATH\n {2}not official: .*\n {2}not built: no Go on PATH: install Go/,
    );
  });

  test("repeats the compiler's words when it fails, and changes nothing", () => {
    machine.program(path.join(machine.bin, "go"), "echo 'the compiler is unhappy' >&2; exit 1");
    const done = machine.setup();
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(/not built: building engine failed .*the compiler is unhappy/);
    expect(fs.existsSync(path.join(machine.made, "bin"))).toBe(false);
  });

  test.each([["SIGTERM"], ["SIGKILL"]] as const)(
    "goes on after %s at any part",
    async (signal) => {
      machine.go();
      for (const part of ["engine", "language-nodejs", "command", "generator", "tls"]) {
        const child = spawn(machine.script("toolchain/setup"), {
          env: { ...machine.env(), GO_SECONDS: "0.4" },
          stdio: "ignore",
        });
        const log = path.join(machine.made, "logs", `${part}.log`);
        const ended = new Promise((resolve) => child.on("close", resolve));
        const poll = setInterval(() => fs.existsSync(log) && child.kill(signal), 20);
        await ended;
        clearInterval(poll);
        expect(child.exitCode === 0).toBe(false);
      }
      const done = machine.setup();
      expect(done.stderr + done.status).toBe("0");
      expect(machine.run("pulumi", "version").stdout).toBe("v3.259.0\n");
      expect(spawnSync(pluginProgram("tls", "5.6.1"), { encoding: "utf8" }).stdout).toBe("built here\n");
    },
    60_000,
  );

  test("is made again when its sources change, and only for the part that they belong to", () => {
    machine.go();
    machine.setup();
    const calls = machine.goCalls().length;
    fs.appendFileSync(machine.script("toolchain/plugins/command/provider.go"), "// changed\n");
    const said = machine.setup().stdout;
    expect(said).toMatch(/command 1.2.1: built from Go modules/);
    expect(said).toMatch(/tls 5.6.1: built earlier from Go modules/);
    expect(machine.goCalls().slice(calls)).toEqual([expect.stringMatching(/\.\/pulumi-resource-command$/)]);
  });
});

describe("run", () => {
  test("asks for setup when there is nothing yet", () => {
    const done = machine.run("pulumi", "version");
    expect([done.status, done.stderr]).toEqual([
      1,
      "toolchain/run: no toolchain yet: run toolchain/setup first\n",
    ]);
  });

  test("sets what the engine needs, keeps the user's logins, and leaves the backend alone", () => {
    officialMachine();
    machine.setup();
    const variables = machine.run("env").stdout.split("\n");
    expect(variables).toEqual(
      expect.arrayContaining([
        `PULUMI_HOME=${machine.made}/pulumi-home`,
        `PULUMI_CREDENTIALS_PATH=${machine.home}/.pulumi`,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
        "PULUMI_SKIP_UPDATE_CHECK=true",
      ]),
    );
    expect(variables.filter((line) => /^PULUMI_(BACKEND_URL|CONFIG_PASSPHRASE|STACK)/.test(line))).toEqual(
      [],
    );
    const nested = machine.run(machine.script("toolchain/run"), "env").stdout;
    expect(nested).toContain(`PULUMI_CREDENTIALS_PATH=${machine.home}/.pulumi\n`);
  });
});

test("check finds the pins equal, and names each that is not", () => {
  const check = () => spawnSync(machine.script("toolchain/check"), { encoding: "utf8" });
  const file = path.join(machine.folder, "repository/package.json");
  fs.copyFileSync(path.join(ROOT, "package.json"), file);
  const example = "examples/app-stack/package.json";
  fs.cpSync(path.join(ROOT, example), path.join(machine.folder, "repository", example));
  expect(check()).toMatchObject({ status: 0, stderr: "" });
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/("@pulumi\/tls": )"[^"]*"/, '$1"5.0.0"'));
  fs.writeFileSync(
    machine.script("toolchain/versions"),
    fs
      .readFileSync(machine.script("toolchain/versions"), "utf8")
      .replace(/^LANGUAGE_NODEJS=.*/m, "LANGUAGE_NODEJS=3.65.0"),
  );
  const differing = check();
  expect(differing.status).toBe(1);
  expect(differing.stderr).toMatch(
    /package.json has @pulumi\/tls 5.0.0, toolchain\/versions has PLUGIN_TLS=5.6.1/,
  );
  expect(differing.stderr).toMatch(
    /language-nodejs\/go.mod has .* 3.66.0, toolchain\/versions has LANGUAGE_NODEJS=3.65.0/,
  );
});
