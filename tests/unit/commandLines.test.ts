import { spawnSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { INSTALL_LINE } from "../../components/render/commandLines";
import { SET } from "../templates/example";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "amanda-backup-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const DOCUMENT = {
  text: "ünïcode",
  programs: {
    "bootstrap.py": 'import sys\nprint(__name__, document["text"], sys.flags.isolated)\nsys.exit(7)\n',
  },
};

/** Run the line as sshd would, with these programs before the real ones on PATH. */
function runLine(fakes: Record<string, string>, input = JSON.stringify(DOCUMENT)) {
  const bin = fs.mkdtempSync(path.join(folder, "bin-"));
  for (const [name, text] of Object.entries(fakes)) {
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return spawnSync("/bin/sh", ["-c", INSTALL_LINE], {
    input,
    encoding: "utf8",
    env: { PATH: `${bin}:${process.env.PATH}`, LC_ALL: "C.UTF-8" },
  });
}

const ORDINARY = 'if [ "$1" = -u ]; then echo 1000; else echo debian; fi';

test("it runs the document's bootstrap.py with the document, and ends with its status", () => {
  const done = runLine({ id: "echo 0", sudo: "exit 99" });
  expect([done.stdout, done.stderr, done.status]).toEqual(["__main__ ünïcode 1\n", "", 7]);
});

test("an ordinary user becomes root by sudo, and a sudo that reads stdin takes nothing of the document", () => {
  const done = runLine({ id: ORDINARY, sudo: 'shift; [ "$1" != true ] || cat; exec "$@"' });
  expect([done.stdout, done.stderr, done.status]).toEqual(["__main__ ünïcode 1\n", "", 7]);
});

test("without sudo it is one sentence that says who and where", () => {
  const done = runLine({
    id: ORDINARY,
    sudo: "echo sudo: a password is required >&2; exit 1",
    hostname: "echo web1",
  });
  expect([done.stdout, done.status]).toEqual(["", 1]);
  expect(done.stderr).toBe(
    "amanda-backup: debian@web1: sudo is not allowed without a password; let this account run sudo -n\n",
  );
});

test("it is shellcheck's idea of a right line for any sh", () => {
  const done = spawnSync("shellcheck", ["--shell=sh", "--exclude=SC2046", "-"], {
    input: `${INSTALL_LINE}\n`,
    encoding: "utf8",
  });
  expect([done.stdout, done.status]).toEqual(["", 0]);
});

test("it is short enough to be read in a failure, and holds nothing of a stack", () => {
  expect(INSTALL_LINE.length).toBeLessThan(700);
  expect(INSTALL_LINE).not.toContain(SET.schedule);
});
