import { dumptypeSuffix } from "./dumptypes";
import { type Platform } from "./platforms";
import { quoteAmanda, render } from "./text";

/** A set: one Amanda configuration with its own disklist, vtapes and schedule. */
export interface BackupSet {
  /** When cron starts a run, five fields in the server's time. */
  schedule: string;
  /** Days within which every directory gets a full dump. */
  dumpcycle: number;
  /** Runs within a dumpcycle. */
  runspercycle: number;
  /** Number of vtapes. */
  tapecycle: number;
  /** The most vtapes that one run may write. */
  runtapes: number;
  /** Size of a vtape in MB (2^20 bytes). */
  vtapeMB: number;
  /** Size of the parts in which a dump is written, in MB. */
  partMB: number;
  /** The most that the holding disk may hold, in MB. */
  holdingMB: number;
  /** Dumps at the same time; at most one a client. */
  inparallel: number;
  /** The most days by which Amanda may bring a full dump forward to even out the runs; without it, no limit. */
  maxpromoteday?: number;
}

/** What amanda.conf needs to know besides the set. */
export interface AmandaConfFacts {
  /** `project.stack` */
  stack: string;
  /** The set's name. */
  name: string;
  set: BackupSet;
  /** Where the data volume is mounted. */
  dataPath: string;
  /** The id of amcrypt's current key. */
  keyId: string;
  /** Where Amanda sends its report; without it, nowhere. */
  mail?: string;
  /** The server's family. */
  platform: string;
  platforms: Record<string, Platform>;
}

/** The text of /etc/amanda/SET/amanda.conf. */
export function amandaConf(facts: AmandaConfFacts): string {
  const { dataPath, name, platforms, set } = facts;
  const catalogue = `${dataPath}/catalogue/${name}`;
  const own = platforms[facts.platform]!;
  return render(
    "amanda.conf",
    {
      ...set,
      stack: facts.stack,
      set: name,
      org: `${facts.stack} ${name}`,
      mail: facts.mail ?? "",
      dumpUser: own.dumpUser,
      infofile: `${catalogue}/curinfo`,
      indexdir: `${catalogue}/index`,
      logdir: `${catalogue}/log`,
      tapelist: `${catalogue}/tapelist`,
      commandFile: `${catalogue}/command_file`,
      changer: `chg-disk:${dataPath}/vtapes/${name}`,
      changerfile: `${catalogue}/changer`,
      holding: `${dataPath}/holding/${name}`,
      labelstr: `^${name}-[0-9][0-9][0-9]$`,
      chunkMB: Math.min(1024, set.holdingMB),
      // Mustache takes 0 for absent.
      maxpromoteday: set.maxpromoteday === undefined ? undefined : String(set.maxpromoteday),
      amcrypt: `/usr/local/lib/amanda-backup/amcrypt-${facts.keyId}`,
      ownGnutarListDir: `${dataPath}/gnutar-lists`,
      clients: Object.values(platforms).map((platform) => ({
        ...platform,
        suffix: dumptypeSuffix(platform.family, facts.platform),
      })),
    },
    quoteAmanda,
  );
}
