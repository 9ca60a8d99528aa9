// Sends a delivery again.
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { say } from "../said.ts";
import { Trouble } from "./notice.tsx";
import { Writes } from "./writes.tsx";

interface RedeliverProps {
  deliveryId: string;
  label?: string;
  onDone: () => void;
}

export function RedeliverButton({ deliveryId, label = "Redeliver", onDone }: RedeliverProps) {
  const redeliver = useAction(async () => {
    await call("POST", `/v1/deliveries/${encodeURIComponent(deliveryId)}/redeliver`);
    say("It is sent again");
    onDone();
  });
  return (
    <Writes>
      <button type="button" onClick={redeliver.run} disabled={redeliver.isRunning}>
        {label}
      </button>
      {redeliver.refused && <Trouble refused={redeliver.refused} />}
    </Writes>
  );
}
