import { crontab } from "../../components/render/crontab";
import { reviewed, SET } from "./example";

const SETS = { weekly: { ...SET, schedule: "15 3 * * sun" }, daily: SET };

test("the crontab is the reviewed one", () => {
  const text = crontab("amanda-backup.prod", SETS, "root");
  expect(text).toBe(reviewed("crontab", text));
});

test("without a mail address cron sends nothing", () => {
  expect(crontab("amanda-backup.prod", SETS).split("\n")).toContain('MAILTO=""');
});

test("every line is a comment, a setting, or a run of one set", () => {
  const lines = crontab("amanda-backup.prod", SETS, "ops@example.org").trimEnd().split("\n");
  const runs = lines.filter((line) => !/^#|^[A-Z]+=/.test(line));
  expect(runs).toEqual(["45 0 * * * root backupctl run daily", "15 3 * * sun root backupctl run weekly"]);
});

test("a line end cannot come in by the mail address", () => {
  expect(() => crontab("amanda-backup.prod", SETS, "root\n* * * * * root sh")).toThrow("control character");
});
