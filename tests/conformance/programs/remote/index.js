const pulumi = require("@pulumi/pulumi");
const { local, remote } = require("@pulumi/command");
const { folder, secret, target, proxy, login, encryptedLogin, agentSocketPath } = require("./facts.json");

const note = (line) => `echo "${line}" >> ${folder}/log`;
const previous = "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR";
// Known only when the command before it has run, as a new machine's address is.
const address = new local.Command("address", { create: `echo ${target.host}` }).stdout;
const limits = { dialErrorLimit: 2, perDialTimeout: 10 };
const connection = { ...target, ...limits, host: address, privateKey: login };

new remote.Command("life", {
  connection,
  create: `${note("life create $CONFORMANCE_MARK")}; echo one; echo whisper >&2`,
  update: `${note(`life update $CONFORMANCE_MARK after ${previous}`)}; echo two`,
  delete: note("life delete, first text"),
  environment: { CONFORMANCE_MARK: "a" },
});
new remote.Command("createOnly", { connection, create: `${note("createOnly")}; cat`, stdin: "first" });
new remote.Command("replaced", {
  connection,
  create: note("replaced create 1"),
  update: note("replaced update 1"),
  delete: note("replaced delete 1"),
  triggers: [address, "x"],
});
new remote.Command("secretStdin", {
  connection,
  create: "cat | wc -c",
  stdin: pulumi.secret(secret),
  logging: "none",
});
new remote.Command(
  "secretOutput",
  { connection, create: "echo covered-up", logging: "none" },
  { additionalSecretOutputs: ["stdout"] },
);
new remote.Command("encryptedKey", {
  connection: { ...connection, privateKey: encryptedLogin.key, privateKeyPassword: encryptedLogin.password },
  create: "echo by encrypted key",
});
new remote.Command("agent", {
  connection: { ...target, ...limits, host: address, agentSocketPath },
  create: "echo by agent",
});
new remote.Command("unpinned", {
  connection: { ...connection, hostKey: undefined },
  create: "echo unpinned",
});
new remote.Command("proxied", {
  connection: { ...connection, proxy: { ...proxy, ...limits, privateKey: login } },
  create: "echo $SSH_CONNECTION",
});
for (const logging of ["stdout", "stderr", "stdoutAndStderr", "none"]) {
  new remote.Command(`log-${logging}`, { connection, create: "echo to-stdout; echo to-stderr >&2", logging });
}
