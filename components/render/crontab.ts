import { type BackupSet } from "./amandaConf";
import { plain, render, sorted } from "./text";

/** The text of /etc/cron.d/amanda-backup: one run a set. */
export function crontab(stack: string, sets: Record<string, BackupSet>, mail?: string): string {
  const runs = sorted(Object.keys(sets)).map((set) => ({ set, schedule: sets[set]!.schedule }));
  return render("crontab", { stack, mail: mail ?? "", runs }, plain);
}
