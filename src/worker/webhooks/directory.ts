// Oldest first: while events wait for an owner's webhooks to be read, later ones of that owner wait
// behind them. Without it they found the webhooks at hand as soon as these were read, and overtook.
import type { OwnerRef } from "../../wire/owner.ts";
import type { Directory } from "../run/fan-out.ts";

export function inOrder(directory: Directory): Directory {
  const reading = new Map<OwnerRef, ReturnType<Directory["get"]>>();
  return {
    peek: (owner) => (reading.has(owner) ? null : directory.peek(owner)),
    // One promise for all who wait: it wakes them in the order in which they came.
    get(owner) {
      const underWay = reading.get(owner);
      if (underWay) return underWay;
      const webhooks = directory.get(owner);
      reading.set(owner, webhooks);
      void webhooks.then(
        // A turn of the event loop later: by then all of them have gone on.
        () => setImmediate(() => reading.delete(owner)),
        // At once, so that who tries again reads again.
        () => reading.delete(owner),
      );
      return webhooks;
    },
  };
}
