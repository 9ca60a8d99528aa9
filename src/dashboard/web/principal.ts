// Whose things a page shows.

export interface Owner {
  kind: "user" | "org";
  id: string;
}
