import * as net from "net";
import { hasControl } from "../text";
import { type Check } from "./section";

/** The most characters that the server takes in a path or a pattern (host/amanda_backup/declaration.py). */
const LONGEST = 1024;

/** Every check returns what is wrong together with the cure, or undefined. */
const matching =
  (pattern: RegExp, cure: string): Check<string> =>
  (value) =>
    pattern.test(value) ? undefined : cure;

/** Also Amanda's name of the host: it stands bare in the disklist, where `includefile` is a word of its own. */
export const hostName: Check<string> = (value) => {
  if (["includefile", "localhost"].includes(value)) {
    return "Amanda takes this word for something else; choose another name";
  }
  return /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(value)
    ? undefined
    : "use 1 to 63 lower-case letters, digits, '-' and '.', with a letter or digit first and last";
};

export const setName = matching(
  /^[a-z][a-z0-9-]{0,31}$/,
  "use at most 32 lower-case letters, digits and '-', a letter first",
);

export const hookName = matching(
  /^[a-z0-9][a-z0-9-]{0,47}$/,
  "use at most 48 lower-case letters, digits and '-', with a letter or digit first",
);

export const keyId = matching(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/,
  "use at most 32 letters, digits, '.', '_' and '-', with a letter or digit first, such as 2026a",
);

export const userName = matching(
  /^[a-z_][a-z0-9_.-]{0,30}$/,
  "give the name of a user: lower-case letters, digits, '_', '.' and '-'",
);

export const mailAddress = matching(
  /^[A-Za-z0-9][A-Za-z0-9._%+-]*(@[A-Za-z0-9.-]+)?$/,
  "give a local user or an address like ops@example.org",
);

export const fileSystemType = matching(
  /^[a-z][a-z0-9._-]*$/,
  "give the type that `findmnt` shows, such as nfs4",
);

/** A namespace is a folder and a rule of sudo on the server, which allows no more. */
export const namespaceName = matching(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  "use PROJECT.STACK, at most 63 letters, digits, '.', '_' and '-', with a letter or digit first",
);

/** An IP address or a name that DNS knows; the server takes no more (host/amanda_backup/declaration.py). */
export const address: Check<string> = (value) =>
  net.isIP(value) !== 0 ||
  (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(value) && /[^0-9.]/.test(value))
    ? undefined
    : "give an IP address, or a host name of at most 253 characters";

/** An IP address or a network in CIDR form. */
export const addressOrNetwork: Check<string> = (value) => {
  const [base, bits, ...rest] = value.split("/") as [string, ...string[]];
  const family = net.isIP(base);
  const fits = bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
  return family !== 0 && fits && rest.length === 0
    ? undefined
    : "give an IP address or a network like 10.1.0.0/24";
};

/** A client's name, an address or a network in CIDR form. */
export const hostOrNetwork: Check<string> = (value) =>
  addressOrNetwork(value) === undefined || (!/^[0-9./:]+$/.test(value) && hostName(value) === undefined)
    ? undefined
    : "give a client's name, an IP address or a network like 10.1.0.0/24";

const KEY_TYPES = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** A public key in OpenSSH form: type and base64, whose blob names the same type. */
export const publicKey: Check<string> = (value) => {
  const [type, blob, ...rest] = value.split(" ") as [string, ...string[]];
  const cure = `give type and base64, as in "ssh-ed25519 AAAAC3…" (ssh-keyscan -t ed25519 ADDRESS shows a host's; compare it)`;
  if (!KEY_TYPES.includes(type) || blob === undefined || rest.length > 1 || hasControl(value)) {
    return cure;
  }
  const bytes = Buffer.from(blob, "base64");
  const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0;
  const whole = /^[A-Za-z0-9+/]+=*$/.test(blob) && bytes.subarray(4, 4 + length).toString() === type;
  const long = type === "ssh-ed25519" ? bytes.length === 51 : bytes.length > 60;
  return whole && long ? undefined : `the key is cut off or damaged; ${cure}`;
};

/** An absolute path in its shortest form. */
export const absolutePath: Check<string> = (value) => {
  if (hasControl(value)) {
    return "it holds a control character, which no Amanda file can carry; rename the folder or back up its parent";
  }
  if (!value.startsWith("/")) {
    return "give an absolute path";
  }
  if (value.length > LONGEST) {
    return `it is longer than ${LONGEST} characters; back up its parent`;
  }
  return value !== "/" && /(\/$|\/\/|\/\.{1,2}(\/|$))/.test(value)
    ? "write it without '//', '.', '..' and a '/' at the end"
    : undefined;
};

/** A path that also stands where nothing can be quoted: in crontabs, units and Amanda's changer. */
export const simplePath: Check<string> = (value) =>
  absolutePath(value) ??
  (/^[A-Za-z0-9._/-]+$/.test(value) && value !== "/"
    ? undefined
    : "use only letters, digits, '.', '_', '-' and '/' in this path");

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const uuid = matching(
  UUID,
  "give the id, as OpenStack shows it: 32 hexadecimal digits in five groups",
);

/** A name would come to mean another image one day, and a new image is a new root disk. */
export const imageId = matching(
  UUID,
  "give the image's id, not its name, which may come to mean another; `openstack image list` shows it",
);

/** Any text of one line. */
export const line: Check<string> = (value) => {
  if (hasControl(value)) {
    return "it holds a control character, which no Amanda file can carry";
  }
  if (value.length > LONGEST) {
    return `it is longer than ${LONGEST} characters`;
  }
  return value === "" ? "it is empty; leave it out or say something" : undefined;
};

/** What to include, relative to the directory; amgtar takes nothing else. */
export const includePattern: Check<string> = (value) =>
  line(value) ?? (/^\.\/./.test(value) ? undefined : `begin it with "./": it is relative to the directory`);

/** Amanda's name of an entry: with the client's name it becomes part of file names on the server. */
export const entryName: Check<string> = (value) =>
  line(value) ??
  (Buffer.byteLength(value) <= 136
    ? undefined
    : "it is longer than 136 bytes; give a shorter `name` beside `path`") ??
  (value.length > 1 && value.endsWith("/") ? "write it without a '/' at the end" : undefined);

/** What the kernel can start. */
export const hookScript: Check<string> = (value) =>
  value.startsWith("#!/") ? undefined : `begin the script with its interpreter, such as "#!/bin/sh"`;

const PRIVATE_KEY = /^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----\n*$/;

/** A private key in PEM form. The value is never shown. */
export const privateKey: Check<string> = (value) =>
  PRIVATE_KEY.test(value) ? undefined : "give the text of a private key, line ends included, or leave it out";
