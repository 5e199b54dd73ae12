import { execFileSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { programs, type Role } from "../../components/render/programs";
import { ROOT } from "../../components/render/text";

const ROLES: Role[] = ["client", "secrets", "server"];

/** The modules of ours that a program imports, at its top or in a function, by Python's own parser. */
const IMPORTS = `
import ast, json, sys
def imports(text):
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return sorted(found)
print(json.dumps({name: imports(text) for name, text in json.load(sys.stdin).items()}))
`;

const isPython = (name: string, text: string) => name.endsWith(".py") || /^#!.*python/.test(text);

function imports(texts: Record<string, string>): Record<string, string[]> {
  const python = Object.fromEntries(Object.entries(texts).filter(([name, text]) => isPython(name, text)));
  const found = execFileSync("python3", ["-c", IMPORTS], { input: JSON.stringify(python), encoding: "utf8" });
  return JSON.parse(found) as Record<string, string[]>;
}

describe.each(ROLES)("role %s", (role) => {
  const sent = programs(role);

  test("begins with bootstrap.py and converge", () => {
    expect(Object.keys(sent)).toEqual(expect.arrayContaining(["bootstrap.py", "converge"]));
  });

  test("gets every module that its programs import, at its top or later", () => {
    const missing = Object.entries(imports(sent)).flatMap(([name, modules]) =>
      modules
        .map((module) => `${module.replace(/\./g, "/")}.py`)
        .filter((file) => fs.existsSync(path.join(ROOT, "host", file)) && !(file in sent))
        .map((file) => `${name} imports ${file}`),
    );
    expect(missing).toEqual([]);
  });

  test("bootstrap.py imports nothing of ours, since nothing may be there yet", () => {
    const own = imports({ "bootstrap.py": sent["bootstrap.py"]! })["bootstrap.py"]!;
    expect(own.filter((module) => module.startsWith("amanda_backup"))).toEqual([]);
  });
});

test("a client gets no program of the server", () => {
  const names = Object.keys(programs("client"));
  expect(names.filter((name) => /enrol|backupctl|amcrypt|crypt|ledger|vtapes|server/.test(name))).toEqual([]);
});

test("each role gets the module that converge runs for it", () => {
  const code = "import json; from amanda_backup.roles import ROLES; print(json.dumps(ROLES))";
  const env = { ...process.env, PYTHONPATH: path.join(ROOT, "host"), PYTHONDONTWRITEBYTECODE: "1" };
  const modules = JSON.parse(execFileSync("python3", ["-c", code], { env, encoding: "utf8" })) as Record<
    Role,
    string
  >;
  expect(Object.keys(modules).sort()).toEqual(ROLES);
  for (const role of ROLES) {
    expect(Object.keys(programs(role))).toContain(`amanda_backup/${modules[role]}.py`);
  }
});

/** Runs where the stack's state is. */
const ADMINISTRATORS = ["kit-from-state"];

test("every other program in host/ is sent to some host", () => {
  const files = fs.readdirSync(path.join(ROOT, "host"), { recursive: true, withFileTypes: true });
  const names = files
    .filter((file) => file.isFile() && !/__pycache__|\.json$/.test(path.join(file.parentPath, file.name)))
    .map((file) => path.relative(path.join(ROOT, "host"), path.join(file.parentPath, file.name)));
  const sent = new Set(ROLES.flatMap((role) => Object.keys(programs(role))));
  expect(names.filter((name) => !sent.has(name))).toEqual(ADMINISTRATORS);
});
