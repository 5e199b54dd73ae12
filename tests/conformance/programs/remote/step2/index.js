const { remote, local } = require("@pulumi/command");
const { folder, target, login } = require("./facts.json");

const note = (line) => `echo "${line}" >> ${folder}/log`;
const previous = "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR";
const address = new local.Command("address", { create: `echo ${target.host}` }).stdout;
const connection = { ...target, dialErrorLimit: 2, perDialTimeout: 10, host: address, privateKey: login };

new remote.Command("life", {
  connection,
  create: `${note("life create $CONFORMANCE_MARK")}; echo one; echo whisper >&2`,
  update: `${note(`life update $CONFORMANCE_MARK after ${previous}`)}; echo two`,
  delete: note("life delete, second text"),
  environment: { CONFORMANCE_MARK: "b" },
});
new remote.Command("createOnly", { connection, create: `${note("createOnly")}; cat`, stdin: "second" });
new remote.Command("replaced", {
  connection,
  create: note("replaced create 2"),
  update: note("replaced update 2"),
  delete: note("replaced delete 2"),
  triggers: [address, "y"],
});
