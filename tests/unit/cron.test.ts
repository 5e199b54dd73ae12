import { cronSchedule } from "../../components/render/config/cron";

test.each([
  "45 0 * * *",
  "*/15 0-6,22 * * mon-fri",
  "0 12 1 jan,JUL 0",
  "59 23 31 12 7",
  "5 4  * * sun",
  "0-30/10 * * * *",
])("%s is a schedule", (schedule) => {
  expect(cronSchedule(schedule)).toBeUndefined();
});

test.each([
  "",
  "@daily",
  "* * * *",
  "* * * * * *",
  "60 * * * *",
  "* 24 * * *",
  "* * 0 * *",
  "* * * 13 *",
  "* * * * 8",
  "*/0 * * * *",
  "5/10 * * * *",
  "9-5 * * * *",
  "1-2-3 * * * *",
  "1, * * * *",
  "a * * * *",
  "* * * mon *",
  "1 2 3 4 5\n",
  "% * * * *",
])("%j is none", (schedule) => {
  expect(cronSchedule(schedule)).toEqual(expect.any(String));
});
