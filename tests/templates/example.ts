import * as fs from "fs";
import * as path from "path";
import { type AmandaConfFacts, type BackupSet } from "../../components/render/amandaConf";
import { platforms } from "../../components/render/platforms";

/** A set as Pulumi.prod.yaml has it. */
export const SET: BackupSet = {
  schedule: "45 0 * * *",
  dumpcycle: 7,
  runspercycle: 7,
  tapecycle: 16,
  runtapes: 2,
  vtapeMB: 4096,
  partMB: 1024,
  holdingMB: 8192,
  inparallel: 4,
};

/** The facts of the example in examples/amanda.conf. */
export const FACTS: AmandaConfFacts = {
  stack: "amanda-backup.prod",
  name: "daily",
  set: SET,
  dataPath: "/srv/amanda",
  keyId: "2026a",
  mail: "root",
  platform: "debian",
  platforms: platforms(),
};

/** The reviewed text in examples/NAME; `UPDATE=1 npx jest` writes what is rendered now, to be reviewed anew. */
export function reviewed(name: string, rendered: string): string {
  const file = path.join(__dirname, "examples", name);
  if (process.env.UPDATE) {
    fs.writeFileSync(file, rendered);
  }
  return fs.readFileSync(file, "utf8");
}
