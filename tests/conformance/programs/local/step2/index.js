const { local } = require("@pulumi/command");
const { folder } = require("./facts.json");

const note = (line) => `echo "${line}" >> ${folder}/log`;
const previous = "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR";

new local.Command("life", {
  create: `${note("life create $MARK")}; pwd; echo whisper >&2`,
  update: `${note(`life update $MARK after ${previous}`)}; echo two`,
  delete: note("life delete, second text"),
  dir: folder,
  environment: { MARK: "b" },
});
new local.Command("createOnly", { create: note("createOnly $MARK"), environment: { MARK: "b" } });
new local.Command("noPrevious", {
  create: "echo one",
  update: note(`noPrevious [${previous}]`),
  addPreviousOutputInEnv: false,
  environment: { MARK: "b" },
});
new local.Command("replaced", {
  create: note("replaced create 2"),
  update: note("replaced update 2"),
  delete: note("replaced delete 2"),
  triggers: [2, "x"],
});
