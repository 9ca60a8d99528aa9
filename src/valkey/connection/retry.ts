// "Until Valkey is back", once for all who wait for that.
import { ValkeyUnavailable } from "./errors.ts";

export interface Reconnecting {
  /** True as soon as the link is up; false when it is closed and never will be. */
  whenUp(): Promise<boolean>;
}

/**
 * Runs `step`, again after each outage.
 * @throws ValkeyUnavailable once the link is closed or `shouldStop` says so; whatever else `step` throws.
 */
export async function retryWhileAway<T>(
  link: Reconnecting,
  step: () => T | Promise<T>,
  shouldStop: () => boolean = () => false,
): Promise<T> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ValkeyUnavailable) || shouldStop()) throw error;
      if (!(await link.whenUp())) throw error;
    }
  }
}
