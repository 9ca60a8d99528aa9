// The events that `fluxhook dev` pushes: one of each type of the fluxdrop dialect.
import { fluxdrop } from "../../wire/dialects/fluxdrop.ts";
import { sampleData } from "../../wire/dialects/samples.ts";

/** The owner of the samples. */
export const SAMPLE_USER = "u_dev";

/** Returns the elements as a producer would push them, oldest first. */
export function sampleElements(): string[] {
  return fluxdrop.catalogue.map((type) => sampleElement(type));
}

export function sampleElement(type: string): string {
  return `{"user_id":"${SAMPLE_USER}","event":"${type}","data":${sampleData(type) ?? "{}"}}`;
}
