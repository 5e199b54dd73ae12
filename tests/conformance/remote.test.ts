import { type Outcome, type Resource, Stack, isSecret } from "./engine";
import { Fixture, endpoint } from "./fixture";
import type { Sshd } from "./sshd";

const SECRET = "remote-Secret-8cK2wR";
const fixture = new Fixture();
let target: Sshd;
let proxy: Sshd;
let stack: Stack;
const outcomes: Record<string, Outcome> = {};
const connections: Record<string, number> = {};
const resources: Record<string, Resource> = {};
const notes: Record<string, string[]> = {};
let plainState: string;

const of = (step: string, name: string) =>
  (notes[step] ?? []).filter((line) => line.startsWith(`${name} `) || line === name);
const stdout = (name: string) => resources[name]?.outputs["stdout"];

/** Runs one step and keeps what it said, noted and connected to. */
function record(step: string, run: () => Outcome): void {
  const [before, noted] = [target.connections(), stack.log().length];
  outcomes[step] = run();
  connections[step] = target.connections() - before;
  notes[step] = stack.log().slice(noted);
}

beforeAll(async () => {
  target = await fixture.sshd("target", { acceptEnv: "CONFORMANCE_* PULUMI_COMMAND_*" });
  proxy = await fixture.sshd("proxy");
  stack = new Stack("remote", {
    secret: SECRET,
    target: endpoint(target),
    proxy: endpoint(proxy),
    login: fixture.login,
    encryptedLogin: fixture.encryptedLogin,
    agentSocketPath: fixture.agent(),
  });
  record("preview", () => stack.preview());
  record("up", () => stack.up());
  for (const name of stack.names()) resources[name] = stack.resource(name);
  plainState = stack.plainState();
  record("again", () => stack.up());
  record("refresh", () => stack.refresh());
  stack.step(2);
  record("changed", () => stack.up());
  record("destroy", () => stack.destroy());
}, 120_000);

afterAll(() => {
  stack?.remove();
  fixture.remove();
});

test("every step succeeds", () => {
  for (const outcome of Object.values(outcomes)) expect(outcome.output + outcome.status).toMatch(/0$/);
});

test("a preview, an `up` without changes and a refresh open no connection", () => {
  expect(connections).toMatchObject({ preview: 0, again: 0, refresh: 0 });
  expect(outcomes["again"]?.output).not.toMatch(/\b(created|updated|replaced|deleted)\b/);
  expect(connections["up"]).toBeGreaterThan(0);
});

test("create runs with the accepted environment, and its outputs end without the newline", () => {
  expect(of("up", "life")).toEqual(["life create a"]);
  expect(resources["life"]?.outputs).toMatchObject({ stdout: "one", stderr: "whisper" });
});

test("update runs on a changed input and sees the outputs of the run before", () => {
  expect(of("changed", "life")).toEqual(["life update b after one/whisper"]);
});

test("without update, create runs again with the new stdin", () => {
  expect(stdout("createOnly")).toBe("first");
  expect(of("changed", "createOnly")).toEqual(["createOnly"]);
});

test("a changed trigger replaces: the new create, then the old delete", () => {
  expect(of("up", "replaced")).toEqual(["replaced create 1"]);
  expect(of("changed", "replaced")).toEqual(["replaced create 2", "replaced delete 1"]);
});

test("delete runs the text that the state holds", () => {
  expect([...(notes["destroy"] ?? [])].sort()).toEqual(["life delete, second text", "replaced delete 2"]);
});

test("a connection is secret as a whole, in inputs and outputs", () => {
  for (const values of [resources["life"]?.inputs, resources["life"]?.outputs]) {
    expect(isSecret(values?.["connection"])).toBe(true);
  }
  const body = fixture.login.split("\n")[2] ?? "";
  expect(body.length).toBeGreaterThan(40);
  for (const text of [plainState, ...Object.values(outcomes).map((outcome) => outcome.output)]) {
    expect(text).not.toContain(body);
    expect(text).not.toContain(fixture.encryptedLogin.password);
  }
});

test("a secret stdin arrives and stays secret, and stdout does not become so", () => {
  expect(stdout("secretStdin")).toBe(String(SECRET.length));
  expect(isSecret(resources["secretStdin"]?.outputs["stdin"])).toBe(true);
  for (const text of [plainState, ...Object.values(outcomes).map((outcome) => outcome.output)]) {
    expect(text).not.toContain(SECRET);
  }
});

test("an open stdin is shown in a preview", () => {
  expect(outcomes["preview"]?.output).toMatch(/stdin\s*: "first"/);
});

test("additionalSecretOutputs and logging: none keep stdout out of state and log", () => {
  expect(isSecret(stdout("secretOutput"))).toBe(true);
  expect(outcomes["up"]?.messages["secretOutput"] ?? []).toEqual([]);
});

test("logging chooses the streams that are logged, and both by default", () => {
  const logged = (name: string) => (outcomes["up"]?.messages[name] ?? []).map((line) => line.trim()).sort();
  expect(logged("log-stdout")).toEqual(["to-stdout"]);
  expect(logged("log-stderr")).toEqual(["to-stderr"]);
  expect(logged("log-stdoutAndStderr")).toEqual(["to-stderr", "to-stdout"]);
  expect(logged("log-none")).toEqual([]);
  expect(logged("life")).toEqual(["one", "whisper"]);
});

test("an encrypted key, an agent and an unpinned host log in", () => {
  expect(stdout("encryptedKey")).toBe("by encrypted key");
  expect(stdout("agent")).toBe("by agent");
  expect(stdout("unpinned")).toBe("unpinned");
});

test("a proxy is gone through", () => {
  expect(proxy.connections()).toBe(2); // its start, and the one command
  expect(stdout("proxied")).toMatch(new RegExp(` 127\\.0\\.0\\.1 ${target.port}$`));
});
