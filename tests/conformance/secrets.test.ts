import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { type Outcome, type Resource, Stack, isSecret } from "./engine";

let stack: Stack;
let first: Outcome;
let second: Outcome;
let password: Resource;
let key: Resource;
const kept = (name: string) => fs.readFileSync(path.join(stack.folder, name), "utf8");

beforeAll(() => {
  stack = new Stack("secrets");
  first = stack.up();
  password = stack.resource("password");
  key = stack.resource("key");
  second = stack.up();
}, 60_000);

afterAll(() => stack.remove());

test("both `up` succeed, and the second changes nothing", () => {
  expect(first.output + first.status).toMatch(/0$/);
  expect(second.output).toMatch(/\b\d+ unchanged/);
  expect(second.output).not.toMatch(/\b(created|updated|replaced)\b/);
});

test("a password of any length is made, without special characters", () => {
  expect(kept("kept-password")).toMatch(/^[A-Za-z0-9]{3900}$/);
});

test("a key is one that OpenSSH reads, with the public key that the stack gives out", () => {
  const file = path.join(stack.folder, "kept-key");
  fs.chmodSync(file, 0o600);
  const read = execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" });
  const outputs = stack.resource("secrets-test").outputs;
  expect(read.trim().split(" ").slice(0, 2)).toEqual(
    String(outputs["publicKey"]).trim().split(" ").slice(0, 2),
  );
  const shown = execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" });
  expect(key.outputs["publicKeyFingerprintSha256"]).toBe(shown.split(" ")[1]);
});

test("neither stands in the state or in what was printed", () => {
  expect(isSecret(password.outputs["result"])).toBe(true);
  expect(isSecret(key.outputs["privateKeyOpenssh"])).toBe(true);
  const body = kept("kept-key").split("\n")[2] ?? "";
  expect(body.length).toBeGreaterThan(40);
  for (const text of [stack.plainState(), first.output, second.output]) {
    expect(text).not.toContain(kept("kept-password").slice(0, 40));
    expect(text).not.toContain(body);
  }
});

// docs/decisions/0012: the reason for which no key is made by RandomBytes.
test("the id of a password tells nothing, and that of random bytes tells all", () => {
  expect(password.id).toBe("none");
  expect(Buffer.from(stack.resource("bytes").id ?? "", "base64")).toHaveLength(24);
});
