// A number, what it counts, and the way to the list behind it.
import { hashOf, type Query } from "../route.ts";

interface TileProps {
  to: string;
  query?: Query;
  value: string;
  what: string;
  isBad?: boolean;
}

export function Tile({ to, query, value, what, isBad = false }: TileProps) {
  return (
    <li>
      <a href={hashOf(to, query)} class={isBad ? "bad" : undefined}>
        <strong>{value}</strong> <span>{what}</span>
      </a>
    </li>
  );
}
