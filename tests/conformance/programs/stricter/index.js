// What the plugin built from toolchain/plugins promises beyond the official one.
const pulumi = require("@pulumi/pulumi");
const { local, remote } = require("@pulumi/command");
const { secret, target, rsaTarget, login } = require("./facts.json");

const connection = { ...target, privateKey: login, dialErrorLimit: 2, perDialTimeout: 5 };
const echoing = "echo said; cat; echo the sentence >&2; exit 4";

const unread = new remote.Command("unreadStdin", {
  connection,
  create: "exec <&-; echo done",
  stdin: "x".repeat(4_000_000),
});
const bytes = new remote.Command(
  "notText",
  { connection, create: "printf 'a\\377b'" },
  { dependsOn: unread },
);
// The connections of this plugin's runs so far: only the one that asks.
new remote.Command(
  "openConnections",
  { connection, create: "pgrep -c -P $(cut -d' ' -f4 /proc/$PPID/stat)" },
  { dependsOn: bytes },
);
new remote.Command("rsaHostKey", { connection: { ...connection, ...rsaTarget }, create: "echo by rsa" });
new remote.Command("echoedSecret", { connection, create: echoing, stdin: pulumi.secret(`${secret}\n`) });
new local.Command("echoedSecretLocally", { create: echoing, stdin: pulumi.secret(`${secret}\n`) });
new local.Command("secretText", { create: pulumi.secret(`: ${secret}; exit 4`) });
new local.Command("longText", { create: `exit 4\n${"# more\n".repeat(100)}` });
