import { execFileSync, spawnSync } from "child_process";
import * as path from "path";
import { enrolmentDocument } from "../../components/render/enrolment";
import { ROOT } from "../../components/render/text";
import cases from "../templates/disklist-cases.json";
import { type Mapping } from "./prod";
import { runStack } from "./program";
import { HOST_KEYS } from "./stack";

const ENV = {
  ...process.env,
  LC_ALL: "C.UTF-8",
  PYTHONPATH: path.join(ROOT, "host"),
  PYTHONDONTWRITEBYTECODE: "1",
};

/** Run lines of Python with the hosts' modules; `documents` is what is given. */
const python = (code: string, documents: unknown) =>
  execFileSync("python3", ["-c", `import json, sys\ndocuments = json.load(sys.stdin)\n${code}`], {
    env: ENV,
    input: JSON.stringify(documents),
    encoding: "utf8",
  });

const ACCEPT = `
from amanda_backup import declaration
from amanda_backup.enrolment import check_preview
for document in documents:
    check_preview("amanda-backup.test", declaration.parse(json.dumps(document).encode()))
    print(document["fragment"])
`;

/** Documents by the names of the commands that send them. */
async function documents(): Promise<Record<string, Mapping>> {
  const { resources } = await runStack(false);
  return Object.fromEntries(
    resources
      .filter(({ type }) => type === "command:remote:Command")
      .map(({ name, inputs }) => [name, (inputs.stdin as { value?: string }).value ?? inputs.stdin])
      .map(([name, stdin]) => [name, JSON.parse(stdin as string)]),
  );
}

test("the server takes the enrolments that the program sends, and renders the same disklist", async () => {
  const sent = Object.entries(await documents()).filter(([name]) => name.includes("enrolment"));
  const taken = python(
    ACCEPT,
    sent.map(([, document]) => document as unknown),
  );
  expect(taken.trim().split("\n").sort()).toEqual(["db1", "web1", "web1+/etc"]);
});

test.each(cases.filter(({ document }) => document.client !== "backup1"))(
  "so it does for $case",
  ({ document }) => {
    const standAlone = document.fragment.includes("+");
    const sent = enrolmentDocument({
      ...document,
      directories: document.directories.filter(({ sets }) => sets.length > 0),
      identity: { generation: 1 },
      namespace: "amanda-backup.test",
      ...(standAlone
        ? { standAlone: document.fragment.split("+")[1]! }
        : { reach: { address: "192.0.2.20", hostKey: HOST_KEYS[1] } }),
    });
    expect(python(ACCEPT, [sent]).trim()).toBe(document.fragment);
  },
);

test("a text that differs from what the server renders is refused", () => {
  const { document } = cases.find((one) => one.case === "one directory")!;
  const sent = enrolmentDocument({
    ...document,
    identity: { generation: 1 },
    namespace: "another.stack",
    reach: { address: "192.0.2.20", hostKey: HOST_KEYS[1] },
  });
  const done = spawnSync("python3", ["-c", `import json, sys\ndocuments = json.load(sys.stdin)\n${ACCEPT}`], {
    env: ENV,
    input: JSON.stringify([sent]),
    encoding: "utf8",
  });
  expect(done.status).toBe(1);
  expect(done.stderr).toContain("is not what this server renders");
});

test("converge takes the keys', the server's and the clients' settings", async () => {
  const sent = await documents();
  const code = `
from amanda_backup import files, hooks, keys, preconditions
keys.validate(documents["backup-amcrypt-2026a-setup-command"]["settings"])
server = documents["backup-setup-command"]
preconditions.names_are_safe(server["settings"])
for path in server["files"]:
    files.attributes(path, server["settings"]["platform"])
client = documents["db1-setup-command"]["settings"]
hooks.validate(client["hooks"], client["name"])
print("taken")
`;
  expect(python(code, sent)).toBe("taken\n");
});
