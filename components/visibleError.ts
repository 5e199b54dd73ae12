import * as pulumi from "@pulumi/pulumi";

/** A user's mistakes: Pulumi prints the sentences and no stack trace. */
export class VisibleError extends pulumi.RunError {
  constructor(sentences: readonly string[], heading = "") {
    super(sentences.length === 1 && heading === "" ? sentences[0]! : [heading, ...sentences].join("\n  - "));
  }
}
