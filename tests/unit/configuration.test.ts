import { readConfiguration } from "../../components/render/config/read";
import { platforms } from "../../components/render/platforms";
import { directoryCases } from "./directoryCases";
import { openStackCases } from "./openStackCases";
import { machineCases } from "./machineCases";
import { existing, type Mapping, prod } from "./prod";

const mistakes = (change: (config: Mapping) => void) =>
  readConfiguration(existing(change), platforms()).mistakes;

test.each([...machineCases, ...directoryCases])("%s", (_, change, sentence) => {
  expect(mistakes(change)).toEqual([sentence]);
});

test.each(openStackCases)("%s", (_, change, sentence) => {
  expect(readConfiguration(prod(change), platforms()).mistakes).toEqual([sentence]);
});

test("machines that are made take from the common section what they have not themselves", () => {
  const { configuration } = readConfiguration(prod(), platforms());
  const { image } = prod().openstack as { image: string };
  expect(configuration.server.openstack).toMatchObject({ flavor: "m1.large", image, volumeGB: 100 });
  expect(configuration.clients.web1!.openstack).toMatchObject({ flavor: "m1.small", image });
  expect(configuration.clients.web1!.openstack!.keys).toMatchObject({
    flavor: "openstack.flavor",
    image: "openstack.image",
  });
});

test("a common section that no machine needs is read, and is nothing", () => {
  const unneeded = existing((config) => (config.openstack = prod().openstack as unknown));
  const { configuration, mistakes: none } = readConfiguration(unneeded, platforms());
  expect(none).toEqual([]);
  expect(configuration.openstack).toBeUndefined();
});

test("the example itself is right", () => {
  expect(mistakes(() => undefined)).toEqual([]);
});

test.each<[string, (config: Mapping) => void]>([
  ["path", ({ directories: [etc] }) => Object.assign(etc, { name: "deep", path: `/${"x".repeat(1023)}` })],
  ["pattern", ({ directories: [etc] }) => (etc.exclude = ["x".repeat(1024)])],
  ["encoded name", ({ directories: [etc] }) => (etc.path = `/${"é".repeat(38)}ab`)],
])("the longest %s is right", (_, change) => {
  expect(mistakes(change)).toEqual([]);
});

test("all mistakes are told at once", () => {
  const all = mistakes((config) => {
    config.server.address = "";
    config.sets.daily.tapecycle = 3;
    config.clients.web1.directories.push("/srv/www", "x");
    config.directories[0].sets = ["weekly"];
  });
  expect(all.map((sentence) => sentence.split(" is ")[0])).toEqual([
    "server.address",
    "clients.web1.directories[3].path",
    "sets.daily.tapecycle",
    "clients.web1.directories[2]",
    "directories[0].sets[0]",
  ]);
});

test("nothing at all is a few sentences and no exception", () => {
  expect(readConfiguration({}, platforms()).mistakes).toHaveLength(3);
});

test.each([
  ["a string", "x"],
  ["a number", 1],
  ["a list", [1]],
  ["a list of lists", [[]]],
  ["true", true],
])("%s where a mapping belongs is told, not thrown", (_, value) => {
  for (const key of Object.keys(existing())) {
    expect(mistakes((config) => (config[key] = value)).length).toBeGreaterThan(0);
  }
});

test("what is left out gets the defaults that Pulumi.prod.yaml states", () => {
  const { configuration, mistakes: none } = readConfiguration(
    {
      server: { address: "192.0.2.10", user: "debian", hostKey: existing().server.hostKey as string },
      sets: { daily: { vtapeMB: 1000 } },
      encryption: { keyId: "2026a" },
    },
    platforms(),
  );
  const { configuration: prodConfiguration } = readConfiguration(existing(), platforms());
  expect(none).toEqual([]);
  expect(configuration).toMatchObject({
    server: {
      name: "backup",
      existing: { port: 22 },
      generation: 1,
      platform: "debian",
      dataPath: "/srv/amanda",
      lockWaitMinutes: 30,
    },
    sets: {
      daily: {
        schedule: "45 0 * * *",
        dumpcycle: 7,
        runspercycle: 7,
        runtapes: 2,
        tapecycle: 16,
        partMB: 250,
        holdingMB: 2000,
        inparallel: 4,
      },
    },
    clients: {},
    directories: [],
    namespaces: {},
  });
  expect(configuration.mirror).toBeUndefined();
  expect(configuration.serverDirectories).toEqual(prodConfiguration.serverDirectories);
});
