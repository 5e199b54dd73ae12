import { type Problems, suggestion } from "./problems";

/** What is wrong with a value and the cure, or undefined when it is right. */
export type Check<T> = (value: T) => string | undefined;

/** Stands for a string that was wrong and has been reported: later checks pass over it. */
export const WRONG = "";

interface Whole {
  min: number;
  max?: number;
  /** Without it the key is required. */
  default?: number;
}

/**
 * A mapping in the configuration. Each reader reports what is wrong under the full key and then returns a
 * harmless value, so that the rest is checked too.
 */
export class Section {
  private readonly values: Record<string, unknown>;

  /** `known`: the keys that may stand here; undefined when the keys are names. */
  constructor(
    readonly problems: Problems,
    readonly path: string,
    raw: unknown,
    known?: readonly string[],
  ) {
    this.values = {};
    if (isMapping(raw)) {
      this.values = raw;
    } else if (raw !== undefined && raw !== null) {
      problems.add(path, raw, "give a mapping of keys to values");
    }
    for (const key of known ? Object.keys(this.values).filter((name) => !known.includes(name)) : []) {
      problems.sentences.push(`${this.at(key)} is no key of this program: ${suggestion(key, known!)}`);
    }
  }

  at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  names(): string[] {
    return Object.keys(this.values);
  }

  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null;
  }

  raw(key: string): unknown {
    return this.values[key] ?? undefined;
  }

  /** A string that must be there. */
  text(key: string, cure: string, check: Check<string>): string {
    if (!this.has(key)) {
      this.problems.missing(this.at(key), cure);
      return WRONG;
    }
    return checkedText(this.problems, this.at(key), this.values[key], check);
  }

  /** A string with a default. */
  textOr(key: string, fallback: string, check: Check<string>): string {
    return this.has(key) ? checkedText(this.problems, this.at(key), this.values[key], check) : fallback;
  }

  /** A string that may be left out. */
  optional(key: string, check: Check<string>): string | undefined {
    return this.has(key) ? checkedText(this.problems, this.at(key), this.values[key], check) : undefined;
  }

  /** True or false. */
  boolean(key: string, fallback: boolean): boolean {
    const value = this.raw(key) ?? fallback;
    if (typeof value !== "boolean") {
      this.problems.add(this.at(key), value, "give true or false");
      return fallback;
    }
    return value;
  }

  /** A whole number; NaN when it is wrong. */
  whole(key: string, cure: string, { min, max, default: fallback }: Whole): number {
    if (!this.has(key)) {
      if (fallback === undefined) {
        this.problems.missing(this.at(key), `give ${cure}`);
      }
      return fallback ?? NaN;
    }
    const value = this.values[key];
    const fits =
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= (max ?? Infinity);
    if (!fits) {
      const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
      this.problems.add(this.at(key), value, `give a whole number ${range}, ${cure}`);
      return NaN;
    }
    return value as number;
  }

  /** A list of strings, each checked; empty when left out. */
  texts(key: string, check: Check<string>, fallback: string[] = []): string[] {
    return this.has(key)
      ? this.items(key).map((item, index) =>
          checkedText(this.problems, `${this.at(key)}[${index}]`, item, check),
        )
      : fallback;
  }

  /** A list of anything; empty when left out. */
  items(key: string): unknown[] {
    const value = this.raw(key);
    if (value !== undefined && !Array.isArray(value)) {
      this.problems.add(this.at(key), value, "give a list");
      return [];
    }
    return value ?? [];
  }

  /** The mapping below a key, whose own keys are `known`. */
  section(key: string, known: readonly string[]): Section {
    return new Section(this.problems, this.at(key), this.values[key], known);
  }

  /** The mappings below a key whose own keys are names that pass `checkName`. */
  named(key: string, checkName: Check<string>, known: readonly string[]): [string, Section][] {
    const all = new Section(this.problems, this.at(key), this.values[key]);
    return all.names().map((name) => {
      const wrong = checkName(name);
      if (wrong !== undefined) {
        this.problems.add(`the name ${all.at(name)}`, name, wrong);
      }
      return [name, all.section(name, known)];
    });
  }
}

function checkedText(problems: Problems, key: string, value: unknown, check: Check<string>): string {
  if (typeof value !== "string") {
    const scalar = typeof value === "number" || typeof value === "boolean";
    problems.add(key, value, scalar ? `write it in quotes, "${String(value)}"` : "give a string");
    return WRONG;
  }
  const wrong = check(value);
  if (wrong !== undefined) {
    problems.add(key, value, wrong);
    return WRONG;
  }
  return value;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
