// What a page says instead of what was asked for: it is on its way, there is none, it was refused.
import { TriangleAlert } from "lucide";
import type { ComponentChildren } from "preact";
import type { Refused } from "../client.ts";
import { Icon } from "./icon.tsx";
import { Foreign } from "./text.tsx";

export function Trouble({ refused, again }: { refused: Refused; again?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <Icon of={TriangleAlert} />
      <div>
        <p>
          <Foreign text={refused.message} />
        </p>
        {refused.errors.length > 0 && (
          <ul>
            {refused.errors.map(({ field, message }) => (
              <li>
                {field !== "" && (
                  <>
                    <code>
                      <Foreign text={field} />
                    </code>
                    :{" "}
                  </>
                )}
                <Foreign text={message} />
              </li>
            ))}
          </ul>
        )}
        {again && (
          <button type="button" onClick={again}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}

export function Waiting({ what }: { what: string }) {
  return <p class="waiting">Loading {what} …</p>;
}

/** An empty state says what would fill it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <section class="empty">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
