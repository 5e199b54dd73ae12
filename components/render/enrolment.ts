import { type Directory, disklist, inOrder } from "./disklist";

/** What a client or a stand-alone directory hands to the server, before it is a document. */
export interface Enrolment<Text> {
  /** The server's identity, since a new server is enrolled at anew, and the resource that enrols. */
  identity: unknown;
  /** `project.stack` */
  namespace: string;
  /** Amanda's name of the client. */
  client: string;
  /** How the server reaches the client; not for a stand-alone directory, whose client has told it. */
  reach?: { address: Text; hostKey: Text };
  /** The name of a stand-alone directory. */
  standAlone?: string;
  directories: Directory[];
}

/** The enrolment as the server takes it; docs/contracts.md. */
export function enrolmentDocument<Text>(enrolment: Enrolment<Text>) {
  const { client, directories, identity, namespace, standAlone } = enrolment;
  const fragment = standAlone === undefined ? client : `${client}+${standAlone}`;
  return {
    format: 1,
    identity,
    fragment,
    client,
    ...enrolment.reach,
    directories: inOrder(directories),
    disklist: disklist({ namespace, fragment, client, directories }),
  };
}
