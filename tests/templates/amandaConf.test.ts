import { amandaConf } from "../../components/render/amandaConf";
import { AmandaConfig } from "./amanda";
import { FACTS, reviewed, SET } from "./example";

const configs: AmandaConfig[] = [];
afterAll(() => configs.forEach((config) => config.remove()));

function accepted(conf: string): AmandaConfig {
  const config = new AmandaConfig(conf);
  configs.push(config);
  return config;
}

test("amanda.conf is the reviewed one", () => {
  const conf = amandaConf(FACTS);
  expect(conf).toBe(reviewed("amanda.conf", conf));
});

test.each([
  ["org", "amanda-backup.prod daily"],
  ["mailto", "root"],
  ["dumpuser", "backup"],
  ["dumpcycle", "7"],
  ["runspercycle", "7"],
  ["tapecycle", "16"],
  ["runtapes", "2"],
  ["inparallel", "4"],
  ["infofile", "/srv/amanda/catalogue/daily/curinfo"],
  ["indexdir", "/srv/amanda/catalogue/daily/index"],
  ["logdir", "/srv/amanda/catalogue/daily/log"],
  ["tapelist", "/srv/amanda/catalogue/daily/tapelist"],
  ["command_file", "/srv/amanda/catalogue/daily/command_file"],
  ["labelstr", '"^daily-[0-9][0-9][0-9]$"'],
  ["changer:vtapes:tpchanger", "chg-disk:/srv/amanda/vtapes/daily"],
  ["tapetype:vtape:length", "4194304"],
  ["tapetype:vtape:part_size", "1048576"],
  ["holdingdisk:holding:directory", "/srv/amanda/holding/daily"],
  ["holdingdisk:holding:use", "8388608"],
  ["dumptype:encrypt-gnutar-ssh:server_encrypt", "/usr/local/lib/amanda-backup/amcrypt-2026a"],
  ["dumptype:encrypt-gnutar-ssh:encrypt", "SERVER"],
  ["dumptype:encrypt-gnutar-ssh:auth", "ssh"],
  ["dumptype:encrypt-gnutar-ssh:client_username", "backup"],
  ["dumptype:encrypt-gnutar-ssh:index", "yes"],
  ["autoflush", "yes"],
  ["tpchanger", "vtapes"],
  ["dumptype:encrypt-gnutar-ssh-redhat:client_username", "amandabackup"],
  ["dumptype:encrypt-gnutar-ssh-redhat:amandad_path", "/usr/lib64/amanda/amandad"],
  ["dumptype:encrypt-gnutar-local:auth", "local"],
  ["dumptype:encrypt-gnutar-local:server_encrypt", "/usr/local/lib/amanda-backup/amcrypt-2026a"],
])("Amanda reads %s as %s", (key, value) => {
  configs[0] ??= new AmandaConfig(amandaConf(FACTS));
  expect(configs[0].getconf(key)).toBe(value);
});

test("every dumptype of ours encrypts", () => {
  const config = accepted(amandaConf(FACTS));
  const ours = config
    .getconf("--list", "dumptype")
    .split("\n")
    .filter((name) => name.startsWith("encrypt-"));
  expect(ours.sort()).toEqual([
    "encrypt-gnutar",
    "encrypt-gnutar-local",
    "encrypt-gnutar-ssh",
    "encrypt-gnutar-ssh-redhat",
  ]);
  for (const name of ours) {
    expect(config.getconf(`dumptype:${name}:encrypt`)).toBe("SERVER");
  }
});

test("a server of another family swaps the dumptypes' names", () => {
  const config = accepted(amandaConf({ ...FACTS, platform: "redhat" }));
  expect(config.getconf("dumpuser")).toBe("amandabackup");
  expect(config.getconf("dumptype:encrypt-gnutar-ssh:client_username")).toBe("amandabackup");
  expect(config.getconf("dumptype:encrypt-gnutar-ssh-debian:client_username")).toBe("backup");
});

test.each([undefined, 0, 3])("maxpromoteday %s is accepted", (maxpromoteday) => {
  const config = accepted(amandaConf({ ...FACTS, set: { ...SET, maxpromoteday } }));
  expect(config.getconf("dumptype:encrypt-gnutar-ssh:maxpromoteday")).toBe(String(maxpromoteday ?? 10000));
});

test("the smallest set and no mail are accepted", () => {
  const set = {
    ...SET,
    dumpcycle: 1,
    runspercycle: 1,
    tapecycle: 2,
    runtapes: 1,
    vtapeMB: 2,
    partMB: 1,
    holdingMB: 1,
  };
  const config = accepted(amandaConf({ ...FACTS, set, mail: undefined }));
  expect(config.getconf("mailto")).toBe("");
  expect(config.getconf("holdingdisk:holding:chunksize")).toBe("1024");
});

test("a hostile path stays a path", () => {
  const config = accepted(amandaConf({ ...FACTS, dataPath: '/srv/"x\\y {z}' }));
  expect(config.getconf("logdir")).toBe('/srv/"x\\y {z}/catalogue/daily/log');
});
