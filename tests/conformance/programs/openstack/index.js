// A network, a machine on it and a data volume: on an empty stack nothing is
// known, and no cloud may be asked.
const pulumi = require("@pulumi/pulumi");
const { blockstorage, compute, networking } = require("@pulumi/openstack");
const tls = require("@pulumi/tls");

const key = new tls.PrivateKey("key", { algorithm: "ED25519" });
const network = new networking.Network("network", { name: "backup" });
const subnet = new networking.Subnet("subnet", {
  name: "backup",
  networkId: network.id,
  cidr: "10.1.0.0/24",
});
const group = new networking.SecGroup("group", { name: "backup-ssh" });
new networking.SecGroupRule("rule", {
  securityGroupId: group.id,
  direction: "ingress",
  ethertype: "IPv4",
  protocol: "tcp",
  portRangeMin: 22,
  portRangeMax: 22,
  remoteIpPrefix: "192.0.2.0/24",
});
const port = new networking.Port("port", {
  name: "backup",
  networkId: network.id,
  securityGroupIds: [group.id],
  fixedIps: [{ subnetId: subnet.id, ipAddress: "10.1.0.11" }],
});
const volume = new blockstorage.Volume("volume", { name: "data", size: 100, enableOnlineResize: true });
const instance = new compute.Instance("instance", {
  name: "backup",
  imageId: "00000000-0000-4000-8000-000000000000",
  flavorName: "m1.small",
  configDrive: true,
  stopBeforeDestroy: true,
  networks: [{ port: port.id }],
  userData: pulumi.interpolate`#cloud-config\n# ${key.privateKeyOpenssh}`,
});
new compute.VolumeAttach("attach", { instanceId: instance.id, volumeId: volume.id });
new networking.FloatingIp("floating", { pool: "public", portId: port.id });
new compute.Keypair("named by the plugin", { publicKey: key.publicKeyOpenssh });
// Looked up only when its argument is known.
module.exports.found = networking.getPortOutput({ deviceId: instance.id }).allFixedIps;
