import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import { ROOT } from "../../components/render/text";

export type Mapping = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

/** Pulumi.prod.yaml's configuration, changed. */
export function prod(change: (config: Mapping) => void = () => undefined): Mapping {
  const file = fs.readFileSync(path.join(ROOT, "Pulumi.prod.yaml"), "utf8");
  const { config } = parse(file) as { config: Mapping };
  const raw = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace("amanda-backup:", ""), value as unknown]),
  ) as Mapping;
  change(raw);
  return raw;
}

/** What is wrong, the change of Pulumi.prod.yaml that makes it so, and the sentence that tells it. */
export type Case = [string, (config: Mapping) => void, string];
