import { stackConfiguration } from "./components/config";
import { lookUps } from "./components/lookUps";
import { backupStack } from "./components/stack";

/** What the cloud is asked for is known before anything is declared, so that a mistake is told before a change. */
export = async () => {
  const config = stackConfiguration();
  return backupStack(config, await lookUps(config));
};
