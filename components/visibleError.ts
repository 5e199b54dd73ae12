import * as pulumi from "@pulumi/pulumi";
import { type Problems } from "./render/config/problems";

/** A user's mistakes: Pulumi prints the sentences and no stack trace. */
export class VisibleError extends pulumi.RunError {
  constructor(sentences: readonly string[], heading = "") {
    super(sentences.length === 1 && heading === "" ? sentences[0]! : [heading, ...sentences].join("\n  - "));
  }
}

/** Throw what was found wrong, if anything was. */
export function refuse({ sentences }: Problems): void {
  if (sentences.length > 0) {
    throw new VisibleError(sentences);
  }
}
