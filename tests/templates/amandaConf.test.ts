import { amandaConf, type AmandaConfFacts } from "../../components/render/amandaConf";
import { AmandaConfig } from "./amanda";
import { FACTS, reviewed, SET } from "./example";

/** What Amanda reads in this amanda.conf; throws its words when it does not accept it. */
function read<T>(conf: string, what: (config: AmandaConfig) => T): T {
  const config = new AmandaConfig(conf);
  try {
    return what(config);
  } finally {
    config.remove();
  }
}

const understood = (facts: AmandaConfFacts) => read(amandaConf(facts), (config) => config.config());

test("amanda.conf is the reviewed one", () => {
  const conf = amandaConf(FACTS);
  expect(conf).toBe(reviewed("amanda.conf", conf));
});

test("Amanda reads it as it is meant", () => {
  expect(understood(FACTS)).toMatchObject({
    org: "amanda-backup.prod daily",
    mailto: "root",
    dumpuser: "backup",
    dumpcycle: "7",
    runspercycle: "7",
    tapecycle: "16",
    runtapes: "2",
    inparallel: "4",
    infofile: "/srv/amanda/catalogue/daily/curinfo",
    indexdir: "/srv/amanda/catalogue/daily/index",
    logdir: "/srv/amanda/catalogue/daily/log",
    tapelist: "/srv/amanda/catalogue/daily/tapelist",
    "command-file": "/srv/amanda/catalogue/daily/command_file",
    labelstr: "^daily-[0-9][0-9][0-9]$",
    "changer:vtapes:tpchanger": "chg-disk:/srv/amanda/vtapes/daily",
    "tapetype:vtape:length": "4194304K",
    "tapetype:vtape:part-size": "1048576K",
    "holdingdisk:holding:directory": "/srv/amanda/holding/daily",
    "holdingdisk:holding:use": "8388608K",
    "dumptype:encrypt-gnutar-ssh:server-encrypt": "/usr/local/lib/amanda-backup/amcrypt-2026a",
    "dumptype:encrypt-gnutar-ssh:encrypt": "SERVER",
    "dumptype:encrypt-gnutar-ssh:auth": "ssh",
    "dumptype:encrypt-gnutar-ssh:client-username": "backup",
    "dumptype:encrypt-gnutar-ssh:index": "yes",
    autoflush: "yes",
    tpchanger: "vtapes",
    "dumptype:encrypt-gnutar-ssh-redhat:client-username": "amandabackup",
    "dumptype:encrypt-gnutar-ssh-redhat:amandad-path": "/usr/lib64/amanda/amandad",
    "dumptype:encrypt-gnutar-local:auth": "local",
    "dumptype:encrypt-gnutar-local:server-encrypt": "/usr/local/lib/amanda-backup/amcrypt-2026a",
    "application:amgtar-ssh:plugin": "amgtar",
  });
});

test("amgetconf reads it too", () => {
  const conf = amandaConf(FACTS);
  expect(read(conf, (config) => config.getconf("tapelist"))).toBe("/srv/amanda/catalogue/daily/tapelist");
});

test("every dumptype of ours encrypts", () => {
  const config = understood(FACTS);
  const encrypts = Object.keys(config).filter((key) => /^dumptype:encrypt-.*:encrypt$/.test(key));
  expect(encrypts.sort()).toEqual([
    "dumptype:encrypt-gnutar-local:encrypt",
    "dumptype:encrypt-gnutar-ssh-redhat:encrypt",
    "dumptype:encrypt-gnutar-ssh:encrypt",
    "dumptype:encrypt-gnutar:encrypt",
  ]);
  expect(encrypts.filter((key) => config[key] !== "SERVER")).toEqual([]);
});

test("a server of another family swaps the dumptypes' names", () => {
  const conf = amandaConf({ ...FACTS, platform: "redhat" });
  expect(conf).toContain('\ndumpuser "amandabackup"\n');
  // This machine has no such user, without whom amadmin does not start.
  const here = conf.replace('dumpuser "amandabackup"', 'dumpuser "backup"');
  expect(read(here, (config) => config.config())).toMatchObject({
    "dumptype:encrypt-gnutar-ssh:client-username": "amandabackup",
    "dumptype:encrypt-gnutar-ssh-debian:client-username": "backup",
  });
});

test.each([undefined, 0, 3])("maxpromoteday %s is accepted", (maxpromoteday) => {
  const config = understood({ ...FACTS, set: { ...SET, maxpromoteday } });
  expect(config["dumptype:encrypt-gnutar-ssh:maxpromoteday"]).toBe(String(maxpromoteday ?? 10000));
});

test("the smallest set and no mail are accepted", () => {
  const small = {
    dumpcycle: 1,
    runspercycle: 1,
    tapecycle: 2,
    runtapes: 1,
    vtapeMB: 2,
    partMB: 1,
    holdingMB: 1,
  };
  expect(understood({ ...FACTS, set: { ...SET, ...small }, mail: undefined })).toMatchObject({
    mailto: "",
    "holdingdisk:holding:chunksize": "1024K",
  });
});

test("a hostile path stays a path", () => {
  const conf = amandaConf({ ...FACTS, dataPath: '/srv/"x\\y {z}' });
  expect(read(conf, (config) => config.getconf("logdir"))).toBe('/srv/"x\\y {z}/catalogue/daily/log');
});

test("what Amanda does not accept fails here, with its words", () => {
  const conf = amandaConf(FACTS).replace("tapecycle 16 tapes", "tapecycle sixteen");
  expect(() => read(conf, (config) => config.config())).toThrow("an integer is expected");
});
