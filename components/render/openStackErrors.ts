/** How the user has put what OpenStack may refuse: the key and its value, as in `openstack.flavor is "m1.small"`. */
export interface Wording {
  address?: string;
  flavor?: string;
  floatingNetwork?: string;
  image?: string;
  network?: string;
  volumeGB?: string;
}

/** An operation of the provider that failed. */
export interface Failure {
  /** The resource's type, such as `openstack:compute/instance:Instance`. */
  type: string;
  operation: string;
  /** What the provider said. */
  error: string;
}

const CREDENTIALS =
  "OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME, or the cloud that OS_CLOUD names in clouds.yaml";

interface Rule {
  error: RegExp;
  /** The resource's type ends so. */
  type?: RegExp;
  operation?: "create" | "delete" | "update";
  sentence: (wording: Required<Wording>, match: RegExpExecArray) => string;
}

/** The first that fits is told. */
const RULES: Rule[] = [
  {
    error: /Authentication failed/,
    sentence: () => `OpenStack does not take the credentials: check ${CREDENTIALS}`,
  },
  {
    error: /One of 'auth_url' or 'cloud' must be specified/,
    sentence: () => `there are no credentials for OpenStack: give ${CREDENTIALS}`,
  },
  {
    error: /cloud (\S+) does not exist/,
    sentence: (_, [, cloud]) => `OS_CLOUD is "${cloud}": clouds.yaml has no such cloud; name one that it has`,
  },
  {
    error: /No suitable endpoint could be found/,
    sentence: () => "OpenStack has no such service in this region: check OS_REGION_NAME",
  },
  {
    error:
      /(?:Get|Post) "([^"]+)": .*(?:connection refused|no such host|i\/o timeout|no route to host|deadline exceeded)/s,
    sentence: (_, [, url]) =>
      `OpenStack's API does not answer at ${url}: check OS_AUTH_URL and the way there`,
  },
  {
    error:
      /Quota exceeded|OverQuota|exceeds? (?:allowed|available) \S* ?quota|AvailableQuota|LimitExceeded|maximum number of volumes/i,
    sentence: ({ flavor, volumeGB }, { input }) => {
      const less = /volume|gigabytes|snapshot/i.test(input)
        ? `, or make the volume smaller (${volumeGB})`
        : /instances|cores|ram/i.test(input)
          ? `, or take a smaller flavor (${flavor})`
          : "";
      return `the project's quota is used up (${message(input)}): have it raised${less}, or remove what is not needed`;
    },
  },
  {
    error: /When resizing, instances must change flavor|current: (\d+), extended: \1\b/,
    sentence: () =>
      "an earlier `pulumi up` that failed has left something else in the state than the cloud has",
  },
  {
    error: /New size for extend must be greater/,
    sentence: ({ volumeGB }) =>
      `${volumeGB}: the volume is larger already, and none can shrink; give at least what it has`,
  },
  {
    error:
      /Can not find requested image|Cannot find image for rebuild|Unable to find image|Image \S+ could not be found/i,
    sentence: ({ image }) =>
      `${image}: the cloud has no such image; \`openstack image list\` shows their ids`,
  },
  {
    error: /Unable to find flavor|Flavor \S+ could not be found/i,
    sentence: ({ flavor }) => `${flavor}: the cloud has no such flavor; \`openstack flavor list\` shows them`,
  },
  {
    error: /No more IP addresses available|IpAddressGenerationFailure/,
    type: /FloatingIp$/,
    sentence: ({ floatingNetwork }) =>
      `${floatingNetwork}: no floating address is free there; release one that is not used, or name another network`,
  },
  {
    error: /No more IP addresses available|IpAddressGenerationFailure/,
    sentence: ({ network }) =>
      `${network}: no address is free there; remove ports that are not used, or enlarge the subnet`,
  },
  {
    error:
      /IpAddressAlreadyAllocated|IP address \S+ already allocated|IpAddressInUse|address is already in use/i,
    sentence: ({ address }) =>
      `${address}: something else has this address; \`openstack port list\` shows what; give another`,
  },
  {
    error: /disallowed by policy/,
    type: /Port$/,
    sentence: ({ address, network }) =>
      `${address}: the network is another project's, where Neutron alone chooses addresses; leave it out, or take a network of this project (${network})`,
  },
  {
    error: /InvalidIpForSubnet|is not a valid IP for the specified subnet/i,
    sentence: ({ address }) => `${address}: it is not in the subnet; give one that is`,
  },
  {
    error: /Network \S+ could not be found|invalid subnet|Subnet \S+ could not be found/i,
    sentence: ({ network }) =>
      `${network}: the cloud has no such network or subnet; \`openstack network list\` shows them`,
  },
  {
    error: /SecurityGroupInUse|in use|waiting for state to become 'DELETED'/i,
    type: /SecGroup$/,
    operation: "delete",
    sentence: () =>
      "a machine that this stack did not make still has this security group: `openstack port list --security-group GROUP` " +
      "shows it; take the group from it",
  },
  {
    error: /unexpected state 'ACTIVE', wanted target 'VERIFY_RESIZE'/,
    sentence: ({ flavor }) =>
      `${flavor}: the cloud could not resize the machine and left it as it was: \`openstack server show\` tells why, most often no room for it`,
  },
  {
    error: /unexpected state 'ERROR'|No valid host/i,
    sentence: ({ flavor }) =>
      `the cloud took the order and could not boot the machine: \`openstack server show\` tells why, most often no room for it (${flavor})`,
  },
];

/** Said with each: the provider notes as done what it was refused, and with it a rebuild may come that is not needed. */
export const AFTERWARDS = "then run `pulumi up --refresh`";

/** What a refusal means, as one sentence with key and cure; undefined when the provider's own words must do. */
export function explain({ error, operation, type }: Failure, wording: Wording = {}): string | undefined {
  for (const rule of RULES) {
    const match = rule.error.exec(error);
    if (match !== null && (rule.type?.test(type) ?? true) && (rule.operation ?? operation) === operation) {
      return rule.sentence({ ...UNWORDED, ...wording }, match);
    }
  }
  return undefined;
}

/** Where nobody has said what the user calls it. */
const UNWORDED: Required<Wording> = {
  address: "the address",
  flavor: "the flavor",
  floatingNetwork: "the floating network",
  image: "the image",
  network: "the network",
  volumeGB: "its size",
};

/** What the service says in the JSON of its answer, or all of it. */
function message(error: string): string {
  return /"message": *"((?:[^"\\]|\\.)*)"/.exec(error)?.[1] ?? error.trim();
}
