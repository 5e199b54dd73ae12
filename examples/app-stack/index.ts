import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { BackupClient, BackupDirectory, BackupServer, OpenStackHost, SshAccess } from "amanda-backup";

const config = new pulumi.Config();

// This project's own key for the account `enrol` on the backup server, which speaks for this stack's machines only.
const enrolmentKey = new tls.PrivateKey("shop-enrolment", { algorithm: "ED25519" });
const server = BackupServer.fromStack(new pulumi.StackReference(config.require("backupStack")), {
  enrolmentKey: enrolmentKey.privateKeyOpenssh,
});

// The machine, as the application needs it. Administrators and the backup server may come by ssh.
const network = openstack.networking.getNetworkOutput({ name: config.require("network") });
const subnet = openstack.networking.getSubnetOutput({ networkId: network.id, ipVersion: 4 });
const access = new SshAccess("shop", {
  networks: config.requireObject<string[]>("adminNetworks"),
  server,
});
const shop1 = new OpenStackHost("shop1", {
  address: config.get("address"),
  image: config.require("image"),
  flavor: config.require("flavor"),
  network: network.id,
  subnet: subnet.id,
  access,
  adminKeys: config.requireObject<string[]>("adminKeys"),
  configDrive: config.getBoolean("configDrive"),
  privateKey: config.getSecret("sshPrivateKey"),
});

// What is backed up: directories of the client itself, and one that any module may declare by itself.
if (config.getBoolean("enrol")) {
  const client = new BackupClient("shop1", { host: shop1, server, directories: ["/srv/shop"] });
  new BackupDirectory("/srv/uploads", { client });
} else {
  pulumi.log.warn("nothing is backed up yet: README.md tells how the backup server lets this stack in");
}

/** What the administrator of the backup server puts into its configuration, as README.md tells. */
export const enrolmentPublicKey = enrolmentKey.publicKeyOpenssh.apply((key) => key.trim());
export const address = shop1.internalAddress;
