import * as fs from "fs";
import * as path from "path";
import Mustache from "mustache";

/** C0, DEL, C1, Unicode's line ends and halves of characters: no file of ours may hold one, whatever its quoting. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;

/** Whether the text holds a control character, a line end included. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** The text as Amanda reads a quoted string, in amanda.conf and disklist alike: `\` and `"` escaped. */
export function quoteAmanda(text: string): string {
  if (hasControl(text)) {
    throw new Error(`${JSON.stringify(text)} holds a control character, which no Amanda file can carry`);
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** For text that goes where nothing can be quoted. */
export function plain(text: string): string {
  if (hasControl(text)) {
    throw new Error(`${JSON.stringify(text)} holds a control character`);
  }
  return text;
}

/**
 * Order by Unicode code point, as Python sorts: the server renders the same lists, and JavaScript's own order
 * (by UTF-16 unit) differs beyond U+FFFF.
 */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

export function sorted(list: readonly string[]): string[] {
  return [...list].sort(byCodePoint);
}

/** The name with everything but letters, digits, `.`, `_` and `-` as `%XX` of its UTF-8 bytes. */
export function encodeName(name: string): string {
  return [...Buffer.from(name, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

/** JSON with sorted keys, a line for each value: equal content is equal text, and a change is a few lines. */
export function stableJson(value: unknown): string {
  return `${JSON.stringify(sortKeys(value), undefined, 2)}\n`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sortKeys);
  }
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => byCodePoint(a, b));
    return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
  }
  return value;
}

/** The folder of the package, which holds templates/ and host/, wherever in it this code was compiled to. */
export const ROOT = packageFolder(__dirname);

function packageFolder(folder: string): string {
  return fs.existsSync(path.join(folder, "package.json")) ? folder : packageFolder(path.dirname(folder));
}

/**
 * Render templates/NAME.mustache. `{{x}}` passes through `escape`; `{{{x}}}` is for numbers and for names whose
 * characters were checked before.
 */
export function render(template: string, view: object, escape: (text: string) => string): string {
  const text = fs.readFileSync(path.join(ROOT, "templates", `${template}.mustache`), "utf8");
  return Mustache.render(text, view, {}, { escape: (value) => escape(String(value)) });
}
