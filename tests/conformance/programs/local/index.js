const pulumi = require("@pulumi/pulumi");
const { local } = require("@pulumi/command");
const { folder, secret } = require("./facts.json");

const note = (line) => `echo "${line}" >> ${folder}/log`;
const previous = "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR";

new local.Command("life", {
  create: `${note("life create $MARK")}; pwd; echo whisper >&2`,
  update: `${note(`life update $MARK after ${previous}`)}; echo two`,
  delete: note("life delete, first text"),
  dir: folder,
  environment: { MARK: "a" },
});
new local.Command("createOnly", { create: note("createOnly $MARK"), environment: { MARK: "a" } });
new local.Command("noPrevious", {
  create: "echo one",
  update: note(`noPrevious [${previous}]`),
  addPreviousOutputInEnv: false,
  environment: { MARK: "a" },
});
new local.Command("replaced", {
  create: note("replaced create 1"),
  update: note("replaced update 1"),
  delete: note("replaced delete 1"),
  triggers: [1, "x"],
});
new local.Command("dropped", { create: "true", delete: note("dropped delete") });
new local.Command("interpreted", { create: "print(6 * 7)", interpreter: ["/usr/bin/env", "python3", "-c"] });
new local.Command("secretStdin", { create: "cat | wc -c", stdin: pulumi.secret(secret) });
new local.Command("openStdin", { create: "cat", stdin: "in the open" });
new local.Command("unreadStdin", { create: "true", stdin: "x".repeat(1_000_000) });
new local.Command(
  "secretOutput",
  { create: "echo covered-up", logging: "none" },
  { additionalSecretOutputs: ["stdout"] },
);
new local.Command("assets", {
  create: "mkdir -p files/deep && echo a > files/a.txt && echo b > files/deep/b.txt && echo c > files/no.txt",
  dir: folder,
  assetPaths: ["files/**.txt", "!**no.txt"],
  archivePaths: ["files/*.txt"],
});
for (const logging of ["stdout", "stderr", "stdoutAndStderr", "none"]) {
  new local.Command(`log-${logging}`, { create: "echo to-stdout; echo to-stderr >&2", logging });
}
