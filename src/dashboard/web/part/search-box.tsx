// One box in the head of every page, for whatever its reader has at hand.
import { useState } from "preact/hooks";
import { go, hashOf, route } from "../route.ts";

export function SearchBox() {
  const { path, query } = route.value;
  const [text, setText] = useState(path[0] === "search" ? (query.q ?? "") : "");
  return (
    <form
      class="search-all"
      role="search"
      aria-label="Everything"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = text.trim();
        if (wanted !== "") go(hashOf("/search", { q: wanted }));
      }}
    >
      <input
        type="search"
        data-search
        aria-label="Search everything"
        placeholder="Search"
        title="An id, an owner, a part of a URL"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        maxLength={256}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
    </form>
  );
}
