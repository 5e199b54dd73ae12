import { stackConfiguration } from "../../components/config";
import { lookUps } from "../../components/lookUps";
import * as pulumi from "@pulumi/pulumi";
import { CLOUD, type Cloud, run } from "./engine";
import { type Mapping, prod } from "./prod";
import { configure } from "./program";

const INVOKED = "Invoking openstack function failed: 1 error occurred:\n\t* ";

/** An error as it comes from a plugin. */
export const refusal = (text: string) =>
  Object.assign(new Error("2 UNKNOWN"), { details: `${INVOKED}${text}` });

/** A cloud that answers one function with the provider's words. */
export const refusing =
  (name: string, text: string): Cloud =>
  (token, inputs) => {
    if (token.endsWith(`:${name}`)) {
      throw refusal(text);
    }
    return CLOUD(token, inputs);
  };

export const NOTHING = "Your query returned no results. Please change your search criteria and try again.";
export const SEVERAL = "Your query returned more than one result. Please try a more specific search criteria";

/** What is told before anything is declared, with what is registered by then. */
export async function told(
  cloud: Cloud,
  preview: boolean,
  change: (config: Mapping) => void = () => undefined,
) {
  let sentences: string[] = [];
  const { resources } = await run(
    preview,
    async () => {
      configure(prod(change));
      await lookUps(stackConfiguration()).catch((error: Error) => {
        expect(pulumi.RunError.isInstance(error)).toBe(true);
        sentences = error.message.split("\n  - ");
      });
    },
    { cloud },
  );
  expect(resources).toEqual([]);
  return sentences;
}
