import fc from "fast-check";
import { nearest } from "../../components/render/config/problems";
import {
  byCodePoint,
  encodeName,
  hasControl,
  quoteAmanda,
  sorted,
  stableJson,
} from "../../components/render/text";

const anyText = fc.string({ unit: "binary" });

/** What Amanda's parser makes of a quoted string. */
function unquote(quoted: string): string {
  expect(quoted).toMatch(/^"(\\.|[^"\\])*"$/s);
  return quoted.slice(1, -1).replace(/\\(.)/gs, "$1");
}

test("a quoted text is one token, and read back it is the text", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      fc.pre(!hasControl(text));
      expect(unquote(quoteAmanda(text))).toBe(text);
    }),
  );
});

test("a text with a control character is refused, whatever is around it", () => {
  fc.assert(
    fc.property(
      anyText,
      fc.constantFrom("\n", "\r", "\0", "\x1b", "\x7f", "\x9b", "\u2028", "\u2029", "\ud800"),
      anyText,
      (a, bad, b) => {
        expect(() => quoteAmanda(`${a}${bad}!${b}`)).toThrow("control character");
      },
    ),
  );
});

test("an encoded name is safe in a file name, and no two names share one", () => {
  fc.assert(
    fc.property(anyText, (name) => {
      fc.pre(!hasControl(name));
      expect(encodeName(name)).toMatch(/^[A-Za-z0-9._%-]*$/);
      expect(decodeURIComponent(encodeName(name))).toBe(name);
    }),
  );
});

test("lists are sorted as Python sorts them: by code point, not by UTF-16 unit", () => {
  const list = ["b", "é", "\u{1F600}", "\uFFFD", "B", "a"];
  expect(sorted(list)).toEqual(["B", "a", "b", "é", "\uFFFD", "\u{1F600}"]);
  expect([...list].sort()).not.toEqual(sorted(list));
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      fc.pre(!hasControl(a) && !hasControl(b));
      const points = (text: string) => [...text].map((character) => character.codePointAt(0)!);
      const [one, two] = [points(a), points(b)];
      const first = one.findIndex((point, index) => point !== two[index]);
      const expected =
        first < 0 ? one.length - two.length : two[first] === undefined ? 1 : one[first]! - two[first]!;
      expect(Math.sign(byCodePoint(a, b))).toBe(Math.sign(expected));
    }),
  );
});

test("equal content is equal JSON, whatever the order of its keys", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse());
      expect(stableJson(reversed)).toBe(stableJson(object));
      expect(JSON.parse(stableJson(object))).toEqual(JSON.parse(JSON.stringify(object)));
    }),
  );
});

test.each([
  ["tapecycel", "tapecycle"],
  ["clients", "clients"],
  ["Server", "server"],
  ["colour", undefined],
])("nearest to %s is %s", (word, expected) => {
  expect(nearest(word, ["server", "clients", "tapecycle"])).toBe(expected);
});
