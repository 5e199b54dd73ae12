import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import { KEYS, readConfiguration } from "../../components/render/config/read";
import { platforms } from "../../components/render/platforms";
import { ROOT } from "../../components/render/text";

const text = fs.readFileSync(path.join(ROOT, "Pulumi.prod.yaml"), "utf8");

function read(yaml: string) {
  const config = (parse(yaml) as { config: Record<string, unknown> }).config;
  const raw = Object.entries(config).map(([key, value]) => [key.replace("amanda-backup:", ""), value]);
  return readConfiguration(Object.fromEntries(raw), platforms());
}

test("Pulumi.prod.yaml is a right configuration", () => {
  expect(read(text).mistakes).toEqual([]);
});

test("it shows every key", () => {
  expect(KEYS.filter((key) => !text.includes(`amanda-backup:${key}:`))).toEqual([]);
});

/** Keys that are examples, where the comment above them tells the default. */
const NO_DEFAULTS = /^(address|availabilityZone|floatingNetwork|id|image|include|pulumi|sourceAddress):/;

test("what it calls a default is one", () => {
  // Each commented key, with the value it shows, changes nothing.
  const shown = text.replace(/^( +)# ([a-zA-Z]+: .*)$/gm, (line, indent: string, pair: string) =>
    NO_DEFAULTS.test(pair) ? line : `${indent}${pair}`,
  );
  expect(
    shown.match(
      /^ +(generation|lockWaitMinutes|partMB|inparallel|maxpromoteday|keepDays|configDrive|user: debian$)/gm,
    ),
  ).toHaveLength(11);
  const { configuration, mistakes } = read(shown);
  expect(mistakes).toEqual([]);
  configuration.sets.daily!.maxpromoteday = undefined;
  expect(configuration).toEqual(read(text).configuration);
});
