const { local, remote } = require("@pulumi/command");
const { folder, target, login } = require("./facts.json");

// The last line is reached only by a command that outlives its cancelled run.
const create = (name) => `trap 'echo ended >> ${folder}/${name}; exit 1' TERM
echo $$ >> ${folder}/${name}
for i in $(seq 200); do sleep 0.1; done
echo survived >> ${folder}/${name}`;

new local.Command("local", { create: create("local") });
new remote.Command("remote", { connection: { ...target, privateKey: login }, create: create("remote") });
