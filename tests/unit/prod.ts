import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import { ROOT } from "../../components/render/text";

export type Mapping = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
type Change = (config: Mapping) => void;

/** Pulumi.prod.yaml's configuration, changed: most of its machines are made on OpenStack. */
export function prod(change: Change = () => undefined): Mapping {
  return read("Pulumi.prod.yaml", change);
}

/** A configuration whose machines are all there already, changed. */
export function existing(change: Change = () => undefined): Mapping {
  return read("tests/unit/existing.yaml", change);
}

function read(file: string, change: Change): Mapping {
  const { config } = parse(fs.readFileSync(path.join(ROOT, file), "utf8")) as { config: Mapping };
  const raw = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace("amanda-backup:", ""), value as unknown]),
  ) as Mapping;
  change(raw);
  return raw;
}

/** What is wrong, the change of a configuration that makes it so, and the sentence that tells it. */
export type Case = [string, Change, string];
