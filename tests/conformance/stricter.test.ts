import * as fs from "node:fs";
import * as path from "node:path";
import { type Outcome, Stack } from "./engine";
import { Fixture, endpoint } from "./fixture";
import type { Sshd } from "./sshd";

/** Where the plugin under test came from: the first word is found, official or built. */
const origin = fs.readFileSync(path.resolve(__dirname, "../../.toolchain/parts/command"), "utf8");

// What only the plugin of toolchain/plugins promises: the official one is held to the other files.
if (!origin.startsWith("built ")) {
  test("this machine has the official command plugin", () => expect(origin).toMatch(/^(found|official) /));
} else {
  describe("the plugin built from toolchain/plugins", stricter);
}

function stricter(): void {
  const SECRET = "stricter-Secret-3vN8zL";
  const fixture = new Fixture();
  const stacks: Stack[] = [];
  const fresh = (program: string, facts: Record<string, unknown> = {}) => {
    stacks.push(new Stack(program, facts));
    return stacks[stacks.length - 1] as Stack;
  };
  let target: Sshd;
  let facts: Record<string, unknown>;

  beforeAll(async () => {
    target = await fixture.sshd("target");
    const rsa = await fixture.sshd("rsa", { hostKeyType: "rsa" });
    facts = {
      secret: SECRET,
      target: endpoint(target),
      rsaTarget: endpoint(rsa),
      login: fixture.login,
      otherLogin: fixture.otherLogin,
      otherHostKey: fixture.otherHostKey,
      closedPort: await fixture.closedPort(),
    };
  }, 30_000);

  afterAll(() => {
    stacks.forEach((stack) => stack.remove());
    fixture.remove();
  });

  describe("in one `up`", () => {
    let stack: Stack;
    let outcome: Outcome;
    const stdout = (name: string) => stack.resource(name).outputs["stdout"];
    const message = (name: string) => (outcome.messages[name] ?? []).join("\n");

    beforeAll(() => {
      stack = fresh("stricter", facts);
      outcome = stack.up("--continue-on-error");
    }, 60_000);

    test("takes a command that does not read its stdin, and output that is no text", () => {
      expect(stdout("unreadStdin")).toBe("done");
      expect(stdout("notText")).toBe("a\uFFFDb");
    });

    test("closes its connection after each run", () => {
      expect(stdout("openConnections")).toBe("1");
    });

    test("logs in to a server whose pinned host key is RSA", () => {
      expect(stdout("rsaHostKey")).toBe("by rsa");
    });

    test("strikes a secret out of failures and logs when a script repeats it", () => {
      for (const name of ["echoedSecret", "echoedSecretLocally"]) {
        // What the script said comes over two streams, whose order nobody promises.
        for (const words of ["status 4", "said\n[secret]\n", "the sentence\n"]) {
          expect(message(name)).toContain(words);
        }
      }
      expect(message("secretText")).toMatch(/status 4: running "\[secret\]"/);
      expect(outcome.output).not.toContain(SECRET);
    });

    test("repeats only the first line of a long command", () => {
      expect(message("longText")).toContain('running "exit 4 …"');
      expect(message("longText")).not.toContain("# more");
    });
  });

  describe("when refused", () => {
    let outcome: Outcome;
    let connections: Record<string, number>;
    const message = (name: string) => (outcome.messages[name] ?? []).join("\n");

    beforeAll(async () => {
      const servers: Record<string, Sshd> = {};
      for (const name of ["wrongHostKey", "wrongKey"]) servers[name] = await fixture.sshd(`only-${name}`);
      const stack = fresh("refusedApart", {
        ...facts,
        wrongHostKey: { ...endpoint(servers["wrongHostKey"] as Sshd), hostKey: fixture.otherHostKey },
        wrongKey: endpoint(servers["wrongKey"] as Sshd),
      });
      const before = Object.entries(servers).map(([name, server]) => [name, server.connections()] as const);
      outcome = stack.up("--continue-on-error");
      connections = Object.fromEntries(
        before.map(([name, count]) => [name, (servers[name] as Sshd).connections() - count]),
      );
    }, 60_000);

    test("never tries again at a wrong host key, and shows both", () => {
      expect(connections["wrongHostKey"]).toBe(1);
      expect(message("wrongHostKey")).toMatch(
        /not the pinned one \(pinned SHA256:\S+, shown SHA256:\S+\).*hostKey/,
      );
    });

    test("knocks three times at most with a wrong key, whatever dialErrorLimit is", () => {
      expect(connections["wrongKey"]).toBe(3);
      expect(message("wrongKey")).toMatch(/does not let user "\S+" in.*authorized_keys/);
    });

    test("says so when the host has no key of the pinned kind", () => {
      expect(message("otherKind")).toMatch(/no host key of the pinned kind \(ssh-ed25519\)/);
    });
  });

  test.each([
    ["hostKey", /"no key" is no public key.*ssh_host_ed25519_key.pub/],
    ["copyToRemote", /command:remote:CopyToRemote is not in this build.*stdin of a remote.Command/],
    ["run", /command:local:run is not in this build.*use local.Command/],
  ])(
    "refuses %s in a preview, by name",
    (which, sentence) => {
      const stack = fresh("misconfigured", { which });
      const outcome = stack.preview();
      expect(outcome.status).not.toBe(0);
      expect(outcome.output).toMatch(sentence);
      expect(fs.existsSync(path.join(stack.folder, "must-not-exist"))).toBe(false);
    },
    30_000,
  );

  test("ends local and remote commands when `up` is interrupted", async () => {
    const stack = fresh("cancelled", facts);
    const started = () => stack.log("local").length > 0 && stack.log("remote").length > 0;
    const outcome = await stack.interruptedUp(started);
    expect(outcome.status).not.toBe(0);
    expect(stack.log("local")).toEqual([expect.stringMatching(/^\d+$/), "ended"]);
    if (process.getuid?.() === 0) {
      // sshd passes signals on for every user but root, and then the failure says so.
      expect(outcome.messages["remote"]?.join()).toMatch(/cancelled.*it may still run on the host/);
      process.kill(Number(stack.log("remote")[0]), "SIGKILL");
    } else {
      expect(stack.log("remote")).toEqual([expect.stringMatching(/^\d+$/), "ended"]);
    }
  }, 60_000);
}
