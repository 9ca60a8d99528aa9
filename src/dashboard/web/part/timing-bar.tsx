// How long each part of an attempt took, to scale, and in words below it.
import type { AttemptInFull } from "../../../sdk/api-types.ts";
import { timingInWords, timingParts } from "../failure-words.ts";
import { durationInWords } from "../words.ts";

export function TimingBar({ timing }: { timing: NonNullable<AttemptInFull["timing"]> }) {
  const parts = timingParts(timing);
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  return (
    <section class="exchange" aria-label="Timing">
      <h3>Timing</h3>
      {total > 0 && (
        <div class="timing" role="img" aria-label={timingInWords(timing)}>
          {parts.map(
            ({ at, name, ms }) =>
              ms > 0 && (
                <span
                  data-part={at}
                  style={{ flexGrow: (ms * 100) / total }}
                  title={`${name}: ${ms} ms`}
                ></span>
              ),
          )}
        </div>
      )}
      <ul class="legend">
        {parts.map(({ at, name, ms }) => (
          <li>
            <span class="swatch" data-part={at}></span>
            {name} <strong>{durationInWords(ms)}</strong>
          </li>
        ))}
        {timing.connect_ms === null && timing.response_ms !== null && (
          <li class="muted">on a connection that was open</li>
        )}
      </ul>
    </section>
  );
}
