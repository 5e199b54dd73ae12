import { stackConfiguration } from "./components/config";
import { backupStack } from "./components/stack";

export const {
  serverAddress,
  serverHostKey,
  dumpPublicKey,
  backupServer,
  sets,
  clients,
  mirrorPath,
  statusCommand,
  ready,
} = backupStack(stackConfiguration());
