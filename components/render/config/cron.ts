import { type Check } from "./section";

const FIELDS = [
  { name: "minute", min: 0, max: 59, words: [] as string[] },
  { name: "hour", min: 0, max: 23, words: [] },
  { name: "day of month", min: 1, max: 31, words: [] },
  {
    name: "month",
    min: 1,
    max: 12,
    words: ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", min: 0, max: 7, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/** Five fields as cron reads them: numbers, names, ranges, lists and steps. */
export const cronSchedule: Check<string> = (value) => {
  const fields = value.split(/ +/);
  if (fields.length !== FIELDS.length || /[^ -~]/.test(value)) {
    return `give five fields (minute, hour, day of month, month, day of week), such as "45 0 * * *"`;
  }
  for (const [index, field] of FIELDS.entries()) {
    if (!fields[index]!.split(",").every((item) => isItem(item, field))) {
      const range = `${field.min} to ${field.max}`;
      return `its ${field.name} "${fields[index]}" is not a number from ${range}, *, a range, a list or a step`;
    }
  }
  return undefined;
};

function isItem(item: string, field: (typeof FIELDS)[number]): boolean {
  const [range, step, ...rest] = item.toLowerCase().split("/") as [string, ...string[]];
  if (rest.length > 0 || (step !== undefined && !(/^\d{1,2}$/.test(step) && Number(step) > 0))) {
    return false;
  }
  if (range === "*") {
    return true;
  }
  const ends = range.split("-").map((end) => number(end, field));
  if (ends.length > 2 || ends.some(Number.isNaN)) {
    return false;
  }
  return ends.length === 2 ? ends[0]! <= ends[1]! : step === undefined;
}

function number(text: string, { min, max, words }: (typeof FIELDS)[number]): number {
  const named = text === "" ? -1 : words.indexOf(text);
  const value = named >= 0 ? named : /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : NaN;
}
