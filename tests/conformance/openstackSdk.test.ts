import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { RUN } from "./engine";
import {
  type Declared,
  bare,
  declared,
  declaredTokens,
  declaredTypes,
  packageVersion,
} from "./openstackTypes";

interface Properties {
  properties?: Record<string, unknown>;
  required?: string[];
}

interface Schema {
  resources: Record<
    string,
    Properties & { inputProperties?: Record<string, unknown>; requiredInputs?: string[] }
  >;
  functions: Record<string, { inputs?: Properties; outputs?: Properties }>;
  types: Record<string, Properties>;
}

/** What stacks of machines are made of: the plugin has to know at least these. */
const NEEDED = [
  "blockstorage/getVolumeV3:getVolumeV3",
  "blockstorage/volume:Volume",
  "compute/getInstanceV2:getInstanceV2",
  "compute/instance:Instance",
  "compute/keypair:Keypair",
  "compute/volumeAttach:VolumeAttach",
  "networking/floatingIp:FloatingIp",
  "networking/getNetwork:getNetwork",
  "networking/getPort:getPort",
  "networking/getPortIds:getPortIds",
  "networking/getSubnet:getSubnet",
  "networking/network:Network",
  "networking/port:Port",
  "networking/router:Router",
  "networking/routerInterface:RouterInterface",
  "networking/secGroup:SecGroup",
  "networking/secGroupRule:SecGroupRule",
  "networking/subnet:Subnet",
].map((name) => `openstack:${name}`);

// The npm package was generated from the official plugin, so its declarations are that plugin's
// contract: whichever plugin this machine has must keep it, property by property.
const version = packageVersion();
const plugin = readSchema();
const npm = declaredTokens();
const resources = Object.keys(plugin.resources);
const functions = Object.keys(plugin.functions).filter((token) => token.startsWith("openstack:"));

function readSchema(): Schema {
  const done = spawnSync(RUN, ["pulumi", "package", "get-schema", `openstack@${version}`], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    cwd: path.resolve(__dirname, "../.."),
  });
  if (done.status !== 0) throw new Error(`no schema: ${done.stderr}`);
  return JSON.parse(done.stdout) as Schema;
}

function spelled(token: string): Declared {
  const file = npm.get(token);
  if (!file) throw new Error(`@pulumi/openstack has no ${token}`);
  return declared(file, token);
}

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}

test("every needed token is in the plugin", () => {
  expect(NEEDED.filter((token) => ![...resources, ...functions].includes(token))).toEqual([]);
});

/** The plugin takes what the declarations let a program give, and wants nothing that they let it leave out. */
function expectInputs(ours: Properties | undefined, inputs: string[]): void {
  expect(sorted(Object.keys(ours?.properties ?? {}))).toEqual(sorted(inputs.map(bare)));
  expect(inputs.filter((name) => ours?.required?.includes(bare(name)) && name.endsWith("?"))).toEqual([]);
}

test.each(resources)("%s is spelled as in the npm package", (token) => {
  const { inputs, outputs } = spelled(token);
  const schema = plugin.resources[token];
  expect(inputs.length).toBeGreaterThan(0);
  expectInputs({ properties: schema?.inputProperties, required: schema?.requiredInputs }, inputs);
  expect(sorted(Object.keys(schema?.properties ?? {}))).toEqual(sorted(outputs));
});

test.each(functions)("%s is spelled as in the npm package", (token) => {
  const { inputs, outputs } = spelled(token);
  const schema = plugin.functions[token];
  expect(outputs.length).toBeGreaterThan(1);
  expectInputs(schema?.inputs, inputs);
  expect(sorted(Object.keys(schema?.outputs?.properties ?? {}))).toEqual(sorted(outputs));
});

test("nested types have the properties of the npm package", () => {
  const types = declaredTypes();
  const ours = Object.entries(plugin.types).map(([token, { properties }]) => {
    const [, module = "", name = ""] = /^openstack:(\w+)\/\w+:(\w+)$/.exec(token) ?? [];
    const capital = name.replace(/^g/, "G");
    return [`${module}/${capital}`, sorted(Object.keys(properties ?? {}))] as const;
  });
  expect(ours.length).toBeGreaterThan(20);
  expect(ours).toEqual(ours.map(([name]) => [name, sorted([...(types.get(name) ?? ["nothing"])].map(bare))]));
});
