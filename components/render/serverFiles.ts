import { amandaConf, type AmandaConfFacts, type BackupSet } from "./amandaConf";
import { crontab } from "./crontab";

/** What the server's configuration files are rendered from. */
export interface ServerFacts extends Omit<AmandaConfFacts, "name" | "set"> {
  sets: Record<string, BackupSet>;
}

/** The files of a server by their path: amanda.conf of each set, and the crontab. */
export function serverFiles({ sets, ...facts }: ServerFacts): Record<string, string> {
  const confs = Object.entries(sets).map(([name, set]) => [
    `/etc/amanda/${name}/amanda.conf`,
    amandaConf({ ...facts, name, set }),
  ]);
  return {
    ...Object.fromEntries(confs),
    "/etc/cron.d/amanda-backup": crontab(facts.stack, sets, facts.mail),
  };
}

/** What the programs on the server need to know of the sets; the rest is in amanda.conf. */
export function setFacts(sets: Record<string, BackupSet>) {
  const facts = ({ tapecycle, vtapeMB, runtapes, holdingMB }: BackupSet) => ({
    tapecycle,
    vtapeMB,
    runtapes,
    holdingMB,
  });
  return Object.fromEntries(Object.entries(sets).map(([name, set]) => [name, facts(set)]));
}
