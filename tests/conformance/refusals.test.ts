import * as fs from "node:fs";
import * as path from "node:path";
import { type Outcome, Stack } from "./engine";
import { Fixture, endpoint } from "./fixture";

const SECRET = "refused-Secret-6hT4yM";
const fixture = new Fixture();
const stacks: Stack[] = [];
let refused: Stack;
let outcome: Outcome;
let unknown: Stack;
let preview: Outcome;
let unknownConnections: number;

const message = (name: string) => (outcome.messages[name] ?? []).join("\n");

beforeAll(async () => {
  const target = await fixture.sshd("target");
  const proxy = await fixture.sshd("proxy");
  unknown = new Stack("unknown", { port: target.port });
  stacks.push(unknown);
  const before = target.connections();
  preview = unknown.preview();
  unknownConnections = target.connections() - before;

  refused = new Stack("refused", {
    secret: SECRET,
    target: endpoint(target),
    proxy: endpoint(proxy),
    login: fixture.login,
    otherLogin: fixture.otherLogin,
    otherHostKey: fixture.otherHostKey,
    closedPort: await fixture.closedPort(),
  });
  stacks.push(refused);
  outcome = refused.up("--continue-on-error");
}, 120_000);

afterAll(() => {
  stacks.forEach((stack) => stack.remove());
  fixture.remove();
});

test("a preview with everything unknown succeeds, runs nothing and opens no connection", () => {
  expect(preview.output + preview.status).toMatch(/0$/);
  expect(preview.output).toMatch(/\+ \d+ to create/);
  expect(unknownConnections).toBe(0);
  expect(fs.readdirSync(unknown.folder).filter((name) => name.startsWith("ran"))).toEqual([]);
});

test("`up` fails, nothing ran, and nothing that failed stands in the state", () => {
  expect(outcome.status).not.toBe(0);
  expect(fs.existsSync(path.join(refused.folder, "must-not-exist"))).toBe(false);
  expect(refused.names().filter((name) => !/^(refused-test|default.*)$/.test(name))).toEqual([]);
});

test("a wrong host key is refused by name, for the host and for its proxy", () => {
  expect(message("wrongHostKey")).toMatch(/host key/);
  expect(message("wrongHostKeyOfProxy")).toMatch(/proxy.*host key/);
});

test("a wrong key and a wrong user are refused by name", () => {
  expect(message("wrongKey")).toMatch(/unable to authenticate/);
  expect(message("wrongUser")).toMatch(/unable to authenticate/);
});

test("a closed port fails after the tries that dialErrorLimit allows", () => {
  expect(message("unreachable")).toMatch(/after 2 failed attempts.*connection refused/);
  expect(message("unreachableBehindProxy")).toMatch(/proxy.*after 2 failed attempts.*connect failed/);
});

test("a variable that the server does not accept is named, with the cure", () => {
  expect(message("variableNotAccepted")).toMatch(/NOT_ACCEPTED/);
  expect(outcome.output).toMatch(/AcceptEnv/);
});

test("a failing script's own words and status are in the failure, its secret stdin is not", () => {
  for (const name of ["failing", "failingLocally"]) {
    expect(message(name)).toMatch(/status 3/);
    expect(message(name)).toContain("said on stdout");
    expect(message(name)).toContain("the one sentence of the script");
  }
  expect(outcome.output).not.toContain(SECRET);
  expect(refused.plainState()).not.toContain(SECRET);
});

test("a dir that is not there fails before the command runs", () => {
  expect(message("noDirectory")).toContain("no-such-folder");
});
