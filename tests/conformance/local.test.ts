import { type Outcome, Stack, isSecret } from "./engine";

const SECRET = "local-Secret-5bJ1vQ";
let stack: Stack;
let first: Outcome;
let second: Outcome;
let third: Outcome;
let last: Outcome;
let plainState: string;
const outputs: Record<string, Record<string, unknown>> = {};
let notes: { first: string[]; second: string[]; last: string[] };

const of = (lines: string[], name: string) => lines.filter((line) => line.startsWith(`${name} `));

beforeAll(() => {
  stack = new Stack("local", { secret: SECRET });
  first = stack.up();
  for (const name of stack.names()) outputs[name] = stack.resource(name).outputs;
  plainState = stack.plainState();
  notes = { first: stack.log(), second: [], last: [] };
  second = stack.up();
  stack.step(2);
  third = stack.up();
  notes.second = stack.log().slice(notes.first.length);
  last = stack.destroy();
  notes.last = stack.log().slice(notes.first.length + notes.second.length);
}, 120_000);

afterAll(() => stack.remove());

test("every step succeeds, and a second `up` changes nothing", () => {
  expect([first, second, third, last].map((outcome) => outcome.output + outcome.status)).toEqual(
    Array(4).fill(expect.stringMatching(/0$/)),
  );
  expect(second.output).toMatch(/\b\d+ unchanged/);
  expect(second.output).not.toMatch(/\b(created|updated|replaced|deleted)\b/);
});

test("create runs in dir with environment, and its outputs end without the newline", () => {
  expect(of(notes.first, "life")).toEqual(["life create a"]);
  expect(outputs["life"]).toMatchObject({ stdout: stack.folder, stderr: "whisper" });
});

test("update runs on a changed input and sees the outputs of the run before", () => {
  expect(of(notes.second, "life")).toEqual([`life update b after ${stack.folder}/whisper`]);
});

test("addPreviousOutputInEnv: false keeps them away", () => {
  expect(of(notes.second, "noPrevious")).toEqual(["noPrevious [/]"]);
});

test("without update, create runs again", () => {
  expect(of(notes.first, "createOnly")).toEqual(["createOnly a"]);
  expect(of(notes.second, "createOnly")).toEqual(["createOnly b"]);
});

test("a changed trigger replaces: the new create, then the old delete", () => {
  expect(of(notes.first, "replaced")).toEqual(["replaced create 1"]);
  expect(of(notes.second, "replaced")).toEqual(["replaced create 2", "replaced delete 1"]);
});

test("delete runs the text that the state holds", () => {
  expect(of(notes.second, "dropped")).toEqual(["dropped delete"]);
  expect(notes.last.sort()).toEqual(["life delete, second text", "replaced delete 2"]);
});

test("interpreter replaces the shell", () => {
  expect(outputs["interpreted"]).toMatchObject({ stdout: "42" });
});

test("stdin reaches the command, which need not read it", () => {
  expect(outputs["secretStdin"]?.["stdout"]).toBe(String(SECRET.length));
  expect(outputs["openStdin"]).toMatchObject({ stdin: "in the open", stdout: "in the open" });
  expect(outputs["unreadStdin"]).toMatchObject({ stdout: "" });
});

test("a secret stdin stays secret, and stdout does not become so", () => {
  expect(isSecret(outputs["secretStdin"]?.["stdin"])).toBe(true);
  expect(isSecret(outputs["secretStdin"]?.["stdout"])).toBe(false);
  for (const text of [plainState, first.output, second.output, third.output, last.output]) {
    expect(text).not.toContain(SECRET);
  }
});

test("additionalSecretOutputs and logging: none keep stdout out of state and output", () => {
  expect(isSecret(outputs["secretOutput"]?.["stdout"])).toBe(true);
  // The text of the command itself is no secret, so its answer is looked for on a line of its own.
  expect(first.messages["secretOutput"] ?? []).toEqual([]);
});

test("logging chooses the streams that are logged, and both by default", () => {
  const logged = (name: string) => (first.messages[name] ?? []).map((line) => line.trim()).sort();
  expect(logged("log-stdout")).toEqual(["to-stdout"]);
  expect(logged("log-stderr")).toEqual(["to-stderr"]);
  expect(logged("log-stdoutAndStderr")).toEqual(["to-stderr", "to-stdout"]);
  expect(logged("log-none")).toEqual([]);
  expect(logged("life")).toEqual([stack.folder, "whisper"].sort());
  expect(outputs["log-none"]).toMatchObject({ stdout: "to-stdout", stderr: "to-stderr" });
});

test("assetPaths and archivePaths give the files that the globs choose", () => {
  expect(Object.keys(outputs["assets"]?.["assets"] as object).sort()).toEqual([
    "files/a.txt",
    "files/deep/b.txt",
  ]);
  const archive = outputs["assets"]?.["archive"] as { assets: object };
  expect(Object.keys(archive.assets).sort()).toEqual(["files/a.txt", "files/no.txt"]);
});
