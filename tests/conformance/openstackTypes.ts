import * as fs from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";

const PACKAGE = path.resolve(__dirname, "../../node_modules/@pulumi/openstack");

/** What the npm package declares for one token. */
export interface Declared {
  /** Names, each with `?` where it may be left out. */
  inputs: string[];
  outputs: string[];
}

export function packageVersion(): string {
  const text = fs.readFileSync(path.join(PACKAGE, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version.replace(/^v/, "");
}

/** Every resource and function of the npm package, by the token that it sends to the plugin. */
export function declaredTokens(): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of fs.readdirSync(PACKAGE, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".js")) continue;
    const file = path.join(PACKAGE, entry);
    const text = fs.readFileSync(file, "utf8");
    const token =
      /__pulumiType = '(openstack:[^']+)'/.exec(text) ?? /\binvoke\("(openstack:[^"]+)"/.exec(text);
    if (token?.[1]) found.set(token[1], file.replace(/js$/, "d.ts"));
  }
  return found;
}

/** The declarations of one resource (`Instance`) or function (`getPort`). */
export function declared(file: string, token: string): Declared {
  const name = token.replace(/.*:/, "");
  const interfaces = interfacesOf(parse(file));
  if (!/^get[A-Z]/.test(name)) {
    return { inputs: interfaces.get(`${name}Args`) ?? [], outputs: classMembers(parse(file), name) };
  }
  const type = name.replace(/^g/, "G");
  return {
    inputs: interfaces.get(`${type}Args`) ?? [],
    outputs: (interfaces.get(`${type}Result`) ?? []).map(bare),
  };
}

/** Every nested type, by `compute/InstanceNetwork`: its properties going in or coming out. */
export function declaredTypes(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of ["types/input.d.ts", "types/output.d.ts"]) {
    ts.forEachChild(parse(path.join(PACKAGE, file)), (node) => {
      if (!ts.isModuleDeclaration(node) || !node.body) return;
      for (const [name, shape] of interfacesOf(node.body)) {
        const key = `${node.name.text}/${name}`;
        found.set(key, new Set([...(found.get(key) ?? []), ...shape.map(bare)]));
      }
    });
  }
  return found;
}

export function bare(name: string): string {
  return name.replace("?", "");
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
}

function interfacesOf(parent: ts.Node): Map<string, string[]> {
  const found = new Map<string, string[]>();
  ts.forEachChild(parent, (node) => {
    if (!ts.isInterfaceDeclaration(node)) return;
    const members = node.members.filter(ts.isPropertySignature);
    found.set(
      node.name.text,
      members.map((member) => member.name.getText() + (member.questionToken ? "?" : "")),
    );
  });
  return found;
}

/** A resource's outputs: the public instance properties of its class. */
function classMembers(source: ts.SourceFile, name: string): string[] {
  const found: string[] = [];
  ts.forEachChild(source, (node) => {
    if (!ts.isClassDeclaration(node) || node.name?.text !== name) return;
    for (const member of node.members) {
      if (!ts.isPropertyDeclaration(member)) continue;
      const hidden = [ts.SyntaxKind.StaticKeyword, ts.SyntaxKind.PrivateKeyword];
      if (member.modifiers?.some((modifier) => hidden.includes(modifier.kind))) continue;
      found.push(member.name.getText());
    }
  });
  return found;
}
