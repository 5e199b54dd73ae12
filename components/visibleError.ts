import * as pulumi from "@pulumi/pulumi";

/** A mistake of the user's: Pulumi prints its sentences and no stack trace. */
export class VisibleError extends pulumi.RunError {
  constructor(sentences: string[]) {
    super(sentences.length === 1 ? sentences[0]! : ["", ...sentences].join("\n  - "));
  }
}
