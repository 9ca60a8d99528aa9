// What changes something: not shown to a read-only token, which could not use it. The API decides.
import type { ComponentChildren } from "preact";
import { mayWrite } from "../session.ts";

export function Writes({ children }: { children: ComponentChildren }) {
  return mayWrite.value ? <>{children}</> : null;
}
