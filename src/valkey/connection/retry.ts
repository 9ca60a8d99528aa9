// Retries a step until Valkey is available again.
import { ValkeyUnavailable } from "./errors.ts";

export interface Reconnecting {
  /** Resolves to true when the link is up, or to false when it is closed and will never be up again. */
  whenUp(): Promise<boolean>;
}

/**
 * Runs `step`, and runs it again after each outage.
 * @throws ValkeyUnavailable if the link is closed or `shouldStop` returns true; any other error of `step`.
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
